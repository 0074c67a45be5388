"""Everything that votes, in one list: people, and a model's opinions as further voters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowd.aggregation.fitted import CONFIDENCE_EDGES, opinions
from crowd.aggregation.signal import machine_prior
from crowd.aggregation.votes import Floats, Ints, Votes


@dataclass(frozen=True, eq=False)
class Electorate:
    """Everything that votes: people, and a model's opinions as further voters.

    Attributes:
        item, worker, label: (V,) votes of all; workers W.. are the model's, by how sure it claims to be.
        look: (V, 3) +1, -1 or 0: constant, green, left; zero throughout for a model.
        n_items: I. n_people: W. log_prior_machine: (B, J).
    """

    item: Ints
    worker: Ints
    label: Ints
    look: Floats
    n_items: int
    n_people: int
    log_prior_machine: Floats

    @property
    def n_voters(self) -> int:
        return self.n_people + len(self.log_prior_machine)


def electorate_of(votes: Votes, prior: Floats | None) -> Electorate:
    """People's votes and, after them, a model's opinions."""
    item, worker, label = votes.item, votes.worker, votes.label.astype(np.int64)
    look = np.zeros((len(votes), 3), np.int8)
    look[:, 0] = 1
    for column, shown in ((1, votes.green), (2, votes.left)):
        if shown is not None:
            look[:, column] = shown
    edges = np.concatenate([[0.5], CONFIDENCE_EDGES, [1.0]])
    machine = np.log(machine_prior((edges[1:] + edges[:-1]) / 2))
    if prior is None:
        return Electorate(item, worker, label, look, votes.n_items, votes.n_workers, machine)
    said = opinions(prior)
    return Electorate(
        np.concatenate([item, said.item]),
        np.concatenate([worker, votes.n_workers + said.confidence]),
        np.concatenate([label, said.label]),
        np.vstack([look, np.zeros((len(said.item), 3), np.int8)]),
        votes.n_items,
        votes.n_workers,
        machine,
    )
