"""What a release consists of: rows in, files out. Pure: neither a database nor Django.

People with their pairs and votes pass by once, image after image; every kind of file is a
writer that takes them as they come and keeps nothing of them in memory. The same rows give
the same bytes, on any day and from any database.
"""

KINDS: dict[str, str] = {
    "csv": "CSV: pairs, votes, workers",
    "parquet": "Parquet: pairs, votes, workers",
    "paper": "JSON as the paper released it",
    "coco": "COCO keypoints with relative depth",
    "croissant": "Croissant metadata, for search engines and loaders",
}
ALWAYS = ("training.npz", "votes.npz", "README.md", "manifest.json")


def checked_kinds(kinds: list[str] | None) -> list[str]:
    """The kinds asked for in their usual order; all where none are.

    Raises: ValueError for one that does not exist, or for croissant without a table it could describe.
    """
    wanted = list(kinds or KINDS)
    unknown = [kind for kind in wanted if kind not in KINDS]
    if unknown:
        raise ValueError(f"There is no format '{unknown[0]}'; known are {', '.join(KINDS)}.")
    if "croissant" in wanted and not {"csv", "parquet"} & set(wanted):
        raise ValueError("Croissant describes tables: choose csv or parquet with it, or leave it out.")
    return [kind for kind in KINDS if kind in wanted]
