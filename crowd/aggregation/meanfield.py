"""The same model for millions of votes: items and workers know each other by their averages.

Belief propagation keeps two messages per vote. Here the votes of one worker that look alike (same label, same side and
colour) share one, so that a round is two products of a sparse matrix with a thin one. The price is that a vote has a
small say in what is believed of its own worker; it vanishes with the votes per worker.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from crowd.aggregation.belief import Fit
from crowd.aggregation.ceiling import Ceiling
from crowd.aggregation.electorate import Electorate
from crowd.aggregation.habits import Habits
from crowd.aggregation.signal import SHIFTS, SLOPES, Population, shape, shift_row, softmax, thin_product, vote_table
from crowd.aggregation.votes import Floats, Ints

FEWEST_ROUNDS, MOST_ROUNDS = 3, 30
TOLERANCE = 4e-3
CHUNK = 65_536

Singles = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cells:
    """Votes that look alike: of one worker, with one label, side and colour.

    Attributes:
        of_vote: (V,) cell of each vote. worker, label: (C,). look: (C, 3), as in `Electorate`. size: (C,) votes.
        by_item: (I, C) and by_cell: (C, I) sparse counts. by_worker: (W + B, C) sparse membership.
    """

    of_vote: Ints
    worker: Ints
    label: Ints
    look: NDArray[np.int8]
    by_item: csr_matrix
    by_cell: csr_matrix
    by_worker: csr_matrix

    @classmethod
    def of(cls, votes: Electorate) -> Cells:
        shown = (votes.look[:, 1:] != 0).any()
        key = votes.worker * 2 + votes.label
        if shown:
            key = (votes.worker * 9 + (votes.look[:, 1] + 1) * 3 + votes.look[:, 2] + 1) * 2 + votes.label
        used = np.bincount(key, minlength=1) > 0
        number = (np.cumsum(used) - 1).astype(np.int32)
        of_vote, name = number[key], np.flatnonzero(used)
        label, who = name % 2, name // 2
        look = np.zeros((len(name), 3), np.int8)
        if shown:
            look[:, 1], look[:, 2] = who % 9 // 3 - 1, who % 3 - 1
            who = who // 9
        look[:, 0] = 1
        start = np.concatenate([[0], np.cumsum(np.bincount(votes.item, minlength=votes.n_items))])
        in_order = bool((np.diff(votes.item) >= 0).all())
        order = slice(None) if in_order else np.argsort(votes.item, kind="stable")
        by_item = csr_matrix((np.ones(len(key), np.float32), of_vote[order], start), (votes.n_items, len(name)))
        by_worker = csr_matrix((np.ones(len(name), np.float32), (who, np.arange(len(name)))), (votes.n_people, len(name)))
        return cls(of_vote, who, label, look, by_item, by_item.T.tocsr(), by_worker)


def mean_field(
    votes: Electorate, ceiling: Ceiling, habits: Habits, separation: float, population: Population, mixture: Floats
) -> Fit:
    """Fit the model of `signal` by mean-field variational EM.

    Args:
        mixture: (J,) population to start from.
    Returns: a `Fit` without log evidence.
    """
    cells = Cells.of(votes)
    log_mass = np.log(shape(separation)).astype(np.float32)
    prior = population.prior()
    active = np.bincount(cells.worker, minlength=votes.n_people) > 0
    log_prior = _log_prior(votes, mixture)
    slopes = np.exp(log_prior)
    ceiling = ceiling.start(separation)
    last, rounds = np.zeros(votes.n_items, np.float32), 0
    rows = _rows(cells, habits)
    while True:
        messages = _messages(slopes, cells, rows)
        evidence = cells.by_item @ messages
        belief = _beliefs(evidence, log_mass, ceiling.item_factor)
        now = thin_product(belief, ceiling.truth.astype(np.float32)[:, None])[:, 0]
        change, last = float(np.sqrt(np.mean((now - last) ** 2))) if len(now) else 0.0, now
        rounds += 1
        if (rounds > FEWEST_ROUNDS and change < TOLERANCE) or rounds >= MOST_ROUNDS:
            break
        seen = cells.by_cell @ belief  # (C, K): what was shown to a cell
        slopes = _slopes(seen, cells, rows, log_prior)
        people = slopes[active]
        mixture = (people.sum(0) + population.weight * prior) / (len(people) + population.weight)
        log_prior = _log_prior(votes, mixture)
        if rounds > 1:
            habits = habits.learn(votes_of_cells(votes, cells), *_shift_gradient(slopes, seen, cells, rows, habits))
            rows = _rows(cells, habits)
            ceiling = ceiling.learn(evidence, separation)
    others = _others(belief, messages, votes, cells, ceiling.truth)
    return Fit(separation, evidence, others, slopes.astype(float), mixture, habits, ceiling, np.nan, rounds)


def votes_of_cells(votes: Electorate, cells: Cells) -> Electorate:
    """The cells as if each were one vote, for `Habits.learn`."""
    return replace(votes, item=np.zeros_like(cells.worker), worker=cells.worker, label=cells.label, look=cells.look)


def _rows(cells: Cells, habits: Habits) -> list[tuple[int, Ints]]:
    """Rows of the vote table that are needed, and the cells of each."""
    shift = np.zeros(len(cells.worker))
    if habits.free.any() and len(habits.mean):
        shift = (habits.mean[np.minimum(cells.worker, len(habits.mean) - 1)] * cells.look).sum(1)
    row = 2 * shift_row(shift) + cells.label
    order = np.argsort(row, kind="stable")
    names, start = np.unique(row[order], return_index=True)
    return list(zip(names.tolist(), np.split(order, start[1:]))) if len(order) else []


def _messages(slopes: Floats, cells: Cells, rows) -> Singles:
    """(C, K) log probability of a cell's vote at the nodes, the worker's slope integrated out."""
    chance = vote_table()[0].astype(np.float32)
    single = slopes.astype(np.float32)
    out = np.empty((len(cells.worker), chance.shape[2]), np.float32)
    for row, some in rows:
        out[some] = np.log(thin_product(single[cells.worker[some]], chance[row]))
    return out


def _beliefs(evidence: Singles, log_mass: Singles, item_factor: Floats) -> Singles:
    """(I, K) posterior of the signals, a chunk at a time."""
    out = np.empty_like(evidence)
    known = log_mass + item_factor.astype(np.float32)
    for start in range(0, len(evidence), CHUNK):
        part = slice(start, start + CHUNK)
        logs = evidence[part] + (known[part] if known.ndim == 2 else known)
        out[part] = softmax(logs)[0]
    return out


def _slopes(seen: Singles, cells: Cells, rows, log_prior: Floats) -> Floats:
    """(W, J) posterior of the slopes, the signals averaged over."""
    log_chance = np.log(vote_table()[0]).astype(np.float32)
    out = np.empty((len(cells.worker), len(SLOPES)), np.float32)
    for row, some in rows:
        out[some] = thin_product(seen[some], log_chance[row].T)
    logs = (cells.by_worker @ out).astype(float) + log_prior
    return softmax(logs)[0]


def _shift_gradient(slopes: Floats, seen: Singles, cells: Cells, rows, habits: Habits) -> tuple[Floats, Floats]:
    """(C,) derivative of the expected log probability of each cell's votes by their shift, and its information."""
    gradient, information = np.zeros(len(cells.worker)), np.zeros(len(cells.worker))
    if not habits.free.any():
        return gradient, information
    chance, slope = vote_table()
    shift = (habits.mean[np.minimum(cells.worker, len(habits.mean) - 1)] * cells.look).sum(1)
    for row, some in rows:
        rise = slope[row] / chance[row]
        worker = slopes[cells.worker[some]]
        information[some] = ((worker @ rise**2) * seen[some]).sum(1)
        gradient[some] = ((worker @ rise) * seen[some]).sum(1) - information[some] * (shift[some] - SHIFTS[row // 2])
    return gradient, information


def _others(belief: Singles, messages: Singles, votes: Electorate, cells: Cells, truth: Floats) -> Singles:
    """(V,) P(label 1) of each vote's item without that vote: its share is divided out of the belief."""
    out = np.empty(len(votes.item), np.float32)
    undo = np.exp(-messages)
    either = np.stack([truth, np.ones(len(truth))], axis=1).astype(np.float32)
    for start in range(0, len(out), CHUNK):
        part = slice(start, start + CHUNK)
        mass = belief[votes.item[part]]
        mass *= undo[cells.of_vote[part]]
        one, all_ = thin_product(mass, either).T
        out[part] = one / np.maximum(all_, 1e-30)
    return out


def _log_prior(votes: Electorate, mixture: Floats) -> Floats:
    return np.tile(np.log(mixture), (votes.n_people, 1))
