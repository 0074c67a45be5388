"""What the site that runs from a folder of data, or ran there last, has written down for commands that are called beside it."""

from pathlib import Path


def read(folder: Path, name: str) -> str:
    """Empty where it wrote nothing."""
    note = folder / name
    return note.read_text().strip() if note.exists() else ""
