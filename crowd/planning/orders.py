"""What is known of the depths of a person's keypoints, what follows from it, and what one more answer would tell. Pure NumPy.

A person's depths are one Gaussian variable, so an order that is known makes others likelier: where the hand is closer than
the hip and the hip than the foot, nobody need be asked about hand and foot. A consensus p on "a closer than b" is read as a
look at z_b - z_a with the blur that makes consensuses of that data set right as often as they say; contradictions average out.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri

from crowd.aggregation.bodies import Poses

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(11)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
SUREST = 4.0  # standard deviations; no consensus says more


@dataclass(frozen=True)
class Depths:
    """Belief about N people's depths.

    Attributes:
        mean: (N, K) towards the back, in a unit of its own.
        covariance: (N, K, K).
        blur: standard deviation, in that unit, of what people see of a gap around the gap itself.
    """

    mean: np.ndarray
    covariance: np.ndarray
    blur: float

    def gaps(self, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance, each (N, P), of z_b - z_a for (P, 2) pairs (a, b): positive where a is closer."""
        a, b = pairs.T
        own = np.diagonal(self.covariance, axis1=1, axis2=2)
        variance = own[:, a] + own[:, b] - 2 * self.covariance[:, a, b]
        return self.mean[:, b] - self.mean[:, a], np.maximum(variance, 1e-12)

    def order(self, pairs: np.ndarray) -> np.ndarray:
        """(N, P) probability that a is closer than b."""
        mean, variance = self.gaps(pairs)
        return ndtr(mean / np.sqrt(variance))

    def telling(self, pairs: np.ndarray) -> np.ndarray:
        """(N, P) bits that one look at the pair would tell of its gap (mutual information, as in BALD, Houlsby et al. 2011).

        Little where the order is known, and little where the two are known to be about equally close: there people's answers
        are a coin's.
        """
        mean, variance = self.gaps(pairs)
        whole = _entropy(ndtr(mean / np.sqrt(variance + self.blur**2)))
        given = np.zeros_like(mean)
        for node, weight in zip(NODES, WEIGHTS):
            given += weight * _entropy(ndtr((mean + node * np.sqrt(variance)) / self.blur))
        return np.maximum(whole - given, 0)

    def after(self, pair: np.ndarray) -> "Depths":
        """Once pair (N, 2) of each person has been looked at: how much is known then, whatever the answer will be."""
        person = np.arange(len(pair))
        column = self.covariance[person, :, pair[:, 1]] - self.covariance[person, :, pair[:, 0]]  # Cov(z, gap)
        variance = column[person, pair[:, 1]] - column[person, pair[:, 0]] + self.blur**2
        return replace(self, covariance=self.covariance - column[:, :, None] * column[:, None, :] / variance[:, None, None])


def from_consensus(
    n_people: int, n_joints: int, person, pairs, p_first, share_right: float, poses: Poses | None = None
) -> Depths:
    """What P consensuses tell of people's depths.

    Args:
        person: (P,) indices below n_people. pairs: (P, 2) joints. p_first: (P,) probability that the first is closer, by
            votes on this pair alone.
        share_right: how many of such consensuses are right, between 1/2 and 1: the mean of max(p, 1 - p).
        poses: what is thought of a person's depths before; where None all joints are alike and independent.
    """
    correlation = np.sin((np.clip(share_right, 0.51, 0.999) - 0.5) * np.pi)  # of what is seen with what is there
    noise = 1 / correlation**2 - 1  # variance of the blur, where a gap's is 1
    seen = np.clip(ndtri(np.asarray(p_first, float)), -SUREST, SUREST) * np.sqrt(noise * (1 + noise))
    person, (first, second) = np.asarray(person, int), np.asarray(pairs, int).reshape(-1, 2).T
    poses = poses or Poses(np.zeros(n_joints), np.eye(n_joints) / 2)
    mean, covariance = poses.given(n_people, person, first, second, seen, np.full(len(seen), 1 / noise))
    return Depths(mean, covariance, float(np.sqrt(noise)))


def tree_covariance(tree: tuple[tuple[int, int], ...], root: int, deviation_mm: np.ndarray) -> np.ndarray:
    """(N, K, K) of depths about the root's, in mm², from each joint's deviation (N, K): errors add up along the bones.

    Two joints share the errors of the way that they share, so a hand's depth about the elbow's is better known than about
    the root's.
    """
    parent = {child: above for above, child in tree}
    ways = []
    for joint in range(deviation_mm.shape[1]):
        way = {joint}
        while joint != root:
            joint = parent[joint]
            way.add(joint)
        ways.append(way)
    variance = np.square(deviation_mm)
    for above, child in tree:  # never less at a child, whatever the rounding
        variance[:, child] = np.maximum(variance[:, child], variance[:, above])
    depth = np.array([[max(a & b, key=lambda joint: len(ways[joint])) for b in ways] for a in ways])
    return variance[:, depth]


def most_telling(
    depths: Depths, pairs: np.ndarray, may: np.ndarray, count: int, known_at: float = 0.0, chance: np.ndarray | float = 0.0
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Choose up to `count` pairs for each person, one after the other, each knowing that those before it will be answered.

    Args:
        pairs: (P, 2) candidates. may: (N, P) whether this person can be asked this one.
        known_at: a pair whose order is known with at most this risk is not asked.
        chance: (N, P) in 0 to 1, decides between pairs that tell as much.
    Returns: for each turn the people (M,), the numbers of their pairs (M,), and the bits (M,).
    """
    order = depths.order(pairs)
    may = may & (np.minimum(order, 1 - order) > known_at)
    turns = []
    for _ in range(count):
        person = np.flatnonzero(may.any(1))
        if not len(person):
            break
        bits = np.where(may, depths.telling(pairs) + 1e-6 * chance, -1.0)
        best = bits.argmax(1)
        turns.append((person, best[person], bits[person, best[person]]))
        may[person, best[person]] = False
        depths = depths.after(pairs[best])
    return turns


def _entropy(p: np.ndarray) -> np.ndarray:
    """Bits of a coin that shows heads with probability p."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
