"""Skeletons as data: joints, bones, mirror, root; and how long a person's limbs usually are.

A skeleton comes with the data (a release's manifest, a mocap file). What no data set of
relative depths holds is the length of limbs; it is read off one reference figure by joint
name, so that any skeleton made of known joints has a reference, and is estimated from the
2D poses for bones between joints that the figure does not know.
"""

import re
from dataclasses import dataclass

import numpy as np

from .errors import BadData

# A standing figure of 1.7 m, arms sideways: x to the person's left, y up, z forwards, millimetres from the middle of the hips.
# Segment lengths are those of adults in motion-capture and anthropometric tables, rounded.
FIGURE_MM = {
    "hip": (98, 0, 0), "knee": (98, -420, 0), "ankle": (98, -822, 0), "toe": (98, -880, 160), "foot": (98, -880, 160),
    "heel": (98, -880, -50), "pelvis": (0, 0, 0), "spine": (0, 230, 0), "thorax": (0, 470, 0), "neck": (0, 470, 0),
    "shoulder": (165, 450, 0), "elbow": (440, 450, 0), "wrist": (685, 450, 0), "hand": (770, 450, 0),
    "chin": (0, 570, 60), "nose": (0, 590, 50), "head": (0, 700, 0), "eye": (32, 625, 60), "ear": (72, 610, -20),
}  # fmt: skip
SYNONYMS = {
    "mid hip": "pelvis", "hips": "pelvis", "root": "pelvis", "head top": "head", "top of head": "head", "top head": "head",
    "upper neck": "neck", "mid spine": "spine", "torso": "spine", "chest": "thorax", "big toe": "toe", "foot tip": "toe",
    "neck base": "thorax", "middle of the hips": "pelvis", "crown": "head",
}  # fmt: skip


