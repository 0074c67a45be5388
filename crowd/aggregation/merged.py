"""What a merge gives back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crowd.aggregation.fitted import Fitted
from crowd.aggregation.votes import Floats, Ints, Votes


@dataclass(frozen=True, eq=False)
class Workers:
    """What the votes say of the people; every array has one value per worker, NaN where nothing is known.

    Attributes:
        votes: number of votes.
        agreement, agreement_low, agreement_high: share of a worker's votes that say what the *others* say without him,
            and a 95 % interval. This is the figure to show to people.
        skill, skill_low, skill_high: the model's estimate of the share of his votes that are right, 95 % interval.
            Other methods than the default count their own consensus as the truth, so theirs is too high.
        label_bias, green_bias, left_bias: habits in units of the model's probit (0 none; +0.5 turns an even choice
            into 69 % for label 1, for green, for the left).
        true_positive, true_negative: P(vote 1 | 1) and P(vote 0 | 0) by the model.
        kind: "ordinary", "guesses" (no better than a coin) or "contrary" (answers the opposite), told only where the
            evidence is strong.
    """

    votes: Ints
    agreement: Floats
    agreement_low: Floats
    agreement_high: Floats
    skill: Floats
    skill_low: Floats
    skill_high: Floats
    label_bias: Floats
    green_bias: Floats
    left_bias: Floats
    true_positive: Floats
    true_negative: Floats
    kind: NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Merged:
    """The consensus on each item.

    Attributes:
        probability: (I,) that label 1 is the truth.
        label: (I,) 1 where probability > 0.5.
        risk: (I,) min(p, 1 - p), the chance that `label` is wrong.
        votes: (I,) number of votes that were counted.
        workers: what was learnt about each worker.
        method: name of the method.
        settings: everything needed to run it again; fit for JSON.
        notes: sentences for people ("ceiling 0.81 from 100 gold pairs").
        fitted: the parameters of the default method, to be stored and used for new votes; None for the others.
        alone: (I,) as probability, by the item's own votes: without a model, without its person's other pairs, without gold.
            Of the default method; None for the others.
        crowd_probability: (I,) as probability, but without an item's own gold answer: for reliability diagrams.
    """

    probability: Floats
    label: Ints
    risk: Floats
    votes: Ints
    workers: Workers
    method: str
    settings: dict
    notes: list[str] = field(default_factory=list)
    fitted: Fitted | None = None
    crowd_probability: Floats | None = None
    alone: Floats | None = None


def agreement_with_others(votes: Votes, others: Floats) -> tuple[Floats, Floats, Floats]:
    """Share of each worker's votes that agree with the others, with a 95 % interval.

    Args:
        others: (V,) probability of label 1 of the vote's item without this vote; a half counts as half an agreement,
            NaN (nobody else voted) is left out.
    Returns: agreement, low, high, each (W,); NaN for a worker who was never seen beside others. The interval is Wilson's.
    """
    seen = ~np.isnan(others) & (votes.per_item[votes.item] > 1)
    says_one = np.where(np.abs(others - 0.5) < 1e-9, 0.5, (others > 0.5).astype(float))
    agrees = np.where(votes.label == 1, says_one, 1 - says_one)
    hits = np.bincount(votes.worker[seen], agrees[seen], minlength=votes.n_workers)
    n = np.bincount(votes.worker[seen], minlength=votes.n_workers)
    with np.errstate(invalid="ignore"):
        share = np.where(n > 0, hits / n, np.nan)
    low, high = wilson_interval(hits, n)
    return share, low, high


def wilson_interval(hits: Floats, n: Floats, z: float = 1.96) -> tuple[Floats, Floats]:
    """95 % interval for a share (Wilson 1927, score interval); NaN where n is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits / n
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
