"""An assignment's life: accepted, handed in, and paid or not; or returned, or out of time."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from crowd.marketplace import events, hits, money, questions
from crowd.marketplace.errors import DoesNotExist, Refused, RequestError
from crowd.marketplace.models import Assignment, Hit, Message, Requester, Worker
from crowd.marketplace.qualifications import Action, Standing

State = Assignment.State
MOST_AT_A_TIME = 25
REJECTION_REVERSIBLE_FOR = timedelta(days=30)


@transaction.atomic
def accept(worker: Worker, hit: Hit) -> Assignment:
    """Take one place of a HIT; again is the same assignment. Raises Refused with the reason."""
    Worker.objects.select_for_update(no_key=True).get(pk=worker.pk)  # two tabs take turns
    hit, now = hits.locked(hit.pk), timezone.now()
    if mine := hit.assignments.live().filter(worker=worker).first():
        if mine.state == State.ACCEPTED:
            return mine
        raise Refused("You have done this HIT already.")
    if not may(worker, hit, Action.ACCEPT):
        raise Refused("You do not meet all requirements of this HIT.")
    if hit.expires_at <= now or hit.status != Hit.Status.ASSIGNABLE or not hit.n_available:
        raise Refused("This HIT is no longer on offer: others were quicker, or its time is over.")
    if worker.assignments.filter(state=State.ACCEPTED).count() >= MOST_AT_A_TIME:
        raise Refused(f"You hold {MOST_AT_A_TIME} HITs already; hand in or return one of them first.")
    assignment = Assignment.objects.create(
        hit=hit,
        worker=worker,
        reward_usd=hit.reward_usd,
        fee_usd=hit.fee_usd,
        accepted_at=now,
        deadline=now + timedelta(seconds=hit.hit_type.assignment_duration_s),
    )
    hits.settle(hit, now)
    events.record("AssignmentAccepted", hit, assignment)
    return assignment


def may(worker: Worker, hit: Hit, action: Action) -> bool:
    """Whether the requirements, and the requester's blocks, let this worker do that."""
    return (
        not hit.requester.blocks.filter(worker=worker).exists()
        and Standing(worker).allows(action, hit.hit_type.requirements)
    )


@transaction.atomic
def give_back(assignment: Assignment) -> None:
    """Return a HIT that will not be done, so that others can. Raises Refused if it is not in work any more."""
    _end(assignment, State.RETURNED)


def _end(assignment: Assignment, state: State) -> None:
    hit = hits.locked(assignment.hit_id)
    assignment.refresh_from_db()
    if assignment.state != State.ACCEPTED:
        raise Refused(f"This HIT is not in your hands any more: {assignment.get_state_display()}.")
    now = timezone.now()
    assignment.state, assignment.ended_at = state, now
    assignment.save()
    hits.settle(hit, now)
    events.record(f"Assignment{state.value}", hit, assignment)


@transaction.atomic
def time_out(assignment: Assignment, now: datetime) -> None:
    """End an assignment whose deadline has passed; one that was handed in meanwhile is left alone."""
    hits.locked(assignment.hit_id)
    assignment.refresh_from_db()
    if assignment.state == State.ACCEPTED and assignment.deadline <= now:
        _end(assignment, State.ABANDONED)


@transaction.atomic
def submit(assignment_id: str, fields: Iterable[tuple[str, list[str]]]) -> Assignment:
    """Hand in. Sent twice, the first one counts. Raises Refused with what the worker can do about it."""
    fields = list(fields)
    if assignment_id == questions.NO_ASSIGNMENT:
        raise Refused("This was a preview. Accept the HIT to work on it and be paid.")
    known = re.fullmatch(r"[A-Z0-9]{1,64}", assignment_id)
    assignment = Assignment.objects.filter(assignment_id=assignment_id).first() if known else None
    if assignment is None:
        raise Refused("There is no such assignment.")
    if not fields:
        raise Refused("The HIT was not submitted correctly: the form held no answer beside the assignmentId.")
    hit = hits.locked(assignment.hit_id)
    assignment.refresh_from_db()
    now = timezone.now()
    if assignment.state in Assignment.HANDED_IN:
        return assignment
    if assignment.state == State.RETURNED:
        raise Refused("You have returned this HIT, so it cannot be handed in.")
    if assignment.state == State.ABANDONED or assignment.deadline <= now:
        raise Refused("The time for this HIT had run out. Write to the requester if you had done the work.")
    assignment.state, assignment.submitted_at = State.SUBMITTED, now
    assignment.auto_approve_at = now + timedelta(seconds=hit.hit_type.auto_approval_delay_s)
    assignment.answer = questions.write_answers(fields)
    assignment.save()
    hits.settle(hit, now)
    events.record("AssignmentSubmitted", hit, assignment)
    if assignment.auto_approve_at <= now:
        _approve(assignment, hit, now, by_clock=True)
    return assignment


