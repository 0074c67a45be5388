"""What every importer yields."""

from dataclasses import dataclass, field
from pathlib import Path


class BadDataset(Exception):
    """The input cannot be read; the message names the file, the row and the remedy."""


@dataclass(frozen=True)
class PersonRecord:
    """K keypoints of one person.

    keypoints: K of (x, y) in pixels of the image, or None where missing.
    occluded: K of bool: hidden, but its place is known.
    truth_mm: K of (x, y, z), root at 0, x right, y down, z away from the camera; None where unknown.
    """

    keypoints: list[tuple[float, float] | None]
    occluded: list[bool]
    truth_mm: list[tuple[float, float, float]] | None = None


@dataclass(frozen=True)
class ImageRecord:
    """One picture and the people in it; `place` says where it stands in the source, for messages."""

    name: str
    path: Path
    place: str
    people: list[PersonRecord]


@dataclass(frozen=True)
class DatasetRecord:
    skeleton: str
    images: list[ImageRecord]
    description: str = ""
    licence: str = ""
    citation: str = ""
    warnings: list[str] = field(default_factory=list)
