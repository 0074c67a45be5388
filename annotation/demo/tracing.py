"""A pinhole camera, and rays marched through a body's field: first hits, soft shadows, ambient occlusion.

Soft shadows after Quilez ("Soft shadows in raymarched SDFs"): how near a ray passes by an obstacle, relative to how
far that is, stands for the covered share of the lamp.
"""

from dataclasses import dataclass

import numpy as np

from annotation.demo.field import Field
from annotation.demo.skeleton import unit

HIT_MM = 0.5
BLOCK = 8


@dataclass
class Camera:
    """A pinhole at `position` (mm, world z up) that looks along `forward`; the principal point is the image centre."""

    position: np.ndarray
    forward: np.ndarray
    focal_px: float
    width: int
    height: int

    @property
    def rotation(self) -> np.ndarray:
        """Rows: the camera's x (right), y (down), z (away) in world axes."""
        right = unit(np.cross(self.forward, [0.0, 0.0, 1.0]))
        return np.stack([right, np.cross(self.forward, right), self.forward])

    def view(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) in camera axes, mm."""
        return (points - self.position) @ self.rotation.T

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of world points; pixel i covers [i, i + 1), the centre is (width / 2, height / 2)."""
        seen = self.view(points)
        return seen[..., :2] / seen[..., 2:] * self.focal_px + [self.width / 2, self.height / 2]

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Unit directions (N, 3) float32 in the world through image places (N, 2)."""
        flat = (pixels - [self.width / 2, self.height / 2]) / self.focal_px
        ahead = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
        return unit(ahead @ self.rotation).astype(np.float32)


def pixel_blocks(camera: Camera, field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 2), block by block, whose rays may meet the body, and how far along each may start (N,)."""
    columns, rows = -(-camera.width // BLOCK), -(-camera.height // BLOCK)
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    directions = camera.rays((grid + 0.5) * BLOCK)
    spread = np.float32(BLOCK * 0.75 / camera.focal_px)  # half a block's diagonal, as a slope
    reach = float(np.linalg.norm(field.start - camera.position, axis=1).max()) + 400
    origin = camera.position.astype(np.float32)
    distance = np.full(len(grid), max(np.linalg.norm(field.start - camera.position, axis=1).min() - 500, 50), np.float32)
    active = np.arange(len(grid))
    found = np.zeros(len(grid), bool)
    for _ in range(64):
        if not len(active):
            break
        gap = field.distance(origin + directions[active] * distance[active, None])
        cone = distance[active] * spread
        near = gap < cone
        found[active[near]] = True
        active, step = active[~near], (gap - cone)[~near]
        distance[active] += np.maximum(step, 4)
        active = active[distance[active] < reach]
    found[active] = True
    found = np.flatnonzero(found)
    tile = grid[found] // 4  # neighbours in the list are neighbours in the picture: few capsules matter to them
    found = found[np.lexsort((grid[found, 0], grid[found, 1], tile[:, 0], tile[:, 1]))]
    blocks = grid[found]
    inside = np.stack(np.meshgrid(np.arange(BLOCK), np.arange(BLOCK)), axis=-1).reshape(-1, 2)
    pixels = (blocks[:, None] * BLOCK + inside).reshape(-1, 2)
    start = np.repeat(distance[found] * (1 - 2 * spread) - 4, BLOCK * BLOCK)
    fits = (pixels[:, 0] < camera.width) & (pixels[:, 1] < camera.height)
    return pixels[fits], start[fits]


def march(field: Field, origin: np.ndarray, directions: np.ndarray, start: np.ndarray, reach: float) -> np.ndarray:
    """Distance (N,) along each ray to the body, infinity where it passes by."""
    origin = origin.astype(np.float32)
    travelled = start.astype(np.float32).copy()
    result = np.full(len(directions), np.inf, np.float32)
    active = np.arange(len(directions))
    for _ in range(90):
        if not len(active):
            break
        gap = field.distance(origin + directions[active] * travelled[active, None])
        hit = gap < HIT_MM
        result[active[hit]] = travelled[active[hit]]
        active, gap = active[~hit], gap[~hit]
        travelled[active] += np.maximum(gap * 0.92, 0.3)
        active = active[travelled[active] < reach]
    return result


def light_reaching(field: Field, points: np.ndarray, lamp: np.ndarray, softness: float, start_mm: float = 14.0) -> np.ndarray:
    """Share (N,) of a distant lamp in direction `lamp` (3,) that points (N, 3) see; `softness` is its radius as a slope."""
    lamp = lamp.astype(np.float32)
    top = float(np.maximum(field.start, field.end)[:, 2].max()) + 140
    share = np.ones(len(points), np.float32)
    travelled = np.full(len(points), start_mm, np.float32)
    active = np.arange(len(points))
    for _ in range(48):
        if not len(active):
            break
        gap = field.distance(points[active] + lamp * travelled[active, None])
        share[active] = np.minimum(share[active], 0.5 + 0.5 * gap / (softness * travelled[active]))
        travelled[active] += np.clip(gap, 9, 400)
        going = (share[active] > 0.004) & (points[active, 2] + lamp[2] * travelled[active] < top)
        active = active[going]
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def openness(field: Field, points: np.ndarray, normals: np.ndarray, taps=(14, 40, 95, 190)) -> np.ndarray:
    """Ambient light share (N,): how much room the body and the ground leave in front of a surface."""
    blocked, weight, total = 0.0, 1.0, 0.0
    for tap in taps:
        place = points + normals * np.float32(tap)
        room = np.minimum(field.distance(place), np.maximum(place[:, 2], -tap))
        blocked = blocked + weight * np.clip((tap - room) / tap, 0, 1.2)
        total += weight
        weight *= 0.8
    return np.clip(1 - 0.95 * blocked / total, 0, 1).astype(np.float32)
