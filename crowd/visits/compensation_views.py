"""The page of a HIT that pays for work which could not be handed in: a word of thanks and one button."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from crowd import addresses
from crowd.models import Hit
from crowd.visits import arriving
from crowd.visits.views import framed


@require_GET
@framed
def compensation(request: HttpRequest, token: str) -> HttpResponse:
    """Who accepted it hands it in here; it asks nothing."""
    hits = Hit.objects.select_related("campaign__environment", "compensates")
    hit = hits.filter(token=token, compensates__isnull=False).first()
    try:
        if hit is None:
            raise arriving.TurnedAway(arriving.Why.BAD_ADDRESS)
        is_preview = arriving.is_preview(request.GET)
        submit_url = "" if is_preview else arriving.submit_url(hit, request.GET)
        if not is_preview and not arriving.AN_ID.fullmatch(request.GET.get("assignmentId", "")):
            raise arriving.TurnedAway(arriving.Why.BAD_ADDRESS)
    except arriving.TurnedAway as refusal:
        context = {"why": refusal.why.value, "campaign": hit.campaign if hit else None}
        return _with_form_origin(render(request, "crowd/turned_away.html", context, status=404 if hit is None else 200))
    fields = {"assignmentId": request.GET.get("assignmentId", ""), "compensates": hit.compensates.assignment_id}
    context = {
        "campaign": hit.campaign, "work": hit.compensates, "is_preview": is_preview, "submit_url": submit_url, "fields": fields,
    }
    return _with_form_origin(render(request, "crowd/compensation.html", context), submit_url)


def _with_form_origin(response: HttpResponse, url: str = "") -> HttpResponse:
    response.form_origins = {addresses.origin(url)} if url else set()
    return response
