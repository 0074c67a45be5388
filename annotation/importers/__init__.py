"""Formats of other people become plain records; no database and no network here.

An importer is a function `read(path, options) -> DatasetRecord`: a file or folder in, and
images with people out, one at a time. It checks what it can see in the annotations; the
pictures are found by `annotation.sources` and looked at by `annotation.pictures`.
"""

from collections.abc import Callable
from pathlib import Path

from annotation.importers import coco, csv_table, h36m, lsp, mocap, mpii, nearer_json, openpose
from annotation.importers.records import BadDataset, DatasetRecord, ImageRecord, Options, PersonRecord

Importer = Callable[[Path, Options], DatasetRecord]

FORMATS: dict[str, str] = {
    "lsp": "Leeds Sports Pose and its extended set (joints.mat and images/)",
    "coco": "COCO keypoints (person_keypoints_*.json)",
    "mpii": "MPII Human Pose (the release's .mat, or lists as .json)",
    "h36m-h5": "Human3.6M, the .h5 trees of the 3d-pose-baseline",
    "h36m-npz": "Human3.6M, the .npz of VideoPose3D",
    "mocap": "Motion capture with Human3.6M's joints (.npz)",
    "openpose": "OpenPose (*_keypoints.json)",
    "csv": "A table, one row for each keypoint (.csv)",
    "nearer": "Nearer's own JSON (dataset.json and images/)",
}
READERS: dict[str, Importer] = {
    "lsp": lsp.read, "coco": coco.read, "mpii": mpii.read, "h36m-h5": h36m.read_h5, "h36m-npz": h36m.read_npz,
    "mocap": mocap.read, "openpose": openpose.read, "csv": csv_table.read, "nearer": nearer_json.read,
}

__all__ = ["FORMATS", "READERS", "BadDataset", "DatasetRecord", "ImageRecord", "Options", "PersonRecord"]
