"""A campaign's offer after its launch: paused, resumed, extended, its budget changed, finished, archived."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from functools import partial

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from crowd import life, publishing, rights
from crowd.models import Campaign, Publication
from crowd.publishing import CannotPublish
from crowd.ways.base import GatewayError

State = Campaign.State
LONGEST_DAYS = 365


def pages(admin) -> dict[str, Callable]:
    """Further pages of a campaign: the end of their address, and their view `(request, campaign)`."""
    return {"offer": partial(offer, admin), "change-offer": partial(change, admin)}


def offer(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """What is on offer, what it may still cost, and what can be changed about it."""
    if not admin.may_run(request, campaign):
        raise PermissionDenied
    if campaign.is_draft:
        return redirect(admin.url("launch", campaign.pk))
    try:
        committed, more, obstacle = publishing.committed_usd(campaign), life.more_votes_usd(campaign, 1), ""
        reopening = life.reopening_usd(campaign)
    except GatewayError as error:
        committed = more = reopening = None
        obstacle = str(error)
    hits = campaign.hits.filter(compensates=None).aggregate(
        total=Count("pk"), on_offer=Count("pk", filter=Q(status="Assignable")), waiting=Count("pk", filter=Q(hit_id="")),
        over=Count("pk", filter=Q(status__in=["Expired", "Unassignable", "Reviewable"])),
        gone=Count("pk", filter=Q(status="Disposed")),
    )
    return admin.render(
        request, "admin/crowd/campaign/offer.html", campaign, title=f"The offer of {campaign}", hits=hits,
        committed=committed, more_votes_usd=more, reopening_usd=reopening, silence=obstacle,
        running=campaign.publications.exclude(state__in=Publication.ENDED).first(),
        obstacle=life.why_not_archive(campaign) if campaign.state == State.FINISHED else None,
        votes=campaign.votes_per_pair + campaign.more_votes, most_votes=life.MOST_VOTES,
        days=max(1, campaign.lifetime_s // 86400), no_spending=rights.why_not_spend(request, campaign),
    )


def change(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """One of the acts below, by POST."""
    if not admin.may_run(request, campaign):
        raise PermissionDenied
    act = ACTS.get(request.POST.get("act", "")) if request.method == "POST" else None
    if act is not None:
        if act in SPENDING:
            rights.require_spending(request, campaign)
        try:
            said = act(request, campaign)
        except (CannotPublish, GatewayError) as error:
            messages.error(request, str(error))
            return redirect(admin.url("offer", campaign.pk))
        admin.log_change(request, campaign, said)
        messages.success(request, said)
    return redirect(admin.url("change", campaign.pk))


def _pause(request: HttpRequest, campaign: Campaign) -> str:
    life.pause(campaign, request.user)
    return "Paused: it is being taken off the offer. Who has begun may hand in and is paid."


def _resume(request: HttpRequest, campaign: Campaign) -> str:
    life.resume(campaign, request.user)
    return "Resumed: it is being put on offer again."


def _finish(request: HttpRequest, campaign: Campaign) -> str:
    life.finish(campaign, request.user)
    return "Finished: offered to nobody else. Work that has begun is still paid."


def _archive(request: HttpRequest, campaign: Campaign) -> str:
    life.archive(campaign, request.user)
    return "Being archived: its HITs are deleted at the marketplace, and from then on it is only read."


def _time(request: HttpRequest, campaign: Campaign) -> str:
    days = _number(request.POST.get("days", ""), "days", LONGEST_DAYS)
    life.extend(campaign, request.user, until=timezone.now() + timedelta(days=days))
    return f"On offer for {days} {'day' if days == 1 else 'days'} from now."


def _votes(request: HttpRequest, campaign: Campaign) -> str:
    n = _number(request.POST.get("votes", ""), "votes", life.MOST_VOTES)
    life.more_votes(campaign, request.user, n=n)
    return f"{n} more {'vote' if n == 1 else 'votes'} on every pair are being asked for."


def _budget(request: HttpRequest, campaign: Campaign) -> str:
    given = request.POST.get("budget", "").strip()
    try:
        budget = Decimal(given).quantize(Decimal("0.01")) if given else None
    except InvalidOperation as error:
        raise CannotPublish(f"'{given}' is no amount; give dollars and cents, like 250.00, or nothing for no limit.") from error
    if budget is not None and not 0 <= budget < 10**8:
        raise CannotPublish("A budget is between 0 and 99,999,999 dollars.")
    paused = life.set_budget(campaign, budget, request.user)
    said = f"The budget is {budget} USD." if budget is not None else "There is no budget limit."
    return said + (" More than that is open already, so it is being paused." if paused else "")


def _number(text: str, what: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise CannotPublish(f"Give a whole number of {what} from 1 to {most}.")
    return int(text)


ACTS: dict[str, Callable[[HttpRequest, Campaign], str]] = {
    "pause": _pause, "resume": _resume, "finish": _finish, "archive": _archive, "time": _time, "votes": _votes,
    "budget": _budget,
}
SPENDING = {_resume, _time, _votes, _budget}
