"""The skeletons that ship with Nearer, one JSON file each; a row is made when a data set first needs it."""

from pathlib import Path

from annotation.importers.skeletons import FIELDS, SkeletonRecord, checked, shipped
from annotation.models import Skeleton

FOLDER = Path(__file__).parent
SHIPPED = {file.stem: file for file in sorted(FOLDER.glob("*.json"))}


class SkeletonDiffers(Exception):
    """The name belongs to another skeleton; the message says so."""


def find(name: str) -> SkeletonRecord:
    """The skeleton of that name, from the database or else from its file.

    Raises: KeyError naming the known ones.
    """
    if row := Skeleton.objects.filter(name=name).first():
        return checked({field: getattr(row, field) for field in FIELDS}, name)
    if name not in SHIPPED:
        known = sorted({*SHIPPED, *Skeleton.objects.values_list("name", flat=True)})
        raise KeyError(f"There is no skeleton '{name}'; known are {', '.join(known)}.")
    return shipped(name)


def skeleton(name: str) -> Skeleton:
    """The row of that name, made from its file where that ships.

    Raises: KeyError naming the known ones.
    """
    return Skeleton.objects.filter(name=name).first() or keep(find(name))


def keep(record: SkeletonRecord) -> Skeleton:
    """A row for the skeleton; the same one again changes nothing.

    Raises: SkeletonDiffers where the name is taken by another, as data sets may rest on that.
    """
    fields = record.fields()
    name = fields.pop("name")
    if name in SHIPPED:
        _compare(name, shipped(name).fields(), fields)
    row, is_new = Skeleton.objects.get_or_create(name=name, defaults=fields)
    if not is_new:
        _compare(name, {field: getattr(row, field) for field in fields}, fields)
    return row


def _compare(name: str, known: dict, given: dict) -> None:
    differing = [field for field in ("joints", "bones", "mirror", "root") if known[field] != given[field]]
    if differing:
        raise SkeletonDiffers(
            f"There is a skeleton '{name}' already, with other {' and '.join(differing)}. Give yours another name."
        )
