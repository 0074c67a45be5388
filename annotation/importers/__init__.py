"""Formats of other people become plain records; no database here.

An importer is a function `read(path, limit) -> DatasetRecord`. It checks what it can see
in the annotations; the pictures are looked at by `annotation.pictures`.
"""

from collections.abc import Callable
from pathlib import Path

from annotation.importers import lsp, nearer_json
from annotation.importers.records import BadDataset, DatasetRecord, ImageRecord, PersonRecord

Importer = Callable[[Path, int | None], DatasetRecord]

FORMATS: dict[str, str] = {
    "lsp": "Leeds Sports Pose (joints.mat and images/)",
    "nearer": "Nearer's own JSON (dataset.json and images/)",
}
READERS: dict[str, Importer] = {"lsp": lsp.read, "nearer": nearer_json.read}

__all__ = ["FORMATS", "READERS", "BadDataset", "DatasetRecord", "ImageRecord", "PersonRecord"]
