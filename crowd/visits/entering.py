"""Somebody comes to a campaign's own address: who is it, and which task is theirs?

Platforms that do not choose a HIT send everybody to one address for each campaign and
name person and visit in its parameters. The address holds a secret, the names must look
like names, and what is answered stays unverified until the platform, or the researcher
for it, confirms who it was.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from annotation import serving, tutorial
from annotation.models import Task
from crowd.models import Assignment, Campaign, Environment, Worker
from crowd.visits import allotting, arriving
from crowd.visits.arriving import TurnedAway, Why

Kind = Environment.Kind
State = Assignment.State
A_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~=+-]{0,47}")  # what platforms call people and visits
A_PROLIFIC_ID = re.compile(r"[0-9a-f]{24}")
FINISHED_HERE = "Finished here; it waits until the platform, or you for it, confirm who it was."
LEASE = {Kind.INVITATION: timedelta(days=7)}  # at one's own pace; others have the campaign's time


class Visitor(NamedTuple):
    """Who comes, in the platform's words; `session` is empty where it does not tell visits apart."""

    worker_id: str
    session: str = ""


def identify(campaign: Campaign, query: Mapping[str, str]) -> Visitor | None:
    """Who the address says it is; None where it names nobody, as when somebody only has a look.

    Raises: TurnedAway for names that are none, and for a visit that belongs to another study.
    """
    environment = campaign.environment
    if environment.kind == Kind.PROLIFIC:
        visitor = Visitor(query.get("PROLIFIC_PID", ""), query.get("SESSION_ID", ""))
        if visitor == ("", ""):
            return None
        if not all(A_PROLIFIC_ID.fullmatch(name) for name in visitor):
            raise TurnedAway(Why.BAD_ADDRESS)
        if campaign.study_id and query.get("STUDY_ID", campaign.study_id) != campaign.study_id:
            raise TurnedAway(Why.BAD_ADDRESS)
        return visitor
    worker_id = query.get(environment.worker_parameter, "")
    session = query.get(environment.session_parameter, "") if environment.session_parameter else ""
    if not worker_id and not session:
        return None
    if not A_NAME.fullmatch(worker_id) or (session and not A_NAME.fullmatch(session)):
        raise TurnedAway(Why.BAD_ADDRESS)
    return Visitor(worker_id, session)


def enter(campaign: Campaign, visitor: Visitor) -> Assignment:
    """The visitor's assignment, with a task to go on with or one that is handed in already; a new one where there is none.

    The same visit always gives the same assignment. A new visit of somebody whose task is
    still open takes that task over; after hand-in it gets the next HIT. Where a platform
    does not tell visits apart, everybody has one task. Concurrent arrivals take turns, so
    that no place is given twice.

    Raises: TurnedAway.
    """
    with transaction.atomic():
        campaign = locked(campaign)
        worker = arriving.worker_of(campaign.environment_id, visitor.worker_id)
        assignment = _known(campaign, worker, visitor)
        if assignment is None:
            assignment = begin_next(campaign, worker, name_of(campaign, worker, visitor.session))
        return resume(assignment)


def begin_next(campaign: Campaign, worker: Worker, assignment_id: str, *, has_places: bool = True) -> Assignment:
    """A task of the HIT that this worker should do next; in a transaction that has locked the campaign.

    Raises: TurnedAway.
    """
    check_open(campaign)
    if worker.excluded_at:
        raise TurnedAway(Why.EXCLUDED)
    hit = allotting.next_hit(campaign, worker, has_places=has_places)
    if hit is None:
        has_seen = campaign.hits.filter(assignments__worker=worker).exists()
        raise TurnedAway(Why.SEEN_ALL if has_seen else Why.FULL)
    assignment = arriving.begin(hit, worker, assignment_id)
    if lease := LEASE.get(campaign.environment.kind):
        _lease(assignment.task, lease)
    return assignment


