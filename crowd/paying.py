"""What workers earn an hour by the time measured, and bonuses: to reach a floor, or because somebody says so."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Least

from annotation.models import TutorialAttempt, Vote
from crowd import publishing
from crowd.books import outbox
from crowd.models import Assignment, Call, Campaign, Payment, Publication, Worker
from crowd.pricing import CENT
from crowd.publishing import CannotPublish
from crowd.ways import way_of
from jobs import running

LONGEST_ANSWER_MS = 60_000  # a pause is no work, and nobody looks at one pair for longer
LONGEST_LESSON_S = 600
LEAST_SECONDS = 1.0
MOST_BONUS_USD = Decimal("100.00")
LARGEST_FLOOR_USD = Decimal(1000)


@dataclass(frozen=True)
class Wage:
    """One worker's pay in one campaign.

    Attributes:
        seconds: of active work: answers, taken back or not, with their delays, and the tutorial. Reading is not in it.
        paid_usd: rewards and bonuses, those on their way included.
        owed_usd: what is missing to the campaign's floor; 0 without one.
    """

    worker: Worker
    n_tasks: int
    seconds: float
    paid_usd: Decimal
    owed_usd: Decimal

    @property
    def hourly_usd(self) -> Decimal:
        return (self.paid_usd * 3600 / Decimal(str(max(self.seconds, LEAST_SECONDS)))).quantize(CENT)


def active_seconds(assignments: QuerySet) -> dict[int, float]:
    """By assignment, how long its work took; those without any answer are left out.

    The sum of what each answer took while the page was in sight, at most a minute each, and
    of the tutorials tried in the course of the task. The time between acceptance and
    hand-in would count a coffee break as work.
    """
    task_of = dict(assignments.filter(task__isnull=False).values_list("task", "pk"))
    votes = Vote.objects.filter(task__assignment__in=assignments).order_by().values_list("task")
    seconds: dict[int, float] = {
        task_of[task]: ms / 1000 for task, ms in votes.annotate(ms=Sum(Least(F("response_ms"), LONGEST_ANSWER_MS)))
    }
    tried = TutorialAttempt.objects.filter(
        ended_at__isnull=False, annotator__tasks__assignment__in=assignments, tutorial=F("annotator__tasks__tutorial"),
        started_at__gte=F("annotator__tasks__created_at"), started_at__lt=F("annotator__tasks__expires_at"),
    ).order_by("pk", "-annotator__tasks__created_at")
    lessons = tried.values_list("annotator__tasks__assignment", "pk", "started_at", "ended_at")
    counted: set[int] = set()
    for assignment, attempt, started_at, ended_at in lessons:
        if attempt not in counted:  # of two tasks that overlap it belongs to the later one
            counted.add(attempt)
            spent = min((ended_at - started_at).total_seconds(), LONGEST_LESSON_S)
            seconds[assignment] = seconds.get(assignment, 0.0) + spent
    return {assignment: max(spent, LEAST_SECONDS) for assignment, spent in seconds.items()}


def wages(campaign: Campaign) -> list[Wage]:
    """Everybody whose work was approved, the worst paid first."""
    done = Assignment.objects.filter(hit__campaign=campaign, state=Assignment.State.APPROVED, hit__compensates=None)
    workers = dict(done.values_list("pk", "worker"))
    seconds: dict[int, float] = defaultdict(float)
    for assignment, spent in active_seconds(done).items():
        seconds[workers[assignment]] += spent
    paid = _paid_usd(campaign)
    counts = dict(done.order_by().values_list("worker").annotate(n=Count("pk")))
    people = Worker.objects.select_related("annotator", "environment").in_bulk(seconds)
    found = [
        Wage(people[pk], counts[pk], spent, paid[pk], owed_usd(campaign.wage_floor_usd, spent, paid[pk]))
        for pk, spent in seconds.items()
    ]
    return sorted(found, key=lambda wage: (wage.hourly_usd, wage.worker.pk))


def owed_usd(floor_usd: Decimal | None, seconds: float, paid_usd: Decimal) -> Decimal:
    """What is missing to so much an hour, rounded up to the cent; never negative."""
    if floor_usd is None:
        return Decimal("0.00")
    due = (floor_usd * Decimal(str(round(seconds, 3))) / 3600).quantize(CENT, ROUND_CEILING)
    return max(due - paid_usd, Decimal("0.00"))


def _paid_usd(campaign: Campaign) -> dict[int, Decimal]:
    paid: dict[int, Decimal] = defaultdict(lambda: Decimal("0.00"))
    lines = Payment.objects.filter(campaign=campaign, kind__in=Payment.SPENDING).order_by()
    for worker, amount in lines.values_list("worker", "amount_usd"):
        paid[worker] += amount
    for worker, payload in _bonus_calls(campaign).unfinished().values_list("worker", "payload"):
        paid[worker] += Decimal(payload["amount_usd"])
    return paid


def _bonus_calls(campaign: Campaign) -> QuerySet:
    return Call.objects.filter(campaign=campaign, kind=Call.Kind.BONUS)


def set_floor(campaign: Campaign, floor_usd: Decimal | None) -> None:
    """So much an hour, or None; who has less can be paid the difference. Raises: CannotPublish."""
    if campaign.state == Campaign.State.ARCHIVED:
        raise CannotPublish("An archived campaign is only read.")
    if floor_usd is not None and not Decimal(0) < floor_usd <= LARGEST_FLOOR_USD:
        raise CannotPublish(f"A wage floor is between 0.01 and {LARGEST_FLOOR_USD} dollars an hour; empty for none.")
    Campaign.objects.filter(pk=campaign.pk).update(wage_floor_usd=floor_usd)


def top_up(campaign: Campaign, user) -> Publication | None:
    """Pay everybody under the campaign's floor the difference; None where nobody is. Twice is once.

    Raises: CannotPublish where budget or account do not cover it, or no floor is set.
    """
    if campaign.wage_floor_usd is None:
        raise CannotPublish("This campaign has no wage floor. Set one first.")
    way = way_of(campaign.environment)
    if Call.Kind.BONUS not in way.verbs:
        raise CannotPublish(f"Bonuses cannot be paid through '{campaign.environment}'.")
    expected = [wage.owed_usd for wage in wages(campaign) if wage.owed_usd]
    if not expected:
        return None
    needed = sum((amount + way.fee_usd(amount) for amount in expected), Decimal(0))
    publishing.require_budget(campaign, needed)
    publishing.require_funds(campaign, needed)
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        _require_open(campaign)
        for wage in wages(campaign):  # again, now that nobody else is at it
            if wage.owed_usd:
                put_bonus(_through(campaign, wage.worker), user, wage.owed_usd, _why(campaign, wage))
        return running.start(Publication(campaign=campaign, act=Publication.Act.PAY, created_by=user))


def _require_open(campaign: Campaign) -> None:
    if campaign.state in (Campaign.State.DRAFT, Campaign.State.ARCHIVED):
        raise CannotPublish(f"This campaign is {campaign.get_state_display()}: nothing is paid in it.")
    publishing.require_quiet(campaign)


def _through(campaign: Campaign, worker: Worker) -> Assignment:
    """The newest piece of work through which a bonus can reach this worker."""
    done = Assignment.objects.filter(hit__campaign=campaign, worker=worker, state=Assignment.State.APPROVED)
    return done.select_related("hit__campaign__environment", "worker").latest("submitted_at")


def _why(campaign: Campaign, wage: Wage) -> str:
    minutes = max(1, round(wage.seconds / 60))
    return (
        f"To bring your pay for “{campaign.title}” to ${campaign.wage_floor_usd:.2f} an hour, for the {minutes} "
        f"minute{'s' if minutes > 1 else ''} of work that were measured. Thank you."
    )


def put_bonus(assignment: Assignment, user, amount_usd: Decimal, reason: str, *, key: str = "", compensates=None) -> Call:
    """The outbox's row of a bonus; not yet paid.

    Args:
        key: of this one bonus, so that a form sent twice pays once; by default the number of bonuses so far.
        compensates: the work that could not be handed in and is paid by this.
    """
    campaign, worker = assignment.hit.campaign, assignment.worker
    key = key or str(_bonus_calls(campaign).filter(worker=worker).count())
    payload = {"amount_usd": f"{amount_usd:.2f}"} | ({"compensates": compensates.pk} if compensates else {})
    return outbox.put(
        campaign.environment, Call.Kind.BONUS, outbox.token("bonus", campaign.pk, worker.pk, key), campaign=campaign,
        assignment=assignment, worker=worker, user=user, reason=reason, payload=payload,
    )


def bonus(assignment: Assignment, user, *, amount_usd: Decimal, reason: str, key: str) -> Call:
    """Pay one worker a bonus now; the worker reads the reason.

    Raises: CannotPublish; GatewayError, after which it is tried again by itself where that helps.
    """
    if assignment.submitted_at is None:
        raise CannotPublish("A bonus goes through work that was handed in; this was not.")
    if not Decimal(0) < amount_usd <= MOST_BONUS_USD or amount_usd != amount_usd.quantize(CENT):
        raise CannotPublish(f"A bonus is between 0.01 and {MOST_BONUS_USD} USD, in whole cents.")
    if not reason.strip() or len(reason) > 900:
        raise CannotPublish("Say what the bonus is for, in at most 900 characters; the worker reads it.")
    campaign = assignment.hit.campaign
    if campaign.state == Campaign.State.ARCHIVED:
        raise CannotPublish("An archived campaign is only read.")
    needed = amount_usd + way_of(campaign.environment).fee_usd(amount_usd)
    publishing.require_budget(campaign, needed)
    return outbox.perform(put_bonus(assignment, user, amount_usd, reason.strip(), key=key))


def unpaid_bonuses(campaign: Campaign) -> QuerySet:
    """Bonuses that were decided and are not paid: on their way, or refused."""
    return _bonus_calls(campaign).filter(Q(state=Call.State.WAITING) | Q(state=Call.State.REFUSED)).select_related(
        "worker__annotator"
    )
