"""Which reader a file belongs to."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from crowd.vote_files import csv_votes, mturk_csv, paper_pickle
from crowd.vote_files.records import BadVoteFile, VoteSource

FORMATS: dict[str, str] = {
    "csv": "CSV: item,worker,label, or image, first, second, worker and an answer",
    "mturk-csv": "Mechanical Turk's results (HITId, AssignmentId, WorkerId, Answer.*)",
    "paper-pickle": "the paper's raw MTurk answers (.pkl)",
}
OPTIONS = ("joints", "image_names", "answer", "first_means")
LARGEST_BYTES = 1 << 30
IMAGE_NAMES = re.compile(r"[^%\0]*%0?\d{0,2}d[^%\0]*")


def open_votes(path: Path, format: str = "auto", **options) -> VoteSource:
    """The votes of a file.

    Args:
        format: a key of `FORMATS`, or "auto" to tell by the content.
        joints: names of the joints in the file's order, where the file counts them differently from the skeleton.
        image_names: how a picture's number becomes its file name, such as "im%04d.jpg".
        answer: Mechanical Turk's CSV: the column with the answer, where there are several.
        first_means: plain CSV: the label (0 or 1) that says "the first is closer"; 1 unless given, as the aggregator
            has it. The paper's labels mean the first by 0.
    Raises: BadVoteFile for an unknown format or option, and for a file that is none of these.
    """
    unknown = [name for name in options if name not in OPTIONS]
    if unknown:
        raise BadVoteFile(f"There is no setting '{unknown[0]}'; known are {', '.join(OPTIONS)}.")
    if format not in ("auto", *FORMATS):
        raise BadVoteFile(f"There is no format '{format}'; known are auto, {', '.join(FORMATS)}.")
    if not path.is_file():
        raise BadVoteFile(f"{path.name}: there is no such file.")
    if path.stat().st_size > LARGEST_BYTES:
        raise BadVoteFile(f"{path.name} is larger than {LARGEST_BYTES >> 20:,} MB; split it.")
    pattern = options.get("image_names") or ""
    if pattern and not IMAGE_NAMES.fullmatch(pattern):
        raise BadVoteFile(f"image_names has one number in it, such as im%04d.jpg; not {pattern!r}.")
    if options.get("first_means") not in (None, 0, 1):
        raise BadVoteFile(f"first_means is 0 or 1, not {options['first_means']!r}.")
    joints = options.get("joints") or ()
    if not isinstance(joints, list | tuple) or not all(isinstance(name, str) for name in joints):
        raise BadVoteFile("joints is a list of names.")
    if format == "auto":
        format = _guess(path)
    if format == "paper-pickle":
        source = paper_pickle.read(path)
    elif format == "mturk-csv":
        source = mturk_csv.read(path, answer=options.get("answer") or "")
    else:
        source = csv_votes.read(path, first_means=1 if options.get("first_means") is None else options["first_means"])
    source.image_names = pattern or source.image_names
    source.joints = tuple(joints) or source.joints
    return source


def _guess(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4096)
    if start[:1] == b"\x80" or (start[:1] in b"(]}" and start[:2] in (b"(l", b"(d", b"]q", b"}q")):
        return "paper-pickle"
    try:
        header = next(csv.reader([start.decode("utf-8-sig", "strict" if len(start) < 4096 else "ignore").splitlines()[0]]))
    except (UnicodeDecodeError, IndexError, StopIteration, csv.Error) as error:
        raise BadVoteFile(f"{path.name}: neither a CSV in UTF-8 nor a pickle of votes; name its format.") from error
    return "mturk-csv" if {"HITId", "AssignmentId", "WorkerId"} <= {name.strip() for name in header} else "csv"
