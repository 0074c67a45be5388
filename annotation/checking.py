"""Are a record's people possible in its picture?"""

from dataclasses import dataclass, field

from annotation.importers import BadDataset, ImageRecord, PersonRecord
from annotation.importers.skeletons import SkeletonRecord

MOST_PEOPLE = 1000


@dataclass
class Checked:
    """People as they will be stored, and what was odd."""

    people: list[PersonRecord] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    n_missing: int = 0
    first_missing: str = ""


def check(record: ImageRecord, name: str, size: tuple[int, int], bones: SkeletonRecord) -> Checked:
    """Joints outside the picture are taken as missing; ground truth is centred on the root.

    Args:
        size: width and height of the upright picture in pixels.

    Raises: BadDataset for a picture of another size than the annotations say, and for another number of joints than the
        skeleton has.
    """
    found = Checked()
    if record.size and record.size != size:
        said, real = ("{} x {}".format(*pixels) for pixels in (record.size, size))
        raise BadDataset(
            f"{record.place}: the annotations say {said} pixels, but {name} has {real}, upright. Its keypoints would lie "
            "elsewhere: take the pictures that were annotated, or correct width and height."
        )
    if len(record.people) > MOST_PEOPLE:
        raise BadDataset(f"{record.place}: {len(record.people)} people; at most {MOST_PEOPLE} in a picture. Split it.")
    for number, person in enumerate(record.people, start=1):
        place = record.place if len(record.people) == 1 else f"{record.place}, person {number}"
        found.people.append(_person(person, place, name, size, bones, found))
    return found


def _person(
    person: PersonRecord, place: str, name: str, size: tuple[int, int], bones: SkeletonRecord, found: Checked
) -> PersonRecord:
    n_joints = len(bones.joints)
    if len(person.keypoints) != n_joints or len(person.occluded) != n_joints:
        raise BadDataset(f"{place}: {len(person.keypoints)} keypoints, but the skeleton {bones.name} has {n_joints}.")
    keypoints = list(person.keypoints)
    for joint, point in enumerate(keypoints):
        if point is None:
            found.n_missing += 1
            found.first_missing = found.first_missing or f"{place}, joint {joint + 1}"
        elif not (0 <= point[0] <= size[0] and 0 <= point[1] <= size[1]):
            found.warnings.append(
                f"{place}: joint {joint + 1} lies at ({point[0]:.1f}, {point[1]:.1f}), outside the "
                f"{size[0]} x {size[1]} pixels of {name}; taken as missing."
            )
            keypoints[joint] = None
    present = n_joints - keypoints.count(None)
    if present < 2:
        found.warnings.append(f"{place}: {present} of {n_joints} joints are there; no pair can be asked.")
    return PersonRecord(keypoints, person.occluded, _centred(person.truth_mm, bones.root))


def _centred(truth: list | None, root: int) -> list | None:
    if truth is None:
        return None
    x, y, z = truth[root]
    return truth if (x, y, z) == (0, 0, 0) else [(a - x, b - y, c - z) for a, b, c in truth]
