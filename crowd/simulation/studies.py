"""Whole studies as arrays: the paper's, and two control worlds whose votes err independently, with their exact posterior."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from crowd.simulation.crowd import GAP_SD_MM, GAP_WEIGHTS, Floats, PaperCrowd, Worker

Ints = NDArray[np.int64]
WORLDS = ("paper", "independent", "even")
INDEPENDENT_BLUR = 1.72
PERCEPT_LIMIT_MM = 1710.0


@dataclass(frozen=True)
class Study:
    """Votes of a simulated crowd, and what only a simulator knows.

    Attributes:
        item, worker, label, left, green: (V,) the votes; label 1 says "the first keypoint is closer"; left / green is 1
            where the first keypoint was shown on the left / in green.
        truth: (I,) 1 where the first keypoint is closer.
        depth_gap_mm: (I,) z_second - z_first.
        posterior: (I,) probability of label 1 given the votes and everything but the pair's own draws: no method
            can do better than this.
        workers: the people, length W.
        world: one of `WORLDS`.
    """

    item: Ints
    worker: Ints
    label: Ints
    left: Ints
    green: Ints
    truth: Ints
    depth_gap_mm: Floats
    posterior: Floats
    workers: tuple[Worker, ...]
    world: str

    @property
    def n_items(self) -> int:
        return len(self.truth)

    @property
    def n_workers(self) -> int:
        return len(self.workers)

    def gold(self, n: int, seed: int = 0) -> Floats:
        """(I,) the truth of n random items, NaN elsewhere."""
        known = np.full(self.n_items, np.nan)
        chosen = np.random.default_rng([seed, 7]).permutation(self.n_items)[:n]
        known[chosen] = self.truth[chosen]
        return known


def study(
    world: str = "paper",
    seed: int = 0,
    *,
    n_images: int = 1000,
    pairs_per_image: int = 5,
    votes_per_pair: int = 5,
    images_per_task: int = 5,
    n_workers: int = 284,
    crowd: PaperCrowd | None = None,
) -> Study:
    """Run the paper's study once: tasks of 25 comparisons (5 images x 5 pairs), each given to five people.

    Participation is heavy-tailed: everybody does at least one task, a few do most of the work, nobody one task twice.

    Args:
        world: "paper" (a shared percept: the crowd errs together), "independent" (the percept is the gap itself: pairs
            differ in difficulty, but every error is a worker's own) or "even" (each worker has one accuracy on all pairs,
            as Dawid & Skene assume).
        crowd: where its workers come from; `PaperCrowd(seed)` unless given. Without the shared blur people would see
            too well, so in "independent" their own is wider, by as much as brings single votes back to 73 %.
    Raises: ValueError for an unknown world, or fewer workers than votes per pair.
    """
    if world not in WORLDS:
        raise ValueError(f"world is one of {', '.join(WORLDS)}, not {world!r}")
    if n_workers < votes_per_pair:
        raise ValueError(f"{votes_per_pair} votes per pair need as many different workers, there are {n_workers}")
    rng = np.random.default_rng([seed, WORLDS.index(world)])
    crowd = crowd or PaperCrowd(seed)
    if world == "independent":
        crowd = replace(crowd, shared_mm=0.0, noise_mm=crowd.noise_mm * INDEPENDENT_BLUR)
    workers = tuple(crowd.worker(rng) for _ in range(n_workers))
    gap = crowd.depth_gaps_mm(n_images * pairs_per_image, rng)
    percept = crowd.percept(gap, rng)
    truth = (gap > 0).astype(np.int64)

    task_of_item = np.arange(len(gap)) // (pairs_per_image * images_per_task)
    takers = participation(int(task_of_item[-1]) + 1, votes_per_pair, n_workers, rng)
    item = np.repeat(np.arange(len(gap)), votes_per_pair)
    worker = takers[task_of_item].ravel()
    left, green = rng.integers(0, 2, size=(2, len(item)))

    if world != "even":
        chance = vote_probability(crowd, workers, percept[item], worker, left, green)
    else:
        accuracy = np.array([person.accuracy for person in workers])[worker]
        chance = np.where(truth[item] == 1, accuracy, 1 - accuracy)
    label = (rng.random(len(item)) < chance).astype(np.int64)
    if world != "even":
        posterior = percept_posterior(crowd, workers, item, worker, label, left, green, len(gap))
    else:
        posterior = even_posterior(workers, item, worker, label, len(gap))
    return Study(item, worker, label, left, green, truth, gap, posterior, workers, world)


def participation(n_tasks: int, votes: int, n_workers: int, rng: np.random.Generator) -> Ints:
    """(n_tasks, votes) different workers for each task: everybody at least once where the places suffice, then by
    log-normal appetite."""
    appetite = np.exp(1.4 * rng.normal(size=n_workers))
    first_turns = rng.permutation(n_workers)[: n_tasks * votes]
    reserved: list[list[int]] = [[] for _ in range(n_tasks)]
    for turn, person in enumerate(first_turns):
        reserved[turn % n_tasks].append(int(person))
    takers = np.empty((n_tasks, votes), np.int64)
    for task, present in enumerate(reserved):
        weight = appetite.copy()
        weight[present] = 0
        others = rng.choice(n_workers, size=votes - len(present), replace=False, p=weight / weight.sum())
        takers[task] = np.concatenate([present, others])
    return takers


def vote_probability(crowd: PaperCrowd, workers, percept_mm, worker, left, green) -> Floats:
    """(V,) probability of label 1 for votes with these percepts, as `PaperCrowd.probability_first` vote by vote."""
    noise, lapse, left_mm, green_mm, sign = _columns(workers)
    seen = percept_mm + (2 * left - 1) * left_mm[worker] + (2 * green - 1) * green_mm[worker]
    return lapse[worker] / 2 + (1 - lapse[worker]) * ndtr((sign / noise)[worker] * seen)


def percept_posterior(crowd: PaperCrowd, workers, item, worker, label, left, green, n_items: int) -> Floats:
    """(I,) exact probability that the first is closer, everything known but each pair's gap and percept.

    The percept t is a mixture of normals with variances s^2 + shared^2; given t and a component the gap is normal with
    mean t s^2 / (s^2 + shared^2), so P(gap > 0 | t, component) = Phi(t s / (shared sqrt(s^2 + shared^2))).
    """
    node = np.linspace(-PERCEPT_LIMIT_MM, PERCEPT_LIMIT_MM, 571)
    closer = closer_given(node, crowd.shared_mm)
    evidence = np.tile(np.log(_density(node, crowd.shared_mm).sum(1)), (n_items, 1))
    order = np.argsort(item, kind="stable")
    for start in range(0, len(order), 20_000):
        some = order[start : start + 20_000]
        chance = vote_probability(crowd, workers, node[None, :], worker[some, None], left[some, None], green[some, None])
        log_chance = np.log(np.where(label[some, None] == 1, chance, 1 - chance) + 1e-300)
        items, first = np.unique(item[some], return_index=True)
        evidence[items] += np.add.reduceat(log_chance, first, axis=0)
    mass = np.exp(evidence - evidence.max(1, keepdims=True))
    return (mass @ closer) / mass.sum(1)


def closer_given(percept_mm: Floats, shared_mm: float) -> Floats:
    """P(the first is closer) for pairs with these percepts; see `percept_posterior`."""
    sd, density = np.array(GAP_SD_MM), _density(percept_mm, shared_mm)
    wide = np.sqrt(sd**2 + shared_mm**2)
    return (density * ndtr(percept_mm[:, None] * sd / (max(shared_mm, 1e-9) * wide))).sum(1) / density.sum(1)


def _density(percept_mm: Floats, shared_mm: float) -> Floats:
    """(N, components) of the percepts, up to a factor."""
    wide = np.sqrt(np.array(GAP_SD_MM) ** 2 + shared_mm**2)
    return np.array(GAP_WEIGHTS) / wide * np.exp(-0.5 * (percept_mm[:, None] / wide) ** 2)


def even_posterior(workers, item, worker, label, n_items: int) -> Floats:
    """(I,) exact probability of label 1 in the even world: naive Bayes with the true accuracies."""
    weight = logit(np.array([person.accuracy for person in workers]))[worker]
    return expit(np.bincount(item, np.where(label == 1, weight, -weight), minlength=n_items))


def _columns(workers) -> tuple[Floats, ...]:
    noise, lapse, left, green = np.array([(w.noise_mm, w.lapse, w.left_mm, w.green_mm) for w in workers]).T
    return noise, lapse, left, green, np.array([-1.0 if w.kind == "adversary" else 1.0 for w in workers])
