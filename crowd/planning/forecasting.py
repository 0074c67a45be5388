"""How many more votes until every pair is finished, from what is known of each by now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowd.aggregation import Fitted
from crowd.aggregation.signal import SHIFTS, vote_table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Rules:
    """When a pair is finished; the names are those of a campaign's settings."""

    target_risk: float
    least_votes: int
    most_votes: int
    exploration_share: float = 0.0


def votes_left(
    fitted: Fitted, evidence: Floats, n_votes: Ints, rules: Rules, *, scale: float = 1.0, plays: int = 20, seed: int = 0
) -> tuple[float, float, float]:
    """Votes until every one of these pairs is finished: mean and a 95 % interval.

    Plays the votes that are still to come: each pair's signal is drawn from what is believed of it, each vote from a
    newcomer to the crowd, until the pair is finished. Votes drawn for exploration come on top.

    Args:
        evidence: (P, K + 1) of open pairs (`Fitted.evidence`). n_votes: (P,) they have.
        scale: how many pairs each of these stands for, where they are a sample.
    """
    if not len(evidence):
        return 0.0, 0.0, 0.0
    rng = np.random.default_rng(seed)
    table = vote_table()[0]
    says = [fitted.population @ table[2 * (len(SHIFTS) // 2) + label] for label in (0, 1)]  # (K,) each
    message = np.log(np.array(says))
    belief = np.cumsum(fitted.belief(evidence), axis=1)
    totals = []
    for _ in range(plays):
        node = (belief < rng.random(len(belief))[:, None] * belief[:, -1:]).sum(1).clip(max=belief.shape[1] - 1)
        chance = says[1][node]
        now, n, bought = evidence.copy(), n_votes.copy(), 0
        going = np.arange(len(now))
        while len(going):
            bought += len(going)
            label = (rng.random(len(going)) < chance[going]).astype(np.int64)
            now[going, : message.shape[1]] += message[label]
            n[going] += 1
            going = going[~_finished(fitted, now[going], n[going], rules)]
        totals.append(bought)
    more = scale / max(1 - rules.exploration_share, 0.05)
    mean, spread = np.mean(totals), np.std(totals) / np.sqrt(scale) if scale > 1 else np.std(totals)
    return float(mean * more), float(max(mean - 1.96 * spread, 0) * more), float((mean + 1.96 * spread) * more)


def _finished(fitted: Fitted, evidence: Floats, n_votes: Ints, rules: Rules) -> NDArray[np.bool_]:
    p, people = fitted.probability(evidence), fitted.probability(evidence, ceiling=1.0)
    clear = (np.minimum(p, 1 - p) <= rules.target_risk) | (np.minimum(people, 1 - people) <= rules.target_risk)
    return (clear & (n_votes >= rules.least_votes)) | (n_votes >= rules.most_votes)
