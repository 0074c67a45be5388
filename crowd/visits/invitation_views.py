"""What a personal invitation opens: how far one is, and the next task."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from crowd import confirming
from crowd.models import Campaign, Invitation
from crowd.visits import entering, guessing
from crowd.visits.arriving import TurnedAway, Why
from crowd.visits.entry_views import secret_address, task_length, task_page, turned_away
from crowd.visits.views import about
from crowd.ways import invitation as invitations


def _invited(view):
    """The invitation of the address, or a polite word; whoever guesses is made to wait."""

    @require_GET
    @secret_address
    def respond(request: HttpRequest, token: str) -> HttpResponse:
        if guessing.is_blocked(request):
            response = turned_away(request, Why.TOO_MANY, status=429)
            response["Retry-After"] = str(guessing.WITHIN_S)
            return response
        invitation = invitations.find(token)
        if invitation is None:
            guessing.wrong(request)
            return turned_away(request, Why.BAD_ADDRESS, status=404)
        if invitation.revoked_at:
            return turned_away(request, Why.REVOKED, campaign=invitation.campaign, status=410)
        return view(request, invitation)

    return respond


@_invited
def invited(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """The page that the link opens: what this is, how far one is, and a button to go on.

    Looking at it begins nothing, as mail programs open links too; what was handed in before counts from now on.
    """
    campaign = invitation.campaign
    confirming.settle(invitation)
    progress = invitations.progress(invitation)
    left = progress["total"] - progress["done"]
    context = {
        "invitation": invitation, "progress": progress, "left": left, "way": campaign.environment.kind,
        "closed": _closed(campaign) if left else "",
        "task_url": reverse("invited-task", args=[invitations.token_of(invitation)]),
    }
    return render(request, "crowd/invited.html", context | about(campaign, task_length(campaign)))


@_invited
def task(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """The task that was begun, else the next one; after hand-in the link's own page follows."""
    home = reverse("invited", args=[invitations.token_of(invitation)])
    try:
        assignment = invitations.next_task(invitation)
    except TurnedAway as refusal:
        if refusal.why == Why.SEEN_ALL:
            return _to(home)
        return turned_away(request, refusal.why, campaign=invitation.campaign)
    return task_page(request, assignment, {"kind": "next", "method": "get", "url": home})


def _closed(campaign: Campaign) -> str:
    try:
        entering.check_open(campaign)
    except TurnedAway as refusal:
        return refusal.why.value
    return ""


def _to(url: str) -> HttpResponse:
    response = HttpResponse(status=303)
    response["Location"] = url
    return response
