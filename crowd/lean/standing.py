"""Where every pair of a campaign stands: counted anew with each task, measured anew with each merge.

Nothing here is a fact of its own. Votes, leases (comparisons of tasks that are out) and a
merge's parameters are; a recount of any pairs at any time gives the same rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from annotation.models import Comparison, Pair
from crowd import aggregation, merging
from crowd.aggregation.fitted import Fitted
from crowd.aggregation.signal import NODES
from crowd.lean import opening, stopping
from crowd.models import Assignment, Campaign, Merge, Standing

CHUNK = 1000
PEOPLE = 200  # whose pairs are recounted at once
FEW = 500  # pairs that a query names one by one
ON_ITS_WAY = 0.3  # how much of a pair's worth is left for the next worker while a vote is on its way
LAPSED = (Assignment.State.UNSUBMITTED, Assignment.State.FOREIGN, Assignment.State.REJECTED, Assignment.State.COMPENSATED)
WRITTEN = ["merge", "state", "n_votes", "n_out", "p_first", "foretold", "risk", "worth", "rank", "evidence", "changed_at"]


@dataclass(frozen=True, eq=False)
class Known:
    """What the newest merge knows.

    Attributes:
        merge: its primary key, None before the first.
        annotators: (W,) primary keys in rising order, as the fit numbers them.
    """

    merge: int | None
    fitted: Fitted
    annotators: np.ndarray

    def index(self, annotators: np.ndarray) -> np.ndarray:
        """The fit's number of each annotator; n_workers for newcomers."""
        place = np.searchsorted(self.annotators, annotators)
        found = np.append(self.annotators, -1)[place] == annotators
        return np.where(found, place, len(self.annotators))


def known(campaign: Campaign) -> Known:
    """Parameters for votes on this campaign; before any merge those of a crowd never seen."""
    merges = campaign.merges.filter(state=Merge.State.DONE, parameters__isnull=False).order_by("-pk")
    newest = merges.values_list("pk", flat=True).first()
    return _of_merge(newest) if newest else _of_nothing()


@lru_cache(maxsize=4)
def _of_merge(pk: int) -> Known:
    merge = Merge.objects.only("parameters").get(pk=pk)
    annotators = merge.skills.order_by("annotator_id").values_list("annotator_id", flat=True)
    return Known(pk, Fitted.from_bytes(bytes(merge.parameters)), np.fromiter(annotators, np.int64))


@lru_cache(maxsize=1)
def _of_nothing() -> Known:
    none = np.zeros(0, np.int64)
    return Known(None, aggregation.merge(aggregation.Votes(none, none, none, n_items=1, n_workers=0)).fitted, none)


def begin(campaign: Campaign) -> None:
    """A row for every pair of the campaign's data set; safe to repeat, and takes in pairs that were added since."""
    is_first = not campaign.standings.exists()
    new = Pair.objects.of_dataset(campaign.dataset).exclude(standings__campaign=campaign)
    rows = new.order_by("pk").values_list("pk", "person__image_id")
    draw = np.random.default_rng([campaign.seed, campaign.pk])
    for some in _chunks(rows.iterator(chunk_size=CHUNK)):
        places = draw.random(len(some))
        Standing.objects.bulk_create(
            [
                Standing(campaign=campaign, pair_id=pair, image_id=image, draw=float(place))
                for (pair, image), place in zip(some, places, strict=True)
            ],
            ignore_conflicts=True,
        )
    if is_first:
        opening.first_turn(campaign)
    measure(campaign)


def measure(campaign: Campaign) -> None:
    """Every pair at the newest merge's parameters and the newest priors, a chunk at a time."""
    recount_all(campaign, campaign.standings)


def recount_all(campaign: Campaign, rows: QuerySet[Standing]) -> None:
    """These rows, and those of the same people, some people at a time."""
    people = rows.order_by("pair__person_id").values_list("pair__person_id", flat=True).distinct()
    for some in _chunks(people.iterator(chunk_size=CHUNK), PEOPLE):
        _recount(campaign, some)


def catch_up(campaign: Campaign) -> int:
    """Count what was verified, and take back what lapsed, since the last time; how many tasks that were."""
    verified, lapsed = Q(task__verified_at__isnull=False), Q(state__in=LAPSED)
    news = Q(verified, ~Q(counted_as="counted")) | Q(lapsed, task__verified_at=None, counted_as="")
    todo = Assignment.objects.filter(news, hit__campaign=campaign, task__isnull=False).order_by("pk")
    count = 0
    for pk, task in list(todo.values_list("pk", "task_id")):
        with transaction.atomic():
            pairs = list(Comparison.objects.filter(task=task).values_list("pair_id", flat=True))
            row = Assignment.objects.select_for_update(of=["self"], no_key=True).select_related("task").get(pk=pk)
            Assignment.objects.filter(pk=pk).update(counted_as="counted" if row.task.verified_at else "lapsed")
            recount(campaign, pairs)
        count += 1
    return count


def recount(campaign: Campaign, pairs: list[int]) -> None:
    """Bring the standing of these pairs, and of their people's other pairs, up to date; all or nothing."""
    _recount(campaign, sorted(set(Pair.objects.filter(pk__in=pairs).values_list("person_id", flat=True))))


