"""More pairs for a data set that is there already: which strategy would add how many, and the adding."""

import random
from collections.abc import Callable, Iterator
from itertools import combinations, islice

from django.db import transaction

from annotation.models import Dataset, Pair, Person, Skeleton

BATCH = 1000
MOST_AT_ONCE = 100_000

Found = list[tuple[int, int]]


def _every(skeleton: Skeleton) -> Found:
    return list(combinations(range(len(skeleton.joints)), 2))


def _bones(skeleton: Skeleton) -> Found:
    return [(a, b) for a, b in skeleton.bones]


def _sides(skeleton: Skeleton) -> Found:
    return [(joint, other) for joint, other in enumerate(skeleton.mirror) if joint < other]


STRATEGIES: dict[str, tuple[str, Callable[[Skeleton], Found]]] = {  # words, and which of a person's pairs it may ask
    "random": ("so many more at random for each person", _every),
    "bones": ("the two ends of every bone: which way each limb points", _bones),
    "sides": ("left against right of every joint: which way the body is turned", _sides),
    "all": ("every two keypoints that are not asked yet", _every),
}


def new_pairs(dataset: Dataset, strategy: str, count: int, seed: int) -> Iterator[Pair]:
    """Pairs, not saved, that the strategy asks and the data set has not; both keypoints are there.

    Which comes first is drawn, as everywhere.

    Args:
        count: for each person; read by "random" alone.
    Raises: ValueError for a strategy that is not known, or no count.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"There is no strategy '{strategy}'; known are {', '.join(STRATEGIES)}.")
    if strategy == "random" and count < 1:
        raise ValueError("Ask for at least one more pair for each person.")
    wanted = STRATEGIES[strategy][1](dataset.skeleton)
    for people in _people(dataset):
        asked = {
            (person, *sorted((first, second)))
            for person, first, second in Pair.objects.filter(person__in=people).values_list("person_id", "first", "second")
        }
        for person in people:
            fresh = [
                (a, b) for a, b in wanted
                if person.keypoints[a] and person.keypoints[b] and (person.pk, *sorted((a, b))) not in asked
            ]
            order = _shuffled(fresh, f"{seed}:{strategy}:{person.key}")
            for first, second in order[:count] if strategy == "random" else order:
                yield Pair(person=person, first=first, second=second, strategy=strategy)


def _shuffled(pairs: Found, seed: str) -> Found:
    """The same pairs in an order of their own, and each way round with probability one half."""
    draw = random.Random(seed)
    return [pair if draw.random() < 0.5 else pair[::-1] for pair in draw.sample(pairs, len(pairs))]


def _people(dataset: Dataset) -> Iterator[list[Person]]:
    """Everybody, in runs, by primary key."""
    last = 0
    rows = Person.objects.filter(image__dataset=dataset).select_related("image").defer("truth_mm", "occluded").order_by("pk")
    while people := list(rows.filter(pk__gt=last)[:BATCH]):
        yield people
        last = people[-1].pk


def preview(dataset: Dataset, strategy: str, count: int, seed: int) -> dict:
    """How many pairs it would add, for how many people; `is_cut` where one go does not add all of them."""
    n_pairs, people = 0, set()
    for pair in islice(new_pairs(dataset, strategy, count, seed), MOST_AT_ONCE + 1):
        n_pairs += 1
        people.add(pair.person_id)
    is_cut = n_pairs > MOST_AT_ONCE
    return {"n_pairs": min(n_pairs, MOST_AT_ONCE), "n_people": len(people), "is_cut": is_cut}


def add(dataset: Dataset, strategy: str, count: int, seed: int) -> int:
    """Store them, all or none; how many there were. Raises: ValueError, see `new_pairs`."""
    with transaction.atomic():
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)  # two at once would want the same pairs
        pairs, n = islice(new_pairs(dataset, strategy, count, seed), MOST_AT_ONCE), 0
        while some := list(islice(pairs, BATCH)):
            Pair.objects.bulk_create(some)
            n += len(some)
    return n
