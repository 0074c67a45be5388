"""A model's opinion of every pair, for plans: as right as one says, honest about how sure it is, or not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit

from crowd.planning.collecting import Field

Floats = NDArray[np.float64]
SCALE_MM = 300.0


def model(right: float, *, misled: bool = True, seed: int = 5) -> Callable[[Field], Floats]:
    """A model that is right on this share of pairs and says how sure it is honestly (one logistic slope).

    Args:
        misled: it has learnt what people see, their shared misperception included; then it cannot be right more often
            than they in the end are, and is as right as that at most. Else its errors are its own.
    """

    def opinion(place: Field) -> Floats:
        base = place.percept_mm if misled else place.gap_mm
        noise, sign = np.random.default_rng(seed).normal(size=place.n_pairs), 2 * place.truth - 1

        def beyond(blur: float) -> float:
            return float(np.mean((base + blur * noise > 0) == (sign > 0))) - right

        blur = brentq(beyond, 0.1, 10_000, xtol=0.5) if beyond(0.1) > 0 > beyond(10_000) else 0.1
        seen = (base + blur * noise) / SCALE_MM
        slope = minimize_scalar(lambda k: -np.log(expit(k * sign * seen) + 1e-9).mean(), bounds=(0.01, 30), method="bounded").x
        return np.clip(expit(slope * seen), 0.01, 0.99)

    return opinion


def useless(place: Field) -> Floats:
    """Right half of the time, and sure of it."""
    return np.random.default_rng(6).choice([0.1, 0.9], size=place.n_pairs)


def overconfident(place: Field) -> Floats:
    """All but certain everywhere, and wrong on 30 %."""
    wrong = np.random.default_rng(7).random(place.n_pairs) < 0.3
    return np.where((place.truth == 1) != wrong, 0.98, 0.02)
