"""Motion capture with Human3.6M's joints, seen by four cameras: the `.npz` of the project's own stand-in for Human3.6M.

The format is described in `docs/formats.md`; its motions are from the CMU Graphics Lab Motion
Capture Database (mocap.cs.cmu.edu).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from annotation.importers import pickled
from annotation.importers.reading import only_file
from annotation.importers.records import DEFAULTS, BadDataset, DatasetRecord, ImageRecord, Options, PersonRecord

SKELETON = "h36m-17"
JOINTS = 17
CANVAS = (1000, 1000)
PX, MM = 8.0, 4.0  # what the stored whole numbers are multiples of
LICENCE = "CMU Graphics Lab Motion Capture Database: free to use; may not be resold directly, even in converted form."
CITATION = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. The database was created with funding from "
    "NSF EIA-0196217."
)
SHAPES = {"pose2d": (JOINTS, 2), "pose3d": (JOINTS, 3), "cam": (), "subject": (), "clip": (), "frame": ()}


def read(path: Path, options: Options = DEFAULTS) -> DatasetRecord:
    """One image for each view, named subject/clip/camera/frame; there are no pictures, so that figures must be drawn.

    Raises: BadDataset for a file that is missing or without the arrays, and for poses that cannot be, naming the row.
    """
    file = only_file(path, lambda found: found.suffix == ".npz", "motion capture (*.npz)")
    options.pulse()
    arrays = pickled.read_npz(file)
    _check(file, arrays)
    every = options.every or 1
    clips = [str(name) for name in np.ravel(arrays.get("clip_names", []))]
    return DatasetRecord(
        skeleton=SKELETON, images=_images(file, arrays, clips, every), licence=LICENCE, citation=CITATION,
        total=len(range(0, len(arrays["pose3d"]), every)),
        description="3D motion capture with Human3.6M's joints, projected into four cameras",
    )


def _check(file: Path, arrays: dict) -> None:
    n = len(arrays["pose3d"]) if isinstance(arrays.get("pose3d"), np.ndarray) and arrays["pose3d"].ndim else 0
    for name, shape in SHAPES.items():
        array = arrays.get(name)
        found = (array.dtype, array.shape) if isinstance(array, np.ndarray) else "not there"
        if n == 0 or not isinstance(array, np.ndarray) or array.dtype.kind not in "iu" or array.shape != (n, *shape):
            wanted = ", ".join(map(str, ("N", *shape)))
            raise BadDataset(f"{file}: the array {name} is {found}; expected whole numbers of shape ({wanted}).")


def _images(file: Path, arrays: dict, clips: list[str], every: int) -> Iterator[ImageRecord]:
    rotations = _rotations(arrays)
    for row in range(0, len(arrays["pose3d"]), every):
        place = f"{file}, row {row}"
        truth = arrays["pose3d"][row] / MM
        if truth[0].any():
            raise BadDataset(f"{place}: joint 0 lies at {truth[0].tolist()} mm; poses must be relative to it. Subtract it.")
        number = int(arrays["clip"][row])
        clip = clips[number] if number < len(clips) else str(number)
        subject, camera, frame = (int(arrays[name][row]) for name in ("subject", "cam", "frame"))
        person = PersonRecord(
            [tuple(point) for point in (arrays["pose2d"][row] / PX).tolist()], [False] * JOINTS,
            [tuple(point) for point in truth.tolist()],
        )
        name = f"subject{subject:03d}/{clip.replace('/', '-')}/camera{camera}/{frame:06d}.png"
        up = rotations.get((subject, camera))
        yield ImageRecord(name, place, [person], canvas=CANVAS, up=None if up is None else tuple(up[:, 2].tolist()))


def _rotations(arrays: dict) -> dict[tuple[int, int], np.ndarray]:
    """By subject and camera the rotation from the world, whose z is up, into the camera; empty where the file has none."""
    subjects, turns = arrays.get("cam_subject"), arrays.get("cam_R")
    if not isinstance(subjects, np.ndarray) or not isinstance(turns, np.ndarray) or turns.shape[1:] != (4, 3, 3):
        return {}
    straight = np.abs(np.einsum("scij,sckj->scik", turns, turns) - np.eye(3)).max((2, 3)) < 1e-3
    return {
        (int(subject), camera): turns[row, camera].astype(float)
        for row, subject in enumerate(subjects[: len(turns)]) for camera in range(4) if straight[row, camera]
    }
