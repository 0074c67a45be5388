"""What the votes decide about themselves: the shape of the signal, and whether half of the items look like ones.

Votes that are uneven can come from uneven truths, or from people who are reluctant to say one of the labels. Both are
fitted, and one half stands unless the evidence is clear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln

from crowd.aggregation.belief import Fit, propagate
from crowd.aggregation.ceiling import Ceiling
from crowd.aggregation.electorate import Electorate
from crowd.aggregation.habits import Habits
from crowd.aggregation.meanfield import mean_field
from crowd.aggregation.signal import SEPARATIONS, Population
from crowd.aggregation.votes import Floats, Ints, Votes

SEPARATION_LOG_PRIOR = {0.0: 0.0, 0.8: -4.0, 0.95: -7.0}
EVEN_HANDICAP = 3.0  # by how many nats the evidence has to speak against one half
UNEVEN_SD, UNEVEN_SHARE = 3.0, 0.02
MOST_UNEVEN = 0.02
GOLD_LOG_ODDS = np.log(1000)
PILOT_VOTES = 30_000
SMALL_PILOT_VOTES = 8_000
MANY_VOTES = 120_000


@dataclass(frozen=True, eq=False)
class Start:
    """One hypothesis: where the fit begins, and what it may learn."""

    ceiling: Ceiling
    habits: Habits

    def of(self, people: Ints, n_items: int, learning: bool) -> Start:
        """The same for some people and for items of which none is gold."""
        habits = self.habits.of(people)
        return Start(self.ceiling.without_gold(n_items), habits if learning else habits.frozen())

    @property
    def narrower(self) -> Start:
        """The same, but with next to no reluctance that all people share."""
        return Start(self.ceiling, self.habits.hardly_shared())


def starts(
    votes: Votes, gold: Floats, *, ceiling: float | None, base_rate: float | str, free: tuple[bool, bool, bool]
) -> list[Start]:
    """The hypotheses to be compared: one half (or the base rate that is given), and an uneven share where it may be one.

    Where no ceiling is known, votes barely tell how rare the ones are from how reluctant people are to say so, and the fit
    slides from one to the other. So the third is an uneven share and next to no reluctance; it counts only after the second.

    Args:
        free: which habits are learnt: label, green, left.
    """
    ones = np.bincount(votes.worker, votes.label, minlength=votes.n_workers)
    known = Ceiling(gold, ceiling, 0.5 if isinstance(base_rate, str) else base_rate)
    even = Start(known, Habits.start(votes.n_workers, free, ones, votes.per_worker))
    if base_rate not in ("half", "estimate"):
        return [even]
    voted = votes.per_item > 0
    share = (
        float(np.where(2 * votes.ones == votes.per_item, 0.5, 2 * votes.ones > votes.per_item)[voted].mean())
        if voted.any()
        else 0.5
    )
    uneven = Start(
        known.estimating(float(np.clip(share, MOST_UNEVEN, 1 - MOST_UNEVEN))),
        Habits.start(votes.n_workers, free, ones, votes.per_worker, around_half=False),
    )
    if base_rate == "estimate":
        return [uneven]
    if not _may_be_uneven(votes, gold):
        return [even]
    return [even, uneven] if known.is_known else [even, uneven, uneven.narrower]


def _may_be_uneven(votes: Votes, gold: Floats) -> bool:
    """Whether the share of votes for 1, or of gold items that are 1, is further from one half than chance goes."""
    told = gold[~np.isnan(gold)]
    n, ones = len(told), told.sum()
    # log odds of "any share is as likely" against "one half", for the gold answers in hand
    log_odds = gammaln(ones + 1) + gammaln(n - ones + 1) - gammaln(n + 2) + n * np.log(2)
    if log_odds > GOLD_LOG_ODDS:
        return True
    n_voted = int((votes.per_item > 0).sum())
    off = abs(float(votes.label.mean()) - 0.5) if n_voted else 0.0
    return off > max(UNEVEN_SHARE, UNEVEN_SD * 0.5 / np.sqrt(max(n_voted, 1)))


def best_fit(votes: Electorate, hypotheses: list[Start]) -> Fit:
    """The fit under the hypothesis and the shape of the signal that the votes support best.

    Both are told by all votes where there are few, else by those on some items, spread over the list. Beyond
    `MANY_VOTES` the fit itself is by mean field.
    """
    population, n = Population(), len(votes.item)
    if n <= PILOT_VOTES:
        return _chosen(votes, hypotheses, SEPARATIONS, population)[0]
    many = n > MANY_VOTES
    some, people = _some_items(votes, SMALL_PILOT_VOTES if many else PILOT_VOTES)
    learning = not many or len(hypotheses) > 1
    parts = [start.of(people, some.n_items, learning) for start in hypotheses]
    shapes = SEPARATIONS[::2] if many else SEPARATIONS  # so little time tells the ends apart, not what lies between
    pilot, number = _chosen(some, parts, shapes, population)
    start = hypotheses[number]
    if not many:
        return propagate(votes, start.ceiling, start.habits, pilot.separation, population)
    return mean_field(votes, start.ceiling, start.habits, pilot.separation, population, pilot.population)


def _chosen(votes: Electorate, hypotheses: list[Start], shapes: tuple[float, ...], population: Population) -> tuple[Fit, int]:
    """The best fit, and which of the hypotheses it stands for."""

    def best(start: Start) -> Fit:
        return max((propagate(votes, start.ceiling, start.habits, m, population) for m in shapes), key=_likelihood)

    even = best(hypotheses[0])
    fit, chosen = even, 0
    for number, start in enumerate(hypotheses[1:], start=1):
        other = best(start)
        if _likelihood(other) < _likelihood(even) + EVEN_HANDICAP:
            break
        fit, chosen = other, number
    return fit, chosen


def _likelihood(fit: Fit) -> float:
    return fit.log_evidence + SEPARATION_LOG_PRIOR[fit.separation]


def _some_items(votes: Electorate, n_votes: int) -> tuple[Electorate, Ints]:
    """The votes on every so manieth item, about n_votes of them, items and people numbered anew; and who they are."""
    stride = -(-len(votes.item) // n_votes)
    keep = np.flatnonzero(votes.item % stride == 0)
    people, worker = np.unique(votes.worker[keep], return_inverse=True)
    some = replace(
        votes, item=votes.item[keep] // stride, worker=worker, label=votes.label[keep],
        look=votes.look[keep], n_items=-(-votes.n_items // stride), n_people=len(people),
    )  # fmt: skip
    return some, people
