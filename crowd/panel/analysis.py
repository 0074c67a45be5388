"""The paper's figures for one's own data: who errs, where, and whether confidence means anything."""

from itertools import pairwise

import numpy as np
from django.core.paginator import Page, Paginator

from annotation.models import Annotator, Pair, Person
from crowd import merging
from crowd.models import Merge
from crowd.panel import camera_lean
from crowd.panel.campaigns import kept_for_good
from crowd.panel.merges import consensus_table

FEWEST_VOTES = 10
ACCURACY_EDGES = np.linspace(0, 1, 21)
POINTS = 600
HARDEST = 12
PER_PAGE = 48
ORDERS = {"hardest": "Hardest first", "easiest": "Easiest first"}


def figures(merge: Merge) -> dict:
    """Charts as `admin/includes/chart.html` draws them, everybody by difficulty, and what the camera's lean does.

    With ground truth, votes are measured against it; without, against the consensus, and
    `against` says so. A merge never changes, so its figures are kept for a day.
    """
    return kept_for_good(f"panel:analysis:{merge.pk}", lambda: _figures(merge))


def _figures(merge: Merge) -> dict:
    votes = merging.standing_votes(merging.votes_of(merge.campaign).filter(pk__lte=merge.votes_upto or 0))
    pairs = np.array(list(merge.consensuses.order_by("pair_id").values_list("pair_id", flat=True)))
    table = consensus_table(merge)
    if not len(pairs) or not len(votes.pair):
        return {"charts": [], "difficulty": None, "against": "", "lean": None}
    known = np.isfinite(table[:, 2]) & (table[:, 2] != 0)
    has_truth = bool(known.any())
    truth = table[:, 2] > 0 if has_truth else table[:, 0] > 0.5
    usable = known if has_truth else table[:, 0] != 0.5
    index = np.searchsorted(pairs, votes.pair)
    inside = (index < len(pairs)) & (pairs[np.minimum(index, len(pairs) - 1)] == votes.pair)
    inside &= usable[np.minimum(index, len(pairs) - 1)]
    item, chose_first, annotator = index[inside], votes.chose_first[inside], votes.annotator[inside]
    right = chose_first == truth[item]
    against = "the ground truth" if has_truth else "the consensus"
    person, first, second = _people(pairs)
    difficulty = _by_person(person[item], right)
    charts = [
        _worker_accuracy(annotator, right, against), _rates(annotator, truth[item], right),
        _agreement(item, chose_first, table), _images(difficulty[1], against),
    ]
    leaning = camera_lean.gaps(merge.campaign.dataset_id, person, first, second) if has_truth else None
    return {
        "charts": [chart for chart in charts if chart], "against": against, "difficulty": difficulty,
        "lean": camera_lean.figures(item, chose_first, table[:, 0], table[:, 2], *leaning) if leaning else None,
    }


