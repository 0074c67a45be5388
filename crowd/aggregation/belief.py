"""Belief propagation between items and workers: every vote is weighed by what the other votes say of its worker.

Sum-product on the graph of votes (Liu, Peng & Ihler 2012 for crowds), with the learnt parts (population of slopes,
habits, ceiling) updated between the rounds. A vote never confirms itself: the message from a worker to an item rests on
his other votes alone, and the message back on the others' votes alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from crowd.aggregation.ceiling import Ceiling
from crowd.aggregation.electorate import Electorate
from crowd.aggregation.habits import Habits
from crowd.aggregation.signal import SHIFTS, SLOPES, Population, row_sum, shape, shift_row, softmax, thin_product, vote_table
from crowd.aggregation.votes import Floats

MAX_ROUNDS = 100
FEWEST_ROUNDS, MOST_ROUNDS_OF_LEARNING = 8, 60
SETTLED_ENOUGH_TO_STOP_LEARNING = 5e-4
TOLERANCE = 2e-4


@dataclass(frozen=True, eq=False)
class Fit:
    """What is learnt under one shape of the signal.

    Attributes:
        separation: of the signal's shape.
        evidence: (I, K) log likelihood of each item's votes on the nodes, gold and prior mass left out.
        others: (V,) P(label 1) of the vote's item by all votes but this one.
        slopes: (W, J) posterior of each worker. population: (J,).
        habits: their posterior. ceiling: the link to the truth.
        log_evidence: Bethe approximation of log P(votes, gold | shape).
        rounds: until it settled.
    """

    separation: float
    evidence: Floats
    others: Floats
    slopes: Floats
    population: Floats
    habits: Habits
    ceiling: Ceiling
    log_evidence: float
    rounds: int


def propagate(votes: Electorate, ceiling: Ceiling, habits: Habits, separation: float, population: Population) -> Fit:
    """Fit the model of `signal` for one shape of the signal.

    Args:
        ceiling: with the gold answers; learnt on the way where there are any.
        habits: with the priors on workers' habits; learnt on the way where they are free.
    """
    log_mass = np.log(shape(separation))
    prior = population.prior()
    mixture = prior.copy()
    n_edges = len(votes.item)
    to_item = csr_matrix((np.ones(n_edges), (votes.item, np.arange(n_edges))), (votes.n_items, n_edges))
    to_voter = csr_matrix((np.ones(n_edges), (votes.worker, np.arange(n_edges))), (votes.n_people, n_edges))
    product = _Product(votes, habits)
    log_prior = _log_prior(votes, mixture)
    from_voter = product.nodes(np.exp(log_prior)[votes.worker])
    ceiling = ceiling.start(separation)
    last, rounds, learning = np.full(votes.n_items, 0.5), 0, True

    while True:
        evidence = to_item @ np.log(from_voter)
        belief, log_items = softmax(evidence + log_mass + ceiling.item_factor)
        cavity = belief[votes.item] / from_voter
        cavity /= row_sum(cavity)[:, None]
        from_item = product.slopes(cavity)
        slopes, log_voters = softmax(to_voter @ np.log(from_item) + log_prior)
        others_slopes = slopes[votes.worker] / from_item
        others_slopes /= row_sum(others_slopes)[:, None]
        new = product.nodes(others_slopes)

        rounds += 1
        now = thin_product(belief, ceiling.truth[:, None])[:, 0]
        change, last = np.sqrt(np.mean((now - last) ** 2)) if len(now) else 0.0, now
        if (not learning and change < TOLERANCE) or rounds >= MAX_ROUNDS:
            break
        if rounds >= MOST_ROUNDS_OF_LEARNING or (rounds >= FEWEST_ROUNDS and change < SETTLED_ENOUGH_TO_STOP_LEARNING):
            learning = False
        # Dense graphs (everybody votes on everything) swing from side to side unless the later steps are shortened.
        from_voter = new if rounds < 2 * FEWEST_ROUNDS else np.sqrt(new * from_voter)
        if learning:
            people = slopes[product.active]
            mixture = (people.sum(0) + population.weight * prior) / (len(people) + population.weight)
            log_prior = _log_prior(votes, mixture)
            if rounds >= 3:
                if habits.learns:
                    habits = habits.learn(votes, *product.shift_gradient(others_slopes, cavity))
                    product = _Product(votes, habits)
                ceiling = ceiling.learn(evidence, separation)

    agreement = row_sum(cavity * new)
    log_evidence = float(log_items.sum() + log_voters.sum() - np.log(agreement).sum())
    return Fit(
        separation,
        evidence,
        thin_product(cavity, ceiling.truth[:, None])[:, 0],
        slopes,
        mixture,
        habits,
        ceiling,
        log_evidence,
        rounds,
    )


def _log_prior(votes: Electorate, mixture: Floats) -> Floats:
    return np.tile(np.log(mixture), (votes.n_people, 1))


class _Product:
    """Products of per-vote arrays with the table of vote probabilities, grouped by (shift, label)."""

    def __init__(self, votes: Electorate, habits: Habits) -> None:
        self.chance, self.gradient = vote_table()
        shift = habits.shift(votes)
        row = shift_row(shift)
        self.rest = shift - SHIFTS[row]
        row = 2 * row + votes.label
        order = np.argsort(row, kind="stable")
        rows, start = np.unique(row[order], return_index=True)
        self.groups = list(zip(rows.tolist(), np.split(order, start[1:]))) if len(order) else []
        self.active = np.bincount(votes.worker, minlength=votes.n_people) > 0
        self.n_nodes = self.chance.shape[2]

    def nodes(self, slopes: Floats) -> Floats:
        """(V, J) beliefs about slopes -> (V, K) probability of the vote at each node."""
        out = np.empty((len(slopes), self.n_nodes))
        for row, some in self.groups:
            out[some] = thin_product(slopes[some], self.chance[row])
        return out

    def slopes(self, nodes: Floats) -> Floats:
        """(V, K) beliefs about signals -> (V, J) probability of the vote at each slope."""
        out = np.empty((len(nodes), len(SLOPES)))
        for row, some in self.groups:
            out[some] = thin_product(nodes[some], self.chance[row].T)
        return out

    def shift_gradient(self, slopes: Floats, nodes: Floats) -> tuple[Floats, Floats]:
        """(V,) derivative of each vote's log probability by its shift, slope and signal integrated out, and (V,) the
        square that stands for its information.

        The table holds the derivative at the nearest tabled shift; the information carries it to the shift itself.
        """
        slope = np.empty(len(slopes))
        for row, some in self.groups:
            mine, theirs = slopes[some], nodes[some]
            rise = np.einsum("vk,vk->v", thin_product(mine, self.gradient[row]), theirs)
            slope[some] = rise / np.einsum("vk,vk->v", thin_product(mine, self.chance[row]), theirs)
        return slope - slope**2 * self.rest, slope**2
