"""How good probabilities are, where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from crowd.aggregation.votes import Floats, Ints

CLIP = 1e-6


@dataclass(frozen=True)
class Measures:
    """Accuracy (a half where p is exactly 0.5), log loss in nats, Brier score, expected calibration error (10 bins), items."""

    accuracy: float
    log_loss: float
    brier: float
    ece: float
    n: int


def measure(probability: ArrayLike, truth: ArrayLike) -> Measures:
    """Measures of P(label 1) against truths 0 or 1; items whose truth is NaN are left out.

    Raises: ValueError where no truth is known.
    """
    p, y = _known(probability, truth)
    clipped = np.clip(p, CLIP, 1 - CLIP)
    return Measures(
        accuracy=float(np.where(p == 0.5, 0.5, (p > 0.5) == y).mean()),
        log_loss=float(-np.where(y, np.log(clipped), np.log(1 - clipped)).mean()),
        brier=float(((p - y) ** 2).mean()),
        ece=expected_calibration_error(p, y),
        n=len(p),
    )


def expected_calibration_error(probability: ArrayLike, truth: ArrayLike, bins: int = 10) -> float:
    """Mean distance between P(label 1) and the share of ones over equal bins of [0, 1], each weighed by its items."""
    _, stated, found, n = reliability(probability, truth, bins)
    return float((np.abs(stated - found)[n > 0] * n[n > 0]).sum() / n.sum())


def reliability(probability: ArrayLike, truth: ArrayLike, bins: int = 10) -> tuple[Floats, Floats, Floats, Ints]:
    """Edges (bins + 1,), and per bin the mean probability, the share of ones and the number of items; NaN in an empty bin."""
    p, y = _known(probability, truth)
    place = np.minimum((p * bins).astype(int), bins - 1)
    n = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        stated, found = np.bincount(place, p, bins) / n, np.bincount(place, y, bins) / n
    return np.linspace(0, 1, bins + 1), stated, found, n


def risk_coverage(probability: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Items in order of rising risk: share kept, share of those that is wrong, and the risk that was promised for them."""
    p, y = _known(probability, truth)
    risk = np.minimum(p, 1 - p)
    order = np.argsort(risk, kind="stable")
    wrong = np.where(p == 0.5, 0.5, (p > 0.5) != y)[order]
    count = np.arange(1, len(p) + 1)
    return count / len(p), np.cumsum(wrong) / count, np.cumsum(risk[order]) / count


def _known(probability: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    p, y = np.asarray(probability, float), np.asarray(truth, float)
    known = ~np.isnan(y)
    if not known.any():
        raise ValueError("no item's truth is known, so nothing can be measured")
    return p[known], y[known]
