"""What a way to people says about assignments is compared with what is stored here; its word wins.

Votes count once it is confirmed who gave them, and are paid at once. Nothing here rejects
anybody's work: whatever does not fit is left for a person, with a note.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from annotation.models import Annotator, Task, Vote
from crowd import publishing
from crowd.books import effects, outbox
from crowd.lean import offering
from crowd.models import Assignment, Call, Campaign, Hit, Publication, Worker
from crowd.visits import allotting
from crowd.ways import way_of
from crowd.ways.base import CannotOffer, GatewayError, GatewayRefused, Submission

logger = logging.getLogger(__name__)
State = Assignment.State
VERIFIED_AND_PAID = "Approved by Nearer after verification."
PAID_THERE = "Approved at the marketplace."
ONLY_TRIED = "The tutorial was not passed in two tries: paid for the time, without answers."
GRACE_S = 600  # a submission may be on its way while a task's time runs out
EVERYTHING_EVERY = timedelta(minutes=15)  # counts may lag behind; a full listing never does


def reconcile_all() -> int:
    """Reconcile every campaign that may have news; one that fails keeps its trouble and does not stop the others."""
    count = 0
    for campaign in Campaign.objects.to_reconcile():
        try:
            before = campaign.listed_at
            due = before is None or timezone.now() - before > EVERYTHING_EVERY
            reconcile(campaign, everything=due)
            count += 1
        except GatewayError as error:
            logger.warning("campaign %s could not be reconciled: %s", campaign.pk, error)
    return count


def reconcile(campaign: Campaign, *, everything: bool = True) -> None:
    """Bring every assignment of the campaign up to date; safe to run at any time, twice at once too.

    Args:
        everything: look at every submission there is; else at what may be news.

    Raises: GatewayError; what was settled before stays settled, and the campaign keeps the reason.
    """
    try:
        way = way_of(campaign.environment)
        hits = {hit.hit_id: hit for hit in campaign.hits.exclude(hit_id="").select_related("campaign__environment")}
        settled = _settled(campaign)
        for submission in way.submissions(campaign, everything=everything):
            if (submission.assignment_id, submission.worker_id, submission.status) in settled:
                continue
            hit = hits.get(submission.hit_id) or next(iter(hits.values()), None)
            if hit is not None:
                _settle(hit, submission)
        _lapse(campaign)
    except GatewayError as error:
        Campaign.objects.filter(pk=campaign.pk).update(trouble=str(error)[:500])
        raise
    now = timezone.now()
    Campaign.objects.filter(pk=campaign.pk).update(
        reconciled_at=now, trouble="", **({"listed_at": now} if everything else {})
    )
    _complete(campaign)


def _settled(campaign: Campaign) -> set[tuple[str, str, str]]:
    """Assignment, worker and the marketplace's word on what is decided here in the same way."""
    words = {State.APPROVED: "Approved", State.REJECTED: "Rejected"}
    rows = Assignment.objects.filter(hit__campaign=campaign, state__in=words, hit__compensates=None)
    return {
        (assignment, worker, words[State(state)])
        for assignment, worker, state in rows.values_list("assignment_id", "worker__worker_id", "state")
    }


def _settle(hit: Hit, submission: Submission) -> None:
    assignment = _recorded(hit, submission)
    if submission.hit_id and assignment.hit_id != hit.pk:
        note = "The marketplace says that this assignment belongs to another HIT."
        Assignment.objects.filter(pk=assignment.pk).update(state=State.FOREIGN, note=note)
        return
    if hit.compensates_id:
        _compensated(hit, assignment, submission)
        return
    if assignment.state in (State.ACCEPTED, State.UNSUBMITTED, State.SUBMITTED):
        assignment = verify(assignment, submission)
    if submission.status == "Submitted":
        if assignment.state == State.VERIFIED:
            approve(assignment, VERIFIED_AND_PAID)
    elif submission.status == "Approved":
        with transaction.atomic():
            effects.approved(assignment, PAID_THERE)
    elif submission.status == "Rejected" and assignment.state != State.REJECTED:
        Assignment.objects.filter(pk=assignment.pk).update(
            state=State.REJECTED, decided_at=timezone.now(), feedback=submission.feedback[:1024]
        )


def approve(assignment: Assignment, reason: str, *, user=None, feedback: str = "") -> Call:
    """Pay for the work, through the outbox.

    Raises: GatewayError.
    """
    campaign = assignment.hit.campaign
    call = outbox.put(
        campaign.environment, Call.Kind.APPROVE, outbox.token("approve", assignment.pk), campaign=campaign,
        assignment=assignment, worker=assignment.worker, reason=reason, user=user, payload={"feedback": feedback},
    )
    call = outbox.perform(call)
    if call.state == Call.State.REFUSED:
        Assignment.objects.filter(pk=assignment.pk).update(note=f"The approval was refused: {call.error}"[:500])
        if user is not None:
            raise GatewayRefused(call.error)
    return call


