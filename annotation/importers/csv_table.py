"""A table of keypoints: one row for each, as CSV. `docs/formats.md` describes it column by column."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from annotation.importers import skeletons
from annotation.importers.nearer_json import named
from annotation.importers.reading import PULSE_EVERY, Gathered, at_least_one, only_file
from annotation.importers.records import DEFAULTS, BadDataset, DatasetRecord, ImageRecord, Options, PersonRecord

NEEDED = ("image", "joint", "x", "y")
TRUTH = ("x_mm", "y_mm", "z_mm")
KNOWN = (*NEEDED, "person", "visible", "occluded", *TRUTH)
LONGEST_FIELD = 4000


def read(path: Path, options: Options = DEFAULTS) -> DatasetRecord:
    """People put together from rows, which may come in any order; a joint without a row is missing.

    The joints are those of `options.skeleton`, or of `skeleton.json` beside the file.

    Raises: BadDataset for a file that is missing, for columns that are, and for an unknown skeleton;
        while the images are read, for a row that cannot be, naming its line.
    """
    file = only_file(path, lambda found: found.suffix.lower() == ".csv", "a table (*.csv)")
    own = _skeleton(file, options)
    index = {skeletons.plain(joint): number for number, joint in enumerate(own.joints)}
    index |= {str(number): number for number in range(len(own.joints)) if str(number) not in index}
    columns = _columns(file)
    images = at_least_one(_images(file, columns, index, own, options), f"{file} has no rows below its names of columns.")
    return DatasetRecord(skeleton=own.name, own_skeleton=own, images=images)


def _skeleton(file: Path, options: Options) -> skeletons.SkeletonRecord:
    beside = file.parent / "skeleton.json"
    try:
        if options.skeleton:
            return options.find_skeleton(options.skeleton)
        if beside.is_file():
            return skeletons.read(beside)
    except (skeletons.BadSkeleton, KeyError) as error:
        raise BadDataset(str(error.args[0])) from error
    raise BadDataset(f"{file}: a table does not say which joints a person has. Name a skeleton, or put {beside} beside it.")


def _columns(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", newline="", errors="strict") as stream:
        try:
            names = [name.strip().lower() for name in next(csv.reader(stream), [])]
        except (UnicodeDecodeError, csv.Error) as error:
            raise BadDataset(f"{file} is no table in UTF-8 ({error}). Save it as CSV, UTF-8.") from error
    if missing := [name for name in NEEDED if name not in names]:
        hint = " Separate columns by commas." if len(names) == 1 and ";" in names[0] else ""
        raise BadDataset(f"{file}, line 1: there is no column {' and no column '.join(missing)}.{hint}")
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadDataset(f"{file}, line 1: the column {sorted(twice)[0]} is there twice.")
    if 0 < sum(name in names for name in TRUTH) < 3:
        raise BadDataset(f"{file}, line 1: of x_mm, y_mm and z_mm all must be there, or none.")
    return names


def _images(
    file: Path, columns: list[str], index: dict, own: skeletons.SkeletonRecord, options: Options
) -> Iterator[ImageRecord]:
    with Gathered() as gathered:
        for line, row in _rows(file, columns):
            if line % PULSE_EVERY == 0:
                options.pulse()
            place = f"{file}, line {line}"
            name, url = named(row["image"], place)
            gathered.head(name, [name, url, line])
            gathered.add(name, [line, _person_number(row, place), *_keypoint(row, index, own, place)])
        for (name, url, line), rows in gathered.groups():
            people: dict[int, list] = {}
            for row in rows:
                people.setdefault(row[1], []).append(row)
            records = [_person(people[number], own, file) for number in sorted(people)]
            yield ImageRecord(name, f"{file}, line {line}", records, url=url)


def _rows(file: Path, columns: list[str]) -> Iterator[tuple[int, dict]]:
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            next(reader)
            for values in reader:
                if not any(values):
                    continue
                if len(values) != len(columns):
                    raise BadDataset(f"{file}, line {reader.line_num}: {len(values)} values for {len(columns)} columns.")
                yield reader.line_num, dict(zip(columns, (value.strip() for value in values)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadDataset(f"{file} is no table in UTF-8 ({error}). Save it as CSV, UTF-8.") from error
    finally:
        csv.field_size_limit(before)


def _person_number(row: dict, place: str) -> int:
    said = row.get("person", "") or "0"
    if not (said.isascii() and said.isdecimal()) or int(said) > 10_000:
        raise BadDataset(f"{place}: the person is {said!r}; it must be a number from 0 to 10000 within the image.")
    return int(said)


def _keypoint(row: dict, index: dict, own: skeletons.SkeletonRecord, place: str) -> tuple:
    """Joint, its place or None, whether it is hidden, its ground truth or None."""
    joint = index.get(skeletons.plain(row["joint"]))
    if joint is None:
        raise BadDataset(f"{place}: {own.name} has no joint {row['joint']!r}; it has {', '.join(own.joints)}.")
    visible, hidden = _flag(row, "visible", "1", place), _flag(row, "occluded", "0", place)
    point = [_number(row, name, place) for name in ("x", "y")] if visible else None
    given = [row.get(name, "") != "" for name in TRUTH]
    if any(given) and not all(given):
        raise BadDataset(f"{place}: of x_mm, y_mm and z_mm all must be given, or none.")
    return joint, point, hidden, [_number(row, name, place) for name in TRUTH] if all(given) else None


def _flag(row: dict, name: str, default: str, place: str) -> bool:
    said = row.get(name, "") or default
    if said not in ("0", "1"):
        raise BadDataset(f"{place}: {name} is {said!r}; it must be 0 or 1.")
    return said == "1"


def _number(row: dict, name: str, place: str) -> float:
    try:
        number = float(row[name])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadDataset(f"{place}: {name} is {row[name]!r}; it must be a number, with a point for decimals.")
    return number


def _person(rows: list, own: skeletons.SkeletonRecord, file: Path) -> PersonRecord:
    n_joints = len(own.joints)
    keypoints: list = [None] * n_joints
    hidden, truth, seen = [False] * n_joints, [None] * n_joints, {}
    for line, _, joint, point, occluded, place_mm in rows:
        if joint in seen:
            raise BadDataset(f"{file}, line {line}: {own.joints[joint]} of this person stands in line {seen[joint]} already.")
        seen[joint] = line
        keypoints[joint], hidden[joint], truth[joint] = point and tuple(point), occluded, place_mm and tuple(place_mm)
    known = [place for place in truth if place is not None]
    if known and len(known) < n_joints:
        raise BadDataset(
            f"{file}, line {rows[0][0]}: this person has ground truth for {len(known)} of {n_joints} joints. "
            "Give it for all, also for those with visible 0, or for none."
        )
    return PersonRecord(keypoints, hidden, truth if known else None)
