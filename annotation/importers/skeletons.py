"""Which joints a person has, as plain records: those that ship, and those that come as a file."""

import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "skeletons"
MOST_JOINTS = 200
FIELDS = ("name", "title", "joints", "bones", "mirror", "root", "figure")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class BadSkeleton(ValueError):
    """The skeleton contradicts itself; the message names the field and the remedy."""


@dataclass(frozen=True)
class SkeletonRecord:
    """K joints and how they hang together.

    joints: K names; right and left are the person's.
    bones: K - 1 of (parent, child), a tree.
    mirror: K; for each joint the index of its mirror image, itself in the middle.
    root: index of the joint that 3D poses are centred on.
    figure: K of (x, y), 0 to 1, y down: a standing person who faces the viewer.
    """

    name: str
    title: str
    joints: list[str]
    bones: list[list[int]]
    mirror: list[int]
    root: int
    figure: list[list[float]]

    def fields(self) -> dict:
        return asdict(self)


def shipped_names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def shipped(name: str) -> SkeletonRecord:
    """Raises: KeyError naming the known ones."""
    if name not in shipped_names():
        raise KeyError(f"There is no skeleton '{name}'; known are {', '.join(shipped_names())}.")
    return checked(json.loads((FOLDER / f"{name}.json").read_text()), f"{name}.json")


def checked(content: object, place: str) -> SkeletonRecord:
    """A skeleton from decoded JSON; `title` and `figure` may be left out.

    Raises: BadSkeleton for a field that is missing or of another type, for bones that are no
        tree, a mirror that is not its own inverse, and a root that is no joint.
    """
    if not isinstance(content, dict):
        raise BadSkeleton(f"{place}: a skeleton is an object with {', '.join(FIELDS)}.")
    name, joints = content.get("name"), content.get("joints")
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > 50:
        raise BadSkeleton(f'{place}: "name" must be small letters, digits and hyphens, at most 50, e.g. "hand-21".')
    if not isinstance(joints, list) or not 2 <= len(joints) <= MOST_JOINTS:
        raise BadSkeleton(f'{place}: "joints" must be a list of 2 to {MOST_JOINTS} names.')
    seen: set[str] = set()
    for number, joint in enumerate(joints):
        if not isinstance(joint, str) or not joint.strip() or len(joint) > 60 or not joint.isprintable():
            raise BadSkeleton(f'{place}: joint {number} of "joints" is {joint!r}; it must be a name of at most 60 letters.')
        if plain(joint) in seen:
            raise BadSkeleton(f'{place}: "joints" has {joint!r} twice. Give every joint a name of its own.')
        seen.add(plain(joint))
    bones = _bones(content.get("bones"), joints, place)
    mirror = _mirror(content.get("mirror"), joints, place)
    root = content.get("root")
    if not _index(root, joints):
        raise BadSkeleton(f'{place}: "root" is {root!r}; it must be the index of a joint, 0 to {len(joints) - 1}.')
    figure = content.get("figure")
    figure = _laid_out(bones, mirror, root) if figure is None else _figure(figure, joints, place)
    title = content.get("title") or name
    return SkeletonRecord(name, str(title)[:100], joints, bones, mirror, root, figure)


def read(file: Path) -> SkeletonRecord:
    """Raises: BadSkeleton."""
    try:
        return checked(json.loads(file.read_text(encoding="utf-8-sig")), str(file))
    except (ValueError, RecursionError) as error:
        if isinstance(error, BadSkeleton):
            raise
        raise BadSkeleton(f"{file} is no JSON: {error}.") from error


def plain(joint: str) -> str:
    """A joint's name as it is compared: `Right_Ankle` is `right ankle`."""
    return " ".join(joint.lower().replace("_", " ").replace("-", " ").split())


def _index(value: object, joints: list) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(joints)


def _bones(bones: object, joints: list[str], place: str) -> list[list[int]]:
    """K - 1 edges that connect all joints are a tree."""
    if not isinstance(bones, list) or len(bones) != len(joints) - 1:
        found = len(bones) if isinstance(bones, list) else "none"
        wanted = f"{len(joints) - 1} of [parent, child] for {len(joints)} joints"
        raise BadSkeleton(f'{place}: "bones" must be a tree, {wanted}; there are {found}.')
    group = list(range(len(joints)))  # joints that hang together have the same number

    for number, bone in enumerate(bones):
        if not isinstance(bone, list) or len(bone) != 2 or not all(_index(end, joints) for end in bone):
            raise BadSkeleton(f'{place}: bone {number} of "bones" is {bone!r}; it must be two indices of joints.')
        one, other = (group[end] for end in bone)
        if one == other:
            names = " and ".join(joints[end] for end in bone)
            raise BadSkeleton(f'{place}: bone {number} of "bones" closes a ring: {names} are connected already. Leave it out.')
        group = [one if member == other else member for member in group]
    return bones


def _mirror(mirror: object, joints: list[str], place: str) -> list[int]:
    if not isinstance(mirror, list) or len(mirror) != len(joints) or not all(_index(joint, joints) for joint in mirror):
        raise BadSkeleton(f'{place}: "mirror" must have {len(joints)} indices of joints, one for each joint.')
    for joint, other in enumerate(mirror):
        if mirror[other] != joint:
            raise BadSkeleton(
                f'{place}: "mirror" says that {joints[joint]} is mirrored to {joints[other]}, and that to '
                f"{joints[mirror[other]]}. Mirrored twice, every joint must be itself again."
            )
    return mirror


def _figure(figure: object, joints: list[str], place: str) -> list[list[float]]:
    ok = isinstance(figure, list) and len(figure) == len(joints) and all(
        isinstance(point, list) and len(point) == 2
        and all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) and 0 <= n <= 1 for n in point)
        for point in figure
    )
    if not ok:
        raise BadSkeleton(f'{place}: "figure" must have {len(joints)} of [x, y] from 0 to 1, or be left out.')
    return figure


def _laid_out(bones: list[list[int]], mirror: list[int], root: int) -> list[list[float]]:
    """A figure for a skeleton that brings none: the tree from its root, one level below the other, mirrored sides apart."""
    near: dict[int, list[int]] = {joint: [] for joint in range(len(mirror))}
    for parent, child in bones:
        near[parent].append(child)
        near[child].append(parent)
    levels, seen = [[root]], {root}
    while below := [joint for above in levels[-1] for joint in near[above] if joint not in seen]:
        seen.update(below)
        levels.append(below)
    figure = [[0.5, 0.5]] * len(mirror)
    for depth, level in enumerate(levels):
        for place, joint in enumerate(level):
            figure[joint] = [round((place + 1) / (len(level) + 1), 3), round(0.05 + 0.9 * depth / max(len(levels) - 1, 1), 3)]
    return figure
