"""A campaign's work and pay: the four quadrants, wages with their floor, and the accounts that it is paid from."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import partial

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from crowd import compensating, deciding, paying, quadrants, reconciling, rights
from crowd.books import outbox
from crowd.deciding import CannotDecide
from crowd.models import Assignment, Call, Campaign
from crowd.panel.acting import attempted
from crowd.publishing import CannotPublish
from crowd.ways import way_of
from crowd.ways.base import GatewayError

PER_PAGE = 50


def pages(admin) -> dict[str, Callable]:
    """Further pages of a campaign: the end of their address, and their view `(request, campaign)`."""
    return {"work": partial(work, admin), "wages": partial(wages, admin)}


# --- The four quadrants ---------------------------------------------------------------------------


def work(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Saved here, submitted there: how many of each, and one act for each."""
    if request.method == "POST":
        _require(admin, request, campaign)
        with attempted(admin, request, campaign, request.POST.get("act", "")):
            _do_work(admin, request, campaign)
        return redirect(f"{admin.url('work', campaign.pk)}?show={request.POST.get('show', '')}")
    found = quadrants.quadrants(campaign)
    wanted = request.GET.get("show", "")
    if wanted not in {each.key for each in found}:
        wanted = next((each.key for each in found if each.waiting and each.key != "neither"), "both")
    page = Paginator(quadrants.rows(campaign, wanted).order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    return admin.render(
        request, "admin/crowd/campaign/work.html", campaign, title=f"Work of {campaign}", quadrants=found, chosen=wanted,
        shown=next(each for each in found if each.key == wanted), rows_page=page, may_run=admin.may_spend(request, campaign),
        pays=campaign.reward_usd,
    )


def _do_work(admin, request: HttpRequest, campaign: Campaign) -> None:
    act = request.POST.get("act", "")
    if act == "collect":
        reconciling.reconcile(campaign)
        admin.log_change(request, campaign, "Collected everything that was handed in.")
        messages.success(request, "The marketplace was asked for everything that was handed in.")
        return
    row = Assignment.objects.select_related("hit__campaign__environment", "worker__annotator", "task").filter(
        hit__campaign=campaign, pk=request.POST.get("assignment") if request.POST.get("assignment", "").isdecimal() else None
    ).first()
    if row is None:
        raise CannotDecide("There is no such task in this campaign.")
    rights.require_spending(request, campaign)
    if act == "compensate":
        said = compensating.compensate(row, request.user)
    elif act == "approve":
        deciding.approve(row, request.user)
        said = "Approved and paid."
    else:
        raise CannotDecide("Nothing was asked for.")
    admin.log_change(request, campaign, f"{said} Task {row.assignment_id}.")
    messages.success(request, said)


# --- Wages ----------------------------------------------------------------------------------------


def wages(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """What everybody earned an hour, the campaign's floor, and one button that pays the difference."""
    if request.method == "POST":
        _require(admin, request, campaign)
        with attempted(admin, request, campaign, request.POST.get("act") or "top up"):
            _do_wages(admin, request, campaign)
        return redirect(admin.url("wages", campaign.pk))
    rows = paying.wages(campaign)
    way, silence = None, ""
    try:
        way = way_of(campaign.environment)
    except GatewayError as error:
        silence = str(error)
    owed = [row.owed_usd for row in rows if row.owed_usd]
    total = sum(owed, Decimal(0))
    seconds, paid = sum(row.seconds for row in rows), sum((row.paid_usd for row in rows), Decimal(0))
    hourly = sorted(row.hourly_usd for row in rows)
    return admin.render(
        request, "admin/crowd/campaign/wages.html", campaign, title=f"Wages of {campaign}",
        rows_page=Paginator(rows, PER_PAGE).get_page(request.GET.get("page")), n=len(rows), n_owed=len(owed), owed=total,
        fees=sum((way.fee_usd(amount) for amount in owed), Decimal(0)) if way else None, silence=silence,
        median=hourly[len(hourly) // 2] if hourly else None,
        together=(paid * 3600 / Decimal(str(seconds))).quantize(Decimal("0.01")) if seconds else None,
        can_pay=bool(way and Call.Kind.BONUS in way.verbs) and campaign.state != Campaign.State.ARCHIVED,
        may_run=admin.may_spend(request, campaign), unpaid=list(paying.unpaid_bonuses(campaign)[:20]),
    )


def _do_wages(admin, request: HttpRequest, campaign: Campaign) -> None:
    if campaign.state == Campaign.State.ARCHIVED:
        raise CannotPublish("An archived campaign is only read.")
    rights.require_spending(request, campaign)
    act = request.POST.get("act", "")
    if act == "floor":
        said = _set_floor(campaign, request.POST.get("floor", "").strip())
    elif act == "again":
        call = campaign.calls.filter(pk=request.POST.get("call") or None, kind=Call.Kind.BONUS).first()
        if call is None:
            raise CannotPublish("There is no such bonus.")
        outbox.ask_again(call)
        said = "The bonus is paid."
    else:
        job = paying.top_up(campaign, request.user)
        said = "Everybody has the floor already; nothing is owed." if job is None else "The difference is being paid."
    admin.log_change(request, campaign, said)
    messages.success(request, said)


def _set_floor(campaign: Campaign, given: str) -> str:
    try:
        floor = Decimal(given).quantize(Decimal("0.01")) if given else None
    except InvalidOperation as error:
        raise CannotPublish(f"'{given}' is no amount; give dollars an hour, like 15.00.") from error
    paying.set_floor(campaign, floor)
    return f"The wage floor is {floor} USD an hour." if floor is not None else "There is no wage floor."


# --- Both -----------------------------------------------------------------------------------------


def _require(admin, request: HttpRequest, campaign: Campaign) -> None:
    if not admin.may_run(request, campaign):
        raise PermissionDenied
