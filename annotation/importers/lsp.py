"""Leeds Sports Pose and Leeds Sports Pose Extended: `joints.mat` beside `images/`.

S. Johnson, M. Everingham, "Clustered Pose and Nonlinear Appearance Models for Human Pose
Estimation" (BMVC 2010) and "Learning Effective Human Pose Estimation from Inaccurate
Annotation" (CVPR 2011).
"""

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from annotation.importers import matlab
from annotation.importers.records import DEFAULTS, BadDataset, DatasetRecord, ImageRecord, Options, PersonRecord

JOINTS = 14
CITATION = (
    "S. Johnson, M. Everingham. Clustered Pose and Nonlinear Appearance Models for Human Pose Estimation. BMVC 2010."
)
CITATION_EXTENDED = (
    "S. Johnson, M. Everingham. Learning Effective Human Pose Estimation from Inaccurate Annotation. CVPR 2011."
)


def read(path: Path, options: Options = DEFAULTS) -> DatasetRecord:
    """All people of a folder, or of its `joints.mat`, in either of the two published forms.

    The original set holds (3, 14, N), x, y and a flag that is 1 where the joint is
    *occluded* but placed; the extended one (14, 3, N) with a flag that is 1 where the
    joint is *annotated*, and a filler for its place elsewhere. Image i is
    `images/im{i + 1}.jpg`, its number padded to four or five digits.

    Raises: BadDataset for a file that is missing, truncated or of another shape; while the
        images are read, for a flag or place that cannot be.
    """
    file = path if path.is_file() else path / "joints.mat"
    if not file.is_file():
        raise BadDataset(f"{file} is missing. Give the folder that holds joints.mat and images/.")
    lines = matlab.lines(file, "joints", options.pulse)
    try:
        extended, total = _form(file, next(lines))
    except BaseException:
        lines.close()
        raise
    return DatasetRecord(
        skeleton="lsp-14",
        images=_images(file, lines, extended), total=total,
        description="Leeds Sports Pose, extended training set" if extended else "Leeds Sports Pose",
        citation=CITATION_EXTENDED if extended else CITATION,
    )


def _form(file: Path, head: dict) -> tuple[bool, int]:
    """Whether the array is the extended set's, and how many images it speaks of."""
    if "names" in head:
        found = ", ".join(head["names"]) or "nothing"
        raise BadDataset(f"{file} holds no array 'joints', but {found}. Take the joints.mat of the data set.")
    shape = tuple(head["shape"])
    if len(shape) != 3 or shape[:2] not in ((JOINTS, 3), (3, JOINTS)) or not head["type"].startswith(("float", "int", "uint")):
        raise BadDataset(
            f"{file}: 'joints' is {head['type']} of shape {shape}; "
            "expected numbers of shape (14, 3, N) (extended set) or (3, 14, N)."
        )
    if shape[2] == 0:
        raise BadDataset(f"{file}: 'joints' has no images, its shape is {shape}.")
    return shape[:2] == (JOINTS, 3), shape[2]


def _images(file: Path, lines: Generator, extended: bool) -> Iterator[ImageRecord]:
    with closing(lines):
        for number, rows in enumerate(lines, start=1):
            place = f"{file}, row {number}"
            names = [f"im{number:04d}.jpg", f"im{number:05d}.jpg"]
            first, second = reversed(names) if extended else names
            rows = rows if extended else list(zip(*rows))
            yield ImageRecord(first, place, [_person(rows, extended, place)], also_called=(second,))


def _person(rows: list, extended: bool, place: str) -> PersonRecord:
    keypoints: list[tuple[float, float] | None] = []
    occluded: list[bool] = []
    for joint, (x, y, flag) in enumerate(rows):
        if flag not in (0, 1):
            raise BadDataset(f"{place}, joint {joint + 1}: the flag is {flag}; it must be 0 or 1.")
        missing = extended and flag == 0
        if not missing and not (math.isfinite(x) and math.isfinite(y)):
            raise BadDataset(f"{place}, joint {joint + 1}: the place is ({x}, {y}). Flag it as missing or mend it.")
        keypoints.append(None if missing else (x, y))
        occluded.append(not extended and flag == 1)
    return PersonRecord(keypoints, occluded)