def owned(requester: Requester, assignment_id: str) -> Assignment:
    """A handed-in assignment of one of the requester's HITs. Raises DoesNotExist."""
    assignment = (
        Assignment.objects.handed_in()
        .select_related("hit__hit_type", "worker")
        .filter(assignment_id=assignment_id, hit__requester=requester)
        .first()
    )
    if assignment is None:
        raise DoesNotExist("Assignment", assignment_id)
    return assignment


def _approve(assignment: Assignment, hit: Hit, now: datetime, *, by_clock: bool = False, from_hold: bool = True) -> None:
    assignment.hit = hit
    money.pay(assignment, from_hold=from_hold)
    assignment.state, assignment.approved_at, assignment.approved_by_clock = State.APPROVED, now, by_clock
    assignment.save()
    hits.settle(hit, now)
    events.record("AssignmentApproved", hit, assignment)


@transaction.atomic
def approve(assignment: Assignment, *, feedback: str = "", override_rejection: bool = False) -> None:
    """Pay the reward and the fee. Raises RequestError, InsufficientFunds."""
    hit = hits.locked(assignment.hit_id)
    assignment.refresh_from_db()
    now = timezone.now()
    is_reversal = assignment.state == State.REJECTED and override_rejection
    if assignment.state != State.SUBMITTED and not is_reversal:
        raise RequestError(
            f"This assignment is {assignment.state}. This operation can be called with a status of: Submitted"
            + (", Rejected (with OverrideRejection)" if assignment.state == State.REJECTED else ""),
            "InvalidAssignmentState",
        )
    if is_reversal and hit.status == Hit.Status.DISPOSED:
        raise RequestError("The HIT is deleted, so its rejections cannot be reversed; send a bonus.", "InvalidHITState")
    if is_reversal and now > assignment.submitted_at + REJECTION_REVERSIBLE_FOR:
        raise RequestError("A rejection can be reversed for 30 days after the submission.", "InvalidAssignmentState")
    if feedback:
        assignment.feedback = feedback
    _approve(assignment, hit, now, from_hold=not is_reversal)


@transaction.atomic
def approve_by_clock(assignment: Assignment, now: datetime) -> None:
    """What the requester has not decided in time is paid."""
    hit = hits.locked(assignment.hit_id)
    assignment.refresh_from_db()
    if assignment.state == State.SUBMITTED and assignment.auto_approve_at <= now:
        _approve(assignment, hit, now, by_clock=True)


@transaction.atomic
def reject(assignment: Assignment, feedback: str) -> None:
    """Do not pay; the worker reads why. Raises RequestError once it is decided."""
    hit = hits.locked(assignment.hit_id)
    assignment.refresh_from_db()
    if assignment.state != State.SUBMITTED:
        raise RequestError(
            f"This assignment is {assignment.state}. This operation can be called with a status of: Submitted",
            "InvalidAssignmentState",
        )
    now = timezone.now()
    assignment.state, assignment.rejected_at, assignment.feedback = State.REJECTED, now, feedback
    assignment.save()
    hits.settle(hit, now)
    Message.objects.create(
        worker=assignment.worker,
        requester=hit.requester,
        subject=f"Not approved: {hit.hit_type.title}"[:200],
        text=f"{hit.requester} did not approve your work on “{hit.hit_type.title}”. The reason given:\n\n{feedback}",
        sent_at=now,
    )
    events.record("AssignmentRejected", hit, assignment)
