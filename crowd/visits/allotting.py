"""Which HIT somebody gets where no marketplace chooses it.

A place in a HIT is held by everybody whose task is open or handed in. It falls free when
the task's time lapses, is withdrawn, or its work is not accepted, so that nothing is
asked too often and nothing stays stuck.
"""

from datetime import datetime

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from annotation import serving
from annotation.models import Comparison
from crowd.models import Assignment, Campaign, Hit, HitPair, Worker

State = Assignment.State
DELIVERED = (State.SUBMITTED, State.VERIFIED, State.APPROVED)


def holding_a_place(now: datetime | None = None, prefix: str = "") -> Q:
    """Assignments that keep their place in a HIT; `prefix` leads from another model to them, e.g. `assignments__`.

    Whoever handed in after failing the tutorial gave no answers and holds none.
    """
    late = (now or timezone.now()) - serving.GRACE
    task = f"{prefix}task__"
    at_work = Q(**{
        f"{prefix}state": State.ACCEPTED, f"{task}handed_in_at": None, f"{task}withdrawn_at": None,
        f"{task}expires_at__gt": late,
    })
    done = Q(**{f"{task}handed_in_at__isnull": False, f"{task}needs_tutorial": False})
    return at_work | (done & Q(**{f"{prefix}state__in": (State.ACCEPTED, *DELIVERED)}))


def with_places(hits: QuerySet[Hit], now: datetime | None = None) -> QuerySet[Hit]:
    """HITs with `taken`, how many places are held."""
    return hits.annotate(taken=Count("assignments", filter=holding_a_place(now, "assignments__")))


def next_hit(campaign: Campaign, worker: Worker, *, has_places: bool = True) -> Hit | None:
    """The HIT on offer that this worker should do next, or None: least taken first, then by number.

    HITs none of whose pairs the worker has seen come first, then those with some new pairs. The HITs of a lean campaign
    have no pairs of their own: any that this worker has not had.
    Call it in the transaction that makes the assignment, with the campaign's row locked:
    else two people take the last place.

    Args:
        has_places: only HITs with a place left; without it every HIT goes to every worker.
    """
    now = timezone.now()
    shown = Comparison.objects.filter(task__annotator=worker.annotator_id).values("pair")
    asked = HitPair.objects.filter(hit=OuterRef("pk"))
    on_offer = campaign.hits.exclude(hit_id="").filter(Q(expires_at=None) | Q(expires_at__gt=now), compensates=None)
    rows = with_places(on_offer, now)
    if campaign.is_lean:
        rows = rows.exclude(assignments__worker=worker)
    else:
        rows = rows.filter(Exists(asked.exclude(pair__in=shown)))
    if has_places:
        rows = rows.filter(taken__lt=F("max_assignments"))
    rows = rows.annotate(is_partly_seen=Exists(asked.filter(pair__in=shown)))
    order = ("is_partly_seen", "taken", "number") if has_places else ("is_partly_seen", "number")
    found = rows.order_by(*order).values_list("pk", flat=True).first()
    hits = Hit.objects.select_related("campaign__environment", "campaign__tutorial", "campaign__dataset")
    return None if found is None else hits.get(pk=found)


def has_place_for(assignment: Assignment) -> bool:
    """Whether its HIT would not be taken too often if this assignment held a place again."""
    others = assignment.hit.assignments.exclude(pk=assignment.pk).filter(holding_a_place())
    return others.count() < assignment.hit.max_assignments
