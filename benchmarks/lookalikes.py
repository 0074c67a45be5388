"""Look-alikes of public crowd data sets that were not at hand: votes of invented crowds with a planted truth.

Each regime is a kind of set that people publish: rare ones, workers who miss one class, very few or very many workers,
one vote or thirty on an item, spammers, contrary and copying workers. Labels follow the item's class through a
sensitivity and a specificity of the worker's own, softened or sharpened by how hard the item is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from crowd.aggregation import Votes


@dataclass(frozen=True)
class Regime:
    """One kind of data set.

    Attributes:
        items, workers, per_item: how many there are; per_item votes on each item, or fewer where workers are fewer.
        base_rate: share of ones among the truths.
        right_on_one, right_on_zero: mean sensitivity and specificity of the workers.
        steadiness: of the Beta distributions that workers' own are drawn from; the larger, the more alike they are.
        tail: standard deviation of the logarithm of the workers' appetites; 0 where all take part alike.
        difficulty: standard deviation of the logarithm of an item's ease.
        misleading: share of items on which people see the opposite of the truth.
        guessing, contrary, copying: shares of workers who flip coins, who say the opposite, who repeat a neighbour's answers.
    """

    items: int
    workers: int
    per_item: float
    base_rate: float = 0.5
    right_on_one: float = 0.75
    right_on_zero: float = 0.75
    steadiness: float = 12.0
    tail: float = 1.2
    difficulty: float = 0.5
    misleading: float = 0.02
    guessing: float = 0.0
    contrary: float = 0.0
    copying: float = 0.0


REGIMES = {
    "like rte": Regime(800, 164, 10, right_on_one=0.8, right_on_zero=0.78, guessing=0.1),
    "like temporal": Regime(462, 76, 10, base_rate=0.44, right_on_one=0.8, right_on_zero=0.8, guessing=0.1),
    "like sentence polarity": Regime(4999, 203, 5.5, right_on_one=0.77, right_on_zero=0.81, misleading=0.06),
    "like tweets, 20 votes": Regime(1000, 85, 20, base_rate=0.53, right_on_one=0.78, right_on_zero=0.82, tail=0.8),
    "like products, 12 % ones, 3 votes": Regime(
        4000, 176, 3, base_rate=0.12, right_on_one=0.62, right_on_zero=0.93, steadiness=8, misleading=0.03
    ),
    "like entity links, 20 % ones": Regime(2000, 80, 5, base_rate=0.2, right_on_one=0.65, right_on_zero=0.85, guessing=0.1),
    "5 % ones": Regime(3000, 40, 5, base_rate=0.05, right_on_one=0.7, right_on_zero=0.95),
    "10 % ones, alike workers": Regime(1500, 60, 5, base_rate=0.1, right_on_one=0.8, right_on_zero=0.8),
    "30 % ones, blind to ones": Regime(1000, 50, 7, base_rate=0.3, right_on_one=0.5, right_on_zero=0.93),
    "85 % ones": Regime(1200, 60, 5, base_rate=0.85, right_on_one=0.85, right_on_zero=0.7),
    "even, blind to ones": Regime(800, 40, 7, right_on_one=0.55, right_on_zero=0.92, steadiness=8),
    "5 workers see all": Regime(500, 5, 5, right_on_one=0.7, right_on_zero=0.82, steadiness=6, tail=0),
    "17 workers, 30 % ones": Regime(159, 17, 8, base_rate=0.3, right_on_one=0.65, right_on_zero=0.8),
    "30 votes, hard items": Regime(240, 40, 30, right_on_one=0.65, right_on_zero=0.72, steadiness=6, difficulty=0.9),
    "1 vote": Regime(1000, 40, 1, right_on_one=0.75, right_on_zero=0.8),
    "2 votes, 25 % ones": Regime(1500, 40, 2, base_rate=0.25, right_on_one=0.75, right_on_zero=0.85),
    "many tiny workers": Regime(1000, 1700, 5, base_rate=0.35, tail=0.3, right_on_one=0.72, right_on_zero=0.8),
    "40 % guess": Regime(1000, 100, 8, base_rate=0.4, right_on_one=0.8, right_on_zero=0.8, guessing=0.4),
    "20 % contrary": Regime(700, 40, 8, right_on_one=0.8, right_on_zero=0.8, contrary=0.2),
    "copying workers": Regime(1000, 30, 6, base_rate=0.4, right_on_one=0.72, right_on_zero=0.78, copying=0.4),
    "experts among many": Regime(1000, 60, 6, right_on_one=0.66, right_on_zero=0.66, steadiness=3),
    "no difficulty, skewed, 25 % ones": Regime(
        1000, 50, 5, base_rate=0.25, right_on_one=0.7, right_on_zero=0.85, difficulty=0, misleading=0
    ),
}


def look_alike(regime: Regime, seed: int) -> tuple[Votes, NDArray[np.int64]]:
    """Votes of one such set, and its truth (I,)."""
    rng = np.random.default_rng([seed, 31])
    truth = (rng.random(regime.items) < regime.base_rate).astype(np.int64)
    shown = np.where(rng.random(regime.items) < regime.misleading, 1 - truth, truth)
    ease = np.exp(regime.difficulty * rng.normal(size=regime.items))
    kind = rng.random(regime.workers)
    right = np.stack([
        np.clip(rng.beta(mean * regime.steadiness, (1 - mean) * regime.steadiness, regime.workers), 0.02, 0.98)
        for mean in (regime.right_on_zero, regime.right_on_one)
    ])  # fmt: skip
    right[:, kind < regime.guessing] = rng.uniform(0.1, 0.9, (kind < regime.guessing).sum())
    right[0, kind < regime.guessing] = 1 - right[1, kind < regime.guessing]
    contrary = (kind >= regime.guessing) & (kind < regime.guessing + regime.contrary)
    right[:, contrary] = 1 - right[:, contrary]

    appetite = np.exp(regime.tail * rng.normal(size=regime.workers))
    whole = int(regime.per_item)
    n = np.minimum(whole + (rng.random(regime.items) < regime.per_item - whole), regime.workers)
    # The largest of log appetite + Gumbel noise are a draw without replacement, weighed by appetite.
    keys = np.log(appetite) + rng.gumbel(size=(regime.items, regime.workers))
    order = np.argsort(-keys, axis=1)
    item = np.repeat(np.arange(regime.items), n)
    worker = np.concatenate([order[row, :count] for row, count in enumerate(n)])

    # A worker's answer to an item, drawn once: whoever copies gives that of the first worker instead of his own.
    chance = expit(ease[item] * logit(right[shown[item], worker]))
    says_right = rng.random(len(item)) < chance
    label = np.where(says_right, shown[item], 1 - shown[item])
    copies = rng.random(regime.workers) < regime.copying
    leader = int(np.argmax(np.where(copies, -np.inf, appetite)))
    his_chance = expit(ease * logit(right[shown, leader]))
    his = np.where(rng.random(regime.items) < his_chance, shown, 1 - shown)
    follows = (copies[worker] & (rng.random(len(item)) < 0.9)) | (worker == leader)
    label = np.where(follows, his[item], label)
    return Votes(item, worker, label, regime.items, regime.workers), truth
