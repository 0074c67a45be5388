"""A model's opinion of the truth beside what people see: how right it is, and how much of people's errors it shares.

    z_i = Phi^-1(P of the model that y_i = 1);  u_i = z_i / s, s^2 the mean of z^2
    gap, theta (what people see) and u correlate: a (gap, theta), by the ceiling; b (gap, u), by what the model claims;
    c (theta, u), by how often it agrees with the votes.

A model that errs on its own agrees with people no more often than both being near the truth makes them: c = a b. One that has
learnt what people see is right because of that alone: a c = b, and beside theta it tells nothing more. Between the two lies
how much it knows of the truth that people do not. Where it agrees less than a b its claims are too high, and b = c / a; where
more than b / a they are too low, or people see better than the ceiling says, and b = a c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from crowd.aggregation.signal import NODES, softmax
from crowd.aggregation.votes import PRIOR_MARGIN, Floats

AGREEMENTS = np.arange(-49, 50) * 0.02
AGREEMENT_SD = 0.25  # before any vote, around what the model claims: between errors all its own and all people's
ENOUGH = 20_000  # pairs with votes from which agreement is measured, evenly spread over all
MOST = 3.0  # deviations that an opinion counts for


@dataclass(frozen=True)
class Opinion:
    """What is known of a model's opinions as a whole. As it is, of one whose agreement with votes was never measured.

    Attributes:
        claimed: b, the correlation with the truth's gap that the opinions claim; they are right in 1/2 + asin(b) / pi of all
            pairs if that is true.
        agreement: c, the correlation with what people see.
        spread: s.
    """

    claimed: float = 0.7
    agreement: float = 0.5
    spread: float = 1.0

    @classmethod
    def measured(cls, prior: Floats, evidence: Floats, mass: Floats) -> Opinion:
        """By these opinions (I,), NaN where there is none, and what their pairs' votes say.

        Args:
            evidence: (I, K) log likelihood of the votes. mass: (K,) of the nodes.
        """
        has = is_opinion(prior)
        if not has.any():
            return cls()
        spread = float(np.sqrt(np.mean(_probit(prior[has]) ** 2)))
        claimed = spread / float(np.sqrt(1 + spread**2))
        voted = np.flatnonzero(has & (evidence != evidence[:, :1]).any(1))
        some = voted[:: max(-(-len(voted) // ENOUGH), 1)]
        u = np.clip(_probit(prior[some]) / spread, -MOST, MOST)
        seen = softmax(evidence[some])[0]
        fit = [-0.5 * ((c - claimed) / AGREEMENT_SD) ** 2 + _foretold(seen, u, c, mass) for c in AGREEMENTS]
        return cls(claimed, float(AGREEMENTS[int(np.argmax(fit))]), spread)

    def standard(self, prior: Floats) -> Floats:
        """(I,) u of each opinion; 0, which says nothing, where there is none."""
        u = np.zeros(len(prior))
        has = is_opinion(prior)
        u[has] = np.clip(_probit(prior[has]) / self.spread, -MOST, MOST)
        return u

    def probability(self, u: Floats) -> Floats:
        """(I,) P(label 1) that u stands for, the reverse of `standard` up to what it clips."""
        return ndtr(u * self.spread)

    def of_view(self, u: Floats) -> Floats:
        """(I, K) log of by how much likelier the opinions make each node; 0 without one."""
        out = np.zeros((len(u), len(NODES)))
        out[u != 0] = _log_ratio(u[u != 0], self.agreement)
        return out

    def of_truth(self, link: Floats, u: Floats, mass: Floats) -> Floats:
        """(I, K) P(y = 1 | theta, u) at a base rate of one half.

        Args:
            link: (K,) P(y = 1 | theta), strictly between 0 and 1. mass: (K,) of the nodes.
        """
        probit = ndtri(link)
        size = np.sqrt(mass @ probit**2)
        a, c = correlation(link, mass), self.agreement
        b = self.correlation_with_truth(a)
        by_view, by_model = (a - b * c) / (1 - c**2), (b - a * c) / (1 - c**2)
        left = np.sqrt(max(1 - a * by_view - b * by_model, 1e-4))
        both = ndtr((by_view * probit / size + by_model * u[:, None]) / left)
        return np.clip(np.where(u[:, None] == 0, link, both), 1e-4, 1 - 1e-4)

    def correlation_with_truth(self, a: float) -> float:
        """b, as far as it can be believed where people's view correlates by a with the truth."""
        if self.agreement < a * self.claimed:
            return max(self.agreement / a, AGREEMENTS[0])  # where a is low, votes can seem to say more than is possible
        return max(self.claimed, a * self.agreement)

    def own_share(self, a: float) -> float:
        """From 0, all its errors are people's, to 1, none is more than chance has it."""
        b = self.correlation_with_truth(a)
        if b <= 0:
            return 1.0
        return float(np.clip((b / a - self.agreement) / (b / a - a * b), 0, 1))


def correlation(link: Floats, mass: Floats) -> float:
    """a, of gap and signal, by the link (K,), strictly between 0 and 1, and the mass (K,) of the nodes."""
    size = np.sqrt(mass @ ndtri(link) ** 2)
    return float(size / np.sqrt(1 + size**2))


def is_opinion(prior: Floats) -> NDArray[np.bool_]:
    """(I,) where the model says anything: one half is none."""
    return ~np.isnan(prior) & (prior != 0.5)


def _probit(prior: Floats) -> Floats:
    return ndtri(np.clip(prior, PRIOR_MARGIN, 1 - PRIOR_MARGIN))


def _log_ratio(u: Floats, c: float) -> Floats:
    """(I, K) log N(theta; c u, 1 - c^2) / N(theta; 0, 1)."""
    rest = 1 - c**2
    return NODES**2 / 2 - (NODES - c * u[:, None]) ** 2 / (2 * rest) - np.log(rest) / 2


def _foretold(seen: Floats, u: Floats, c: float, mass: Floats) -> float:
    """Log likelihood of the votes, given the opinions at this agreement."""
    expected = softmax(_log_ratio(u, c) + np.log(mass))[0]
    return float(np.log((seen * expected).sum(1)).sum())
