"""What the other pairs of a person say about a pair: their keypoints are joints of one body.

    z_p ~ N(mu, Sigma)                    depths of person p's keypoints, learnt from the votes themselves
    gap_i = z_second - z_first            1 is the standard deviation of a gap like any other
    theta_i = a gap_i + sqrt(1 - a^2) e_i what people see of it: e_i, what all of them see wrongly, is the pair's own

Where the knee is closer than the hip, the ankle likely is as well. So a pair is foretold from the votes on the other pairs of
its person, never from its own (leave one out: Rasmussen & Williams 2006, section 5.4.2), and what is foretold is then weighed
like any model's opinion (`opinion`): if what people see wrongly runs through all pairs of a person, it agrees with the votes
more often than it could by being right, and counts for less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from crowd.aggregation.signal import NODES, softmax
from crowd.aggregation.votes import BadVotes, Floats, Ints

ROUNDS = 12
TYPICAL = 10.0  # people that the skeleton alone counts for in what is learnt
ENOUGH = 2_000  # people with votes from whom it is learnt, evenly spread over all, and ...
FIRST = 1_000  # ... so many of them from whom it is learnt how much is each pair's own
OWN = (0.0, 0.1, 0.25, 0.5)  # shares of a gap's variance that may be the pair's own
LOOSE = 1e-2  # by how much two joints at one place may differ all the same, as a share of a gap's variance
CELLS = 2_000_000


@dataclass(frozen=True, eq=False)
class Bodies:
    """Which keypoints of whom each item compares; label 1 says that the first is closer.

    Args:
        person: (I,) any whole numbers, one for each person.
        first, second: (I,) keypoints, below n_keypoints.
        bones: (B, 2) keypoints that a bone joins; may be empty, and need not join all.
    Raises: BadVotes for arrays of unequal length, keypoints out of range, a pair of a keypoint with itself.
    """

    person: ArrayLike
    first: ArrayLike
    second: ArrayLike
    n_keypoints: int
    bones: ArrayLike = ()

    def __post_init__(self) -> None:
        columns = {name: np.asarray(getattr(self, name), np.int64) for name in ("person", "first", "second")}
        columns["bones"] = np.asarray(self.bones, np.int64).reshape(-1, 2)
        person, first, second, bones = columns.values()
        if not person.shape == first.shape == second.shape or person.ndim != 1:
            shapes = f"{person.shape}, {first.shape}, {second.shape}"
            raise BadVotes(f"person, first and second have one value per item, not {shapes}")
        for name, values in (("first", first), ("second", second), ("bones", bones)):
            if len(values) and (values.min() < 0 or values.max() >= self.n_keypoints):
                raise BadVotes(f"{name} names keypoints from 0 to {self.n_keypoints - 1}, not {values.min()} to {values.max()}")
        if (first == second).any():
            raise BadVotes(f"item {int(np.flatnonzero(first == second)[0])}: a keypoint is compared with itself")
        for name, values in columns.items():
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.person)

    @cached_property
    def n_people(self) -> int:
        return len(np.unique(self.person))

    def of(self, items: Ints) -> Bodies:
        """Of these items alone."""
        return Bodies(self.person[items], self.first[items], self.second[items], self.n_keypoints, self.bones)

    def skeleton(self) -> Floats:
        """(K, K) covariance of depths that add up along the bones, each bone alike: a gap's variance is the resistance of the
        bones between its keypoints (in a tree their number), 1 on average over the items.
        """
        links = np.zeros((self.n_keypoints, self.n_keypoints))
        for a, b in self.bones:
            links[a, b] = links[b, a] = 1.0
        if not len(self.bones):
            links[:] = 1.0 - np.eye(self.n_keypoints)
        laplacian = np.diag(links.sum(1)) - links
        covariance = np.linalg.inv(laplacian + LOOSE * np.eye(self.n_keypoints))
        return covariance / _gap_variance(covariance, self.first, self.second).mean() if len(self) else covariance


@dataclass(frozen=True, eq=False)
class Poses:
    """How people hold themselves.

    Attributes:
        mean, covariance: (K,) and (K, K) of the keypoints' depths, towards the back.
        own: variance of a gap that does not follow from them, each pair's own.
    """

    mean: Floats
    covariance: Floats
    own: float = 0.0

    def shrunk(self, share: float) -> Poses:
        """The same of this share of every variance."""
        return Poses(self.mean * share, self.covariance * share, self.own * share)

    def foretold(self, bodies: Bodies, seen: Floats, precision: Floats, expected: Floats) -> Floats:
        """(I,) P(label 1) of each item by the other items of its person.

        Args:
            seen: (I,) look at each gap. precision: (I,) 1 / variance of its error, 0 where nobody has looked.
            expected: (I,) gap before any look, beside `mean`; 0 where nothing is known of it.
        """
        mean, variance = self.without(bodies, seen - expected, precision)
        return ndtr((mean + expected) / np.sqrt(variance))

    def without(self, bodies: Bodies, seen: Floats, precision: Floats) -> tuple[Floats, Floats]:
        """Mean and variance, each (I,), of each gap given the looks at the other gaps of its person."""
        mean, variance = np.empty(len(bodies)), np.empty(len(bodies))
        beside = precision / (1 + self.own * precision)  # of looks at what the poses say of the gaps
        for rows, person in _chunks(bodies):
            first, second, weight = bodies.first[rows], bodies.second[rows], beside[rows]
            depth, covariance = self.given(int(person.max()) + 1, person, first, second, seen[rows], weight)
            spread = np.maximum(_gap_variance(covariance, first, second, person), 1e-9)
            left = np.maximum(1 / spread - weight, 1e-6)
            mean[rows] = ((depth[person, second] - depth[person, first]) / spread - weight * seen[rows]) / left
            variance[rows] = 1 / left + self.own
        return mean, variance

    def given(
        self, n: int, person: Ints, first: Ints, second: Ints, seen: Floats, precision: Floats
    ) -> tuple[Floats, Floats]:
        """Mean (n, K) and covariance (n, K, K) of the depths of people 0 to n - 1, given looks (L,) at their gaps."""
        inverse = np.linalg.inv(self.covariance)
        pull = np.tile(inverse @ self.mean, (n, 1))
        inverse = np.tile(inverse, (n, 1, 1))
        for i, j, sign in ((first, first, 1), (second, second, 1), (first, second, -1), (second, first, -1)):
            np.add.at(inverse, (person, i, j), sign * precision)
        np.add.at(pull, (person, second), seen * precision)
        np.add.at(pull, (person, first), -seen * precision)
        covariance = np.linalg.inv(inverse)
        return np.einsum("nij,nj->ni", covariance, pull), covariance


def learnt(bodies: Bodies, seen: Floats, precision: Floats, variance: float = 1.0) -> Poses:
    """The poses under which these looks are likely, by EM; the skeleton alone stays `TYPICAL` people's worth. How much is each
    pair's own is what lets the other looks foretell each look best.

    Args:
        seen, precision: (I,) as `Poses.foretold` takes them, less what is expected.
        variance: of a gap like any other, given what is expected of it: what the poses leave of it is a pair's own.
    """
    prior = bodies.skeleton() * variance
    few = _of_people(bodies, precision, FIRST)
    if not len(few):
        return Poses(np.zeros(bodies.n_keypoints), prior)

    def fit(own: float, some: Ints) -> Poses:
        poses = Poses(np.zeros(bodies.n_keypoints), prior * (1 - own), own * variance)
        for _ in range(ROUNDS):
            poses = _better(poses, bodies.of(some), seen[some], precision[some], prior * (1 - own))
        return poses

    def foretells(poses: Poses) -> float:
        mean, spread = poses.without(bodies.of(few), seen[few], precision[few])
        spread = spread + 1 / precision[few]
        return -0.5 * float(((seen[few] - mean) ** 2 / spread + np.log(spread)).sum())

    own, poses = max(((own, fit(own, few)) for own in OWN), key=lambda found: foretells(found[1]))
    some = _of_people(bodies, precision, ENOUGH)
    if len(some) > len(few):
        poses = fit(own, some)
    first, second = bodies.first[some], bodies.second[some]
    drawn = _gap_variance(poses.covariance, first, second) + (poses.mean[second] - poses.mean[first]) ** 2
    return replace(poses, own=max(variance - float(drawn.mean()), poses.own))


def _of_people(bodies: Bodies, precision: Floats, most: int) -> Ints:
    """Items that were looked at, of about so many people, evenly spread over all."""
    people = np.unique(bodies.person[precision > 0])
    people = people[:: max(-(-len(people) // most), 1)]
    return np.flatnonzero(np.isin(bodies.person, people) & (precision > 0))


def _better(poses: Poses, bodies: Bodies, seen: Floats, precision: Floats, prior: Floats) -> Poses:
    """After one round of EM."""
    total, mean, n = TYPICAL * prior, np.zeros(bodies.n_keypoints), TYPICAL
    beside = precision / (1 + poses.own * precision)
    for rows, person in _chunks(bodies):
        n_people = int(person.max()) + 1
        where = person, bodies.first[rows], bodies.second[rows]
        depth, covariance = poses.given(n_people, *where, seen[rows], beside[rows])
        total = total + covariance.sum(0) + (depth - poses.mean).T @ (depth - poses.mean)
        mean, n = mean + depth.sum(0), n + n_people
    return Poses(mean / n, total / n, poses.own)


def looks(evidence: Floats, mass: Floats, a: float) -> tuple[Floats, Floats]:
    """What votes (I, K log likelihood on the nodes) tell of each gap, as a look with a Gaussian error.

    Args:
        mass: (K,) of the nodes. a: correlation of gap and signal.
    Returns: (I,) what was seen, and (I,) the precision, 0 where there is no vote.
    """
    belief = softmax(evidence + np.log(mass))[0]
    mean, before = belief @ NODES, mass @ NODES
    variance = np.maximum(belief @ NODES**2 - mean**2, 1e-3)
    variance_before = mass @ NODES**2 - before**2
    sharper = np.maximum(1 / variance - 1 / variance_before, 0)
    has = (sharper > 1e-6) & (evidence != evidence[:, :1]).any(1)
    sharper = np.where(has, sharper, 1.0)
    seen = (mean / variance - before / variance_before) / sharper / a
    error = (1 / sharper + 1 - a**2) / a**2
    return np.where(has, seen, 0.0), np.where(has, 1 / error, 0.0)


def _gap_variance(covariance: Floats, first: Ints, second: Ints, *person: Ints) -> Floats:
    """(I,) by one covariance (K, K), or by each person's own (N, K, K)."""
    own = covariance[(*person, first, first)] + covariance[(*person, second, second)]
    return own - 2 * covariance[(*person, first, second)]


def _chunks(bodies: Bodies):
    """Items, a good number of people at a time, and those people numbered from 0."""
    if not len(bodies):
        return
    people, person = np.unique(bodies.person, return_inverse=True)
    order = np.argsort(person, kind="stable")
    at_once = max(CELLS // bodies.n_keypoints**2, 1)
    edges = np.searchsorted(person[order], np.arange(at_once, len(people), at_once))
    for rows in np.split(order, edges):
        yield rows, person[rows] - person[rows[0]]