def check_open(campaign: Campaign) -> None:
    """Raises: TurnedAway while nobody new may begin.

    A pause or an end on Prolific stops newcomers there. Who comes all the same had taken a
    place before, and may begin.
    """
    if campaign.environment.kind == Kind.PROLIFIC and not arriving.is_over(campaign):
        return
    if campaign.is_over:
        raise TurnedAway(Why.ENDED)
    if campaign.state != Campaign.State.COLLECTING:
        raise TurnedAway(Why.PAUSED)


def resume(assignment: Assignment) -> Assignment:
    """The assignment, if there is something to do with it: to work on, or to be told about its end.

    A task whose time ran out goes on where it stands while nobody else has taken its place.

    Raises: TurnedAway.
    """
    task = assignment.task
    if assignment.state in (State.REJECTED, State.FOREIGN, State.COMPENSATED):
        raise TurnedAway(Why.SUBMITTED)
    if task.handed_in_at:
        return assignment
    if task.withdrawn_at:
        raise TurnedAway(Why.RETURNED)
    if assignment.state == State.UNSUBMITTED or serving.closed_because(task) == "expired":
        if assignment.hit.campaign.is_over or not allotting.has_place_for(assignment):
            raise TurnedAway(Why.EXPIRED)
        campaign = assignment.hit.campaign
        _lease(task, LEASE.get(campaign.environment.kind, timedelta(seconds=campaign.duration_s)))
        Assignment.objects.filter(pk=assignment.pk).update(state=State.ACCEPTED, note="")
        assignment.state = State.ACCEPTED
    if serving.stage(task) == "tutorial_failed" and tutorial.was_paid_before(task):
        raise TurnedAway(Why.TUTORIAL_FAILED)
    return assignment


def finished(assignment: Assignment) -> None:
    """The visitor has handed in and reached the end; repeated visits change nothing."""
    Assignment.objects.filter(pk=assignment.pk, state__in=(State.ACCEPTED, State.UNSUBMITTED)).update(
        state=State.SUBMITTED, submitted_at=timezone.now(), note=FINISHED_HERE
    )


def session_of(assignment: Assignment) -> str:
    """What the platform calls this visit; empty where it does not tell visits apart."""
    return assignment.assignment_id.split(":", 2)[-1]


def locked(campaign: Campaign) -> Campaign:
    """The campaign's row as it stands, for this transaction alone: people who come at once take turns."""
    rows = Campaign.objects.select_related("environment", "tutorial", "dataset")
    return rows.select_for_update(of=["self"], no_key=True).get(pk=campaign.pk)


def name_of(campaign: Campaign, worker: Worker, session: str) -> str:
    """`Assignment.assignment_id`: Prolific's own name of the submission; elsewhere ours, as visits may be called alike."""
    return session if campaign.environment.kind == Kind.PROLIFIC else f"{campaign.pk}:{worker.pk}:{session}"


def _known(campaign: Campaign, worker: Worker, visitor: Visitor) -> Assignment | None:
    rows = Assignment.objects.select_related("task__annotator", "task__consent_text", "hit__campaign__environment")
    mine = rows.filter(worker=worker, hit__campaign=campaign).order_by("-pk")
    name = name_of(campaign, worker, visitor.session)
    if (same := mine.filter(assignment_id=name).first()) is not None:
        return same
    if Assignment.objects.filter(worker=worker, assignment_id=name).exists():
        raise TurnedAway(Why.BAD_ADDRESS)  # a submission to another study
    unfinished = mine.filter(state__in=(State.ACCEPTED, State.UNSUBMITTED), task__handed_in_at=None, task__withdrawn_at=None)
    if (left := unfinished.first()) is not None:
        Assignment.objects.filter(pk=left.pk).update(assignment_id=name)
        left.assignment_id = name
    return left


def _lease(task: Task, time: timedelta) -> None:
    task.expires_at = timezone.now() + time
    task.save(update_fields=["expires_at"])
