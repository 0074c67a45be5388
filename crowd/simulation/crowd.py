"""People who look at two keypoints: one percept shared by all, and a hand of their own.

The paper's figures (Ronchi et al. 2018, section 4: 73 % of single votes right, 79 % after five are merged, over 90 %
beyond 20 cm) cannot come from votes that err independently, which would merge to 84 %. So everybody sees the same
*percept*, the true gap in depth blurred by a draw that belongs to the pair, and each worker adds noise of his own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

# Depth gaps between two random joints of people who act, dance and play ball, as a mixture of zero-mean normals
# (weights; standard deviations in mm): median gap 165 mm, 42 % beyond 20 cm. Fitted to motion capture.
GAP_WEIGHTS = (0.0738, 0.6745, 0.2517)
GAP_SD_MM = (142.1, 231.8, 351.9)

MEDIAN_RESPONSE_S = 2.7


@dataclass(frozen=True)
class Worker:
    """One person.

    Attributes:
        noise_mm: standard deviation of his own blur on top of the shared percept.
        lapse: share of his answers that are a coin flip.
        accuracy: share of right answers that he would give were all pairs equally hard (the world "even").
        left_mm, green_mm: his habits, as if an alternative on the left / in green were that much closer.
        pace: factor on the median response time.
        kind: "honest", "spammer" (answers at random) or "adversary" (answers the opposite of what he sees).
    """

    noise_mm: float
    lapse: float
    accuracy: float
    left_mm: float = 0.0
    green_mm: float = 0.0
    pace: float = 1.0
    kind: str = "honest"


@dataclass(frozen=True)
class PaperCrowd:
    """A crowd whose votes reproduce the paper's study; single votes are drawn with it, whole studies by `study`.

    A gap in depth is z_second - z_first in mm: positive where the first keypoint is closer.

    Attributes:
        seed: of the crowd itself, for `worker()` without a generator.
        shared_mm: blur of the percept that all workers share. 182 mm puts the ceiling, what an endless crowd would
            get right, at 81 % for `GAP_SD_MM`.
        noise_mm, noise_spread: median of the workers' own blur, and the standard deviation of its logarithm.
        lapse: mean share of coin flips; a worker's own is Beta distributed around it.
        habit_mm: standard deviation of the workers' habits of side and of colour, each.
        spammers, adversaries: share of such workers.
    """

    seed: int = 0
    shared_mm: float = 182.0
    noise_mm: float = 145.0
    noise_spread: float = 0.7
    lapse: float = 0.06
    habit_mm: float = 0.0
    spammers: float = 0.0
    adversaries: float = 0.0
    _own: np.random.Generator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.spammers < 0 or self.adversaries < 0 or self.spammers + self.adversaries > 1:
            raise ValueError("spammers and adversaries are shares: at least 0 and together at most 1")
        object.__setattr__(self, "_own", np.random.default_rng(self.seed))

    def depth_gaps_mm(self, n: int, rng: np.random.Generator) -> Floats:
        """(n,) gaps of random pairs of keypoints, where no real poses are at hand."""
        component = rng.choice(len(GAP_WEIGHTS), size=n, p=np.array(GAP_WEIGHTS) / sum(GAP_WEIGHTS))
        return rng.normal(size=n) * np.array(GAP_SD_MM)[component]

    def percept(self, depth_gap_mm: ArrayLike, rng: np.random.Generator) -> Floats:
        """What everybody sees of a pair, in mm, the shape of the gaps. Draw it once per pair and keep it."""
        gap = np.asarray(depth_gap_mm, float)
        return gap + self.shared_mm * rng.normal(size=gap.shape)

    def worker(self, rng: np.random.Generator | None = None) -> Worker:
        """A newcomer; from the crowd's own sequence where no generator is given."""
        rng = self._own if rng is None else rng
        fate, noise, lapse = rng.random(), rng.normal(), rng.beta(1, 1 / self.lapse - 1)
        accuracy, pace = rng.normal(), rng.normal()
        left, green = rng.normal(size=2) * self.habit_mm
        kind = "honest"
        if fate < self.spammers + self.adversaries:
            kind = "spammer" if fate < self.spammers else "adversary"
        return Worker(
            noise_mm=float(self.noise_mm * np.exp(self.noise_spread * noise)),
            lapse=1.0 if kind == "spammer" else float(lapse),
            accuracy={"spammer": 0.5, "adversary": 0.27}.get(kind, float(even_accuracy(accuracy))),
            left_mm=float(left),
            green_mm=float(green),
            pace=float(np.exp(0.25 * pace)),
            kind=kind,
        )

    def probability_first(
        self, percept_mm: ArrayLike, worker: Worker, *, left: bool | None = None, green: bool | None = None
    ) -> Floats:
        """Probability that this worker says "the first is closer" of a pair with this percept.

        Args:
            percept_mm: from `percept`.
            left, green: whether the first keypoint was shown on the left / in green; None where habits are to be ignored.
        """
        seen = np.asarray(percept_mm, float)
        for shown, habit in ((left, worker.left_mm), (green, worker.green_mm)):
            if shown is not None:
                seen = seen + (habit if shown else -habit)
        sign = -1.0 if worker.kind == "adversary" else 1.0
        return worker.lapse / 2 + (1 - worker.lapse) * ndtr(sign * seen / worker.noise_mm)

    def response_s(self, percept_mm: ArrayLike, worker: Worker, rng: np.random.Generator) -> Floats:
        """Seconds until the answer: log-normal, median about 2.7 s, up to a third longer where the percept is unclear."""
        seen = np.asarray(percept_mm, float)
        hesitation = 1.15 - 0.3 * np.minimum(np.abs(seen) / 400.0, 1.0) + 0.15 * np.exp(-np.abs(seen) / 60.0)
        return MEDIAN_RESPONSE_S * worker.pace * hesitation * np.exp(0.4 * rng.normal(size=seen.shape))


def even_accuracy(normal_draw: ArrayLike) -> Floats:
    """A worker's share of right answers in the world "even": about 73 % on average, from a standard normal draw."""
    return ndtr(0.66 + 0.42 * np.asarray(normal_draw, float))
