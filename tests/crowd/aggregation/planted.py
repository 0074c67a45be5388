"""Votes with a planted truth."""

import numpy as np
from scipy.special import ndtr

from crowd.aggregation import Votes


def make_votes(
    n_items=600, n_workers=40, per_item=5, *, slope=1.2, separation=0.0, label_bias=0.0, left_bias=0.0, seed=0, **overrides
):
    """Votes of workers who see a signal, and the signal (I,); slope and biases are numbers or (W,)."""
    rng = np.random.default_rng(seed)
    side = rng.choice([-1.0, 1.0], n_items)
    signal = side * separation + np.sqrt(1 - separation**2) * rng.normal(size=n_items)
    item = np.repeat(np.arange(n_items), per_item)
    worker = np.argsort(rng.random((n_items, n_workers)), axis=1)[:, :per_item].ravel()
    left = rng.integers(0, 2, len(item))
    slope, label_bias, left_bias = (np.broadcast_to(value, n_workers) for value in (slope, label_bias, left_bias))
    shift = label_bias[worker] + left_bias[worker] * (2 * left - 1)
    label = (rng.random(len(item)) < ndtr(slope[worker] * signal[item] + shift)).astype(int)
    columns = {
        "item": item,
        "worker": worker,
        "label": label,
        "n_items": n_items,
        "n_workers": n_workers,
        "left": left,
    } | overrides
    return Votes(**columns), signal


def make_even_votes(n_items=800, accuracy=0.75, n_workers=40, per_item=5, seed=0):
    """Votes independent given the truth, and the truth (I,); accuracy is a number or (W,)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n_items)
    item = np.repeat(np.arange(n_items), per_item)
    worker = np.argsort(rng.random((n_items, n_workers)), axis=1)[:, :per_item].ravel()
    right = rng.random(len(item)) < np.broadcast_to(accuracy, n_workers)[worker]
    return Votes(item, worker, np.where(right, truth[item], 1 - truth[item]), n_items, n_workers), truth


def make_gold(truth, n=100, seed=0):
    """(I,) the truth of n items, NaN elsewhere."""
    gold = np.full(len(truth), np.nan)
    some = np.random.default_rng(seed).permutation(len(truth))[:n]
    gold[some] = np.asarray(truth)[some]
    return gold
