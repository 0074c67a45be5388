"""Comparisons with known answers, and a word of explanation on each: what tutorials are made of.

A lesson is a folder in Nearer's own format (`dataset.json` and images) in which images
also have `comparisons`. One ships with Nearer; a researcher's own is read with
`manage.py load_tutorial` and kept in the database.
"""

import functools
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from annotation import pictures, skeletons
from annotation.importers import nearer_json
from annotation.importers.records import BadDataset
from annotation.models import Skeleton, Tutorial

SHIPPED = "shipped"
SHIPPED_FOLDER = Path(__file__).parent / "demo" / "tutorial"
KINDS = ("clear", "hard", "occluded", "left-right", "lean")


@dataclass(frozen=True)
class Example:
    """One comparison whose answer is known.

    keypoints: K of [x, y] in pixels of the image, or None; first and second index them.
    kind: what it teaches, one of KINDS.
    """

    sha256: str
    file: str
    width: int
    height: int
    keypoints: list
    first: int
    second: int
    first_is_closer: bool
    kind: str
    explanation: str

    @property
    def name(self) -> str:
        """Of the picture, where it is served."""
        return self.sha256 + Path(self.file).suffix.lower()


@dataclass(frozen=True)
class Lesson:
    """Illustrations stand in the instructions, answered; questions are what the tutorial asks."""

    name: str
    skeleton: Skeleton
    examples: list[Example]

    @property
    def illustrations(self) -> list[Example]:
        """The first example of each kind, in the order of KINDS."""
        first = {example.kind: example for example in reversed(self.examples)}
        return [first[kind] for kind in KINDS if kind in first]

    @property
    def questions(self) -> list[Example]:
        """The others; all of them where too few would be left, so that a small tutorial works too."""
        shown = self.illustrations
        others = [example for example in self.examples if example not in shown]
        return others if len(others) >= 3 else list(self.examples)


class NoLesson(Exception):
    """There is no tutorial of that name."""


def lesson(name: str) -> Lesson:
    """The shipped lesson, or a researcher's. Raises: NoLesson."""
    if name == SHIPPED:
        return shipped()
    row = Tutorial.objects.select_related("skeleton").filter(name=name).first()
    if row is None:
        raise NoLesson(f"There is no tutorial '{name}'.")
    return Lesson(row.name, row.skeleton, [Example(**example) for example in row.examples])


@functools.cache
def shipped() -> Lesson:
    """Read once per process; its skeleton is not saved."""
    skeleton, examples = read(SHIPPED_FOLDER)
    fields = json.loads(skeletons.SHIPPED[skeleton].read_text())
    return Lesson(SHIPPED, Skeleton(**fields), examples)


def picture_file(name: str) -> Path | None:
    """Where a shipped picture lies; None for any other."""
    return _shipped_files().get(name)


@functools.cache
def _shipped_files() -> dict[str, Path]:
    return {example.name: SHIPPED_FOLDER / example.file for example in shipped().examples}


def read(folder: Path) -> tuple[str, list[Example]]:
    """A lesson's skeleton name and examples.

    Raises: BadDataset naming file and row.
    """
    record = nearer_json.read(folder)
    rows = json.loads((folder / "dataset.json").read_text())["images"]
    if record.skeleton not in skeletons.SHIPPED:
        raise BadDataset(f"{folder}: the skeleton '{record.skeleton}' is none of {', '.join(skeletons.SHIPPED)}.")
    n_joints = len(json.loads(skeletons.SHIPPED[record.skeleton].read_text())["joints"])
    examples = []
    for image, row in zip(record.images, rows, strict=True):
        try:
            picture = pictures.read(folder / image.name)
        except pictures.BadPicture as error:
            raise BadDataset(f"{image.place}: {error}") from error
        for number, comparison in enumerate(row.get("comparisons", []), start=1):
            place = f"{image.place}, comparison {number}"
            fields = _checked(comparison, image.people[comparison.get("person", 0)].keypoints, n_joints, place)
            size = {"width": picture.width, "height": picture.height}
            examples.append(Example(sha256=picture.sha256, file=image.name, **size, **fields))
    if not examples:
        raise BadDataset(f"{folder}: no image has comparisons. Add at least one with first, second and first_is_closer.")
    return record.skeleton, examples


def _checked(row: dict, keypoints: list, n_joints: int, place: str) -> dict:
    first, second, closer = row.get("first"), row.get("second"), row.get("first_is_closer")
    for joint in (first, second):
        if not isinstance(joint, int) or not 0 <= joint < n_joints or keypoints[joint] is None:
            raise BadDataset(f"{place}: {joint!r} is not a visible keypoint, 0 to {n_joints - 1}.")
    if first == second:
        raise BadDataset(f"{place}: first and second are the same keypoint.")
    if not isinstance(closer, bool):
        raise BadDataset(f"{place}: first_is_closer must be true or false.")
    kind = row.get("kind", "clear")
    if kind not in KINDS:
        raise BadDataset(f"{place}: the kind '{kind}' is none of {', '.join(KINDS)}.")
    return {
        "keypoints": [list(point) if point else None for point in keypoints],
        "first": first, "second": second, "first_is_closer": closer,
        "kind": kind, "explanation": str(row.get("explanation", "")),
    }


@transaction.atomic
def load(folder: Path, name: str) -> Tutorial:
    """A researcher's lesson, stored under a name of its own; pictures go to the storage.

    Raises: BadDataset, also for a name in use.
    """
    if name == SHIPPED or Tutorial.objects.filter(name=name).exists():
        raise BadDataset(f"There is a tutorial '{name}' already. Choose another name.")
    skeleton, examples = read(folder)
    for example in examples:
        file = f"tutorials/{example.name}"
        if not default_storage.exists(file):
            default_storage.save(file, ContentFile(pictures.read(folder / example.file).content))
    rows = [asdict(example) for example in examples]
    return Tutorial.objects.create(name=name, skeleton=skeletons.skeleton(skeleton), examples=rows)
