"""How far the truth follows what people see: learnt from gold, taken from the paper's study without it.

Votes say what people see, never whether they see right: no number of votes reveals the ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crowd.aggregation.signal import DEFAULT_CEILING, ceiling_of, link, shape, sides, steepness_for
from crowd.aggregation.votes import Floats

CANDIDATES = np.concatenate([np.arange(0.52, 0.98, 0.02), [0.98, 0.99, 1.0]])
OFFSETS = np.arange(-3, 4) * 0.15  # a misperception that all workers share, towards one of the labels
OFFSET_SD = 0.05
ENOUGH_GOLD = 10


def candidate_prior() -> Floats:
    """(C,) belief about the ceiling before gold: the paper's study, or anything, or a crowd that is right in the end."""
    paper = np.exp(-0.5 * ((CANDIDATES - DEFAULT_CEILING) / 0.02) ** 2)
    right = np.exp(-(1 - CANDIDATES) / 0.02)
    return 0.45 * paper / paper.sum() + 0.1 / len(CANDIDATES) + 0.45 * right / right.sum()


def truth_at(even: Floats, base_rate: float | Floats) -> Floats:
    """Probability of label 1 at a base rate, given what it is at a base rate of one half."""
    return base_rate * even / (base_rate * even + (1 - base_rate) * (1 - even))


def _share(one: Floats) -> float:
    """Share of ones, with five pseudo-items on either side."""
    return float((one.sum() + 5) / (len(one) + 10))


@dataclass(frozen=True, eq=False)
class Ceiling:
    """The link from signal to truth, averaged over what gold leaves open.

    Attributes:
        gold: (I,) known answers, NaN elsewhere.
        given: a ceiling to be taken as it is; None to learn it from gold, or to take the paper's.
        base_rate: share of label 1 among the truths; estimated on the way where `estimate_base_rate`.
        seen_rate: share of items that look like ones. Without a ceiling that is known, it is what can be estimated.
        link: (K,) P(y = 1 | theta) at a base rate of one half.
        item_factor: (I, K) or (K,) log likelihood on the nodes of what is known of the truth: base rate and gold.
        value: the ceiling that `link` amounts to.
        learnt: whether gold has had its say.
    """

    gold: Floats
    given: float | None = None
    base_rate: float = 0.5
    estimate_base_rate: bool = False
    seen_rate: float = 0.5
    link: Floats | None = None
    item_factor: Floats | None = None
    value: float = DEFAULT_CEILING
    learnt: bool = False

    @property
    def known(self) -> NDArray[np.bool_]:
        """(I,) which items are gold."""
        return ~np.isnan(self.gold)

    @property
    def n_gold(self) -> int:
        return int(self.known.sum())

    @property
    def truth(self) -> Floats:
        """(K,) P(y = 1 | theta) at the base rate."""
        return truth_at(self.link, self.base_rate)

    def start(self, separation: float) -> Ceiling:
        """The link before gold was looked at."""
        return self._with(link(steepness_for(self.given or DEFAULT_CEILING, separation)), separation, self.base_rate)

    @property
    def is_known(self) -> bool:
        """Whether the truth's own rate can be estimated; else only the share of what looks like ones."""
        return self.given is not None or self.n_gold >= ENOUGH_GOLD

    def estimating(self, share: float) -> Ceiling:
        """The same with an uneven share of ones, to be learnt on the way from this start."""
        rate = {"base_rate": share} if self.is_known else {"seen_rate": share}
        return replace(self, estimate_base_rate=True, **rate)

    def without_gold(self, n_items: int) -> Ceiling:
        """The same for other items of which none is gold."""
        bare = replace(self, gold=np.full(n_items, np.nan))
        if self.estimate_base_rate and not bare.is_known:
            return replace(bare, base_rate=0.5, seen_rate=self.base_rate if self.is_known else self.seen_rate)
        return bare

    def learn(self, evidence: Floats, separation: float) -> Ceiling:
        """The link averaged over candidates by how well each foretells the gold answers, and the base rate by one step of EM.

        Args:
            evidence: (I, K) log likelihood of each item's votes on the nodes.
        """
        if not self.estimate_base_rate and (self.given is not None or self.n_gold < ENOUGH_GOLD):
            return self
        mass = shape(separation, self.seen_rate)
        new = self.link
        if self.given is None and self.n_gold >= ENOUGH_GOLD:
            rows, answer = evidence[self.known], self.gold[self.known, None] == 1
            belief = np.exp(rows - rows.max(1, keepdims=True)) * mass
            belief /= belief.sum(1, keepdims=True)
            links = np.array([link(steepness_for(float(c), separation), o) for c in CANDIDATES for o in OFFSETS])
            prior = np.outer(candidate_prior(), np.exp(-0.5 * (OFFSETS / OFFSET_SD) ** 2)).ravel()
            foretold = np.clip(truth_at(belief @ links.T, self.base_rate), 1e-6, 1 - 1e-6)
            log_weight = np.log(prior / prior.sum()) + np.log(np.where(answer, foretold, 1 - foretold)).sum(0)
            weight = np.exp(log_weight - log_weight.max())
            new = weight @ links / weight.sum()
        rate, seen = self.base_rate, self.seen_rate
        if self.estimate_base_rate:
            log_belief = evidence + np.log(shape(separation)) + self.item_factor
            belief = np.exp(log_belief - log_belief.max(1, keepdims=True))
            belief /= belief.sum(1, keepdims=True)
            if self.is_known:
                rate = _share(np.where(self.known, np.nan_to_num(self.gold), belief @ self.truth))
            else:
                seen = _share(belief @ sides(separation))
        learnt = self.given is None and self.n_gold >= ENOUGH_GOLD
        return replace(replace(self, seen_rate=seen)._with(new, separation, rate), learnt=learnt)

    def _with(self, new: Floats, separation: float, rate: float) -> Ceiling:
        new = np.clip(new, 1e-4, 1 - 1e-4)
        tilt = np.log(shape(separation, self.seen_rate) / shape(separation))
        factor = np.log(2 * (rate * new + (1 - rate) * (1 - new))) + tilt
        if self.known.any():
            factor = np.tile(factor, (len(self.gold), 1))
            answer = self.gold[self.known, None] == 1
            factor[self.known] = np.log(np.where(answer, 2 * rate * new, 2 * (1 - rate) * (1 - new))) + tilt
        return replace(self, link=new, item_factor=factor, base_rate=rate, value=ceiling_of(new, shape(separation)))

    def sentence(self) -> str:
        """What readers are told."""
        if self.learnt:
            return f"ceiling {self.value:.2f} from {self.n_gold} gold pairs"
        if self.given is not None:
            return f"ceiling {self.given:.2f} as set"
        few = f" ({self.n_gold} gold pairs are too few to learn it, {ENOUGH_GOLD} are needed)" if self.n_gold else ""
        return f"ceiling {DEFAULT_CEILING:.2f} from the paper's study, since votes alone cannot reveal it{few}"