def _by_worker(annotator: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Primary keys, votes and right votes of each annotator."""
    who, number = np.unique(annotator, return_inverse=True)
    return who, np.bincount(number), np.bincount(number, right)


def _worker_accuracy(annotator: np.ndarray, right: np.ndarray, against: str) -> dict | None:
    _, n, n_right = _by_worker(annotator, right)
    enough = n >= FEWEST_VOTES
    if not enough.any():
        return None
    counts, edges = np.histogram(n_right[enough] / n[enough], ACCURACY_EDGES)
    rows = [[f"{100 * low:.0f}-{100 * high:.0f} %", int(count)] for (low, high), count in zip(pairwise(edges), counts)]
    return {
        "id": "worker-accuracy", "title": "Workers by accuracy",
        "note": f"Share of right votes against {against}; workers with {FEWEST_VOTES} votes or more.",
        "columns": ["Right votes", "Workers"], "rows": rows, "type": "bar", "x": 0, "x_title": "right votes",
        "series": [{"column": 1, "colour": "--first"}], "y": {"title": "workers"},
    }


def _rates(annotator: np.ndarray, first_is_closer: np.ndarray, right: np.ndarray) -> dict | None:
    """True positive against true negative rate of each worker, "the first is closer" being positive."""
    who, number = np.unique(annotator, return_inverse=True)
    n, n_positive = np.bincount(number), np.bincount(number, first_is_closer)
    right_positive = np.bincount(number, right & first_is_closer)
    right_negative = np.bincount(number, right & ~first_is_closer)
    enough = (n >= FEWEST_VOTES) & (n_positive > 0) & (n_positive < n)
    names = dict(Annotator.objects.filter(pk__in=who[enough].tolist()).values_list("pk", "pseudonym"))
    rows = [
        [
            names[int(who[one])], float(right_negative[one] / (n[one] - n_positive[one])),
            float(right_positive[one] / n_positive[one]), int(n[one]),
        ]
        for one in np.flatnonzero(enough)[:POINTS]
    ]
    if not rows:
        return None
    return {
        "id": "rates", "title": "Right on the first, right on the second",
        "note": "A worker off the diagonal leans to the first or to the second, whatever is shown.",
        "columns": ["Worker", "Right where the second is closer", "Right where the first is closer", "Votes"], "rows": rows,
        "type": "scatter", "x": 1, "x_title": "right where the second is closer",
        "series": [{"column": 2, "label": "Workers", "colour": "--second"}],
        "y": {"title": "right where the first is closer", "min": 0, "max": 1, "percent": True},
        "limits": {"min": 0, "max": 1, "percent": True}, "diagonal": {"from": 0, "to": 1, "label": "no leaning"},
    }


def _agreement(item: np.ndarray, chose_first: np.ndarray, table: np.ndarray) -> dict | None:
    """What the consensus claims by how many of the votes agree."""
    n = np.bincount(item, minlength=len(table))
    first = np.bincount(item, chose_first, minlength=len(table))
    asked = n > 0
    share = np.maximum(first, n - first)[asked] / n[asked]
    sure = np.maximum(table[asked, 0], 1 - table[asked, 0])
    levels, which = np.unique(np.round(share, 3), return_inverse=True)
    rows = []
    for level in range(len(levels)):
        some = sure[which == level]
        low, middle, high = (float(value) for value in np.quantile(some, [0.1, 0.5, 0.9]))
        rows.append([f"{100 * levels[level]:.0f} %", low, middle, high, len(some)])
    if len(rows) < 2 or len(rows) > POINTS:
        return None
    return {
        "id": "agreement", "title": "Confidence by agreement",
        "note": "The same share of equal votes weighs more or less, by who gave them.",
        "columns": ["Equal votes", "10 % below", "Median confidence", "10 % above", "Pairs"], "rows": rows, "type": "line",
        "x": 0, "x_title": "votes that agree", "y": {"min": 0.5, "max": 1, "percent": True},
        "series": [
            {"column": 1, "colour": "--ink-soft", "dashed": True}, {"column": 2, "colour": "--accent-fill"},
            {"column": 3, "colour": "--ink-soft", "dashed": True},
        ],
    }


def _people(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(P,) person, first and second joint of each pair; pairs: primary keys, rising."""
    rows = Pair.objects.filter(pk__range=(int(pairs[0]), int(pairs[-1]))).order_by("pk")
    rows = rows.values_list("pk", "person_id", "first", "second")
    table = np.fromiter(rows.iterator(chunk_size=20_000), dtype=np.dtype((np.int64, 4)))
    table = table[np.isin(table[:, 0], pairs)]
    return table[:, 1], table[:, 2], table[:, 3]


def _by_person(person: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People's primary keys, share of right votes and number of votes, the hardest first; of two alike who has more votes.

    Args:
        person, right: (V,) of each vote whom it is about, and whether it is right.
    """
    people, number = np.unique(person, return_inverse=True)
    n = np.bincount(number)
    share = np.bincount(number, right) / np.maximum(n, 1)
    order = np.lexsort((-n, share))
    return people[order], share[order], n[order]


def _images(share: np.ndarray, against: str) -> dict:
    at = np.unique(np.linspace(0, len(share) - 1, min(len(share), 100)).astype(int))
    rows = [[int(number) + 1, float(share[number])] for number in at]
    return {
        "id": "difficulty", "title": "Images by difficulty",
        "note": f"Share of votes on each person that are right by {against}, hardest first.",
        "columns": ["Rank", "Right votes"], "rows": rows, "type": "line", "x": 0, "x_title": "images, hardest first",
        "series": [{"column": 1}], "y": {"min": 0, "max": 1, "percent": True},
    }


def by_difficulty(found: dict, order: str = "hardest", number: str | int | None = 1, per_page: int = PER_PAGE) -> Page:
    """One page of everybody that votes are about, as {person, share, votes, rank}.

    Args:
        found: the merge's `figures`.
        order: of `ORDERS`.
    """
    people, share, votes = found["difficulty"] or (np.empty(0, int),) * 3
    ranks = np.arange(len(people)) if order != "easiest" else np.arange(len(people))[::-1]
    page = Paginator(ranks, per_page).get_page(number)
    chosen = [int(rank) for rank in page.object_list]
    known = Person.objects.select_related("image__dataset__skeleton").in_bulk([int(people[rank]) for rank in chosen])
    page.object_list = [
        {"person": known[int(people[rank])], "share": float(share[rank]), "votes": int(votes[rank]), "rank": rank + 1}
        for rank in chosen if int(people[rank]) in known
    ]
    return page
