"""What more votes on a pair are worth: how much likelier its label becomes right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crowd.aggregation import Fitted
from crowd.aggregation.signal import SHIFTS, vote_table

Floats = NDArray[np.float64]


def gain(fitted: Fitted, evidence: Floats, n_more: int, *, plays: int = 20, seed: int = 0) -> Floats:
    """(P,) by how much the probability that the likelier label is right is expected to rise with `n_more` votes, at least 0.

    Each pair's signal is drawn from what is believed of it, each vote from a newcomer to the crowd.

    Args:
        evidence: (P, K + 1), see `Fitted.evidence`.
    """
    if not len(evidence) or n_more < 1:
        return np.zeros(len(evidence))
    rng = np.random.default_rng(seed)
    table = vote_table()[0]
    says = np.array([fitted.population @ table[2 * (len(SHIFTS) // 2) + label] for label in (0, 1)])  # (2, K)
    belief = np.cumsum(fitted.belief(evidence), axis=1)
    after = np.zeros(len(evidence))
    for _ in range(plays):
        node = (belief < rng.random(len(belief))[:, None] * belief[:, -1:]).sum(1).clip(max=belief.shape[1] - 1)
        n_one = rng.binomial(n_more, says[1][node])
        now = evidence.copy()
        now[:, : says.shape[1]] += n_one[:, None] * np.log(says[1]) + (n_more - n_one)[:, None] * np.log(says[0])
        after += _right(fitted, now)
    return np.maximum(after / plays - _right(fitted, evidence), 0.0)


def _right(fitted: Fitted, evidence: Floats) -> Floats:
    p = fitted.probability(evidence)
    return np.maximum(p, 1 - p)
