"""Further pairs whose order does not follow from what people have said already. See `annotation.more_pairs`.

Registered when the app is ready, so that panel, commands and programs offer it wherever pairs are made.
"""

import heapq
from collections.abc import Callable, Iterator

import numpy as np
from django.db.models import Avg, Max, QuerySet
from django.db.models.functions import Coalesce, Least

from annotation import more_pairs
from annotation.models import Dataset, Pair, Person
from crowd.aggregation import Fitted
from crowd.aggregation.bodies import Poses
from crowd.models import Consensus, Merge
from crowd.planning import orders

FOLLOWS_AT = 0.05  # an order that is known with this risk is not bought
GOLD = 0.99  # what a known answer says

Believe = Callable[[list[int]], orders.Depths]  # people's primary keys: what is believed of their depths


def most_telling(
    dataset: Dataset, wish: more_pairs.Wish, believe: Believe, *, known_at: float = 0.0, people: QuerySet[Person] | None = None
) -> Iterator[more_pairs.Choice]:
    """Of everybody's pairs that are not asked yet the `wish.most` that tell most, at most `wish.count` for each person."""
    wanted = more_pairs.every_two(dataset.skeleton)
    pairs, number = np.array(wanted).reshape(-1, 2), {two: n for n, two in enumerate(wanted)}
    draw = np.random.default_rng(wish.seed)

    def found() -> Iterator[tuple[float, int, int]]:
        for run in more_pairs.fresh(dataset, wanted, people):
            keys = [person.pk for person, _ in run]
            may = np.zeros((len(run), len(wanted)), bool)
            for row, (_, free) in enumerate(run):
                may[row, [number[two] for two in free]] = True
            chance = draw.random(may.shape)
            for someone, which, bits in orders.most_telling(believe(keys), pairs, may, wish.count, known_at, chance):
                yield from zip(bits.tolist(), (keys[n] for n in someone), which.tolist())

    for _, person, which in heapq.nlargest(wish.most, found()):
        yield person, wanted[which]


def newest_merges(dataset: Dataset) -> list[int]:
    """Of each campaign on the data set the last merge that was done, oldest first."""
    done = Merge.objects.filter(campaign__dataset=dataset, state=Merge.State.DONE)
    return sorted(done.order_by().values("campaign").annotate(newest=Max("pk")).values_list("newest", flat=True))


def _untold(dataset: Dataset, wish: more_pairs.Wish) -> Iterator[more_pairs.Choice]:
    merges = newest_merges(dataset)
    consensuses = Consensus.objects.filter(merge__in=merges)
    own = Coalesce("alone", "p_first")  # what follows from other pairs is worked out here, and counts once
    mean_risk = consensuses.aggregate(mean=Avg(Least(own, 1 - own)))["mean"]
    if mean_risk is None:
        raise ValueError("Nothing is known yet that an order could follow from. Merge a campaign's votes first.")
    n_joints, poses = len(dataset.skeleton.joints), _poses(merges)

    def believe(keys: list[int]) -> orders.Depths:
        place = {key: n for n, key in enumerate(keys)}
        about = consensuses.filter(pair__person__in=keys).order_by("merge_id")  # the newest merge has the last word
        said = {
            pair: (place[person], first, second, p_first)
            for pair, person, first, second, p_first in about.values_list(
                "pair_id", "pair__person_id", "pair__first", "pair__second", own
            )
        }
        gold = Pair.objects.filter(person__in=keys, gold_first__isnull=False)
        for pair, person, first, second, is_first in gold.values_list("pk", "person_id", "first", "second", "gold_first"):
            said[pair] = (place[person], first, second, GOLD if is_first else 1 - GOLD)
        rows = np.array(list(said.values()), float).reshape(-1, 4)
        return orders.from_consensus(len(keys), n_joints, rows[:, 0], rows[:, 1:3], rows[:, 3], 1 - mean_risk, poses)

    yield from most_telling(dataset, wish, believe, known_at=FOLLOWS_AT)


def _poses(merges: list[int]) -> Poses | None:
    """How people hold themselves by the newest of these merges that knows."""
    known = Merge.objects.filter(pk__in=merges, parameters__isnull=False).order_by("-pk").values_list("parameters", flat=True)
    return next((poses for parameters in known if (poses := Fitted.from_bytes(bytes(parameters)).poses)), None)


def register() -> None:
    more_pairs.register(
        "untold", "so many for each person whose order does not follow from what people said, the most telling first",
        _untold, counts=True,
    )