@transaction.atomic
def _recount(campaign: Campaign, people: list[int]) -> None:
    """Every pair of these people, from votes, leases and the newest merge: what is said of one pair tells of the others."""
    within, theirs = _within(people), set(people)
    rows = campaign.standings.filter(**within).select_related("pair").order_by("pair_id")
    # Locked before votes and leases are read: whoever leases one of these meanwhile takes turns.
    rows = [row for row in rows.select_for_update(of=["self"], no_key=True) if row.pair.person_id in theirs]
    if not rows:
        return
    place = {row.pair_id: number for number, row in enumerate(rows)}
    now = known(campaign)
    evidence, n_votes = evidence_of(campaign, within, rows, place, now)
    gold = np.array([np.nan if row.pair.gold_first is None else float(row.pair.gold_first) for row in rows])
    p = np.where(np.isnan(gold), now.fitted.probability(evidence), gold)
    foretold = now.fitted.foretold(evidence)
    risk = np.minimum(p, 1 - p)
    worth = np.where(np.isnan(gold), now.fitted.expected_drop(evidence), 0.0)
    endless = now.fitted.probability(evidence, ceiling=1.0)  # what an endless crowd would say
    states = stopping.states(campaign, risk, np.minimum(endless, 1 - endless), n_votes)
    state = np.where(np.isnan(gold), states, Standing.State.SURE.value)
    n_out = _leases(campaign, within, place)
    at, begun_upto = timezone.now(), opening.last_begun(campaign)
    for number, row in enumerate(rows):
        row.merge_id, row.state, row.changed_at = now.merge, str(state[number]), at
        row.n_votes, row.n_out = int(n_votes[number]), int(n_out[number])
        row.p_first, row.risk, row.worth = float(p[number]), float(risk[number]), float(worth[number])
        row.foretold = float(foretold[number]) if now.fitted.poses is not None else None
        waits = begun_upto is not None and row.image_id > begun_upto and row.pair.prior is None
        row.rank = 0.0 if waits else row.worth * ON_ITS_WAY**row.n_out
        row.evidence = evidence[number].astype(np.float32).tobytes()
    Standing.objects.bulk_create(rows, update_conflicts=True, update_fields=WRITTEN, unique_fields=["pk"], batch_size=500)


def _within(people: list[int]) -> dict:
    """These people's pairs, and maybe others, as the quickest filter of what has a pair."""
    pairs = sorted(Pair.objects.filter(person__in=people).values_list("pk", flat=True))
    if len(pairs) <= FEW:
        return {"pair__in": pairs}
    if pairs[-1] - pairs[0] < 2 * len(pairs):
        return {"pair__gte": pairs[0], "pair__lte": pairs[-1]}
    return {"pair__person__gte": people[0], "pair__person__lte": people[-1]}


def evidence_of(campaign, within: dict, rows: list[Standing], place: dict, now: Known) -> tuple[np.ndarray, np.ndarray]:
    """(P, K + 1) what is known of each pair (`Fitted.evidence`), and (P,) how many votes count.

    Args:
        within: which pairs, as filters of votes. rows: theirs, all that their people have. place: the row of each pair.
    """
    votes = merging.standing_votes(merging.votes_of(campaign).filter(**within))
    mine = np.array([pair in place for pair in votes.pair.tolist()], bool)
    item = np.array([place[pair] for pair in votes.pair[mine].tolist()], np.int64)
    worker = now.index(votes.annotator[mine])
    newcomers = worker == len(now.annotators)
    # Newcomers keep apart: two of them on one pair are two people.
    worker[newcomers] += np.unique(votes.annotator[mine][newcomers], return_inverse=True)[1]
    given = aggregation.Votes(
        item=item, worker=worker, label=votes.chose_first[mine].astype(np.int8), n_items=len(rows),
        green=votes.first_is_green[mine], left=votes.first_is_left[mine],
    )
    prior = np.array([np.nan if row.pair.prior is None else row.pair.prior for row in rows])
    whose = [(row.pair.person_id, row.pair.first, row.pair.second) for row in rows]
    evidence = now.fitted.evidence(
        given, None if np.isnan(prior).all() else prior, merging.bodies_of(campaign, np.array(whose, np.int64))
    )
    return evidence, np.bincount(given.item, minlength=len(rows))


def stored(evidence: Iterable[bytes]) -> np.ndarray:
    """(P, K + 1) evidence of rows as `recount` wrote it; rows of versions that kept no opinion apart get none."""
    found = [np.frombuffer(row, np.float32) for row in evidence]
    out = np.zeros((len(found), len(NODES) + 1))
    for number, row in enumerate(found):
        out[number, : len(row)] = row
    return out


def _leases(campaign: Campaign, within: dict, place: dict) -> np.ndarray:
    """(P,) of how many people each pair is asked at the moment."""
    out = Comparison.objects.filter(
        task__assignment__hit__campaign=campaign, task__assignment__counted_as="", task__verified_at=None,
        is_gold=False, **within,
    )
    counts = np.zeros(len(place), np.int64)
    for pair, n in out.order_by().values_list("pair_id").annotate(n=Count("pk")):
        if pair in place:
            counts[place[pair]] = n
    return counts


def _chunks(values: Iterator, size: int = CHUNK) -> Iterator[list]:
    some = []
    for value in values:
        some.append(value)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
