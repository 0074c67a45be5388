"""A network in memory and prepared people become poses."""

from dataclasses import replace

import torch

from . import coordinates, depths
from .config import Config

ROWS = 4096  # people at once


def poses_of(net, people, limbs, config: Config, reference_mm: float) -> list[torch.Tensor]:
    """[pose, depth variance, z_b - z_a, its variance] of prepared people; the paper's model knows no variance (zeros)."""
    if config.method == "depth":
        parts = [
            depths.poses(net, _rows(people, rows), limbs, reference_mm) for rows in torch.arange(len(people)).split(ROWS)
        ]
        return [torch.cat(part) for part in zip(*parts)]
    pose = coordinates.poses(net, people, limbs)
    first, second = torch.triu_indices(pose.shape[1], pose.shape[1], 1)
    apart = pose[:, second, 2] - pose[:, first, 2]
    return [pose, torch.zeros_like(pose[..., 2]), apart, torch.zeros_like(apart)]


def _rows(people, rows):
    return replace(people, **{name: getattr(people, name)[rows] for name in ("plane", "known", "distance", "pixel", "back")})