@dataclass(frozen=True)
class Skeleton:
    """Which joints a person has.

    Attributes:
        name: for messages and checks.
        joints: K names; left and right are the person's.
        bones: (parent, child) index pairs; lengths along them are what the skeleton loss speaks of.
        mirror: for each joint the index of its mirror image, itself in the middle.
        root: the joint that poses are centred on.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    mirror: tuple[int, ...]
    root: int = 0

    def __post_init__(self):
        count = len(self.joints)
        if count < 2:
            raise BadData(f"Skeleton '{self.name}' has {count} joints; at least two are needed.")
        if len(set(self.joints)) != count:
            raise BadData(f"Skeleton '{self.name}' names a joint twice.")
        for parent, child in self.bones:
            if not (0 <= parent < count and 0 <= child < count) or parent == child:
                raise BadData(f"Skeleton '{self.name}': bone ({parent}, {child}) does not join two of its {count} joints.")
        if sorted(self.mirror) != list(range(count)) or any(self.mirror[self.mirror[k]] != k for k in range(count)):
            raise BadData(f"Skeleton '{self.name}': 'mirror' must give each joint's mirror image and be its own inverse.")
        if not 0 <= self.root < count:
            raise BadData(f"Skeleton '{self.name}': root {self.root} is not one of its {count} joints.")

    @classmethod
    def from_json(cls, record: dict, where: str = "skeleton") -> "Skeleton":
        """Read the `skeleton` of a manifest or of a run; raises BadData naming what is missing."""
        try:
            return cls(
                name=str(record["name"]),
                joints=tuple(str(joint) for joint in record["joints"]),
                bones=tuple((int(a), int(b)) for a, b in record["bones"]),
                mirror=tuple(int(k) for k in record["mirror"]),
                root=int(record.get("root", 0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, BadData):
                raise
            raise BadData(f"{where}: the skeleton needs name, joints, bones and mirror ({error!r}).") from error

    def to_json(self) -> dict:
        return {
            "name": self.name, "joints": list(self.joints), "bones": [list(bone) for bone in self.bones],
            "mirror": list(self.mirror), "root": self.root,
        }  # fmt: skip

    def tree(self) -> tuple[tuple[int, int], ...]:
        """K - 1 edges (parent, child) that reach every joint from the root, parents first.

        The bones where they suffice (a loop such as LSP's trunk is cut, shortest way first); a joint
        that no bone reaches hangs on the root.
        """
        edges, reached, queue = [], {self.root}, [self.root]
        while queue:
            at = queue.pop(0)
            for a, b in self.bones:
                for parent, child in ((a, b), (b, a)):
                    if parent == at and child not in reached:
                        edges.append((parent, child))
                        reached.add(child)
                        queue.append(child)
        edges += [(self.root, joint) for joint in range(len(self.joints)) if joint not in reached]
        return tuple(edges)

    def generic_lengths(self) -> np.ndarray:
        """Length of each bone in the reference figure, (bones,) millimetres; NaN where a joint is unknown to it."""
        place = [_place(name) for name in self.joints]
        lengths = [
            np.linalg.norm(np.subtract(place[a], place[b])) if place[a] is not None and place[b] is not None else np.nan
            for a, b in self.bones
        ]
        return np.array([length if length > 1 else np.nan for length in lengths])

    def downwards(self) -> np.ndarray:
        """(K,) weights, sum 0: weighted joints add up to a vector from the head towards the feet; zeros for unknown joints."""
        heights = [np.nan if _place(name) is None else _place(name)[1] for name in self.joints]
        if np.isnan(heights).all():
            return np.zeros(len(self.joints))
        return np.nan_to_num(np.nanmean(heights) - heights)

    def rigid_bones(self) -> np.ndarray:
        """(bones,) bool: False for shoulder-to-hip bones, whose length changes as the trunk bends."""
        kinds = [_kind(name)[0] for name in self.joints]
        return np.array([{kinds[a], kinds[b]} != {"shoulder", "hip"} for a, b in self.bones])


def _kind(name: str) -> tuple[str, float]:
    """Which joint of the figure a name means, and its side: +1 left, -1 right, 0 middle."""
    words = [word for word in re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()) if word]
    side = 1.0 if {"left", "l"} & set(words) else -1.0 if {"right", "r"} & set(words) else 0.0
    plain = " ".join(word for word in words if word not in ("left", "l", "right", "r"))
    kind = SYNONYMS.get(plain, plain)
    return ("pelvis" if kind == "hip" and side == 0 else kind), side


def _place(name: str) -> tuple[float, float, float] | None:
    kind, side = _kind(name)
    if kind not in FIGURE_MM:
        return None
    x, y, z = FIGURE_MM[kind]
    return (side * x, y, z)


def same_place(name: str, names: tuple[str, ...]) -> int | None:
    """Index of the joint among `names` that a name means: the same one, else one at the same place of the figure."""
    kinds = [_kind(other) for other in names]
    if _kind(name) in kinds:
        return kinds.index(_kind(name))
    places = [_place(other) for other in names]
    return places.index(_place(name)) if _place(name) is not None and _place(name) in places else None


def estimate_lengths(pose2d: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Relative length of each bone from 2D poses alone, (bones,), mean 1.

    A bone seen from the side shows its length, from any other direction less: the 90th percentile over
    people of its length in units of the person's size is taken, and mirrored bones share the larger.

    Args:
        pose2d: (N, K, 2) pixels, NaN where missing.
    """
    parent, child = np.array(skeleton.bones).T
    size = np.sqrt(np.nanmean(((pose2d - np.nanmean(pose2d, axis=1, keepdims=True)) ** 2).sum(-1), axis=1))
    seen = np.linalg.norm(pose2d[:, parent] - pose2d[:, child], axis=-1) / size[:, None]
    lengths = np.array([np.nanquantile(column, 0.9) if np.isfinite(column).any() else np.nan for column in seen.T])
    index = {frozenset(bone): number for number, bone in enumerate(skeleton.bones)}
    for number, (a, b) in enumerate(skeleton.bones):
        other = index.get(frozenset((skeleton.mirror[a], skeleton.mirror[b])))
        if other is not None:
            lengths[number] = lengths[other] = np.nanmax([lengths[number], lengths[other], 1e-3])
    lengths = np.where(np.isfinite(lengths), lengths, np.nanmean(lengths))
    return lengths / lengths.mean()


def reference_lengths(skeleton: Skeleton, pose2d: np.ndarray) -> np.ndarray:
    """The generic figure's limbs in millimetres, completed from the 2D poses where the figure is silent: (bones,)."""
    generic = skeleton.generic_lengths()
    known = np.isfinite(generic)
    if known.all():
        return generic
    seen = estimate_lengths(pose2d, skeleton)
    if not known.any():
        return seen * 250.0  # a typical limb
    return np.where(known, generic, seen * (generic[known].sum() / seen[known].sum()))
