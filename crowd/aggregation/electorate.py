"""Votes as the fits take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crowd.aggregation.votes import Floats, Ints, Votes


@dataclass(frozen=True, eq=False)
class Electorate:
    """Votes as the fits take them.

    Attributes:
        item, worker, label: (V,).
        look: (V, 3) +1, -1 or 0: constant, green, left.
        n_items: I. n_people: W.
    """

    item: Ints
    worker: Ints
    label: Ints
    look: Floats
    n_items: int
    n_people: int


def electorate_of(votes: Votes) -> Electorate:
    """These votes; what was not noted of how they were shown counts as evenly shown."""
    look = np.zeros((len(votes), 3), np.int8)
    look[:, 0] = 1
    for column, shown in ((1, votes.green), (2, votes.left)):
        if shown is not None:
            look[:, column] = shown
    return Electorate(votes.item, votes.worker, votes.label.astype(np.int64), look, votes.n_items, votes.n_workers)
