"""Somebody opens a HIT's page: who is it, and what do they get?

A marketplace appends `assignmentId`, `hitId`, `workerId` and `turkSubmitTo` to the HIT's
address. None of it is signed, so the address holds a secret of its own, ids must look
like ids, and what is answered stays unverified until the marketplace confirms it.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation import lessons, serving, tutorial
from annotation.models import Annotator, Pair, Task
from crowd.lean import selecting
from crowd.models import Assignment, Campaign, Hit, Worker
from crowd.visits import consent

PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
AN_ID = re.compile(r"[A-Z0-9]{1,64}")
A_WORKER_ID = re.compile(r"A[A-Z0-9]{1,63}")


class Why(StrEnum):
    """Reasons to turn somebody away; the page has a sentence and an advice for each."""

    BAD_ADDRESS = "bad_address"
    FOREIGN_MARKETPLACE = "foreign_marketplace"
    ENDED = "ended"
    EXCLUDED = "excluded"
    SEEN_ALL = "seen_all"
    TUTORIAL_FAILED = "tutorial_failed"
    RETURNED = "returned"
    SUBMITTED = "submitted"
    EXPIRED = "expired"
    FULL = "full"
    PAUSED = "paused"
    REVOKED = "revoked"
    TOO_MANY = "too_many"


class TurnedAway(Exception):
    """No task for this visitor; `why` says what to tell them."""

    def __init__(self, why: Why):
        super().__init__(why)
        self.why = why


class Arrival(NamedTuple):
    """A worker with a task in hand, and where it is handed in."""

    assignment: Assignment
    task: Task
    submit_url: str


def is_preview(query: Mapping[str, str]) -> bool:
    return query.get("assignmentId", PREVIEW) in ("", PREVIEW)


def submit_url(hit: Hit, query: Mapping[str, str]) -> str:
    """Where the page posts its form at the end.

    `turkSubmitTo` comes from the address, so anybody can write it: only the HIT's own
    marketplace and those of TASK_SUBMIT_ORIGINS are believed.
    """
    allowed = {place.rstrip("/") for place in (hit.campaign.environment.worker_url, *settings.TASK_SUBMIT_ORIGINS)}
    place = (query.get("turkSubmitTo") or hit.campaign.environment.worker_url).rstrip("/")
    if place not in allowed:
        raise TurnedAway(Why.FOREIGN_MARKETPLACE)
    return f"{place}/mturk/externalSubmit"


def arrive(hit: Hit, query: Mapping[str, str]) -> Arrival:
    """The task of this assignment and worker: the one they have, or a new one.

    Raises: TurnedAway.
    """
    assignment_id, worker_id = query.get("assignmentId", ""), query.get("workerId", "")
    if hit.campaign.environment.chooses_hits:
        raise TurnedAway(Why.BAD_ADDRESS)  # people come to the campaign's own address
    if not AN_ID.fullmatch(assignment_id) or not A_WORKER_ID.fullmatch(worker_id):
        raise TurnedAway(Why.BAD_ADDRESS)
    if hit.hit_id and query.get("hitId", hit.hit_id) != hit.hit_id:
        raise TurnedAway(Why.BAD_ADDRESS)
    destination = submit_url(hit, query)
    assignment = _known(hit, assignment_id, worker_id)
    if assignment is None:
        try:
            assignment = _accept(hit, assignment_id, worker_id)
        except IntegrityError:  # the same page was opened twice at once, and the other one was first
            assignment = _known(hit, assignment_id, worker_id)
            if assignment is None:
                raise
    return Arrival(assignment, _still_open(assignment), destination)


def _known(hit: Hit, assignment_id: str, worker_id: str) -> Assignment | None:
    rows = Assignment.objects.select_related("task__annotator", "task__consent_text", "hit")
    row = rows.filter(
        assignment_id=assignment_id, worker__worker_id=worker_id, worker__environment=hit.campaign.environment_id
    ).first()
    if row and row.hit_id != hit.pk:
        raise TurnedAway(Why.BAD_ADDRESS)
    return row


@transaction.atomic
def _accept(hit: Hit, assignment_id: str, worker_id: str) -> Assignment:
    """A first visit: rows for worker, assignment and task."""
    if is_over(hit.campaign):
        raise TurnedAway(Why.ENDED)
    return begin(hit, worker_of(hit.campaign.environment_id, worker_id), assignment_id)


def begin(hit: Hit, worker: Worker, assignment_id: str) -> Assignment:
    """Rows for assignment and task: the HIT's pairs less those that this worker was shown before. Needs a transaction.

    Raises: TurnedAway.
    """
    campaign = hit.campaign
    if worker.excluded_at:
        raise TurnedAway(Why.EXCLUDED)
    course = lesson_name(campaign)
    if course and tutorial.has_failed(worker.annotator, course):
        raise TurnedAway(Why.TUTORIAL_FAILED)
    annotator = Annotator.objects.select_for_update(no_key=True).get(pk=worker.annotator_id)  # one HIT at a time
    fresh = Pair.objects.unseen_by(annotator).select_related("person")
    seed = _seed(hit)
    if campaign.is_lean and not hit.compensates_id:
        pairs = selecting.fill(campaign, annotator, seed)
    else:
        pairs = list(fresh.filter(hits=hit).order_by("hit_pairs__position"))
    if not pairs:
        raise TurnedAway(Why.SEEN_ALL)
    task = serving.hand_out(
        annotator,
        pairs,
        seed=seed,
        delay_ms=campaign.delay_ms,
        expires_at=timezone.now() + timedelta(seconds=campaign.duration_s),
        gold=_gold(hit, fresh, len(pairs), seed),
        consent=consent.of(campaign),
        tutorial=course,
        pass_mark=campaign.tutorial_pass_mark,
        gold_feedback=campaign.gold_is_visible,
        teaches_lean=campaign.teaches_lean,
    )
    return Assignment.objects.create(hit=hit, worker=worker, assignment_id=assignment_id, task=task)


def is_over(campaign: Campaign) -> bool:
    """Nobody can hold a task of it any more.

    Once a campaign is finished its HITs are off the marketplace, so a first visit after that comes from somebody who had
    accepted before and opens the page only now: he may do the task while the time for it can still be running.
    """
    if campaign.state != Campaign.State.FINISHED:
        return campaign.is_draft or campaign.state == Campaign.State.ARCHIVED
    ended = campaign.finished_at
    return ended is None or timezone.now() > ended + timedelta(seconds=campaign.duration_s)


def worker_of(environment_id: int, worker_id: str) -> Worker:
    """The row of this identity, made with an annotator of its own where it is new."""
    key = {"environment_id": environment_id, "worker_id": worker_id}
    worker = Worker.objects.select_related("annotator").filter(**key).first()
    return worker or Worker.objects.create(**key, annotator=Annotator.objects.create())


def lesson_name(campaign: Campaign) -> str:
    """Of the tutorial that its workers must have passed; empty for none."""
    if not campaign.has_tutorial:
        return ""
    return campaign.tutorial.name if campaign.tutorial else lessons.SHIPPED


def _seed(hit: Hit) -> int:
    """Of the draws of the HIT's next assignment, 60 bits: a campaign that is repeated with its seed draws the same again."""
    text = f"{hit.campaign.seed}/{hit.number}/{hit.assignments.count()}"
    return int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)


