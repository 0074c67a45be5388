"""The pages that a marketplace frames."""

from datetime import timedelta
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from annotation import serving
from annotation.models import Annotator, Pair, Task
from crowd import addresses
from crowd.models import Campaign, Hit
from crowd.visits import arriving


def framed(view):
    """Lets the marketplaces' pages frame a view, and its form post back to them; nobody else."""

    @wraps(view)
    def respond(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response._csp_replace = {
            "frame-ancestors": list(settings.TASK_FRAME_ANCESTORS),
            "form-action": ["'self'", *sorted(response.form_origins)],
        }
        response["Referrer-Policy"] = "no-referrer"  # the address holds the HIT's secret
        return response

    return xframe_options_exempt(never_cache(gzip_page(respond)))


@require_GET
@framed
def task(request: HttpRequest, token: str) -> HttpResponse:
    """A HIT, as one worker sees it: the preview, the task, or a polite word."""
    hits = Hit.objects.select_related("campaign__environment", "campaign__tutorial", "campaign__dataset")
    hit = hits.filter(token=token).first()
    if hit is None:
        return _turned_away(request, arriving.Why.BAD_ADDRESS, status=404)
    if arriving.is_preview(request.GET):
        return _preview(request, hit)
    try:
        arrival = arriving.arrive(hit, request.GET)
    except arriving.TurnedAway as refusal:
        return _turned_away(request, refusal.why, campaign=hit.campaign)
    return _task(request, hit, arrival)


def _task(request: HttpRequest, hit: Hit, arrival: arriving.Arrival) -> HttpResponse:
    task = serving.take_over(arrival.task)
    data = serving.page_data(task)
    fields = {"assignmentId": arrival.assignment.assignment_id, "hitId": hit.hit_id, "task": str(task.pk)}
    data["submit"] = {"url": arrival.submit_url, "fields": fields}
    context = {"data": data, "consent": task.consent_text, **about(hit.campaign, len(data["comparisons"]))}
    return _answer(request, "crowd/hit.html", context, form_origin=addresses.origin(arrival.submit_url))


def _preview(request: HttpRequest, hit: Hit) -> HttpResponse:
    n_comparisons = hit.campaign.comparisons_per_hit if hit.campaign.is_lean else hit.pairs.count()
    return preview_of(request, hit.campaign, n_comparisons)


def preview_of(request: HttpRequest, campaign: Campaign, n_comparisons: int) -> HttpResponse:
    """The page before somebody accepts; of a draft, too."""
    data = serving.preview_data(arriving.lesson_name(campaign), teaches_lean=campaign.teaches_lean)
    return _answer(request, "crowd/preview.html", {"data": data, **about(campaign, n_comparisons)})


def trial(campaign: Campaign, pairs: list[Pair], annotator: Annotator) -> Task:
    """A task as the campaign's workers get it once they have agreed and been taught; for whoever will take it back."""
    return serving.hand_out(
        annotator, pairs, seed=campaign.seed, delay_ms=campaign.delay_ms,
        expires_at=timezone.now() + timedelta(seconds=campaign.duration_s), teaches_lean=campaign.teaches_lean,
    )


def task_page(request: HttpRequest, campaign: Campaign, task: Task) -> HttpResponse:
    """The questions of a task that is only looked at: without a token, so that nothing can be answered or handed in."""
    data = serving.page_data(task)
    data |= {"task": 0, "token": "", "is_practised": True, "submit": {"url": "", "fields": {}}}
    context = {"data": data, "consent": None, **about(campaign, len(data["comparisons"]))}
    return _answer(request, "crowd/hit.html", context)


def _turned_away(
    request: HttpRequest, why: arriving.Why, *, campaign: Campaign | None = None, status: int = 200
) -> HttpResponse:
    return _answer(request, "crowd/turned_away.html", {"why": why.value, "campaign": campaign}, status=status)


def about(campaign: Campaign, n_comparisons: int) -> dict:
    """What every page of a campaign says of itself."""
    minutes = max(1, campaign.duration_s // 60)
    return {"campaign": campaign, "contact": campaign.contact, "n_comparisons": n_comparisons, "minutes": minutes}


def _answer(request: HttpRequest, template: str, context: dict, *, status: int = 200, form_origin: str = "") -> HttpResponse:
    response = render(request, template, context, status=status)
    response.form_origins = {form_origin} if form_origin else set()
    return response
