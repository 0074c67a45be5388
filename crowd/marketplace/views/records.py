"""What a worker has done, earned, been told, and can show."""

from datetime import timedelta
from decimal import Decimal

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from crowd.marketplace import sessions
from crowd.marketplace.errors import Refused
from crowd.marketplace.models import (
    Assignment,
    Entry,
    Message,
    Qualification,
    QualificationRequest,
    QualificationType,
    Worker,
)
from crowd.marketplace.qualifications import Standing
from crowd.marketplace.views.showing import show

PAGE = 25


def _page(rows: QuerySet, request: HttpRequest):
    return Paginator(rows, PAGE).get_page(request.GET.get("page"))


def _sum(rows: QuerySet, field: str = "amount_usd") -> Decimal:
    return (rows.aggregate(total=Sum(field))["total"] or Decimal(0)).quantize(Decimal("0.01"))


@sessions.for_workers
@require_safe
def mine(request: HttpRequest, worker: Worker) -> HttpResponse:
    """HITs in work, and all that were."""
    rows = worker.assignments.select_related("hit__hit_type", "hit__requester").order_by("-pk")
    context = {
        "in_work": rows.filter(state=Assignment.State.ACCEPTED),
        "past": _page(rows.exclude(state=Assignment.State.ACCEPTED), request),
    }
    return show(request, worker, "mine.html", context)


@sessions.for_workers
@require_safe
def earnings(request: HttpRequest, worker: Worker) -> HttpResponse:
    paid = Entry.objects.filter(worker=worker, kind__in=[Entry.Kind.REWARD, Entry.Kind.BONUS])
    waiting = worker.assignments.filter(state=Assignment.State.SUBMITTED)
    context = {
        "rewards_usd": _sum(paid.filter(kind=Entry.Kind.REWARD)),
        "bonuses_usd": _sum(paid.filter(kind=Entry.Kind.BONUS)),
        "total_usd": _sum(paid),
        "waiting_usd": _sum(waiting, "reward_usd"),
        "n_waiting": waiting.count(),
        "standing": Standing(worker),
        "payments": _page(paid.select_related("hit__hit_type", "requester").order_by("-pk"), request),
    }
    return show(request, worker, "earnings.html", context)


@sessions.for_workers
@require_safe
def inbox(request: HttpRequest, worker: Worker) -> HttpResponse:
    """Messages, newest first; those shown count as read from the next page on."""
    page = _page(worker.messages.select_related("requester"), request)
    rows = list(page)
    response = show(request, worker, "messages.html", {"page": page, "rows": rows})
    Message.objects.filter(pk__in=[row.pk for row in rows], read_at=None).update(read_at=timezone.now())
    return response


@sessions.for_workers
@require_safe
def qualifications(request: HttpRequest, worker: Worker) -> HttpResponse:
    """What this worker holds, has asked for, and can ask for."""
    held = worker.qualifications.select_related("type__requester").filter(status=Qualification.Status.GRANTED)
    asked = worker.qualification_requests.select_related("type__requester").order_by("-pk")
    offered = QualificationType.objects.filter(status=QualificationType.Status.ACTIVE, deleted_at=None)
    offered = offered.select_related("requester").exclude(qualifications__in=held)
    context = {
        "standing": Standing(worker),
        "held": held,
        "asked": asked.exclude(state=QualificationRequest.State.GRANTED),
        "offered": [type_ for type_ in offered if can_ask(worker, type_)],
    }
    return show(request, worker, "qualifications.html", context)


def can_ask(worker: Worker, type_: QualificationType) -> bool:
    """Once, or again after the type's retry delay; never while a request is open."""
    last = type_.requests.filter(worker=worker).order_by("-pk").first()
    if last is None:
        return True
    if last.state == QualificationRequest.State.PENDING or type_.retry_delay_s is None:
        return False
    return timezone.now() >= last.submitted_at + timedelta(seconds=type_.retry_delay_s)


@transaction.atomic
def _ask(worker: Worker, type_: QualificationType) -> QualificationRequest:
    if type_.qualifications.filter(worker=worker, status=Qualification.Status.GRANTED).exists():
        raise Refused("You hold this qualification already.")
    if not can_ask(worker, type_):
        raise Refused("You have asked for this qualification before; it cannot be asked for again now.")
    state = QualificationRequest.State
    request = QualificationRequest.objects.create(
        type=type_, worker=worker, state=state.GRANTED if type_.auto_granted else state.PENDING
    )
    if type_.auto_granted:
        Qualification.objects.update_or_create(
            type=type_, worker=worker,
            defaults={"value": type_.auto_granted_value, "status": Qualification.Status.GRANTED, "granted_at": timezone.now()},
        )
    return request


@require_POST
@sessions.for_workers
def ask_for_qualification(request: HttpRequest, worker: Worker, qualification_type_id: str) -> HttpResponse:
    type_ = get_object_or_404(
        QualificationType, qualification_type_id=qualification_type_id,
        status=QualificationType.Status.ACTIVE, deleted_at=None,
    )
    try:
        asked = _ask(worker, type_)
    except (Refused, IntegrityError) as refusal:
        messages.error(request, str(refusal) if isinstance(refusal, Refused) else "You have asked already.")
    else:
        granted = asked.state == QualificationRequest.State.GRANTED
        messages.success(request, f"You hold “{type_}” now." if granted else f"{type_.requester} will decide on “{type_}”.")
    return redirect("marketplace:qualifications")
