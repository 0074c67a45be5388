"""Small people with a known 3D structure, and the files they come in."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from modeling.lifting.data import LiftingData
from modeling.lifting.labels import draw_pairs
from modeling.lifting.skeletons import Skeleton
from modeling.lifting.sources import MIRROR_17

NAMES_17 = (
    "hip", "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle", "spine", "thorax", "nose",
    "head top", "left shoulder", "left elbow", "left wrist", "right shoulder", "right elbow", "right wrist",
)  # fmt: skip
BONES_17 = (
    (0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 9), (9, 10), (8, 11), (11, 12), (12, 13), (8, 14),
    (14, 15), (15, 16),
)  # fmt: skip
# Where each bone points in a person who faces the camera (x right in the image, y down, z away), lengths in mm.
REST_17 = np.array([
    (-1, 0, 0), (-0.2, 1, -0.4), (0, 1, 0.3), (1, 0, 0), (0.2, 1, -0.4), (0, 1, 0.3), (0, -1, 0.1), (0, -1, -0.1),
    (0, -1, -0.6), (0, -1, 0.4), (1, 0, 0.1), (0.5, 0.8, -0.2), (0.1, 0.5, -1), (-1, 0, 0.1), (-0.5, 0.8, -0.2),
    (-0.1, 0.5, -1),
], float)  # fmt: skip
LENGTHS_17 = np.array([98, 420, 402, 98, 420, 402, 230, 240, 130, 120, 166, 275, 245, 166, 275, 245], float)


def make_skeleton(**overrides) -> Skeleton:
    return replace(Skeleton("h36m-17", NAMES_17, BONES_17, MIRROR_17, 0), **overrides)


def make_people(
    count: int = 200, *, pairs: int | str = 5, crowd_votes: int = 0, seed: int = 0, bend: float = 0.35
) -> LiftingData:  # fmt: skip
    """People in every direction before a pinhole camera; bones bent at random about a resting pose."""
    rng = np.random.default_rng(seed)
    steps = REST_17 + bend * rng.normal(size=(count, 16, 3))
    steps = steps / np.linalg.norm(steps, axis=-1, keepdims=True) * LENGTHS_17[:, None]
    angle = rng.uniform(-np.pi, np.pi, count)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y, z = np.moveaxis(steps, -1, 0)
    steps = np.stack([cos * x + sin * z, y, cos * z - sin * x], -1)
    pose3d = np.zeros((count, 17, 3))
    for number, (parent, child) in enumerate(BONES_17):
        pose3d[:, child] = pose3d[:, parent] + steps[:, number]
    root = np.stack([rng.uniform(-400, 400, count), rng.uniform(-300, 300, count), rng.uniform(4200, 5600, count)], -1)
    there = pose3d + root[:, None]
    pose2d = 1145 * there[..., :2] / there[..., 2:] + 500
    data = LiftingData(
        make_skeleton(), pose2d.astype(np.float32), np.ones((count, 17), bool), np.full((count, 2), 1000),
        np.array([f"image-{n:04}.jpg#0" for n in range(count)]), np.ones(count, bool), np.arange(count), np.zeros(0, int),
        np.zeros((0, 2), int), np.zeros(0, np.float32), pose3d.astype(np.float32), truth_is_for_evaluation=True,
        where="made up",
    )  # fmt: skip
    return draw_pairs(data, pairs, crowd_votes=crowd_votes, seed=seed) if pairs else data


def hide(data: LiftingData, share: float, seed: int = 0) -> LiftingData:
    """The same people with joints missing at random, three at least left."""
    pose2d = data.pose2d.copy()
    gone = np.random.default_rng(seed).random(pose2d.shape[:2]) < share
    gone[:, :3] = False
    pose2d[gone] = np.nan
    return replace(data, pose2d=pose2d, visible=~gone)


def write_release(folder: Path, data: LiftingData, *, votes: dict | None = None, **manifest) -> Path:
    """A release as `crowd` writes it, with `votes` as arrays of votes.npz."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "pose2d": data.pose2d, "visible": data.visible, "image_size": data.image_size, "person": data.person,
        "is_train": data.is_train, "pair_person": data.pair_person, "pair_joints": data.pair_joints, "p_first": data.p_first,
        "risk": np.minimum(data.p_first, 1 - data.p_first), "votes": np.full(len(data.p_first), 5),
    }  # fmt: skip
    if data.pose3d is not None:
        arrays["pose3d"] = data.pose3d
    files = {}
    for name, content in (("training.npz", arrays), ("votes.npz", votes)):
        if content is not None:
            np.savez_compressed(folder / name, **content)
            written = (folder / name).read_bytes()
            files[name] = {"sha256": hashlib.sha256(written).hexdigest(), "bytes": len(written)}
    record = {
        "format": "nearer-release", "version": 1, "name": "made-up", "skeleton": data.skeleton.to_json(), "conventions": {},
        "files": files, **manifest,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(record))
    return folder
