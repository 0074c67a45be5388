"""Was the work saved here, and was it submitted there? Four answers, and what is to be done about each."""

from dataclasses import dataclass

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.models import Comparison, Vote
from crowd.models import Assignment, Campaign

State = Assignment.State
SUBMITTED = (State.SUBMITTED, State.VERIFIED, State.APPROVED, State.REJECTED)
NOT_SUBMITTED = (State.ACCEPTED, State.UNSUBMITTED, State.FOREIGN, State.COMPENSATED)


@dataclass(frozen=True)
class Quadrant:
    """One of the four.

    Attributes:
        key: of its list: "both", "here", "there" or "neither".
        waiting: assignments of it about which somebody has to decide something.
    """

    key: str
    title: str
    meaning: str
    n: int
    waiting: int


def with_saved(assignments: QuerySet) -> QuerySet:
    """Assignments with `asked` and `answered` comparisons."""
    task = {"task": OuterRef("task")}
    asked = Comparison.objects.filter(**task).order_by().values("task").annotate(n=Count("pk")).values("n")
    answered = Vote.objects.filter(**task).order_by().values("task").annotate(n=Count("comparison", distinct=True)).values("n")
    return assignments.annotate(asked=Coalesce(Subquery(asked), 0), answered=Coalesce(Subquery(answered), 0))


def of_campaign(campaign: Campaign) -> QuerySet:
    """Its assignments with `asked` and `answered`, those of compensations aside."""
    return with_saved(Assignment.objects.filter(hit__campaign=campaign, hit__compensates=None))


def _saved() -> Q:
    return Q(task__handed_in_at__isnull=False) | (Q(asked__gt=0) & Q(answered__gte=F("asked")))


def rows(campaign: Campaign, key: str) -> QuerySet:
    """The assignments of one quadrant, those first that wait for somebody's word."""
    saved, submitted = _saved(), Q(state__in=SUBMITTED)
    here = saved if key in ("both", "here") else ~saved
    there = submitted if key in ("both", "there") else ~submitted
    return of_campaign(campaign).filter(here & there).select_related("worker__annotator", "task", "hit")


def quadrants(campaign: Campaign) -> list[Quadrant]:
    """All four, counted in one query."""
    saved, submitted = _saved(), Q(state__in=SUBMITTED)
    waits = Q(state__in=[State.SUBMITTED, State.VERIFIED])
    counted = of_campaign(campaign).aggregate(
        both=Count("pk", filter=saved & submitted), both_waiting=Count("pk", filter=saved & waits),
        here=Count("pk", filter=saved & ~submitted), here_waiting=Count("pk", filter=saved & Q(state=State.UNSUBMITTED)),
        there=Count("pk", filter=~saved & submitted), there_waiting=Count("pk", filter=~saved & waits),
        neither=Count("pk", filter=~saved & ~submitted), neither_waiting=Count("pk", filter=~saved & Q(state=State.ACCEPTED)),
    )
    words = {
        "both": ("Saved here, submitted there", "As it should be: verified and paid by itself."),
        "here": ("Saved here, not submitted there", "The work is here, but its worker could not hand it in. Pay for it."),
        "there": ("Submitted there, not saved here", "Handed in without the answers. Approve it, or reject it with a reason."),
        "neither": ("Neither", "Begun and given up; the marketplace offers the place again by itself."),
    }
    return [
        Quadrant(key, title, meaning, counted[key], counted[f"{key}_waiting"]) for key, (title, meaning) in words.items()
    ]
