"""What a person decides about workers and their work; nothing here happens by itself."""

import re
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from annotation.models import Vote
from crowd import reconciling
from crowd.books import ledger, outbox
from crowd.models import Assignment, Call, Environment, Payment, Worker
from crowd.ways import way_of
from crowd.ways.base import GatewayRefused

Kind = Call.Kind
State = Assignment.State
LONGEST_FEEDBACK = 1024
LONGEST_SUBJECT = 200
LONGEST_TEXT = 4096
MOST_RECIPIENTS = 100
REVERSIBLE_FOR = timedelta(days=30)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class CannotDecide(Exception):
    """The decision does not fit the state of things; the message says why."""


# --- Work -----------------------------------------------------------------------------------------


def approve(assignment: Assignment, user=None, *, feedback: str = "") -> None:
    """Pay for work that was handed in but does not fit what arrived here.

    The ledger's line is written with the marketplace's yes. Votes that could not be
    verified stay out of merges.

    Raises: CannotDecide; GatewayError, after which the same call is made again by itself where that helps.
    """
    if assignment.state not in (State.SUBMITTED, State.VERIFIED):
        raise CannotDecide(f"This task is {assignment.get_state_display()}; there is nothing to approve.")
    reconciling.approve(assignment, "Approved by hand.", user=user, feedback=_words(feedback, LONGEST_FEEDBACK, needed=False))


def reject(assignment: Assignment, user, *, reason: str, category: str = "") -> None:
    """Do not pay. The reason is what the worker reads; it can be reversed for 30 days.

    Args:
        category: where the place wants one beside the words, as Prolific does.

    Raises: CannotDecide; GatewayError.
    """
    if assignment.state not in (State.SUBMITTED, State.VERIFIED):
        raise CannotDecide(f"This task is {assignment.get_state_display()}; there is nothing to reject.")
    reason = _words(reason, LONGEST_FEEDBACK)
    way = way_of(assignment.hit.campaign.environment)
    if hasattr(way, "check_rejection"):
        way.check_rejection(reason)
    call = outbox.put(
        assignment.hit.campaign.environment, Kind.REJECT, outbox.token("reject", assignment.pk),
        campaign=assignment.hit.campaign, assignment=assignment, worker=assignment.worker, user=user, reason=reason,
        payload={"feedback": reason, "category": category} if category else {"feedback": reason},
    )
    _perform(call)


def reversible_until(assignment: Assignment):
    """Until when a rejection can be turned round; None where it cannot."""
    if assignment.state != State.REJECTED or assignment.hit.deleted_at or assignment.hit.campaign.state == "archived":
        return None
    since = assignment.submitted_at or assignment.decided_at or timezone.now()
    until = since + REVERSIBLE_FOR
    return until if timezone.now() < until else None


def override(assignment: Assignment, user, *, reason: str) -> None:
    """Pay for work that was rejected, and let its votes count again where they are complete.

    Raises: CannotDecide; GatewayError.
    """
    if reversible_until(assignment) is None:
        raise CannotDecide(
            "Only a rejection of the last 30 days whose HIT is not deleted can be reversed. Pay a bonus instead."
        )
    reason = _words(reason, LONGEST_FEEDBACK)
    complete = bool(assignment.task_id) and (
        Vote.objects.filter(task=assignment.task_id).standing().count() >= assignment.task.comparisons.count()
    )
    call = outbox.put(
        assignment.hit.campaign.environment, Kind.OVERRIDE, outbox.token("override", assignment.pk),
        campaign=assignment.hit.campaign, assignment=assignment, worker=assignment.worker, user=user, reason=reason,
        payload={"feedback": reason, "counts": complete},
    )
    _perform(call)


def _perform(call: Call) -> Call:
    """Raises: GatewayError; one that was refused before is asked again, as a person has asked again."""
    call = outbox.ask_again(call) if call.state == Call.State.REFUSED else outbox.perform(call)
    if call.state == Call.State.REFUSED:
        raise GatewayRefused(call.error)
    return call


def _words(text: str, longest: int, *, needed: bool = True) -> str:
    """Words that a worker will read. Raises: CannotDecide."""
    text = text.strip().replace("\r\n", "\n")
    if needed and not text:
        raise CannotDecide("Say why; the worker reads it.")
    if len(text) > longest or CONTROL.search(text):
        raise CannotDecide(f"At most {longest} characters, without control characters; these are {len(text)}.")
    return text


# --- Workers --------------------------------------------------------------------------------------


