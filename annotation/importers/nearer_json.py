"""Nearer's own format: `dataset.json` beside its images. `docs/formats.md` describes it field by field."""

import json
import math
from pathlib import Path, PurePosixPath

from annotation.importers.records import BadDataset, DatasetRecord, ImageRecord, PersonRecord


def read(path: Path, limit: int | None = None) -> DatasetRecord:
    """All images and people of a folder with `dataset.json`.

    Raises: BadDataset for a file that is missing or no JSON, for a field that is missing or of
        another type, naming the image's row, and for an image that is missing or lies outside.
    """
    file = path / "dataset.json"
    if not file.is_file():
        raise BadDataset(f"{file} is missing. Give the folder that holds dataset.json and its images.")
    try:
        content = json.loads(file.read_text())
    except ValueError as error:
        raise BadDataset(f"{file} is no JSON: {error}.") from error
    if not isinstance(content, dict) or content.get("format") != "nearer-dataset" or content.get("version") != 1:
        raise BadDataset(f'{file} must say "format": "nearer-dataset" and "version": 1.')
    rows, skeleton = content.get("images"), content.get("skeleton")
    if not isinstance(rows, list) or not rows or not isinstance(skeleton, str):
        raise BadDataset(f'{file} needs "skeleton", a name, and "images", a list with at least one entry.')
    images = [_image(path, row, f"{file}, image {number}") for number, row in enumerate(rows[:limit], start=1)]
    texts = {key: str(content.get(key, "")) for key in ("description", "licence", "citation")}
    return DatasetRecord(skeleton=skeleton, images=images, **texts)


def _image(folder: Path, row: dict, place: str) -> ImageRecord:
    if not isinstance(row, dict) or not isinstance(row.get("file"), str) or not isinstance(row.get("people"), list):
        raise BadDataset(f'{place}: needs "file", a path, and "people", a list.')
    name = PurePosixPath(row["file"])
    if name.is_absolute() or ".." in name.parts:
        raise BadDataset(f"{place}: the file {name} lies outside the folder. Put the images beside dataset.json.")
    file = folder / name
    if not file.is_file():
        raise BadDataset(f"{place}: {file} is missing.")
    people = [_person(person, f"{place}, person {number}") for number, person in enumerate(row["people"], start=1)]
    return ImageRecord(str(name), file, place, people)


def _numbers(value: object, length: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == length
        and all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in value)
    )


def _person(row: dict, place: str) -> PersonRecord:
    if not isinstance(row, dict) or not isinstance(row.get("keypoints"), list):
        raise BadDataset(f'{place}: needs "keypoints", a list of [x, y, visible].')
    keypoints: list[tuple[float, float] | None] = []
    for joint, entry in enumerate(row["keypoints"], start=1):
        if not _numbers(entry, 3) or entry[2] not in (0, 1):
            raise BadDataset(f"{place}, keypoint {joint}: {entry!r} is not [x, y, visible] with visible 0 or 1.")
        keypoints.append((entry[0], entry[1]) if entry[2] else None)
    occluded = row.get("occluded", [0] * len(keypoints))
    if not isinstance(occluded, list) or len(occluded) != len(keypoints):
        raise BadDataset(f'{place}: "occluded" must have one entry per keypoint, {len(keypoints)}.')
    truth = row.get("pose3d_mm")
    if truth is not None:
        if not isinstance(truth, list) or len(truth) != len(keypoints) or not all(_numbers(p, 3) for p in truth):
            raise BadDataset(f'{place}: "pose3d_mm" must be {len(keypoints)} entries of [x, y, z] in mm.')
        truth = [tuple(point) for point in truth]
    return PersonRecord(keypoints, [bool(flag) for flag in occluded], truth)
