"""Nearer's own format: `dataset.json` beside its images. `docs/formats.md` describes it field by field."""

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import ijson

from annotation.importers import skeletons
from annotation.importers.reading import Some, are_numbers, at_least_one, is_text, items, safe_name, top_level
from annotation.importers.records import DEFAULTS, BadDataset, DatasetRecord, ImageRecord, Options, PersonRecord


def read(path: Path, options: Options = DEFAULTS) -> DatasetRecord:
    """All images and people of a folder with `dataset.json`, or of that file.

    A skeleton of one's own stands in the file (`"skeleton": {...}`) or beside it, as `skeleton.json`.

    Raises: BadDataset for a file that is missing or no JSON; while the images are read, for a
        field that is missing or of another type, naming the image's row.
    """
    file = path if path.is_file() else path / "dataset.json"
    if not file.is_file():
        raise BadDataset(f"{file} is missing. Give the folder that holds dataset.json and its images.")
    content = top_level(file, options.pulse)
    if content.get("format") != "nearer-dataset" or content.get("version") != 1:
        raise BadDataset(f'{file} must say "format": "nearer-dataset" and "version": 1.')
    rows = content.get("images")
    if not isinstance(rows, Some) or rows.kind is not list:
        raise BadDataset(f'{file} needs "images", a list with at least one entry.')
    name, own = _skeleton(file, content.get("skeleton"))
    texts = {key: _text(content.get(key)) for key in ("description", "licence", "citation")}
    images = at_least_one(_images(file, options), f'{file} needs "images", a list with at least one entry.')
    return DatasetRecord(skeleton=name, own_skeleton=own, images=images, total=rows.n_objects, **texts)


def _text(said: object) -> str:
    return said if isinstance(said, str) and is_text(said) else ""


def _skeleton(file: Path, said: object) -> tuple[str, skeletons.SkeletonRecord | None]:
    try:
        if said == Some(dict):
            with file.open("rb") as stream:
                own = skeletons.checked(next(ijson.items(stream, "skeleton", use_float=True)), f'{file}, "skeleton"')
            return own.name, own
        beside = file.parent / "skeleton.json"
        if isinstance(said, str) and said and said not in skeletons.shipped_names() and beside.is_file():
            own = skeletons.read(beside)
            if own.name != said:
                raise BadDataset(f'{file} says "skeleton": "{said}", but {beside} is called "{own.name}". Make them agree.')
            return said, own
    except skeletons.BadSkeleton as error:
        raise BadDataset(str(error)) from error
    if not isinstance(said, str) or not said:
        raise BadDataset(f'{file} needs "skeleton": the name of one, or one of your own, {{"name": ..., "joints": ...}}.')
    return said, None


def _images(file: Path, options: Options) -> Iterator[ImageRecord]:
    for number, row in enumerate(items(file, "images.item", options.pulse), start=1):
        yield _image(row, f"{file}, image {number}")


def _image(row: object, place: str) -> ImageRecord:
    if not isinstance(row, dict) or not isinstance(row.get("file"), str) or not isinstance(row.get("people"), list):
        raise BadDataset(f'{place}: needs "file", a path or an address, and "people", a list.')
    name, url = named(row["file"], place)
    people = [_person(person, f"{place}, person {number}") for number, person in enumerate(row["people"], start=1)]
    return ImageRecord(name, place, people, url=url, up=_up(row.get("up"), place))


def _up(said: object, place: str) -> tuple[float, float, float] | None:
    if said is None:
        return None
    length = math.hypot(*said) if are_numbers(said, 3) else 0
    if not 0.5 < length < 2:
        raise BadDataset(
            f'{place}: "up" must be the world\'s up in the camera\'s axes, three numbers of length 1: [0, -1, 0] where the '
            "camera is level."
        )
    return tuple(value / length for value in said)


def named(file: str, place: str) -> tuple[str, str]:
    """An image's name and address, from its path or its address; an address may carry a secret, so a name leaves its query out.

    Raises: BadDataset for a path that leads out of the source.
    """
    if not file.startswith(("http://", "https://")):
        return safe_name(file, place), ""
    parts = urlsplit(file)
    name = str(PurePosixPath((parts.hostname or "") + parts.path))
    if ".." in PurePosixPath(name).parts or len(name) > 300:
        raise BadDataset(f"{place}: the address {file[:100]} cannot be an image's name: too long, or with '..' in it.")
    return name, file


def _person(row: object, place: str) -> PersonRecord:
    if not isinstance(row, dict) or not isinstance(row.get("keypoints"), list):
        raise BadDataset(f'{place}: needs "keypoints", a list of [x, y, visible].')
    keypoints: list[tuple[float, float] | None] = []
    for joint, entry in enumerate(row["keypoints"], start=1):
        if not are_numbers(entry, 3) or entry[2] not in (0, 1):
            raise BadDataset(f"{place}, keypoint {joint}: {entry!r} is not [x, y, visible] with visible 0 or 1.")
        keypoints.append((entry[0], entry[1]) if entry[2] else None)
    occluded = row.get("occluded", [0] * len(keypoints))
    if not isinstance(occluded, list) or len(occluded) != len(keypoints) or any(flag not in (0, 1) for flag in occluded):
        raise BadDataset(f'{place}: "occluded" must have one entry per keypoint, {len(keypoints)} of 0 or 1.')
    truth = row.get("pose3d_mm")
    if truth is not None:
        if not isinstance(truth, list) or len(truth) != len(keypoints) or not all(are_numbers(p, 3) for p in truth):
            raise BadDataset(f'{place}: "pose3d_mm" must be {len(keypoints)} entries of [x, y, z] in mm.')
        truth = [tuple(point) for point in truth]
    return PersonRecord(keypoints, [bool(flag) for flag in occluded], truth)