def _gold(hit: Hit, fresh, n_pairs: int, seed: int) -> list[Pair]:
    """Known answers to mix in, so many that they make up the campaign's share of the whole task."""
    share = hit.campaign.gold_share
    n_gold = round(n_pairs * share / (1 - share))
    if not n_gold:
        return []
    known = fresh.of_dataset(hit.campaign.dataset).filter(gold_first__isnull=False).exclude(hits=hit)
    candidates = list(known.values_list("pk", flat=True).order_by("pk"))
    order = sorted(candidates, key=lambda pk: hashlib.sha256(f"{seed}/{pk}".encode()).digest())
    chosen = order[:n_gold]
    found = Pair.objects.select_related("person").in_bulk(chosen)
    return [found[pk] for pk in chosen]


def _still_open(assignment: Assignment) -> Task:
    """The assignment's task while there is something to do with it. Raises: TurnedAway."""
    state = Assignment.State(assignment.state)
    if state == Assignment.State.UNSUBMITTED:
        raise TurnedAway(Why.RETURNED)
    if state != Assignment.State.ACCEPTED:
        raise TurnedAway(Why.SUBMITTED)
    task = assignment.task
    reason = serving.closed_because(task)
    if reason == "withdrawn":
        raise TurnedAway(Why.RETURNED)
    if reason == "expired":
        raise TurnedAway(Why.EXPIRED)
    if serving.stage(task) == "tutorial_failed" and tutorial.was_paid_before(task):
        raise TurnedAway(Why.TUTORIAL_FAILED)
    return task
