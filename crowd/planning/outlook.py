"""Protocols side by side: what each costs and how right its labels are, with an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t

from crowd.aggregation.svg import BLUE, ORANGE, Chart
from crowd.planning.collecting import Field, Floats, Ints, Protocol, collect
from crowd.simulation import PaperCrowd
from crowd.simulation.studies import vote_probability


@dataclass(frozen=True)
class Outlook:
    """What one protocol would bring.

    Attributes:
        name: of the protocol. is_lean: whether it is one.
        votes_per_pair, tasks: means over the plays, for the pairs played.
        usd: for all pairs of the campaign, fees included.
        right, half: mean share of right labels and half of its 95 % interval over the plays; NaN for one play.
        curve: (votes per pair, share right) on the way, means over the plays.
    """

    name: str
    is_lean: bool
    votes_per_pair: float
    tasks: float
    usd: Decimal
    right: float
    half: float
    curve: tuple[tuple[float, float], ...]


def outlook(
    protocols: dict[str, Protocol], place_of: Callable[[int], Field], seeds: list[int], *, n_pairs: int, usd_per_task: Decimal,
    tell: Callable[[str], None] | None = None,
) -> list[Outlook]:
    """Play every protocol on the same fields with the same people.

    Args:
        place_of: the field of each seed. n_pairs: of the whole campaign, to which costs are scaled up.
    """
    rows = []
    for name, protocol in protocols.items():
        if tell:
            tell(name)
        plays = [collect(place_of(seed), protocol, seed)[0] for seed in seeds]
        last = [points[-1] for points in plays]
        scale = n_pairs / place_of(seeds[0]).n_pairs
        tasks = float(np.mean([point.tasks for point in last]))
        right = np.array([point.accuracy for point in last])
        half = float(t.ppf(0.975, len(right) - 1) * right.std(ddof=1) / np.sqrt(len(right))) if len(right) > 1 else float("nan")
        curve = _curve(plays, min(map(len, plays)))
        votes = float(np.mean([point.votes_per_pair for point in last]))
        usd = usd_per_task * int(np.ceil(tasks * scale))
        rows.append(Outlook(name, protocol.lean, votes, tasks, usd, float(right.mean()), half, curve))
    return rows


def _curve(plays: list, length: int) -> tuple[tuple[float, float], ...]:
    at = range(length)
    votes = [float(np.mean([points[i].votes_per_pair for points in plays])) for i in at]
    right = [float(np.mean([points[i].accuracy for points in plays])) for i in at]
    return tuple(zip(votes, right, strict=True))


def chart(rows: list[Outlook], usd_per_vote: float, title: str) -> str:
    """SVG: share of right labels by dollars spent; a lean protocol is a line, a fixed one a point."""
    usd = [float(row.usd) for row in rows]
    ends = [right for row in rows for _, right in row.curve[1:]] + [row.right for row in rows]
    picture = Chart(
        title, "dollars, fees included", "labels that are right", (0, max(usd) * 1.05),
        (max(min(ends) - 0.02, 0), min(max(ends) + 0.02, 1)), percent=(False, True),
    )  # fmt: skip
    colors = {True: ORANGE, False: BLUE}
    for row in rows:
        if row.is_lean:
            shown = [(votes * usd_per_vote, right) for votes, right in row.curve if right >= min(ends)]
            picture.line(*zip(*shown, strict=True), color=colors[True], dashed="prior" in row.name, name=row.name)
    fixed = [row for row in rows if not row.is_lean]
    if fixed:
        picture.points([float(row.usd) for row in fixed], [row.right for row in fixed], color=BLUE, name="fixed")
    return picture.text()


def crowd_like(agreement: float, place: Field, seed: int = 0) -> PaperCrowd:
    """The paper's crowd with its own blur made so wide that two people agree on a pair as often as here.

    Args:
        agreement: share of pairs of votes on one pair that say the same.
        place: whose pairs they see.
    Raises: ValueError where no blur gives that: more agreement than the sharpest eyes, or hardly any.
    """
    crowd = PaperCrowd(seed)

    def beyond(noise_mm: float) -> float:
        some = replace(crowd, noise_mm=noise_mm)
        people = tuple(some.worker(np.random.default_rng([seed, n])) for n in range(60))
        pairs = np.arange(min(place.n_pairs, 1500))
        item, worker = np.repeat(pairs, len(people)), np.tile(np.arange(len(people)), len(pairs))
        even = np.zeros(len(item), np.int64)
        chance = vote_probability(some, people, place.percept_mm[item], worker, even, even).reshape(len(pairs), -1).mean(1)
        return float(np.mean(chance**2 + (1 - chance) ** 2)) - agreement

    if beyond(5.0) < 0 or beyond(5000.0) > 0:
        raise ValueError(f"no crowd of this kind agrees on {agreement:.0%} of its pairs of votes")
    return replace(crowd, noise_mm=float(brentq(beyond, 5.0, 5000.0, xtol=1.0)))


def agreement_of(item: Ints, label: Ints) -> float:
    """Share of pairs of votes on one item that say the same; NaN where no item has two votes."""
    ones, all_ = np.bincount(item, label), np.bincount(item)
    same = ones * (ones - 1) + (all_ - ones) * (all_ - ones - 1)
    several: Floats = all_ * (all_ - 1)
    return float(same.sum() / several.sum()) if several.sum() else float("nan")
