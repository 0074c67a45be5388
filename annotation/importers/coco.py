"""COCO keypoints: `person_keypoints_*.json`, and files in that format with joints of their own.

T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context" (ECCV 2014);
cocodataset.org/#format-data.
"""

from collections.abc import Iterator
from pathlib import Path

from annotation.importers import skeletons
from annotation.importers.reading import (
    Gathered,
    are_numbers,
    at_least_one,
    is_number,
    is_text,
    items,
    only_file,
    safe_name,
)
from annotation.importers.records import DEFAULTS, BadDataset, DatasetRecord, ImageRecord, Options, PersonRecord

COCO = "coco-17"
HEAD_BYTES = 65536
CITATION = "T.-Y. Lin et al. Microsoft COCO: Common Objects in Context. ECCV 2014."


def read(path: Path, options: Options = DEFAULTS) -> DatasetRecord:
    """People with keypoints, put together by image; images in the order of the file, those without such people left out.

    v = 0 is a missing joint, 1 a placed one that is hidden, 2 a visible one. Crowds (`iscrowd` 1) and people without any
    placed joint are left out and counted. A category other than COCO's needs `skeleton.json` beside the file.

    Raises: BadDataset for a file that is missing, no JSON or not of this format; while the images
        are read, for an annotation that cannot be, naming its id.
    """
    file = only_file(path, lambda found: found.suffix == ".json" and found.name != "skeleton.json", "a COCO file (*.json)")
    categories, skeleton, own = _skeleton(file, options)
    record = DatasetRecord(skeleton=skeleton, images=iter(()), own_skeleton=own, description=_description(file, options))
    record.citation = CITATION if own is None else ""
    record.images = at_least_one(
        _images(file, categories, record, options),
        f"{file} has no person with keypoints: every annotation is a crowd or has num_keypoints 0. Take the keypoints' file.",
    )
    return record


def _not_coco(file: Path, name: str) -> BadDataset:
    return BadDataset(f"{file} has no list {name} with anything in it; a COCO keypoints file has. Choose another format?")


def _description(file: Path, options: Options) -> str:
    """What `info` says, where that stands at the file's start, as it does in all published files."""
    with file.open("rb") as stream:
        if b'"info"' not in stream.read(HEAD_BYTES):
            return ""
    info = next(items(file, "info", options.pulse), None)
    said = info.get("description") if isinstance(info, dict) else ""
    return said[:500] if isinstance(said, str) and is_text(said) else ""


def _skeleton(file: Path, options: Options) -> tuple[dict, str, skeletons.SkeletonRecord | None]:
    """Names of the joints of each category that has some, and the skeleton that they belong to."""
    found: dict = {}
    number = 0
    for number, category in enumerate(items(file, "categories.item", options.pulse), start=1):
        if not isinstance(category, dict) or not isinstance(category.get("id"), int | str):
            raise BadDataset(f'{file}, category {number}: needs "id", a number.')
        joints = category.get("keypoints")
        if joints is None:
            continue
        if not isinstance(joints, list) or not all(isinstance(joint, str) for joint in joints):
            raise BadDataset(f'{file}, category {category["id"]}: "keypoints" must be a list of names.')
        found[category["id"]] = [skeletons.plain(joint) for joint in joints]
    if number == 0:
        raise _not_coco(file, "categories")
    if not found:
        raise BadDataset(f"{file}: no category has keypoints. Take the file of keypoints, not that of boxes (instances).")
    names = next(iter(found.values()))
    if any(other != names for other in found.values()):
        raise BadDataset(f"{file}: its categories have different keypoints. Write one file for each, and import them apart.")
    if names == [skeletons.plain(joint) for joint in skeletons.shipped(COCO).joints]:
        return found, COCO, None
    beside = file.parent / "skeleton.json"
    if not beside.is_file() and not options.skeleton:
        raise BadDataset(
            f"{file}: its joints ({', '.join(names[:4])}, ...) are not COCO's 17. Put {beside} with bones, mirror and root "
            "for them beside it, or name a skeleton that has them."
        )
    try:
        own = options.find_skeleton(options.skeleton) if options.skeleton else skeletons.read(beside)
    except (skeletons.BadSkeleton, KeyError) as error:
        raise BadDataset(str(error.args[0])) from error
    if [skeletons.plain(joint) for joint in own.joints] != names:
        raise BadDataset(f"{file}: its joints are not those of the skeleton {own.name}, or in another order. Make them agree.")
    return found, own.name, own


