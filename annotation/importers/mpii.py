"""MPII Human Pose: the release's `.mat`, and the JSON lists in common use.

M. Andriluka, L. Pishchulin, P. Gehler, B. Schiele, "2D Human Pose Estimation: New Benchmark
and State of the Art Analysis" (CVPR 2014). The JSON form (a list with `image`, `joints` and
`joints_vis` for every person) is that of the code of Xiao et al. (ECCV 2018) and of those after it.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from annotation.importers import matlab
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
    seen: set[str] = set()
    with closing(matlab.lines(file, "mpii", options.pulse)) as lines:
        record.total = next(lines)
        if record.total is None:
            raise BadDataset(f"{file} has no RELEASE.annolist.image. Take mpii_human_pose_v1_u12_1.mat of the data set.")
        for number, row in enumerate(lines, start=1):
            options.pulse()
            place = f"{file}, annolist({number})"
            name = row["name"]
            if not name:
                raise BadDataset(f"{place}: the image has no name.")
            people = list(_people(row["people"], place))
            if not people:
                record.skipped["images without annotated joints"] += 1
                continue
            if name in seen:
                raise BadDataset(f"{place}: the image {name} occurs twice.")
            seen.add(name)
            yield ImageRecord(safe_name(name, place), f"{place}, {name}", people)


def _people(rects: list, place: str) -> Iterator[PersonRecord]:
    for number, points in enumerate(rects, start=1):
        if points is None:
            continue
        keypoints: list = [None] * JOINTS
        hidden = [False] * JOINTS
        where = f"{place}, annorect({number})"
        for x, y, joint, visible in points:
            if joint is None or joint not in range(JOINTS):
                raise BadDataset(f"{where}: a point's id is {joint}; it must be 0 to {JOINTS - 1}.")
            joint = int(joint)
            if x is None or y is None:
                raise BadDataset(f"{where}, joint {joint}: its place is ({x}, {y}). Leave the point out or mend it.")
            if keypoints[joint] is not None:
                raise BadDataset(f"{where}, joint {joint}: the joint is there twice. Keep one of the points.")
            keypoints[joint] = (x, y)
            hidden[joint] = visible == 0
        yield PersonRecord(keypoints, hidden)


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
