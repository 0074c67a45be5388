"""Habits of hand and eye: how much a worker leans to label 1, to green, to the left, whatever he sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from crowd.aggregation.votes import Floats

if TYPE_CHECKING:
    from crowd.aggregation.belief import Electorate

HABITS = ("label", "green", "left")
PRIOR_SD = 0.1  # what is expected of people before any vote
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
    """

    mean: Floats
    centre: Floats
    variance: Floats
    free: np.ndarray
    sd: Floats

    @classmethod
    def start(cls, n_people: int, free: tuple[bool, bool, bool]) -> "Habits":
        return cls(np.zeros((n_people, 3)), np.zeros(3), np.full(3, PRIOR_SD**2), np.array(free), np.full((n_people, 3), PRIOR_SD))

    def shift(self, votes: "Electorate") -> Floats:
        """(V,) shift of each vote's probit; zero for a model's votes."""
        if not self.free.any():
            return np.zeros(len(votes.item))
        person = np.minimum(votes.worker, max(len(self.mean) - 1, 0))
        return (self.mean[person] * votes.look).sum(1)

    def learn(self, votes: "Electorate", gradient: Floats) -> "Habits":
        """One step of Fisher scoring for each person, one of EM for the population.

        Args:
            gradient: (V,) derivative of the log probability of each vote by its shift; its square stands for the
                information of the vote.
        """
        if not self.free.any():
            return self
        people = votes.worker < len(self.mean)
        worker, look, slope = votes.worker[people], votes.look[people], gradient[people]
        n = len(self.mean)
        variance = np.where(self.free, self.variance, 1e-8)
        precision = np.zeros((n, 3, 3)) + np.diag(1 / variance)
        ascent = -(self.mean - self.centre) / variance
        information = slope**2
        for one in range(3):
            ascent[:, one] += np.bincount(worker, slope * look[:, one], minlength=n)
            for two in range(one, 3):
                total = np.bincount(worker, information * look[:, one] * look[:, two], minlength=n)
                precision[:, one, two] += total
                if two != one:
                    precision[:, two, one] += total
        step = np.clip(np.linalg.solve(precision, ascent[:, :, None])[:, :, 0], -0.5, 0.5)
        mean = np.clip(np.where(self.free, self.mean + step, 0.0), -LIMIT, LIMIT)
        spread = np.diagonal(np.linalg.inv(precision), axis1=1, axis2=2)
        seen = np.bincount(worker, minlength=n) > 0
        scatter = (seen[:, None] * ((mean - self.centre) ** 2 + spread)).sum(0)
        learnt = (scatter + PRIOR_WORKERS * PRIOR_SD**2) / (seen.sum() + PRIOR_WORKERS)
        # A shared reluctance to say 1 is told from rare ones only by assuming that half of all truths are 1.
        centre = np.zeros(3)
        centre[0] = (seen * mean[:, 0]).sum() / (seen.sum() + learnt[0] / PRIOR_SD**2) if self.free[0] else 0.0
        return replace(self, mean=mean, centre=centre, variance=np.where(self.free, learnt, 0.0), sd=np.sqrt(spread))
