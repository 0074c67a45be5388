"""More pairs for a data set that is there already: which strategy would add how many, and the adding.

A strategy is one function: it reads a data set and a wish, and yields whom to ask about which two keypoints, the best first.
What needs votes or a lifter is registered by the apps that know of them.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from django.db import transaction
from django.db.models import Count, QuerySet

from annotation import diversity
from annotation.models import Dataset, Pair, Person, Skeleton

BATCH = 1000
MOST_AT_ONCE = 100_000
POOL = 20_000  # people whose poses are compared; more are represented by so many of them at random
FAR = 5_000  # people chosen by their poses; any further ones follow at random

Two = tuple[int, int]  # indices of joints
Choice = tuple[int, Two]  # a person's primary key, and two of that person's keypoints
Free = tuple[Person, list[Two]]  # and which of the wanted pairs are neither asked yet nor without a keypoint


@dataclass(frozen=True)
class Wish:
    """How many: at most `count` for each person (where the strategy counts) and `most` in all; `seed` of what is drawn."""

    count: int
    most: int
    seed: int


Choose = Callable[[Dataset, Wish], Iterator[Choice]]


@dataclass(frozen=True)
class Strategy:
    """One way to choose pairs.

    Attributes:
        words: what it asks, for people.
        choose: the pairs, of those that are not asked yet and have both keypoints; ValueError where it has nothing to go by.
        counts: whether it reads `Wish.count`.
    """

    words: str
    choose: Choose
    counts: bool = False


STRATEGIES: dict[str, Strategy] = {}


def register(slug: str, words: str, choose: Choose, *, counts: bool = False) -> None:
    """Offer a strategy wherever pairs are made. Called once for each slug, when its app is ready."""
    STRATEGIES[slug] = Strategy(words, choose, counts)


def fresh(dataset: Dataset, wanted: list[Two], people: QuerySet[Person] | None = None) -> Iterator[list[Free]]:
    """Everybody of the data set or those people of it, in runs, and what can still be asked of each."""
    rows = Person.objects.filter(image__dataset=dataset) if people is None else people
    rows = rows.select_related("image").defer("truth_mm", "occluded").order_by("pk")
    last = 0
    while run := list(rows.filter(pk__gt=last)[:BATCH]):
        asked = {
            (person, *sorted((first, second)))
            for person, first, second in Pair.objects.filter(person__in=run).values_list("person_id", "first", "second")
        }
        yield [
            (person, [
                (a, b) for a, b in wanted
                if person.keypoints[a] and person.keypoints[b] and (person.pk, *sorted((a, b))) not in asked
            ])
            for person in run
        ]
        last = run[-1].pk


def every_two(skeleton: Skeleton) -> list[Two]:
    return list(combinations(range(len(skeleton.joints)), 2))


def _bones(skeleton: Skeleton) -> list[Two]:
    return [(a, b) for a, b in skeleton.bones]


def _sides(skeleton: Skeleton) -> list[Two]:
    return [(joint, other) for joint, other in enumerate(skeleton.mirror) if joint < other]


def _of(wanted: Callable[[Skeleton], list[Two]], slug: str, *, counts: bool = False) -> Choose:
    """What asks of everybody the same pairs, or so many of them at random."""

    def choose(dataset: Dataset, wish: Wish) -> Iterator[Choice]:
        for run in fresh(dataset, wanted(dataset.skeleton)):
            for person, pairs in run:
                order = random.Random(f"{wish.seed}:{slug}:{person.key}").sample(pairs, len(pairs))
                yield from ((person.pk, pair) for pair in (order[: wish.count] if counts else order))

    return choose


def _diverse(dataset: Dataset, wish: Wish) -> Iterator[Choice]:
    """People whose poses differ most from each other come first, and from those asked more often than the rest."""
    n_people = -(-wish.most // wish.count)
    chosen = _differing(dataset, n_people, wish.seed)
    for begin in range(0, len(chosen), BATCH):
        some = chosen[begin : begin + BATCH]
        people = Person.objects.filter(pk__in=some)
        found = {
            person.pk: (person, pairs) for run in fresh(dataset, every_two(dataset.skeleton), people) for person, pairs in run
        }
        for key in some:
            person, pairs = found[key]
            draw = random.Random(f"{wish.seed}:diverse:{person.key}")
            yield from ((key, pair) for pair in draw.sample(pairs, min(len(pairs), wish.count)))


def _differing(dataset: Dataset, n: int, seed: int) -> list[int]:
    """Primary keys of n people, the most telling first.

    Whoever has more pairs than the rest counts as known already and comes last, at random, as does who is beyond `POOL` and
    `FAR`.
    """
    people = Person.objects.filter(image__dataset=dataset).order_by("pk")
    rows = list(people.annotate(n_pairs=Count("pairs")).values_list("pk", "n_pairs"))
    if not rows:
        return []
    draw = np.random.default_rng(seed)
    keys, counts = np.array(rows, np.int64).T
    order = draw.permutation(len(keys))
    new, known = keys[order][counts[order] == counts.min()], keys[order][counts[order] > counts.min()]
    pool = new[:POOL]
    far = pool[diversity.farthest_first(_shapes_of(pool), min(n, FAR), covered=_shapes_of(known[:FAR]))]
    rest = np.concatenate([new[~np.isin(new, far)], known])
    return [*far.tolist(), *rest.tolist()][:n]


def _shapes_of(keys: np.ndarray) -> np.ndarray:
    found: dict[int, list] = {}
    for begin in range(0, len(keys), 500):
        found |= dict(Person.objects.filter(pk__in=keys[begin : begin + 500].tolist()).values_list("pk", "keypoints"))
    return diversity.shapes([found[key] for key in keys.tolist()]) if len(keys) else np.zeros((0, 1), np.float32)


register("random", "so many more at random for each person", _of(every_two, "random", counts=True), counts=True)
register("bones", "the two ends of every bone: which way each limb points", _of(_bones, "bones"))
register("sides", "left against right of every joint: which way the body is turned", _of(_sides, "sides"))
register("all", "every two keypoints that are not asked yet", _of(every_two, "all"))
register("diverse", "so many at random for the people whose poses differ most from each other", _diverse, counts=True)


def new_pairs(dataset: Dataset, strategy: str, count: int, seed: int, most: int = MOST_AT_ONCE) -> Iterator[Pair]:
    """Pairs, not saved, that the strategy asks and the data set has not; both keypoints are there.

    Which keypoint comes first is drawn, as everywhere.

    Args:
        count: at most so many for each person, where the strategy counts; see `STRATEGIES`.
        most: in all.
    Raises: ValueError for a strategy that is not known or has nothing to go by, or no count.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"There is no strategy '{strategy}'; known are {', '.join(STRATEGIES)}.")
    if count < 1 or most < 1:
        raise ValueError("Ask for at least one more pair.")
    turn = random.Random(f"{seed}:{strategy}")
    for person, (a, b) in islice(STRATEGIES[strategy].choose(dataset, Wish(count, most, seed)), most):
        first, second = (a, b) if turn.random() < 0.5 else (b, a)
        yield Pair(person_id=person, first=first, second=second, strategy=strategy)


def preview(dataset: Dataset, strategy: str, count: int, seed: int, most: int = MOST_AT_ONCE) -> dict:
    """How many pairs it would add, for how many people; `is_cut` where one go does not add all of them."""
    most = min(most, MOST_AT_ONCE)
    n_pairs, people = 0, set()
    found = new_pairs(dataset, strategy, count, seed, most + 1)
    for pair in islice(found, most):
        n_pairs += 1
        people.add(pair.person_id)
    return {"n_pairs": n_pairs, "n_people": len(people), "is_cut": next(found, None) is not None}


def add(dataset: Dataset, strategy: str, count: int, seed: int, most: int = MOST_AT_ONCE) -> int:
    """Store them, all or none; how many there were. Raises: ValueError, see `new_pairs`."""
    with transaction.atomic():
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)  # two at once would want the same pairs
        pairs, n = new_pairs(dataset, strategy, count, seed, min(most, MOST_AT_ONCE)), 0
        while some := list(islice(pairs, BATCH)):
            Pair.objects.bulk_create(some)
            n += len(some)
    return n