def _images(file: Path, categories: dict, record: DatasetRecord, options: Options) -> Iterator[ImageRecord]:
    n_joints = len(next(iter(categories.values())))
    with Gathered() as gathered:
        number = 0
        for number, image in enumerate(items(file, "images.item", options.pulse), start=1):
            place = f"{file}, image {number}"
            if not isinstance(image, dict) or not isinstance(image.get("id"), int | str):
                raise BadDataset(f'{place}: needs "id" and "file_name".')
            place = f"{file}, image id {image['id']}"
            url = image.get("coco_url") or image.get("flickr_url") or ""
            head = [safe_name(image.get("file_name"), place), place, url if isinstance(url, str) else "", _size(image)]
            if not gathered.head(image["id"], head):
                raise BadDataset(f"{place}: the id occurs twice. Give every image an id of its own.")
        if number == 0:
            raise _not_coco(file, "images")
        record.total, number = number, 0
        for number, row in enumerate(items(file, "annotations.item", options.pulse), start=1):
            person = _person(row, f"{file}, annotation {number}", file, categories, n_joints, record)
            if isinstance(row.get("id"), int | str) and not gathered.first_time(row["id"]):
                raise BadDataset(f"{file}, annotation id {row['id']}: the id occurs twice. Keep one of the two.")
            if person is not None:
                gathered.add(row["image_id"], [row.get("id", number), person.keypoints, person.occluded])
        if number == 0:
            raise _not_coco(file, "annotations")
        if lost := gathered.without_head():
            raise BadDataset(f"{file}, annotation id {lost[0]}: there is no image of its image_id. Add it, or leave it out.")
        for (name, place, url, size), rows in gathered.groups():
            options.pulse()
            if not rows:
                record.skipped["images without people that have keypoints"] += 1
                continue
            people = [PersonRecord([point and tuple(point) for point in points], flags) for _, points, flags in rows]
            yield ImageRecord(name, place, people, url=url, size=size and tuple(size))


def _size(image: dict) -> list[int] | None:
    """Width and height in pixels, where the file says both."""
    said = [image.get("width"), image.get("height")]
    return said if all(isinstance(side, int) and side > 0 for side in said) else None


def _person(row: object, place: str, file: Path, categories: dict, n_joints: int, record: DatasetRecord) -> PersonRecord | None:
    if not isinstance(row, dict) or not isinstance(row.get("image_id"), int | str):
        raise BadDataset(f'{place}: needs "image_id", "category_id" and "keypoints".')
    place = f"{file}, annotation id {row.get('id', place)}"
    if not isinstance(row.get("category_id"), int | str) or row["category_id"] not in categories:
        record.skipped["annotations of categories without keypoints"] += 1
        return None
    if row.get("iscrowd"):
        record.skipped["crowds"] += 1
        return None
    values = row.get("keypoints")
    if not are_numbers(values, 3 * n_joints):
        found = len(values) if isinstance(values, list) else "no"
        raise BadDataset(f'{place}: "keypoints" must be {3 * n_joints} numbers, x, y, v for {n_joints} joints; it has {found}.')
    keypoints: list = []
    for joint in range(n_joints):
        x, y, flag = values[3 * joint : 3 * joint + 3]
        if flag not in (0, 1, 2):
            raise BadDataset(f"{place}, keypoint {joint + 1}: v is {flag}; it must be 0, 1 or 2.")
        keypoints.append((x, y) if flag else None)
    placed = n_joints - keypoints.count(None)
    said = row.get("num_keypoints")
    if is_number(said) and said != placed:
        record.warnings.append(f"{place}: num_keypoints says {said}, but {placed} joints are placed; these were taken.")
    if placed == 0:
        record.skipped["people without a placed joint"] += 1
        return None
    return PersonRecord(keypoints, [values[3 * joint + 2] == 1 for joint in range(n_joints)])
