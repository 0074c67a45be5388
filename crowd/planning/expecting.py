"""What a campaign's settings will bring: labels that are right, votes, and the hours of the people who give them."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from crowd import aggregation
from crowd.planning.collecting import Protocol, collect, field
from crowd.simulation import PaperCrowd, study

FAR_MM = 200
FIXED_IMAGES = 400
LEAN_IMAGES = 160
PLAYED_TASKS = 400
IN_A_ROW = 4  # tasks that one person does before the next one comes; the paper's did about four


@dataclass(frozen=True)
class Plan:
    """What of a campaign's settings decides how right and how soon; the names are the campaign's."""

    votes_per_pair: int = 5
    images_per_hit: int = 5
    pairs_per_image: int = 5
    is_lean: bool = False
    target_risk: float = 0.05
    most_votes: int = 7
    least_votes: int = 1
    exploration_share: float = 0.05


@dataclass(frozen=True)
class Expected:
    """What a plan brings.

    Attributes:
        right, far: share of merged labels that are right; `far` of pairs more than 20 cm apart in depth.
        votes_per_pair: bought, on average; fewer than planned where a lean campaign stops asking.
    """

    right: float
    far: float
    votes_per_pair: float


@lru_cache(maxsize=128)
def expect(plan: Plan) -> Expected:
    """Play the plan once with a crowd that votes like the paper's.

    2,000 pairs where every pair gets the same number of votes, so that shares are good to about one per cent; 800 where
    votes go where they change most, good to about two. Gaps are drawn one by one, so that what a person's pairs tell of each
    other is not in it: where people have several pairs, some more labels will be right.
    """
    if not plan.is_lean:
        done = study("paper", seed=1, n_images=FIXED_IMAGES, votes_per_pair=plan.votes_per_pair)
        votes = aggregation.Votes(
            item=done.item, worker=done.worker, label=done.label, n_items=done.n_items, n_workers=done.n_workers
        )
        truth, gap_mm = done.truth == 1, done.depth_gap_mm
    else:
        place = field("paper", seed=1, n_images=LEAN_IMAGES)
        _, votes = collect(place, Protocol(
            plan.votes_per_pair, lean=True, target_risk=plan.target_risk, most_votes=plan.most_votes,
            least_votes=plan.least_votes, exploration_share=plan.exploration_share, merge_every=1.0, point_every=99,
            images_per_task=plan.images_per_hit, pairs_per_image=plan.pairs_per_image,
        ), seed=1)
        truth, gap_mm = place.truth == 1, place.gap_mm
    right = (aggregation.merge(votes).probability > 0.5) == truth
    return Expected(
        right=float(right.mean()), far=float(right[np.abs(gap_mm) > FAR_MM].mean()),
        votes_per_pair=len(votes.item) / len(truth),
    )


@lru_cache(maxsize=128)
def mean_task_s(comparisons: int, delay_ms: int) -> float:
    """Seconds that a simulated worker takes for a task."""
    return float(_tasks_s(comparisons, delay_ms, PLAYED_TASKS, np.random.default_rng(3)).mean())


@lru_cache(maxsize=128)
def hours(n_tasks: int, comparisons: int, delay_ms: int, at_once: int) -> float:
    """Until so many tasks are done, if so many people work at any time.

    The first tasks are played, each taken by whoever is free first; more of them take in proportion longer.
    """
    if n_tasks <= 0:
        return 0.0
    seconds = _tasks_s(comparisons, delay_ms, min(n_tasks, PLAYED_TASKS), np.random.default_rng(4))
    free_at = [0.0] * min(at_once, len(seconds))
    for taken in seconds:
        heapq.heapreplace(free_at, free_at[0] + float(taken))
    return max(free_at) / 3600 * n_tasks / len(seconds)


def _tasks_s(comparisons: int, delay_ms: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) seconds of each task: people of different pace, each for a few tasks in a row."""
    crowd = PaperCrowd(1)
    percept = crowd.percept(crowd.depth_gaps_mm(n * comparisons, rng), rng).reshape(n, comparisons)
    people = [crowd.worker(rng) for _ in range(-(-n // IN_A_ROW))]
    looked = [crowd.response_s(row, people[number // IN_A_ROW], rng).sum() for number, row in enumerate(percept)]
    return np.array(looked) + comparisons * delay_ms / 1000
