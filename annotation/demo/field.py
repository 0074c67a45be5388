"""A body as a signed distance field: tapered capsules, joined smoothly, evaluated for many points at once.

A capsule runs from one end to the other with a radius quadratic in the position along it; its cross-section may be
wider than deep. The capsules of a group (an arm, the torso) melt into each other, the groups only touch.
Distances are lower bounds as far as sphere tracing needs them (Hart, "Sphere tracing", The Visual Computer 1996).
"""

from dataclasses import dataclass, field

import numpy as np

from annotation.demo.skeleton import unit

CHUNK = 1536
BLEND_MM = {
    "torso": 26.0, "head": 5.0, "hair": 12.0, "left arm": 9.0, "right arm": 9.0, "left hand": 2.5, "right hand": 2.5,
    "left leg": 14.0, "right leg": 14.0,
}  # fmt: skip
TOUCH_MM = 5.0  # between groups
FAR_BLEND_MM = 90.0  # capsules this much farther than the nearest one have no say


@dataclass
class Capsule:
    """From `start` to `end` (3,) in mm; `radii` at both ends; `bulge` adds to the radius half way.

    `side` is the direction in which the cross-section is `widths[0]` times as wide as its radius, the direction
    across it is `widths[1]` times; both at least 1.
    """

    part: str
    group: str
    start: np.ndarray
    end: np.ndarray
    radii: tuple[float, float]
    bulge: float = 0.0
    side: np.ndarray | None = None
    widths: tuple[float, float] = (1.0, 1.0)


@dataclass
class Field:
    """Capsules as arrays, P of them, sorted by group; all arithmetic in float32."""

    capsules: list[Capsule]
    parts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        order = list(BLEND_MM)
        self.capsules = sorted(self.capsules, key=lambda capsule: order.index(capsule.group))
        self.parts = [capsule.part for capsule in self.capsules]
        self.group = np.array([order.index(capsule.group) for capsule in self.capsules])
        self.blend = np.array([BLEND_MM[capsule.group] for capsule in self.capsules], np.float32)
        rows, start, length, profile, reach = [], [], [], [], []
        for capsule in self.capsules:
            axis = unit(capsule.end - capsule.start)
            side = capsule.side if capsule.side is not None else np.array([0.31, 0.52, 0.79])
            side = unit(side - axis * (side @ axis))
            across = np.cross(axis, side)
            rows.append(np.stack([axis, side / capsule.widths[0], across / capsule.widths[1]]))
            start.append(capsule.start)
            length.append(max(np.linalg.norm(capsule.end - capsule.start), 1e-3))
            first, last = capsule.radii
            profile.append([first, last - first + 4 * capsule.bulge, -4 * capsule.bulge])
            reach.append((max(first, last) + max(capsule.bulge, 0)) * max(capsule.widths))
        self.start = np.array(start)
        self.end = np.array([capsule.end for capsule in self.capsules])
        self.frame = np.array(rows, np.float32)  # (P, 3, 3)
        self.offset = np.einsum("pij,pj->pi", self.frame, self.start).astype(np.float32)
        self.length = np.array(length, np.float32)
        self.profile = np.array(profile, np.float32)
        self.reach = np.array(reach)
        self.least = np.array([min(capsule.radii) for capsule in self.capsules])

    def local(self, points: np.ndarray, capsule: int) -> tuple[np.ndarray, np.ndarray]:
        """Where points (N, 3) lie along one capsule (N,), 0 to 1 between its ends, and its own axes' coordinates (N, 3)."""
        inside = points @ self.frame[capsule].T - self.offset[capsule]
        return inside[:, 0] / self.length[capsule], inside

    def _near(self, points: np.ndarray) -> np.ndarray:
        """The capsules that can matter for a cluster of points, by a bounding sphere."""
        low, high = points.min(0), points.max(0)
        centre = (low + high) / 2
        radius = float(np.linalg.norm(high - low)) / 2
        along = self.end - self.start
        share = ((centre - self.start) * along).sum(1) / np.maximum((along**2).sum(1), 1e-6)
        gap = np.linalg.norm(self.start + along * np.clip(share, 0, 1)[:, None] - centre, axis=1)
        # a widened cross-section shrinks distances in the field by up to its width: bound with both readings
        widest = self.reach / np.maximum(self.least, 1e-3)
        lower = (gap - radius) / np.maximum(widest, 1) - self.reach
        upper = gap + radius - self.least
        return np.flatnonzero(lower <= upper.min() + FAR_BLEND_MM)

    def _each(self, points: np.ndarray, near: np.ndarray) -> np.ndarray:
        """Distances (p, N) of points to each of the capsules `near`."""
        count = len(near)
        inside = self.frame[near].reshape(-1, 3) @ points.T
        inside = inside.reshape(count, 3, -1) - self.offset[near][:, :, None]
        length, profile = self.length[near, None], self.profile[near]
        along = inside[:, 0]
        share = along / length
        np.clip(share, 0, 1, out=share)
        along = along - share * length
        distance = along * along
        distance += inside[:, 1] * inside[:, 1]
        distance += inside[:, 2] * inside[:, 2]
        np.sqrt(distance, out=distance)
        distance -= (profile[:, 2:3] * share + profile[:, 1:2]) * share + profile[:, 0:1]
        return distance

    def _joined(self, each: np.ndarray, near: np.ndarray) -> np.ndarray:
        total = None
        for group in np.unique(self.group[near]):
            rows = each[self.group[near] == group]
            least = rows.min(0)
            if len(rows) > 1:
                blend = self.blend[near[self.group[near] == group][0]]
                least = least - blend * np.log(np.exp((least - rows) / blend).sum(0))
            total = least if total is None else _smooth_least(total, least)
        return total

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance (N,) in mm of points (N, 3) float32; negative inside. Quick where neighbours come in order."""
        result = np.empty(len(points), np.float32)
        for at in range(0, len(points), CHUNK):
            some = points[at : at + CHUNK]
            near = self._near(some)
            result[at : at + CHUNK] = self._joined(self._each(some, near), near)
        return result

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """The capsule (N,) that each point (N, 3) belongs to."""
        result = np.empty(len(points), np.int64)
        for at in range(0, len(points), CHUNK):
            some = points[at : at + CHUNK]
            near = self._near(some)
            result[at : at + CHUNK] = near[self._each(some, near).argmin(0)]
        return result

    def normal(self, points: np.ndarray, step: float = 1.2) -> np.ndarray:
        """Outward unit normals (N, 3), from four values on a tetrahedron around each point."""
        corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32)
        return unit(sum(corner * self.distance(points + corner * step)[:, None] for corner in corners))


def _smooth_least(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The smaller of two distances with a fillet of TOUCH_MM (quadratic smooth minimum)."""
    overlap = np.maximum(TOUCH_MM - np.abs(one - other), 0)
    return np.minimum(one, other) - overlap * overlap * np.float32(0.25 / TOUCH_MM)
