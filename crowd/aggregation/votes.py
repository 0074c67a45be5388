"""Votes as arrays: checked, put into one order, each worker counted once on each item."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PRIOR_MARGIN = 1e-3


class BadVotes(ValueError):
    """The votes cannot be merged as they are; the message says which row is at fault and what to do."""


@dataclass(frozen=True, eq=False)
class Votes:
    """Who said what about which item.

    In Nearer an item is a pair of keypoints and label 1 means "the first keypoint is closer".

    Args:
        item: (V,) whole numbers in [0, n_items).
        worker: (V,) whole numbers in [0, n_workers).
        label: (V,) 0 or 1.
        n_items, n_workers: how many there are, those without a vote included; the largest index + 1 unless given.
        green: (V,) 1 where the alternative that label 1 stands for was shown in green, 0 where it was shown in the
            other colour, NaN where that is not known; None where colour was not recorded.
        left: (V,) the same for the side: 1 where the alternative of label 1 was on the left.
    Raises: BadVotes for labels other than 0 and 1, indices out of range, arrays of unequal length.

    The rows may come in any order. Where a worker voted twice on an item his last row counts, and `repeated` tells how
    many rows that put aside.
    """

    item: ArrayLike
    worker: ArrayLike
    label: ArrayLike
    n_items: int | None = None
    n_workers: int | None = None
    green: ArrayLike | None = None
    left: ArrayLike | None = None

    def __post_init__(self) -> None:
        item, worker = _indices("item", self.item), _indices("worker", self.worker)
        label = np.asarray(self.label)
        if label.ndim != 1 or len(item) != len(worker) or len(item) != len(label):
            raise BadVotes(f"item, worker and label are lists of one length, not {item.shape}, {worker.shape}, {label.shape}")
        wrong = ~((label == 0) | (label == 1))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise BadVotes(f"row {row}: a label is 0 or 1, not {label[row]!s}; leave rows without an answer out")
        label = label.astype(np.int8)
        n_items = _size("n_items", self.n_items, item)
        n_workers = _size("n_workers", self.n_workers, worker)
        columns = {"green": _shown("green", self.green, len(item)), "left": _shown("left", self.left, len(item))}

        rows = _in_order({"item": item, "worker": worker, "label": label, **columns}, max(n_workers, 1))
        repeated = len(item) - len(rows["item"])
        for name, value in {**rows, "n_items": n_items, "n_workers": n_workers, "repeated": repeated}.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.item)

    @cached_property
    def per_item(self) -> Ints:
        """(n_items,) number of votes on each item."""
        return np.bincount(self.item, minlength=self.n_items)

    @cached_property
    def per_worker(self) -> Ints:
        """(n_workers,) number of votes of each worker."""
        return np.bincount(self.worker, minlength=self.n_workers)

    @cached_property
    def ones(self) -> Ints:
        """(n_items,) number of votes for label 1."""
        return np.bincount(self.item[self.label == 1], minlength=self.n_items)


def checked_prior(prior: ArrayLike | None, n_items: int) -> tuple[Floats | None, list[str]]:
    """A prior per item inside (0, 1), NaN where there is none, and what to tell people about it.

    Raises: BadVotes for a wrong length or a value outside [0, 1].
    """
    if prior is None:
        return None, []
    prior = np.array(prior, float)
    if prior.shape != (n_items,):
        raise BadVotes(f"prior has one value for each of the {n_items} items, not the shape {prior.shape}")
    if ((prior < 0) | (prior > 1)).any():
        row = int(np.flatnonzero((prior < 0) | (prior > 1))[0])
        raise BadVotes(f"item {row}: a prior is a probability between 0 and 1, not {prior[row]:g}")
    sure = (prior < PRIOR_MARGIN) | (prior > 1 - PRIOR_MARGIN)
    certain = int(((prior == 0) | (prior == 1)).sum())
    prior[sure] = np.clip(prior[sure], PRIOR_MARGIN, 1 - PRIOR_MARGIN)
    softened = f"{certain} priors of exactly 0 or 1 were taken as {PRIOR_MARGIN} or {1 - PRIOR_MARGIN}"
    notes = [f"{softened}: nothing is certain before it is asked"]
    return (None if np.isnan(prior).all() else prior), notes if certain else []


def checked_gold(gold: ArrayLike | None, n_items: int) -> Floats:
    """(n_items,) known answers 0 or 1, NaN elsewhere. Raises BadVotes for anything else."""
    if gold is None:
        return np.full(n_items, np.nan)
    gold = np.array(gold, float)
    if gold.shape != (n_items,):
        raise BadVotes(f"gold has one value for each of the {n_items} items (NaN where unknown), not the shape {gold.shape}")
    wrong = ~(np.isnan(gold) | (gold == 0) | (gold == 1))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise BadVotes(f"item {row}: a gold answer is 0, 1 or NaN, not {gold[row]:g}")
    return gold


def _indices(name: str, values: ArrayLike) -> Ints:
    values = np.asarray(values)
    if values.size == 0:
        return np.zeros(0, np.int64)
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.floor(values))).all():
        row = int(np.flatnonzero(~(np.isfinite(values) & (values == np.floor(values))))[0])
        raise BadVotes(f"row {row}: {name} is a whole number, not {values[row]}")
    if values.dtype.kind not in "iuf":
        remedy = "turn names into numbers with numpy.unique(names, return_inverse=True)"
        raise BadVotes(f"{name} is a list of whole numbers; {remedy}")
    return values.astype(np.int64, copy=False)


def _size(name: str, size: int | None, index: Ints) -> int:
    least = int(index.max()) + 1 if len(index) else 0
    size = least if size is None else int(size)
    if len(index) and (index.min() < 0 or least > size):
        row = int(np.flatnonzero((index < 0) | (index >= size))[0])
        raise BadVotes(f"row {row}: index {index[row]} is outside of {name} = {size}")
    return size


def _shown(name: str, values: ArrayLike | None, n: int) -> NDArray[np.int8] | None:
    """+1 where the alternative of label 1 was shown so, -1 where the other was, 0 unknown."""
    if values is None:
        return None
    values = np.asarray(values, float)
    if values.shape != (n,) or not (np.isnan(values) | (values == 0) | (values == 1)).all():
        raise BadVotes(f"{name} has one value for each vote: 1, 0, or NaN where it is not known")
    return np.where(np.isnan(values), 0, 2 * values - 1).astype(np.int8)


def _in_order(rows: dict[str, NDArray | None], n_workers: int) -> dict[str, NDArray | None]:
    """The rows sorted by item and worker, the last of each repeated vote alone."""
    item, worker = rows["item"], rows["worker"]
    bits = max(int(n_workers - 1).bit_length(), 1)
    small = [name for name in ("label", "green", "left") if rows[name] is not None]
    if len(item) and int(item.max()).bit_length() + bits + 2 * len(small) > 63:  # no room to pack them
        order = np.lexsort((worker, item))
        order = order[_lasts(item[order]) | _lasts(worker[order])]
        return {name: None if column is None else column[order] for name, column in rows.items()}
    key = item << bits | worker
    if (key[1:] > key[:-1]).all():
        return rows
    # Sorting whole rows, packed into one number each, is several times faster than sorting their places.
    packed = key
    for name in small:
        packed = packed << 2 | (rows[name] + 1)
    packed.sort()
    ordered = {"green": None, "left": None}
    for name in reversed(small):
        ordered[name] = (packed & 3).astype(np.int8) - 1
        packed >>= 2
    last = _lasts(packed)
    if not last.all():
        ordered = {name: None if column is None else column[last] for name, column in ordered.items()}
        repeated, packed = packed[:-1][~last[:-1]], packed[last]
        touched = np.zeros(int(item.max()) + 1, bool)
        touched[repeated >> bits] = True
        some = np.flatnonzero(touched[item])  # of these few items, which row was the last is looked up
        some = some[np.argsort(key[some], kind="stable")]
        some = some[_lasts(key[some])]
        place = np.searchsorted(packed, key[some])
        for name in small:
            ordered[name][place] = rows[name][some]
    ordered["item"], ordered["worker"] = packed >> bits, packed & ((1 << bits) - 1)
    return ordered


def _lasts(key: Ints) -> NDArray[np.bool_]:
    """Where each run of equal keys ends."""
    return np.append(key[1:] != key[:-1], True)
