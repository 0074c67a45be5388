"""A whole collection, task by task, with a simulated crowd: fixed or lean, with or without a model's opinion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crowd.aggregation import Bodies, Votes, merge
from crowd.aggregation.choosing import NEW_IMAGE_S, begun, depth_for, grouped
from crowd.simulation import PaperCrowd, Worker
from crowd.simulation.studies import INDEPENDENT_BLUR, percept_posterior, vote_probability

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CANDIDATES = 400
TRIES = 2000  # people who come and find nothing for them in a row, before it is over


@dataclass(frozen=True, eq=False)
class Field:
    """What there is to ask about, and who comes.

    Attributes:
        image: (I,) of each pair. gap_mm: (I,) z_second - z_first, positive where the first is closer.
        percept_mm: (I,) what everybody sees of it (`PaperCrowd.percept`).
        workers: the people. appetite: (W,) how often each comes, a distribution.
        bodies: whose keypoints the pairs compare; None where gaps are drawn one by one.
    """

    image: Ints
    gap_mm: Floats
    percept_mm: Floats
    crowd: PaperCrowd
    workers: tuple[Worker, ...]
    appetite: Floats
    bodies: Bodies | None = None

    @property
    def n_pairs(self) -> int:
        return len(self.gap_mm)

    @property
    def truth(self) -> Ints:
        """(I,) 1 where the first is closer."""
        return (self.gap_mm > 0).astype(np.int64)

    def right(self, label: Bools, some: Bools | slice = slice(None)) -> float:
        """Share of these labels that are right."""
        return float((label == (self.truth == 1))[some].mean())

    def expected_right(self, label: Bools, votes: Votes) -> float:
        """The same, on average over all gaps under which these votes are as likely: less noise, where nobody but the crowd
        was asked. Of gaps as `PaperCrowd.depth_gaps_mm` draws them; see `percept_posterior` for the formula.
        """
        chance = percept_posterior(
            self.crowd, self.workers, votes.item, votes.worker, votes.label, votes.left > 0, votes.green > 0, self.n_pairs
        )
        return float(np.where(label, chance, 1 - chance).mean())


def field(
    world: str = "paper", seed: int = 0, *, gap_mm: Floats | None = None, image: Ints | None = None, n_images: int = 1000,
    pairs_per_image: int = 5, n_workers: int = 284, crowd: PaperCrowd | None = None, bodies: Bodies | None = None,
) -> Field:
    """Pairs and people of the world "paper" (shared misperception) or "independent" (every error a worker's own).

    Args:
        gap_mm, image, bodies: (I,) of one's own data; gaps are drawn like the paper's where not given.
    """
    if world not in ("paper", "independent"):
        raise ValueError(f'world is "paper" or "independent", not {world!r}')
    rng = np.random.default_rng([seed, 77])
    crowd = crowd or PaperCrowd(seed)
    if world == "independent":
        crowd = replace(crowd, shared_mm=0.0, noise_mm=crowd.noise_mm * INDEPENDENT_BLUR)
    workers = tuple(crowd.worker(rng) for _ in range(n_workers))
    if gap_mm is None:
        gap_mm = crowd.depth_gaps_mm(n_images * pairs_per_image, rng)
    if image is None:
        image = np.arange(len(gap_mm)) // pairs_per_image
    appetite = np.exp(1.4 * rng.normal(size=n_workers))
    gap_mm = np.asarray(gap_mm, float)
    return Field(np.asarray(image), gap_mm, crowd.percept(gap_mm, rng), crowd, workers, appetite / appetite.sum(), bodies)


@dataclass(frozen=True)
class Protocol:
    """How votes are bought; the names are those of a campaign's settings.

    Attributes:
        votes_per_pair: on every pair; where `lean`, the mean at which the money ends.
        target_risk: lean: a pair is finished once its label is wrong, or would be changed by ever more votes, with at
            most this probability; 0 never.
        ceiling: as `merge` takes it; None for the paper's.
        method: what merges in the end.
        n_gold: so many random pairs whose answer is known to `merge`, from which it learns the ceiling; they are asked like
            any other, and left out of accuracy and finished shares.
        is_expected: accuracy as `Field.expected_right`.
        by_body: pairs of a person speak for each other, where the field has `bodies`.
        opinion: of a model, before any vote: (I,) P(the first is closer) of a field, NaN where it has none.
        learner: what is trained on the way: from the field, what is merged so far (I,) and all votes to its opinion, as
            above, which replaces the one before.
        learn_at: votes per pair at which it is trained, in rising order.
        depth: lean: as `begun` takes it, None for `depth_for`; where there is a model's opinion everything has begun.
        new_image_s: what a new image costs a worker; 0 groups nothing.
        merge_every, merge_growth: all votes are merged anew after so many new ones per pair, and once they have grown by
            this share: what is learnt of workers early is worth most.
        point_every: votes per pair between two points of the curve.
    """

    votes_per_pair: float = 5
    lean: bool = False
    target_risk: float = 0.0
    most_votes: int = 15
    least_votes: int = 1
    exploration_share: float = 0.05
    depth: float | None = None
    merge_every: float = 0.02
    merge_growth: float = 0.1
    point_every: float = 0.25
    images_per_task: int = 5
    pairs_per_image: int = 5
    look_s: float = 3.45
    new_image_s: float = NEW_IMAGE_S
    method: str = "nearer"
    ceiling: float | None = None
    n_gold: int = 0
    is_expected: bool = False
    by_body: bool = True
    opinion: Callable[[Field], Floats] | None = None
    learner: Callable[[Field, Floats, Votes], Floats] | None = None
    learn_at: tuple[float, ...] = ()

    @property
    def task_size(self) -> int:
        return self.images_per_task * self.pairs_per_image


@dataclass(frozen=True)
class Point:
    """Where a collection stands, right after a merge.

    Attributes:
        votes_per_pair: bought so far, on average. tasks: so many.
        accuracy: share of pairs whose label is right.
        finished: share of pairs that are asked about no more.
        sure: share at or under the target risk. wrong_of_sure: share of those whose label is wrong, None without any.
        images: mean number of different images in a task.
    """

    votes_per_pair: float
    tasks: int
    accuracy: float
    finished: float
    sure: float
    wrong_of_sure: float | None
    images: float


class _Book:
    """The votes so far."""

    def __init__(self, place: Field):
        self.place = place
        self.n = np.zeros(place.n_pairs, np.int64)
        self.seen = np.zeros((len(place.workers), place.n_pairs), bool)
        self.columns: list[list[Ints]] = [[], [], [], [], []]
        self.total = self.tasks = self.images = 0
        self.gold = np.zeros(place.n_pairs, bool)

    def ask(self, worker: int, pairs: Ints, rng: np.random.Generator) -> Votes:
        """The worker's votes on these pairs, as items 0, 1, ... of a table of their own."""
        left, green = rng.integers(0, 2, (2, len(pairs)))
        people = np.full(len(pairs), worker)
        chance = vote_probability(
            self.place.crowd, self.place.workers, self.place.percept_mm[pairs], people, left, green
        )
        label = (rng.random(len(pairs)) < chance).astype(np.int64)
        for column, values in zip(self.columns, (pairs, people, label, green, left), strict=True):
            column.append(values)
        self.n[pairs] += 1
        self.seen[worker, pairs] = True
        self.total, self.tasks = self.total + len(pairs), self.tasks + 1
        self.images += len(np.unique(self.place.image[pairs]))
        return Votes(np.arange(len(pairs)), people, label, len(pairs), len(self.place.workers), green=green, left=left)

    def votes(self) -> Votes:
        none = np.zeros(0, np.int64)
        item, worker, label, green, left = (np.concatenate(column) if column else none for column in self.columns)
        return Votes(item, worker, label, self.place.n_pairs, len(self.place.workers), green=green, left=left)


def collect(place: Field, protocol: Protocol, seed: int = 0) -> tuple[list[Point], Votes]:
    """Let people come until the votes are bought or nothing is open; where it stood at each merge, and all votes.

    A task holds at most `images_per_task` x `pairs_per_image` pairs that its worker has not seen. Fixed: those with the
    fewest votes. Lean: a share at random, the rest by `Fitted.expected_drop` for this worker and his time, as
    `crowd.lean.selecting` does it; between merges each vote counts at the newest parameters.
    """
    rng = np.random.default_rng([seed, 78])
    book, size = _Book(place), protocol.task_size
    if protocol.n_gold:
        book.gold[rng.permutation(place.n_pairs)[: protocol.n_gold]] = True
    cap = protocol.most_votes if protocol.lean else int(np.ceil(protocol.votes_per_pair))
    opinion = protocol.opinion(place) if protocol.opinion else None
    state = _merged(book, protocol, opinion)
    points: list[Point] = []
    budget = protocol.votes_per_pair * place.n_pairs
    next_point, merged_at, tries = protocol.point_every * place.n_pairs, 0, 0
    lessons = [votes * place.n_pairs for votes in protocol.learn_at] if protocol.learner else []
    while book.total < budget and tries < TRIES:
        worker = int(rng.choice(len(place.workers), p=place.appetite))
        askable = ~book.seen[worker] & (book.n < cap)
        pairs = _lean(book, protocol, state, worker, askable, rng) if protocol.lean else _fewest(book.n, askable, size, rng)
        tries = tries + 1 if not len(pairs) else 0
        if not len(pairs):
            continue
        new = book.ask(worker, pairs, rng)
        state.count(pairs, new)
        is_point = book.total >= next_point
        if is_point or book.total - merged_at >= max(protocol.merge_every * place.n_pairs, protocol.merge_growth * merged_at):
            state, merged_at = _merged(book, protocol, opinion), book.total
        while lessons and book.total >= lessons[0]:
            lessons.pop(0)
            opinion = protocol.learner(place, _merged(book, protocol, opinion).merged, book.votes())
            state, merged_at = _merged(book, protocol, opinion), book.total
        if is_point:
            points.append(_point(book, state, protocol))
            next_point += protocol.point_every * place.n_pairs
    state = _merged(book, protocol, opinion)
    return [*points, _point(book, state, protocol)], book.votes()


class _State:
    """What is believed of each pair between two merges."""

    def __init__(self, fitted, evidence: Floats, probability: Floats, bodies: Bodies | None, opinion: Floats | None):
        self.fitted, self.evidence, self.merged, self.bodies, self.opinion = fitted, evidence, probability, bodies, opinion

    def count(self, pairs: Ints, new: Votes) -> None:
        if self.fitted is None:
            return
        self.evidence[pairs] += self.fitted.evidence(new)
        if self.bodies is not None:
            theirs = np.flatnonzero(np.isin(self.bodies.person, self.bodies.person[pairs]))
            opinion = None if self.opinion is None else self.opinion[theirs]
            self.evidence[theirs] = self.fitted.heard(self.evidence[theirs], opinion, self.bodies.of(theirs))

    def is_sure(self, protocol: Protocol, n: Ints) -> Bools:
        p = self.fitted.probability(self.evidence)
        return (np.minimum(p, 1 - p) <= protocol.target_risk) & (n >= protocol.least_votes)

    def is_finished(self, protocol: Protocol, n: Ints) -> Bools:
        people = self.fitted.probability(self.evidence, ceiling=1.0)  # what an endless crowd would say
        agreed = (np.minimum(people, 1 - people) <= protocol.target_risk) & (n >= protocol.least_votes)
        return agreed | self.is_sure(protocol, n) | (n >= protocol.most_votes)


def _merged(book: _Book, protocol: Protocol, opinion: Floats | None) -> _State:
    votes = book.votes()
    choices = {"ceiling": protocol.ceiling} if protocol.ceiling else {}
    if book.gold.any():
        choices["gold"] = np.where(book.gold, book.place.truth, np.nan)
    bodies = book.place.bodies if protocol.by_body else None
    merged = merge(votes, protocol.method, prior=opinion, bodies=bodies, **choices)
    evidence = merged.fitted.evidence(votes, prior=opinion, bodies=bodies) if merged.fitted else np.zeros((0, 0))
    return _State(merged.fitted, evidence, merged.probability, bodies, opinion)


def _lean(book: _Book, protocol: Protocol, state: _State, worker: int, askable: Bools, rng) -> Ints:
    size = protocol.task_size
    n_random = int(rng.binomial(size, protocol.exploration_share))
    anything = np.flatnonzero(askable)
    at_random = rng.permutation(anything)[:n_random]
    is_open = askable & ~state.is_finished(protocol, book.n) if protocol.target_risk else askable.copy()
    is_open[at_random] = False
    candidates = np.flatnonzero(_in_turn(book, protocol, is_open))
    if not len(candidates):
        return at_random if is_open.any() else at_random[:0]  # nothing is open: random votes alone are not bought
    worth = state.fitted.expected_drop(state.evidence[candidates], worker)
    worth *= 1 + 1e-6 * rng.random(len(worth))
    wanted = min(size - len(at_random), len(candidates))
    if protocol.new_image_s == 0:
        best = candidates[np.argsort(-worth)[:wanted]]
    else:
        if len(candidates) > CANDIDATES:
            top = np.argpartition(-worth, CANDIDATES)[:CANDIDATES]
            candidates, worth = candidates[top], worth[top]
        best = np.array(
            grouped(
                candidates, book.place.image[candidates], worth, wanted, most_per_image=protocol.pairs_per_image,
                look_s=protocol.look_s, new_image_s=protocol.new_image_s,
            ),
            np.int64,
        )  # fmt: skip
    # A task is paid for as a whole: where too little is open, the next best of what is finished fill it up.
    rest = askable.copy()
    rest[at_random] = rest[best] = False
    more = np.flatnonzero(rest)[: 0 if len(best) + len(at_random) >= size else None]
    if len(more):
        worth = state.fitted.expected_drop(state.evidence[more], worker)
        more = more[np.argsort(-worth)[: size - len(best) - len(at_random)]]
    return np.concatenate([at_random, best, more])


def _in_turn(book: _Book, protocol: Protocol, is_open: Bools) -> Bools:
    """Of the pairs that are open those whose turn has come; all, where these do not fill a task."""
    if protocol.opinion or protocol.learner:
        return is_open
    image, size = book.place.image, protocol.task_size
    depth = protocol.depth
    if depth is None:
        bodies = book.place.bodies if protocol.by_body else None
        depth = depth_for(book.place.n_pairs, book.place.n_pairs if bodies is None else bodies.n_people)
    share = begun(book.total, book.place.n_pairs, size, protocol.votes_per_pair, depth)
    now = is_open & (image < image.min() + share * (int(image.max()) + 1 - image.min()))
    return now if now.sum() >= size else is_open


def _fewest(n: Ints, askable: Bools, size: int, rng) -> Ints:
    some = np.flatnonzero(askable)
    return some[np.argsort(n[some] + rng.random(len(some)))[:size]]


def _point(book: _Book, state: _State, protocol: Protocol) -> Point:
    label, asked = state.merged > 0.5, ~book.gold
    sure = finished = np.zeros(len(label), bool)
    if state.fitted is not None and protocol.lean:
        sure, finished = state.is_sure(protocol, book.n) & asked, state.is_finished(protocol, book.n) & asked
    return Point(
        votes_per_pair=book.total / book.place.n_pairs, tasks=book.tasks,
        accuracy=book.place.expected_right(label, book.votes()) if protocol.is_expected else book.place.right(label, asked),
        finished=float(finished[asked].mean()), sure=float(sure[asked].mean()),
        wrong_of_sure=1 - book.place.right(label, sure) if sure.any() else None,
        images=book.images / max(book.tasks, 1),
    )
