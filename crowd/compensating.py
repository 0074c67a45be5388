"""Whoever did the work and could not hand it in is paid all the same.

A bonus goes through work that was handed in. Who has ever handed in anything to this account
is paid through that; for anybody else a HIT is made that nobody else can see, behind a
qualification that is given together with a message.
"""

from django.db import transaction
from django.utils import timezone

from annotation.models import Vote
from crowd import paying, publishing
from crowd.books import outbox
from crowd.deciding import CannotDecide
from crowd.models import Assignment, Call, Campaign, Hit
from crowd.ways import way_of

State = Assignment.State
WHY = "For work that you did and that could not be handed in ({}). Sorry for the trouble, and thank you."


def is_saved(assignment: Assignment) -> bool:
    """Whether all of its answers are here."""
    if assignment.task is None:
        return False
    if assignment.task.handed_in_at:
        return True
    asked = assignment.task.comparisons.count()
    return 0 < asked <= Vote.objects.filter(task=assignment.task_id).standing().count()


def can_be_compensated(assignment: Assignment) -> bool:
    """Its work is here, its submission is not, and its time is over."""
    if assignment.state == State.ACCEPTED and assignment.task and assignment.task.expires_at > timezone.now():
        return False
    return assignment.state in (State.ACCEPTED, State.UNSUBMITTED) and is_saved(assignment)


def compensate(assignment: Assignment, user) -> str:
    """Pay the reward for work that could not be handed in; says in words which way. Twice is once.

    Votes stay out of merges: nobody has confirmed who gave them.

    Raises: CannotDecide, CannotPublish where the budget does not allow it; GatewayError, after which what helps is
    tried again by itself.
    """
    campaign = assignment.hit.campaign
    way = way_of(campaign.environment)
    with transaction.atomic():
        row = Assignment.objects.select_for_update(of=["self"], no_key=True).select_related("task", "hit__campaign").get(
            pk=assignment.pk
        )
        if not can_be_compensated(row):
            raise CannotDecide(
                f"This task is {row.get_state_display()}; only work that is complete here and was never submitted is paid so."
            )
        if campaign.state == Campaign.State.ARCHIVED:
            raise CannotDecide("An archived campaign is only read.")
        through = _earlier_work(row)
        hit = None if through else _hit_for(row)
    if not (through and _is_on_its_way(row)):
        publishing.require_budget(campaign, publishing.reward_usd(campaign, way) + publishing.fee_usd(campaign, way))
    reason = WHY.format(assignment.assignment_id)
    if through is not None:
        call = paying.put_bonus(through, user, campaign.reward_usd, reason, key=f"compensation {row.pk}", compensates=row)
        outbox.perform(call)
        return f"{campaign.reward_usd} USD are paid as a bonus through {through.assignment_id}."
    if not hasattr(way, "compensate"):
        raise CannotDecide(f"Through '{campaign.environment}' nobody can be paid who has not handed in anything.")
    for call in way.compensate(hit, user):
        outbox.perform(call)
    return "A HIT that only this worker can see pays for it; a message tells the worker."


def _is_on_its_way(assignment: Assignment) -> bool:
    return Call.objects.filter(kind=Call.Kind.BONUS, payload__compensates=assignment.pk).exists()


def _earlier_work(assignment: Assignment) -> Assignment | None:
    """Something that the worker has handed in to this account, of this campaign if possible."""
    environment = assignment.worker.environment
    known = Assignment.objects.filter(
        worker=assignment.worker, hit__campaign__environment=environment, submitted_at__isnull=False,
        state__in=[State.SUBMITTED, State.VERIFIED, State.APPROVED, State.REJECTED],
    ).select_related("hit__campaign__environment", "worker")
    return known.filter(hit__campaign=assignment.hit.campaign).first() or known.first()


def _hit_for(assignment: Assignment) -> Hit:
    campaign = assignment.hit.campaign
    if (hit := Hit.objects.filter(compensates=assignment).first()) is not None:
        return hit
    Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)  # numbers are given one at a time
    number = campaign.hits.count()
    return Hit.objects.create(
        campaign=campaign, number=number, compensates=assignment, max_assignments=1,
        request_token=publishing.request_token(campaign, number),
    )
