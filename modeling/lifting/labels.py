"""Relative labels drawn from true depths: exact ones, and ones with errors like people's.

The crowd's errors follow the paper's user study as its released code simulates it: the chance of a right vote is
50 % at equal depth and rises by 12.5 points with every 10 cm, to 100 % at 40 cm.
"""

import numpy as np

from .data import LiftingData
from .errors import BadConfig, BadData

ORDINARY_SKILL, BEST_SKILL = 0.75, 0.99  # of a worker of whom nothing is said; of the best, so that nobody outvotes all


def worker_accuracy(gap_mm: np.ndarray) -> np.ndarray:
    """Chance that one vote on a pair at this absolute depth gap is right."""
    return np.minimum(0.5 + 0.00125 * np.abs(gap_mm), 1.0)


def draw_pairs(
    data: LiftingData, pairs: int | str = 1, *, tolerance_mm: float = 0.0, flip_rate: float = 0.0, crowd_votes: int = 0,
    seed: int = 0,
) -> LiftingData:  # fmt: skip
    """The same people with labels drawn from their true depths.

    Args:
        pairs: how many different pairs a person gets, or 'all'.
        tolerance_mm: pairs closer in depth than this are undecided (p_first 0.5; the paper's r = 0).
        flip_rate: share of labels that are wrong, whatever the gap.
        crowd_votes: 0 for exact labels; else p_first and share_first are the share of so many crowd-like votes for the first.
        seed: same seed, same labels.
    Raises: BadData where there are no depths, BadConfig for impossible settings.
    """
    if data.pose3d is None:
        raise BadData(f"{data.where}: labels cannot be drawn, there are no 3D poses in it.")
    joints = len(data.skeleton.joints)
    first, second = np.triu_indices(joints, 1)
    count = len(first) if pairs == "all" else int(pairs)
    if not 1 <= count <= len(first):
        raise BadConfig(f"pairs = {pairs}: give 1 to {len(first)} or 'all'.")
    if not 0 <= flip_rate <= 1:
        raise BadConfig(f"flip_rate = {flip_rate}: give a share between 0 and 1.")
    if tolerance_mm and (flip_rate or crowd_votes):
        raise BadConfig("tolerance_mm goes with exact labels only; drop flip_rate and crowd_votes.")
    rng = np.random.default_rng(seed)
    if count == len(first):
        chosen = np.broadcast_to(np.arange(count), (len(data), count))
    else:
        chosen = np.argpartition(rng.random((len(data), len(first)), dtype=np.float32), count - 1, axis=1)[:, :count]
    person = np.repeat(np.arange(len(data)), count)
    pair = np.stack([first, second], axis=1)[chosen.ravel()]
    swap = rng.random(len(pair)) < 0.5  # keypoint order never carries meaning
    pair[swap] = pair[swap, ::-1]
    gap = data.pose3d[person, pair[:, 1], 2] - data.pose3d[person, pair[:, 0], 2]  # positive: the first is closer
    usable = np.isfinite(gap)
    person, pair, gap = person[usable], pair[usable], gap[usable]
    if crowd_votes:
        right = worker_accuracy(gap)
        p_first = rng.binomial(crowd_votes, np.where(gap > 0, right, 1 - right)) / crowd_votes
    else:
        p_first = np.where(np.abs(gap) <= tolerance_mm, 0.5, gap > 0) if tolerance_mm else (gap > 0).astype(float)
    if flip_rate:
        wrong = rng.random(len(p_first)) < flip_rate
        p_first = np.where(wrong, 1 - p_first, p_first)
    return data.with_pairs(person, pair, p_first, p_first if crowd_votes else None)


def share_of_votes(
    pair: np.ndarray, worker: np.ndarray, chose_first: np.ndarray, skill: np.ndarray, n_pairs: int
) -> np.ndarray:
    """(P,) share of each pair's votes for the first keypoint; NaN where nobody voted, or nobody of any skill.

    A vote counts by the log odds of its worker's skill, the best weight where workers err independently (Nitzan and Paroush
    1982), so one who guesses counts for nothing.

    Args:
        pair, worker, chose_first: (V,) of each vote; the worker as an index into `skill`.
        skill: (W,) probability of a right answer on an ordinary pair; NaN counts as `ORDINARY_SKILL`.
    """
    skill = np.where(np.isfinite(skill), skill, ORDINARY_SKILL).clip(0.5, BEST_SKILL)
    weight = np.log(skill / (1 - skill))[worker]
    total = np.bincount(pair, weight, n_pairs)
    return np.bincount(pair, weight * chose_first, n_pairs) / np.where(total > 0, total, np.nan)


def relation(p_first: np.ndarray) -> np.ndarray:
    """The paper's r: -1 where the first is closer, +1 where the second is, 0 where undecided."""
    return np.sign(0.5 - np.asarray(p_first, dtype=float)).astype(int)
