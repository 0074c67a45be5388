"""MPII Human Pose: the release's `.mat`, and the JSON lists in common use.

M. Andriluka, L. Pishchulin, P. Gehler, B. Schiele, "2D Human Pose Estimation: New Benchmark
and State of the Art Analysis" (CVPR 2014). The JSON form (a list with `image`, `joints` and
`joints_vis` for every person) is that of the code of Xiao et al. (ECCV 2018) and of those after it.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.io

from annotation.importers.reading import Gathered, are_numbers, at_least_one, is_number, items, only_file, safe_name
from annotation.importers.records import DEFAULTS, BadDataset, DatasetRecord, ImageRecord, Options, PersonRecord

SKELETON = "mpii-16"
JOINTS = 16
CITATION = (
    "M. Andriluka, L. Pishchulin, P. Gehler, B. Schiele. 2D Human Pose Estimation: New Benchmark and State of the Art "
    "Analysis. CVPR 2014."
)


def read(path: Path, options: Options = DEFAULTS) -> DatasetRecord:
    """People with annotated joints, by image; images without (the release's test part) are left out and counted.

    In the `.mat`, a joint that is not listed is missing, and `is_visible` 0 means hidden but placed. In the JSON,
    `joints_vis` 0 means missing; hidden ones are not told from visible ones there. Places are taken as published.

    Raises: BadDataset for a file that is missing, cut short or of another structure; while the
        images are read, for a joint that cannot be, naming image and person.
    """
    what = "MPII's release (*.mat) or a list of people (*.json)"
    file = only_file(path, lambda found: found.suffix in (".mat", ".json") and found.name != "skeleton.json", what)
    record = DatasetRecord(skeleton=SKELETON, images=iter(()), description="MPII Human Pose", citation=CITATION)
    images = _of_mat(file, record, options) if file.suffix == ".mat" else _of_json(file, options)
    record.images = at_least_one(images, f"{file} has no person with joints.")
    return record


def _of_mat(file: Path, record: DatasetRecord, options: Options) -> Iterator[ImageRecord]:
    options.pulse()
    try:
        content = scipy.io.loadmat(file, variable_names=["RELEASE"], struct_as_record=True, squeeze_me=False)
    except Exception as error:  # scipy raises whatever the bytes make it stumble over
        raise BadDataset(f"{file} cannot be read as a MATLAB file ({error}). Was its download cut short?") from error
    try:
        rows = content["RELEASE"]["annolist"][0, 0].ravel()
        names = rows["image"]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise BadDataset(f"{file} has no RELEASE.annolist.image. Take mpii_human_pose_v1_u12_1.mat of the data set.") from error
    record.total = len(rows)
    seen: set[str] = set()
    for number in range(len(rows)):
        options.pulse()
        place = f"{file}, annolist({number + 1})"
        name = _text(names[number], "name")
        if not name:
            raise BadDataset(f"{place}: the image has no name.")
        people = list(_people(rows[number], place)) if "annorect" in rows.dtype.names else []
        if not people:
            record.skipped["images without annotated joints"] += 1
            continue
        if name in seen:
            raise BadDataset(f"{place}: the image {name} occurs twice.")
        seen.add(name)
        yield ImageRecord(safe_name(name, place), f"{place}, {name}", people)


def _text(struct: np.ndarray, field: str) -> str:
    value = _field(struct, field)
    return str(value.ravel()[0]) if value is not None and value.size and value.dtype.kind == "U" else ""


def _field(struct: np.ndarray, name: str) -> np.ndarray | None:
    """The field of a MATLAB struct of one element; None where it has none."""
    if struct is None or struct.dtype.names is None or name not in struct.dtype.names or struct.size == 0:
        return None
    return struct.ravel()[0][name]


def _people(row: np.void, place: str) -> Iterator[PersonRecord]:
    rects = row["annorect"]
    if rects.dtype.names is None or "annopoints" not in rects.dtype.names:
        return
    for number, rect in enumerate(rects.ravel(), start=1):
        points = _field(rect["annopoints"], "point")
        if points is None or points.dtype.names is None or points.size == 0:
            continue
        keypoints: list = [None] * JOINTS
        hidden = [False] * JOINTS
        for point in points.ravel():
            values = [_number(point[name]) if name in points.dtype.names else None for name in ("x", "y", "id", "is_visible")]
            x, y, joint, visible = values
            where = f"{place}, annorect({number})"
            if joint is None or joint not in range(JOINTS):
                raise BadDataset(f"{where}: a point's id is {joint}; it must be 0 to {JOINTS - 1}.")
            if x is None or y is None:
                raise BadDataset(f"{where}, joint {int(joint)}: its place is ({x}, {y}). Leave the point out or mend it.")
            keypoints[int(joint)] = (x, y)
            hidden[int(joint)] = visible == 0
        yield PersonRecord(keypoints, hidden)


def _number(value: np.ndarray) -> float | None:
    """MATLAB's 1 x 1 array, or the digit that some of the release's is_visible are written as."""
    value = np.asarray(value)
    if value.size != 1:
        return None
    try:
        number = float(value.ravel()[0])
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _of_json(file: Path, options: Options) -> Iterator[ImageRecord]:
    with Gathered() as gathered:
        number = 0
        for number, row in enumerate(items(file, "item", options.pulse), start=1):
            place = f"{file}, entry {number}"
            if not isinstance(row, dict) or "joints" not in row or "joints_vis" not in row:
                raise BadDataset(f'{place}: needs "image", "joints" and "joints_vis", as MPII\'s lists for training have.')
            name = safe_name(row.get("image"), place)
            person = _listed(row, place)
            gathered.head(name, [name, f"{place}, {name}"])
            gathered.add(name, [person.keypoints])
        if number == 0:
            raise BadDataset(f"{file} is no list of people, [{{...}}, ...]. Choose another format?")
        for (name, place), rows in gathered.groups():
            people = [PersonRecord([point and tuple(point) for point in points], [False] * JOINTS) for (points,) in rows]
            yield ImageRecord(name, place, people)


def _listed(row: dict, place: str) -> PersonRecord:
    joints, flags = row["joints"], row["joints_vis"]
    if not isinstance(joints, list) or len(joints) != JOINTS or not all(are_numbers(point, 2) for point in joints):
        raise BadDataset(f'{place}: "joints" must be {JOINTS} of [x, y].')
    if not isinstance(flags, list) or len(flags) != JOINTS or not all(is_number(flag) for flag in flags):
        raise BadDataset(f'{place}: "joints_vis" must be {JOINTS} of 0 or 1.')
    return PersonRecord([tuple(point) if flag else None for point, flag in zip(joints, flags)], [False] * JOINTS)
