"""What follows here from a call that was done elsewhere; inside the transaction that ends its row."""

from datetime import datetime, timedelta

from django.utils import timezone

from annotation.models import Task
from crowd.books import ledger
from crowd.models import Assignment, Call, Hit, Payment, Worker

Kind = Call.Kind
State = Assignment.State
OFFERING = (Kind.OFFER, Kind.ADD_PLACES, Kind.WITHDRAW, Kind.EXTEND, Kind.DELETE)  # of one HIT, done in their order


def follow(call: Call) -> None:
    """Write down what the call has changed, in rows of every way alike."""
    if (effect := EFFECTS.get(call.kind)) is not None:
        effect(call)


def _offered(call: Call) -> None:
    if call.hit_id is None:
        return
    now = timezone.now()
    Hit.objects.filter(pk=call.hit_id).update(
        hit_id=call.result, hit_type_id=call.payload.get("hit_type_id", ""), status="Assignable", published_at=now,
        expires_at=now + timedelta(seconds=call.campaign.lifetime_s),
    )


def _more_places(call: Call) -> None:
    Hit.objects.filter(pk=call.hit_id).update(max_assignments=call.payload["total"], status="Assignable")


def _withdrawn(call: Call) -> None:
    Hit.objects.filter(pk=call.hit_id).update(status="Expired", expires_at=timezone.now())


def _extended(call: Call) -> None:
    Hit.objects.filter(pk=call.hit_id).update(
        status="Assignable", expires_at=datetime.fromisoformat(call.payload["until"]), seen=""
    )


def _deleted(call: Call) -> None:
    Hit.objects.filter(pk=call.hit_id).update(status="Disposed", deleted_at=timezone.now())


def approved(assignment: Assignment, reason: str, user=None) -> None:
    """The marketplace has paid for the work, by this call or by itself."""
    ledger.reward(assignment, reason, user)
    Assignment.objects.filter(pk=assignment.pk).exclude(state=State.APPROVED).update(
        state=State.APPROVED, decided_at=timezone.now()
    )


def _approved(call: Call) -> None:
    if call.payload.get("feedback"):
        Assignment.objects.filter(pk=call.assignment_id).update(feedback=call.payload["feedback"])
    approved(call.assignment, call.reason, call.wanted_by)


def _rejected(call: Call) -> None:
    assignment = call.assignment
    Assignment.objects.filter(pk=assignment.pk).update(
        state=State.REJECTED, decided_at=timezone.now(), feedback=call.payload["feedback"], note=""
    )
    Task.objects.filter(pk=assignment.task_id).update(verified_at=None)  # what is not paid for is not used
    ledger.decision(call, Payment.Kind.REJECTION, assignment)


def _overridden(call: Call) -> None:
    assignment = call.assignment
    ledger.decision(call, Payment.Kind.REVERSAL, assignment)
    approved(assignment, call.reason, call.wanted_by)
    Assignment.objects.filter(pk=assignment.pk).update(feedback=call.payload["feedback"])
    if call.payload.get("counts"):
        Task.objects.filter(pk=assignment.task_id, verified_at=None).update(verified_at=timezone.now())


def _bonus_paid(call: Call) -> None:
    ledger.bonus(call)
    if number := call.payload.get("compensates"):
        Assignment.objects.filter(pk=number).update(state=State.COMPENSATED, decided_at=timezone.now(), note=call.reason[:500])


def _blocked(call: Call) -> None:
    Worker.objects.filter(pk=call.worker_id).update(blocked_at=timezone.now())
    ledger.decision(call, Payment.Kind.BLOCK)


def _unblocked(call: Call) -> None:
    Worker.objects.filter(pk=call.worker_id).update(blocked_at=None)
    ledger.decision(call, Payment.Kind.UNBLOCK)


EFFECTS = {
    Kind.OFFER: _offered, Kind.ADD_PLACES: _more_places, Kind.WITHDRAW: _withdrawn, Kind.EXTEND: _extended,
    Kind.DELETE: _deleted, Kind.APPROVE: _approved, Kind.REJECT: _rejected, Kind.OVERRIDE: _overridden,
    Kind.BONUS: _bonus_paid, Kind.BLOCK: _blocked, Kind.UNBLOCK: _unblocked,
}
