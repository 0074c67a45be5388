"""The default model: a pair shows everybody one signal, and the truth follows it only up to a ceiling.

    theta_i ~ shape                                   what an endless crowd would see of item i
    P(y_i = 1 | theta_i) = Phi(k theta_i)             the truth; k is fixed by the ceiling
    P(z_iw = 1 | theta_i, a_w, u) = l/2 + (1 - l) Phi(a_w theta_i + u)      a vote
    u = b_w + g_w green + h_w left                    habits of label, colour and side (green, left: +1 or -1)

theta lives on a grid of K nodes and a_w on a grid of J slopes, so all integrals are sums and all likelihoods one table.
`docs/aggregation.md` derives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from crowd.aggregation.votes import Floats, Ints

LAPSE = 0.03
NODES = np.linspace(-2.8, 2.8, 20)

# A slope's name is the share of votes that would agree with a normal signal: 1/2 + atan(a)/pi. Below 1/2 is contrary.
AGREEMENT = np.array([0.06, 0.15, 0.27, 0.4, 0.5, 0.57, 0.63, 0.68, 0.73, 0.77, 0.81, 0.85, 0.89, 0.93, 0.97])
SLOPES = np.tan(np.pi * (AGREEMENT - 0.5))

SHIFT_STEP, SHIFT_LIMIT = 0.05, 2.0
SHIFTS = np.arange(-40, 41) * SHIFT_STEP

SLICE = 800

# Separation of the two humps of the signal: 0 is the standard normal, 1 would be two points at -1 and +1, where nothing
# is ambiguous and votes are independent given the truth (Dawid-Skene).
SEPARATIONS = (0.0, 0.8, 0.95)

SIDED = 0.98  # the ceiling under which a signal's side stands for what people see

DEFAULT_CEILING = 0.80  # the paper's study of this very task: what merging ever more votes converges to


def shape(separation: float, seen_rate: float = 0.5) -> Floats:
    """(K,) prior mass of the nodes: an even mixture of N(-m, 1 - m^2) and N(m, 1 - m^2), whose variance is 1.

    With another share `seen_rate` of items that look like ones, the two sides (`sides`) are weighed by it.
    """
    sd = np.sqrt(1 - separation**2)
    mass = np.exp(-0.5 * ((NODES - separation) / sd) ** 2) + np.exp(-0.5 * ((NODES + separation) / sd) ** 2)
    if seen_rate != 0.5:
        mass *= seen_rate * sides(separation) + (1 - seen_rate) * (1 - sides(separation))
    return mass / mass.sum()


def sides(separation: float) -> Floats:
    """(K,) probability that an item with this signal belongs to those that look like ones."""
    return np.clip(link(steepness_for(SIDED, separation)), 1e-4, 1 - 1e-4)


@lru_cache(maxsize=1)
def vote_table() -> tuple[Floats, Floats]:
    """Probability of each vote and its derivative by the shift.

    Returns: two arrays (2 * S, J, K), row 2 s + z for a vote z under the shift `SHIFTS[s]`; inside [l/2, 1 - l/2].
    """
    argument = SLOPES[None, :, None] * NODES + SHIFTS[:, None, None]
    one = LAPSE / 2 + (1 - LAPSE) * ndtr(argument)
    slope = (1 - LAPSE) * np.exp(-0.5 * argument**2) / np.sqrt(2 * np.pi)
    chance = np.stack([1 - one, one], axis=1).reshape(-1, len(SLOPES), len(NODES))
    gradient = np.stack([-slope, slope], axis=1).reshape(chance.shape)
    return chance, gradient


def row_max(values: NDArray) -> NDArray:
    """(N, 1) largest value of each row of a tall, narrow array, by halving its width: many times faster than `max`."""
    while values.shape[1] > 1:
        half = (values.shape[1] + 1) // 2
        values = np.maximum(values[:, :half], values[:, -half:])
    return values


def row_sum(values: NDArray) -> NDArray:
    """(N,) sum of each row of a tall, narrow array."""
    return np.einsum("nk->n", values)


def thin_product(tall: NDArray, small: NDArray) -> NDArray:
    """tall @ small for a tall, narrow and a small matrix, in slices too small for BLAS to start its threads on.

    Those would cost more than they do here, and make the last digits depend on the machine's number of cores.
    """
    out = np.empty((len(tall), small.shape[1]), np.result_type(tall, small))
    for start in range(0, len(tall), SLICE):
        part = slice(start, start + SLICE)
        np.matmul(tall[part], small, out=out[part])
    return out


def softmax(log_values: NDArray) -> tuple[NDArray, NDArray]:
    """Rows of exp(log_values) divided by their sums, and the logarithms (N,) of the sums."""
    top = row_max(log_values)
    mass = np.exp(log_values - top)
    total = row_sum(mass)
    mass /= total[:, None]
    return mass, np.log(total) + top[:, 0]


def shift_row(shift: Floats) -> Ints:
    """Index into `SHIFTS` of the nearest shift."""
    return np.rint(np.clip(shift, -SHIFT_LIMIT, SHIFT_LIMIT) / SHIFT_STEP).astype(np.int64) + len(SHIFTS) // 2


def link(steepness: float, offset: float = 0.0) -> Floats:
    """(K,) P(y = 1 | theta) = Phi(k theta + c) on the nodes."""
    return ndtr(steepness * NODES + offset)


def ceiling_of(truth: Floats, mass: Floats) -> float:
    """Share of items that an endless crowd, which knows theta, would get right under the link `truth`."""
    return float(mass @ np.maximum(truth, 1 - truth))


@lru_cache(maxsize=512)
def steepness_for(ceiling: float, separation: float) -> float:
    """The k whose ceiling is the given one. For a normal signal on a continuous line it is tan(pi (ceiling - 1/2)).

    Raises: ValueError for a ceiling outside (0.5, 1].
    """
    if not 0.5 < ceiling <= 1:
        raise ValueError(f"a ceiling lies above 0.5 and is at most 1, not {ceiling}")
    mass = shape(separation)
    if ceiling >= ceiling_of(link(200.0), mass) - 1e-9:
        return 200.0
    return float(brentq(lambda k: ceiling_of(link(k), mass) - ceiling, 1e-6, 200.0))


@dataclass(frozen=True, eq=False)
class Population:
    """Prior over slopes before any worker was seen; `weight` pseudo-workers hold on to it while it is learnt.

    Centred where single votes are right about 73 % of the time (the paper), with room for coin flippers and for people
    who answer the opposite, who are then recognised by their votes.
    """

    weight: float = 20.0

    def prior(self) -> Floats:
        """(J,) probabilities."""
        mass = np.exp(-0.5 * ((AGREEMENT - 0.86) / 0.07) ** 2) + 0.02 + 0.08 * (np.abs(AGREEMENT - 0.5) < 0.01)
        return mass / mass.sum()