def exclude(worker: Worker, user=None, *, reason: str = "Excluded from further tasks.") -> Call | None:
    """Give this worker no further task; work that has begun may be handed in and is paid.

    It holds at once here, and at the marketplace by a qualification that HITs do not take;
    the call that gives it, to be performed by the caller or the sweeper.
    """
    with transaction.atomic():
        if not Worker.objects.filter(pk=worker.pk, excluded_at=None).update(excluded_at=timezone.now()):
            return None
        ledger.about_worker(worker, Payment.Kind.EXCLUSION, reason, user)
        return _mark_excluded(worker, Kind.ENLIST, reason, user)


def readmit(worker: Worker, user=None, *, reason: str = "Readmitted.") -> Call | None:
    """The other way round."""
    with transaction.atomic():
        if not Worker.objects.filter(pk=worker.pk, excluded_at__isnull=False).update(excluded_at=None):
            return None
        ledger.about_worker(worker, Payment.Kind.READMISSION, reason, user)
        return _mark_excluded(worker, Kind.DELIST, reason, user)


def _mark_excluded(worker: Worker, kind: str, reason: str, user) -> Call | None:
    """The call that makes the marketplace show HITs to this worker no more, or again; None where it keeps no such list."""
    environment = worker.environment
    environment.refresh_from_db(fields=["exclusion_type_id"])
    if not environment.exclusion_type_id:
        return None
    outbox.drop(Call.objects.filter(worker=worker, kind__in=[Kind.ENLIST, Kind.DELIST], payload__of="excluded"))
    number = Call.objects.filter(worker=worker, kind__in=[Kind.ENLIST, Kind.DELIST]).count()
    return outbox.put(
        environment, kind, outbox.token(kind, worker.pk, number), worker=worker, reason=reason, user=user,
        payload={"type_id": environment.exclusion_type_id, "of": "excluded"},
    )


def block(worker: Worker, user, *, reason: str, typed: str) -> None:
    """Shut a worker out of everything of this account. Amazon counts blocks against a requester and worker alike.

    Args:
        typed: the worker's pseudonym, typed in as a confirmation.

    Raises: CannotDecide; GatewayError.
    """
    if typed.strip() != worker.annotator.pseudonym:
        raise CannotDecide(f"Type the worker's pseudonym, {worker.annotator.pseudonym}, to block. Excluding is usually enough.")
    if Kind.BLOCK not in way_of(worker.environment).verbs:
        raise CannotDecide(f"'{worker.environment}' knows no blocks; exclude the worker instead.")
    exclude(worker, user, reason=reason)
    _perform(_about_block(worker, Kind.BLOCK, _words(reason, LONGEST_FEEDBACK), user))


def unblock(worker: Worker, user, *, reason: str = "Block lifted.") -> None:
    """Raises: GatewayError. The worker stays excluded until readmitted."""
    _perform(_about_block(worker, Kind.UNBLOCK, reason, user))


def _about_block(worker: Worker, kind: str, reason: str, user) -> Call:
    number = Call.objects.filter(worker=worker, kind=kind, state=Call.State.DONE).count()
    return outbox.put(
        worker.environment, kind, outbox.token(kind, worker.pk, number), worker=worker, reason=reason, user=user,
    )


def write_to(environment: Environment, workers: list[Worker], user, *, subject: str, text: str, key: str = "") -> list[Call]:
    """Send workers a message; only those whose work was approved or rejected can be reached, a hundred with one call.

    A message whose fate is unknown (no answer came) is not sent again by itself.

    Args:
        key: of this one message, so that a form sent twice writes once; without one the same words to the same people are
            the same message.

    Raises: CannotDecide; GatewayError.
    """
    subject, text = _words(subject, LONGEST_SUBJECT), _words(text, LONGEST_TEXT)
    known = Assignment.objects.filter(worker__in=workers, state__in=[State.APPROVED, State.REJECTED]).values("worker")
    ids = sorted(Worker.objects.filter(pk__in=known, environment=environment).values_list("worker_id", flat=True))
    if not ids:
        raise CannotDecide("Only workers whose work you have approved or rejected can be written to.")
    calls = []
    for start in range(0, len(ids), MOST_RECIPIENTS):
        some = ids[start : start + MOST_RECIPIENTS]
        calls.append(outbox.put(
            environment, Kind.NOTIFY, outbox.token("notify", subject, text, key, *some), user=user, reason=subject,
            payload={"worker_ids": some, "subject": subject, "text": text},
        ))
    for call in calls:
        if key and call.state == Call.State.REFUSED:
            raise GatewayRefused(call.error)  # of the same form's first press; a person who means it writes anew
    return [_perform(call) for call in calls]
