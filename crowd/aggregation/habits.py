"""Habits of hand and eye: how much a worker leans to label 1, to green, to the left, whatever he sees."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from crowd.aggregation.electorate import Electorate
from crowd.aggregation.votes import Floats, Ints

HABITS = ("label", "green", "left")
PRIOR_SD = 0.1  # what is expected of people before any vote
CENTRE_SD = 0.1
SMALL_CENTRE_SD = 0.05
PRIOR_WORKERS = 5.0  # how many workers' worth of evidence that expectation is
LIMIT = 1.8


@dataclass(frozen=True, eq=False)
class Habits:
    """Posterior mean and spread of each person's habits under a normal population, learnt one Fisher step per round.

    Attributes:
        mean: (W, 3) label, green, left, in units of the probit.
        centre: (3,) of the population; zero for green and left, small for label (a shared reluctance).
        variance: (3,) of the population, learnt: it falls towards 0 where people have no habits.
        free: (3,) which habits are learnt at all.
        sd: (W, 3) posterior standard deviation.
        learning: whether they are still to be learnt. centre_sd: how far people may all lean to one label.
    """

    mean: Floats
    centre: Floats
    variance: Floats
    free: np.ndarray
    sd: Floats
    learning: bool = True
    centre_sd: float = CENTRE_SD

    @classmethod
    def start(
        cls,
        n_people: int,
        free: tuple[bool, bool, bool],
        ones: Floats | None = None,
        n: Floats | None = None,
        around_half: bool = True,
    ) -> Habits:
        """Habits of nobody known; or, where people cast n votes (W,) and `ones` of them for label 1, the lean it suggests.

        A lean is assumed only as far as the shares scatter more than coins would (moments, as in `_population`), and is
        one away from half of the votes or, with `around_half` false, from the share that all people have together.
        """
        mean, variance = np.zeros((n_people, 3)), np.full(3, PRIOR_SD**2)
        if free[0] and ones is not None and (n > 0).sum() > 1:
            some = n > 0
            share, weight = ones[some] / n[some], 4.0 * n[some]
            middle = (weight * share).sum() / weight.sum()
            excess = (weight * (share - middle) ** 2).sum() - (some.sum() - 1)
            scatter = max(0.0, excess / (weight.sum() - (weight**2).sum() / weight.sum()))
            # Shares of people who see different items scatter a little even without habits.
            if scatter > 0.05**2:
                usual = 0.5 if around_half else float(np.clip(middle, 0.02, 0.98))
                shrunk = usual + (share - usual) * scatter / (scatter + 1 / weight)
                lean = ndtri(np.clip(shrunk, 0.02, 0.98)) - ndtri(usual)
                mean[some, 0] = np.clip(1.3 * lean, -LIMIT, LIMIT)
                variance[0] += mean[some, 0].var()
        return cls(mean, np.zeros(3), variance, np.array(free), np.full((n_people, 3), PRIOR_SD))

    @property
    def learns(self) -> bool:
        return self.learning and bool(self.free.any())

    def of(self, people: Ints) -> Habits:
        """The habits of some people (N,), in that order."""
        return replace(self, mean=self.mean[people], sd=self.sd[people])

    def frozen(self) -> Habits:
        """The same habits, no longer to be learnt."""
        return replace(self, learning=False)

    def hardly_shared(self) -> Habits:
        """The same habits, but next to none that all people share."""
        return replace(self, centre_sd=SMALL_CENTRE_SD)

    def shift(self, votes: Electorate) -> Floats:
        """(V,) shift of each vote's probit; zero for a model's votes."""
        if not self.free.any():
            return np.zeros(len(votes.item))
        person = np.minimum(votes.worker, max(len(self.mean) - 1, 0))
        return (self.mean[person] * votes.look).sum(1)

    def learn(self, votes: Electorate, gradient: Floats, weight: Floats) -> Habits:
        """One step of Fisher scoring for each person, one of EM for the population.

        Args:
            gradient: (V,) derivative of the log probability of each vote by its shift.
            weight: (V,) the information about the shift that the vote carries.
        """
        if not self.learns:
            return self
        people = votes.worker < len(self.mean)
        worker, look, slope, weight = votes.worker[people], votes.look[people], gradient[people], weight[people]
        n, free = len(self.mean), np.flatnonzero(self.free)
        information, score = np.zeros((n, 3, 3)), np.zeros((n, 3))
        for place, one in enumerate(free):
            score[:, one] = np.bincount(worker, slope * look[:, one], minlength=n)
            for two in free[place:]:
                total = np.bincount(worker, weight * look[:, one] * look[:, two], minlength=n)
                information[:, one, two] = information[:, two, one] = total
        diagonal = np.diagonal(information, axis1=1, axis2=2)
        centre, variance = self._population(score, diagonal)
        ascent = score - (self.mean - centre) / variance
        if len(free) == 1:
            inverse = 1 / (diagonal + 1 / variance)
            step, spread = ascent * inverse, inverse
        else:
            inverse = np.linalg.inv(information + np.diag(1 / variance))
            step, spread = (inverse @ ascent[:, :, None])[:, :, 0], np.diagonal(inverse, axis1=1, axis2=2)
        mean = np.clip(np.where(self.free, self.mean + np.clip(step, -0.5, 0.5), 0.0), -LIMIT, LIMIT)
        return replace(self, mean=mean, centre=centre, variance=variance, sd=np.sqrt(spread))

    def _population(self, score: Floats, information: Floats) -> tuple[Floats, Floats]:
        """Centre and variance (3,) of the population, by the moments of DerSimonian & Laird 1986.

        A worker's own estimate, unshrunk, is mean + score / information with variance 1 / information; scatter beyond
        what those variances explain is the population's. Without such scatter everybody has the same habit: none.
        """
        centre, variance = np.zeros(3), np.full(3, 1e-8)
        for one in np.flatnonzero(self.free):
            seen = information[:, one] > 1e-9
            weight, k = information[seen, one], int(seen.sum())
            scatter = 0.0
            if k > 1:
                own = self.mean[seen, one] + score[seen, one] / weight
                middle = (weight * own).sum() / weight.sum()
                excess = (weight * (own - middle) ** 2).sum() - (k - 1)
                scatter = max(0.0, excess / (weight.sum() - (weight**2).sum() / weight.sum()))
            learnt = (k * min(scatter, 1.0) + PRIOR_WORKERS * PRIOR_SD**2) / (k + PRIOR_WORKERS)
            variance[one] = np.sqrt(learnt * self.variance[one])  # half a step, as whole ones swing from side to side
            if one == 0 and k:
                # A reluctance that all share is told from rare ones only by taking half of all truths to be 1.
                centre[0] = self.mean[seen, 0].sum() / (k + variance[0] / self.centre_sd**2)
        return centre, variance
