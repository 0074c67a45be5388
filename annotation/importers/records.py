"""What every importer takes and yields."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from annotation.importers.skeletons import SkeletonRecord, shipped

Point = tuple[float, float]
Point3D = tuple[float, float, float]


class BadDataset(Exception):
    """The input cannot be read; the message names the file, the row and the remedy."""


@dataclass(frozen=True)
class PersonRecord:
    """K keypoints of one person.

    keypoints: K of (x, y) in pixels of the image, or None where missing.
    occluded: K of bool: hidden, but its place is known.
    truth_mm: K of (x, y, z), root at 0, x right, y down, z away from the camera; None where unknown.
    """

    keypoints: list[Point | None]
    occluded: list[bool]
    truth_mm: list[Point3D] | None = None


@dataclass(frozen=True)
class ImageRecord:
    """One picture and the people in it.

    name: its path in the source; unique within a data set.
    place: where it stands in the annotations, for messages.
    also_called: other paths under which its file may lie.
    url: where the annotations say that it can be fetched; empty where they do not.
    size: width and height in pixels that the annotations say the upright picture has; None where they do not.
    canvas: width and height in pixels of the stick figure that has to be drawn, where the format has no pictures.
    up: the world's up in the camera's axes (x right, y down, z away), of length 1; None where the source does not say.
    """

    name: str
    place: str
    people: list[PersonRecord]
    also_called: tuple[str, ...] = ()
    url: str = ""
    size: tuple[int, int] | None = None
    canvas: tuple[int, int] | None = None
    up: Point3D | None = None


@dataclass
class DatasetRecord:
    """A data set, its images not yet read: `images` is read once, and `warnings` and `skipped` grow meanwhile.

    images: a generator, closed by whoever does not read it to its end.
    skeleton: a name, of one that ships or of `own_skeleton`.
    skipped: how much was left out, by reason.
    total: how many images there are at most, as soon as that is known.
    """

    skeleton: str
    images: Iterator[ImageRecord]
    description: str = ""
    licence: str = ""
    citation: str = ""
    own_skeleton: SkeletonRecord | None = None
    warnings: list[str] = field(default_factory=list)
    skipped: Counter = field(default_factory=Counter)
    total: int | None = None


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Options:
    """What a researcher may say about a source; a format looks at what concerns it.

    skeleton: name of the skeleton that the keypoints belong to (`csv`) or are handed over to (`openpose`).
    every: of a film, take each so many-th frame; None: what the format thinks sensible.
    frames: of a film, how its pictures are called, e.g. "{subject}/{action}.{camera}/{frame:06d}.jpg"; empty: none there.
    min_confidence: a detector's keypoint below this, 0 to 1, is missing.
    find_skeleton: raises KeyError, with the known names, for one that there is not.
    pulse: called often while nothing is yielded, so that a caller can say that it is alive, or raise to stop.
    """

    skeleton: str = ""
    every: int | None = None
    frames: str = ""
    min_confidence: float = 0.05
    find_skeleton: Callable[[str], SkeletonRecord] = shipped
    pulse: Callable[[], None] = _nothing


DEFAULTS = Options()
