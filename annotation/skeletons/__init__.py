"""The skeletons that ship with Nearer, one JSON file each; a row is made when a data set first needs it."""

import json
from pathlib import Path

from annotation.models import Skeleton

FOLDER = Path(__file__).parent
SHIPPED = {file.stem: file for file in sorted(FOLDER.glob("*.json"))}


def skeleton(name: str) -> Skeleton:
    """The skeleton of that name, from the database or else from its file.

    Raises: KeyError naming the known ones.
    """
    if row := Skeleton.objects.filter(name=name).first():
        return row
    if name not in SHIPPED:
        raise KeyError(f"There is no skeleton '{name}'; known are {', '.join(SHIPPED)}.")
    fields = json.loads(SHIPPED[name].read_text())
    return Skeleton.objects.get_or_create(name=name, defaults=fields)[0]