def _compensated(hit: Hit, assignment: Assignment, submission: Submission) -> None:
    """The one worker for whom this HIT was made has pressed its button."""
    if assignment.worker_id != hit.compensates.worker_id:
        return  # its qualification lets nobody else in; whoever did is a person's to judge
    if submission.status == "Submitted":
        approve(assignment, f"Compensation for {hit.compensates.assignment_id}.")
    elif submission.status == "Approved":
        with transaction.atomic():
            effects.approved(assignment, PAID_THERE)
    Assignment.objects.filter(pk=hit.compensates_id).update(
        state=State.COMPENSATED, decided_at=timezone.now(), note="Paid through a HIT of its own."
    )


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
        submitted_at=submission.submitted_at, auto_approval_at=submission.auto_approval_at, receipt=submission.receipt
    )
    # Whoever else claimed this assignment's id was not the one who handed it in.
    Assignment.objects.filter(assignment_id=submission.assignment_id, state=State.ACCEPTED).exclude(pk=row.pk).update(
        state=State.FOREIGN, note="The marketplace says that somebody else handed this assignment in."
    )
    return row


@transaction.atomic
def verify(assignment: Assignment, submission: Submission) -> Assignment:
    """The marketplace has confirmed who handed in; check that the work is here, and let its votes count."""
    row = Assignment.objects.select_for_update(of=["self"], no_key=True).select_related("task", "hit").get(pk=assignment.pk)
    if row.state not in (State.ACCEPTED, State.UNSUBMITTED, State.SUBMITTED):
        return row
    if (problem := _problem(row, submission.receipt)) is not None:
        row.state, row.note = State.SUBMITTED, problem
        row.save(update_fields=["state", "note"])
        return row
    Task.objects.filter(pk=row.task_id, verified_at=None).update(verified_at=timezone.now())
    row.state, row.note = State.VERIFIED, ONLY_TRIED if row.task.was_only_tried else ""
    row.save(update_fields=["state", "note"])
    if row.task.was_only_tried:
        _ask_another(row.hit)
    return row


def _ask_another(hit: Hit) -> None:
    """A place for somebody else, as this assignment of the HIT brought no votes; rows only, in the caller's transaction.

    Not where the campaign is over, its budget is used up, or the fee would be another from here on: then the researcher
    may ask for more votes.
    """
    campaign = Campaign.objects.select_related("environment").get(pk=hit.campaign_id)
    if campaign.state != Campaign.State.COLLECTING or campaign.environment.chooses_hits:
        return
    way = way_of(campaign.environment)
    try:
        publishing.require_budget(campaign, publishing.reward_usd(campaign, way) + publishing.fee_usd(campaign, way))
        way.more_places(hit, 1, None)
    except (CannotOffer, publishing.CannotPublish) as obstacle:
        logger.info("HIT %s stays one vote short: %s", hit.pk, obstacle)


def _problem(row: Assignment, receipt: dict[str, str] | None) -> str | None:
    if row.task is None:
        return "Handed in at the marketplace, but no answer ever arrived here. Approve it or ask the worker."
    if receipt and (problem := _unlike(row, receipt)) is not None:
        return f"What was handed in at the marketplace does not fit: {problem} Look at it, then approve or reject."
    if row.task.was_only_tried:
        return None
    answered = Vote.objects.filter(task=row.task).standing().count()
    asked = row.task.comparisons.count()
    if answered < asked:
        return f"Handed in at the marketplace with {answered} of {asked} answers here. Approve it or ask the worker."
    return None


def _unlike(row: Assignment, receipt: dict[str, str]) -> str | None:
    """How the receipt contradicts what is stored, if it does. It is never a source of votes."""
    if "problem" in receipt and "task" not in receipt:
        return f"the answer is {receipt['problem']}."
    if (task := receipt.get("task")) is not None and task != str(row.task_id):
        return f"it names task {task[:20]}, not {row.task_id}."
    asked = row.task.comparisons.count()
    if (count := receipt.get("comparisons")) is not None and count != str(asked):
        return f"it speaks of {count[:20]} comparisons, not {asked}."
    return None


def _lapse(campaign: Campaign) -> None:
    """Assignments whose time is over without the marketplace knowing of them."""
    over = timezone.now() - timedelta(seconds=GRACE_S)
    Assignment.objects.filter(hit__campaign=campaign, state=State.ACCEPTED, task__expires_at__lt=over).update(
        state=State.UNSUBMITTED, note="Accepted, but never handed in at the marketplace."
    )


def _complete(campaign: Campaign) -> None:
    """A campaign whose every HIT was worked off is finished by itself."""
    if not Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.COLLECTING).exists():
        return
    if campaign.is_lean and offering.affordable(campaign):
        return  # its HITs get more places as votes come in
    hits = campaign.hits.filter(compensates=None)
    settled = Count("assignments", filter=Q(assignments__state__in=[State.APPROVED, State.REJECTED]))
    if hits.filter(hit_id="").exists() or not hits.exists():
        return
    if hits.annotate(n_settled=settled).filter(n_settled__lt=F("max_assignments")).exists():
        return
    if campaign.environment.chooses_hits and allotting.with_places(hits).filter(taken__lt=F("max_assignments")).exists():
        return  # work without answers, or not accepted, has left places that others can take
    if campaign.publications.exclude(state__in=Publication.ENDED).exists():
        return  # more votes are being asked for right now
    if Call.objects.unfinished().filter(campaign=campaign, kind=Call.Kind.ADD_PLACES).exists():
        return  # somebody else is about to be asked
    Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.COLLECTING).update(
        state=Campaign.State.FINISHED, finished_at=timezone.now()
    )
