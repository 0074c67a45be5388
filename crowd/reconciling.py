"""What the marketplace says about assignments is compared with what is stored here; its word wins.

Votes count once it is confirmed who gave them, and are paid at once. Nothing here rejects
anybody's work: whatever does not fit is left for a person, with a note.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from annotation.models import Annotator, Task, Vote
from crowd import pricing
from crowd.models import Assignment, Campaign, Hit, Payment, Worker
from crowd.mturk.gateway import Gateway, GatewayError, Submission

logger = logging.getLogger(__name__)
State = Assignment.State
ONLY_TRIED = "The tutorial was not passed in two tries: paid for the time, without answers."
GRACE_S = 600  # a submission may be on its way while a task's time runs out


def reconcile_all() -> int:
    """Reconcile every campaign that may have news; one that fails keeps its trouble and does not stop the others."""
    count = 0
    for campaign in Campaign.objects.to_reconcile():
        try:
            reconcile(campaign)
            count += 1
        except GatewayError as error:
            logger.warning("campaign %s could not be reconciled: %s", campaign.pk, error)
    return count


def reconcile(campaign: Campaign) -> None:
    """Bring every assignment of the campaign up to date; safe to run at any time, twice at once too.

    Raises: GatewayError; what was settled before stays settled, and the campaign keeps the reason.
    """
    try:
        gateway = Gateway(campaign.environment)
        for hit in _unsettled(campaign):
            for submission in gateway.submissions(hit.hit_id):
                _settle(gateway, hit, submission)
        _lapse(campaign)
    except GatewayError as error:
        Campaign.objects.filter(pk=campaign.pk).update(trouble=str(error)[:500])
        raise
    Campaign.objects.filter(pk=campaign.pk).update(reconciled_at=timezone.now(), trouble="")
    _complete(campaign)


def _unsettled(campaign: Campaign):
    """HITs that are on the marketplace and not yet approved as often as they were offered."""
    hits = campaign.hits.exclude(hit_id="").select_related("campaign__environment")
    settled = Count("assignments", filter=Q(assignments__state__in=[State.APPROVED, State.REJECTED]))
    return hits.annotate(n_settled=settled).filter(n_settled__lt=F("max_assignments"))


def _settle(gateway: Gateway, hit: Hit, submission: Submission) -> None:
    assignment = _recorded(hit, submission)
    if assignment.hit_id != hit.pk:
        note = "The marketplace says that this assignment belongs to another HIT."
        Assignment.objects.filter(pk=assignment.pk).update(state=State.FOREIGN, note=note)
        return
    if assignment.state in (State.ACCEPTED, State.UNSUBMITTED, State.SUBMITTED):
        assignment = _verify(assignment)
    if assignment.state == State.VERIFIED and submission.status == "Submitted":
        gateway.approve(submission.assignment_id)
        _pay(assignment, "Approved by Nearer after verification.")
    elif submission.status == "Approved":
        _pay(assignment, "Approved at the marketplace.")
    elif submission.status == "Rejected":
        Assignment.objects.filter(pk=assignment.pk).update(state=State.REJECTED, decided_at=timezone.now())


def _recorded(hit: Hit, submission: Submission) -> Assignment:
    """The row of this assignment and worker, made where somebody handed in without his answers ever arriving."""
    environment = hit.campaign.environment
    row = Assignment.objects.filter(
        assignment_id=submission.assignment_id, worker__worker_id=submission.worker_id, worker__environment=environment
    ).first()
    if row is None:
        with transaction.atomic():
            worker = Worker.objects.filter(environment=environment, worker_id=submission.worker_id).first()
            if worker is None:
                worker = Worker.objects.create(
                    environment=environment, worker_id=submission.worker_id, annotator=Annotator.objects.create()
                )
            row, _ = Assignment.objects.get_or_create(
                assignment_id=submission.assignment_id, worker=worker,
                defaults={"hit": hit, "accepted_at": submission.accepted_at},
            )
    Assignment.objects.filter(pk=row.pk).update(
        submitted_at=submission.submitted_at, auto_approval_at=submission.auto_approval_at
    )
    # Whoever else claimed this assignment's id was not the one who handed it in.
    Assignment.objects.filter(assignment_id=submission.assignment_id, state=State.ACCEPTED).exclude(pk=row.pk).update(
        state=State.FOREIGN, note="The marketplace says that somebody else handed this assignment in."
    )
    return row


@transaction.atomic
def _verify(assignment: Assignment) -> Assignment:
    """The marketplace has confirmed who handed in; check that the work is here, and let its votes count."""
    row = Assignment.objects.select_for_update(of=["self"], no_key=True).select_related("task", "hit").get(pk=assignment.pk)
    if row.state not in (State.ACCEPTED, State.UNSUBMITTED, State.SUBMITTED):
        return row
    if (problem := _problem(row)) is not None:
        row.state, row.note = State.SUBMITTED, problem
        row.save(update_fields=["state", "note"])
        return row
    Task.objects.filter(pk=row.task_id, verified_at=None).update(verified_at=timezone.now())
    row.state, row.note = State.VERIFIED, ONLY_TRIED if row.task.was_only_tried else ""
    row.save(update_fields=["state", "note"])
    return row


def _problem(row: Assignment) -> str | None:
    if row.task is None:
        return "Handed in at the marketplace, but no answer ever arrived here. Approve it or ask the worker."
    if row.task.was_only_tried:
        return None
    answered = Vote.objects.filter(task=row.task).standing().count()
    asked = row.task.comparisons.count()
    if answered < asked:
        return f"Handed in at the marketplace with {answered} of {asked} answers here. Approve it or ask the worker."
    return None


@transaction.atomic
def _pay(assignment: Assignment, reason: str) -> None:
    """Write the ledger's line for what the marketplace has paid, once."""
    campaign = assignment.hit.campaign
    now = timezone.now()
    Payment.objects.get_or_create(
        token=f"reward:{assignment.pk}",
        defaults={
            "campaign": campaign, "assignment": assignment, "kind": Payment.Kind.REWARD,
            "amount_usd": campaign.reward_usd,
            "fee_usd": pricing.fee_usd(campaign.reward_usd, assignment.hit.max_assignments),
            "reason": reason, "at": now,
        },
    )
    Assignment.objects.filter(pk=assignment.pk).exclude(state=State.APPROVED).update(state=State.APPROVED, decided_at=now)


def _lapse(campaign: Campaign) -> None:
    """Assignments whose time is over without the marketplace knowing of them."""
    over = timezone.now() - timedelta(seconds=GRACE_S)
    Assignment.objects.filter(hit__campaign=campaign, state=State.ACCEPTED, task__expires_at__lt=over).update(
        state=State.UNSUBMITTED, note="Accepted, but never handed in at the marketplace."
    )


def _complete(campaign: Campaign) -> None:
    """A campaign whose every HIT was worked off is finished by itself."""
    if campaign.hits.filter(hit_id="").exists() or _unsettled(campaign).exists():
        return
    Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.COLLECTING).update(
        state=Campaign.State.FINISHED, finished_at=timezone.now()
    )
