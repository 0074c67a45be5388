"""OpenPose's output: one `NAME_keypoints.json` for each picture `NAME.jpg`.

Z. Cao, G. Hidalgo, T. Simon, S.-E. Wei, Y. Sheikh, "OpenPose: Realtime Multi-Person 2D Pose
Estimation using Part Affinity Fields" (TPAMI 2021); BODY_25 and COCO-18 as in its documentation
of the output.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from annotation.importers import skeletons
from annotation.importers.reading import are_numbers, at_least_one
from annotation.importers.records import DEFAULTS, BadDataset, DatasetRecord, ImageRecord, Options, PersonRecord

ENDING = "_keypoints.json"
SKELETONS = {25: "openpose-25", 18: "openpose-18"}
SUFFIXES = (".jpg", ".png", ".jpeg", ".webp", ".JPG", ".PNG")
LARGEST_FILE_BYTES = 50_000_000
CITATION = (
    "Z. Cao, G. Hidalgo, T. Simon, S.-E. Wei, Y. Sheikh. OpenPose: Realtime Multi-Person 2D Pose Estimation using Part "
    "Affinity Fields. TPAMI 2021."
)


def read(path: Path, options: Options = DEFAULTS) -> DatasetRecord:
    """Everybody whom OpenPose found, picture by picture in the order of their names.

    Keypoints below `options.min_confidence` are missing. With `options.skeleton` the keypoints are handed over to that
    skeleton by the names of its joints; those that OpenPose does not know are missing.

    Raises: BadDataset for a folder without such files, and for a skeleton that shares fewer than two
        joints; while the images are read, for a file that is no JSON or of another form.
    """
    files = _files(path)
    if not files:
        raise BadDataset(f"{path} holds no file *{ENDING}. Give the folder that OpenPose wrote with --write_json.")
    n_joints = next((n for n in map(_joints_in, files) if n), 25)
    own = skeletons.shipped(SKELETONS[n_joints])
    record = DatasetRecord(
        skeleton=own.name, images=iter(()), description="Detected by OpenPose", citation=CITATION, total=len(files)
    )
    takes = list(range(n_joints))
    if options.skeleton and options.skeleton != own.name:
        record.skeleton, takes = options.skeleton, hand_over(own, options)
    record.images = at_least_one(_images(files, n_joints, takes, record, options), f"{path}: OpenPose found nobody.")
    return record


def hand_over(source: skeletons.SkeletonRecord, options: Options) -> list[int | None]:
    """For each joint of the wanted skeleton the index of the source's joint of that name, or None.

    Raises: BadDataset for an unknown skeleton, and for one with fewer than two joints in common.
    """
    try:
        target = options.find_skeleton(options.skeleton)
    except KeyError as error:
        raise BadDataset(str(error.args[0])) from error
    index = {skeletons.plain(joint): number for number, joint in enumerate(source.joints)}
    takes = [index.get(skeletons.plain(joint)) for joint in target.joints]
    if len(takes) - takes.count(None) < 2:
        raise BadDataset(f"The skeleton {target.name} has fewer than two joints of {source.name} by name. Choose another.")
    return takes


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.name.endswith(ENDING) else []
    if not path.is_dir():
        raise BadDataset(f"{path} is missing. Give the folder that OpenPose wrote with --write_json.")
    names = [entry.name for entry in os.scandir(path) if entry.name.endswith(ENDING)]
    return [path / name for name in sorted(names)]


def _content(file: Path) -> list:
    """The people of one file as they stand there."""
    if file.stat().st_size > LARGEST_FILE_BYTES:
        raise BadDataset(f"{file} has more than {LARGEST_FILE_BYTES:,} bytes; the people of one picture take less.")
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadDataset(f"{file} is no JSON: {error}. Let OpenPose write it again.") from error
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise BadDataset(f'{file} has no list "people". Is it OpenPose\'s?')
    return people


def _values(person: dict, place: str) -> list:
    values = person.get("pose_keypoints_2d", person.get("pose_keypoints"))
    if not isinstance(values, list) or len(values) / 3 not in SKELETONS or not are_numbers(values, len(values)):
        found = len(values) if isinstance(values, list) else "none"
        raise BadDataset(
            f'{place}: "pose_keypoints_2d" must be 75 numbers (BODY_25) or 54 (COCO); found {found}. '
            "Let OpenPose write one of these models."
        )
    return values


def _joints_in(file: Path) -> int | None:
    people = _content(file)
    return len(_values(people[0], f"{file}, person 1")) // 3 if people else None


def _images(files: list[Path], n_joints: int, takes: list, record: DatasetRecord, options: Options) -> Iterator[ImageRecord]:
    for file in files:
        options.pulse()
        people = []
        for number, row in enumerate(_content(file), start=1):
            place = f"{file}, person {number}"
            values = _values(row, place)
            if len(values) != 3 * n_joints:
                raise BadDataset(
                    f"{place}: {len(values) // 3} joints, but {n_joints} in the files before. Import them apart."
                )
            person = _person(values, takes, options.min_confidence, place)
            if any(person.keypoints):
                people.append(person)
            else:
                record.skipped["people without a joint of enough confidence"] += 1
        if not people:
            record.skipped["pictures without people"] += 1
            continue
        stem = file.name.removesuffix(ENDING)
        yield ImageRecord(stem + SUFFIXES[0], str(file), people, also_called=tuple(stem + suffix for suffix in SUFFIXES[1:]))


def _person(values: list, takes: list[int | None], min_confidence: float, place: str) -> PersonRecord:
    keypoints: list = []
    for joint in takes:
        x, y, confidence = (0, 0, 0) if joint is None else values[3 * joint : 3 * joint + 3]
        if not 0 <= confidence <= 1.5:  # OpenPose's own go a little above 1
            raise BadDataset(f"{place}, joint {joint}: the confidence is {confidence}; it must be 0 to 1.")
        keypoints.append((x, y) if confidence > 0 and confidence >= min_confidence else None)
    return PersonRecord(keypoints, [False] * len(takes))
