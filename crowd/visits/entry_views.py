"""Pages of a campaign's own address, which no marketplace frames: the task, its end, a word to whom it is closed."""

from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from annotation import refusals, serving
from crowd.models import Assignment, Campaign, Environment
from crowd.visits import arriving, completing, consent, entering
from crowd.visits.arriving import TurnedAway, Why
from crowd.visits.views import about

ENTERED = (Environment.Kind.PROLIFIC, Environment.Kind.LINK)
UNFINISHED = "unfinished"


def secret_address(view):
    """A page whose address is a secret: kept by nobody, passed on to nobody, framed by nobody."""

    @wraps(view)
    def respond(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return never_cache(respond)


@require_GET
@secret_address
@gzip_page
def entry(request: HttpRequest, token: str) -> HttpResponse:
    """A campaign, as the person whom a platform sent sees it: a task, or why there is none; a preview for all others."""
    campaigns = Campaign.objects.select_related("environment", "tutorial", "dataset")
    campaign = campaigns.filter(entry=token, environment__kind__in=ENTERED).first()
    if campaign is None:
        return turned_away(request, Why.BAD_ADDRESS, status=404)
    try:
        visitor = entering.identify(campaign, request.GET)
        if visitor is None:
            return _preview(request, campaign)
        assignment = entering.enter(campaign, visitor)
    except TurnedAway as refusal:
        return turned_away(request, refusal.why, campaign=campaign)
    if assignment.task.handed_in_at:
        return _end(request, assignment)
    submit = {"kind": "end", "method": "post", "url": reverse("task-done")}
    return task_page(request, assignment, submit, with_token=True)


@csrf_exempt  # no cookie is read: the task's own token says whose end this is
@require_POST
@secret_address
def done(request: HttpRequest) -> HttpResponse:
    """After hand-in: the way back to the platform, or the code to take there."""
    try:
        task = serving.open_task(request.POST.get("token", ""))
    except refusals.BadToken:
        return turned_away(request, Why.BAD_ADDRESS, status=404)
    rows = Assignment.objects.select_related("worker", "hit__campaign__environment")
    assignment = rows.filter(task=task, hit__campaign__environment__kind__in=ENTERED).first()
    if assignment is None:
        return turned_away(request, Why.BAD_ADDRESS, status=404)
    campaign = assignment.hit.campaign
    if task.handed_in_at is None:
        return turned_away(request, UNFINISHED, campaign=campaign, status=409)
    return _end(request, assignment)


def _end(request: HttpRequest, assignment: Assignment) -> HttpResponse:
    entering.finished(assignment)
    campaign = assignment.hit.campaign
    context = {"ending": completing.ending(assignment), "way": campaign.environment.kind, "campaign": campaign}
    return render(request, "crowd/done.html", context)


def task_page(request: HttpRequest, assignment: Assignment, submit: dict, *, with_token: bool = False) -> HttpResponse:
    """The task, opened here from now on.

    Args:
        submit: kind, method and url of what follows hand-in; the code of a platform is never in it.
        with_token: send the task's token along, which is how `done` knows whose end it is.
    """
    campaign = assignment.hit.campaign
    task = serving.take_over(assignment.task)
    data = serving.page_data(task)
    data["is_practised"] = task.annotator.tasks.filter(handed_in_at__isnull=False).exists()  # knows the instructions
    data["submit"] = submit | {"fields": {"token": data["token"]} if with_token else {}}
    context = {"data": data, "consent": task.consent_text, "way": campaign.environment.kind}
    return render(request, "crowd/visit.html", context | about(campaign, len(data["comparisons"])))


def turned_away(
    request: HttpRequest, why: Why | str, *, campaign: Campaign | None = None, status: int = 200
) -> HttpResponse:
    way = campaign.environment.kind if campaign else ""
    return render(request, "crowd/entry_turned_away.html", {"why": str(why), "campaign": campaign, "way": way}, status=status)


def _preview(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    data = serving.preview_data(arriving.lesson_name(campaign), teaches_lean=campaign.teaches_lean)
    context = {"data": data, "way": campaign.environment.kind}
    agreed = consent.of(campaign)
    context["consent_text"] = agreed[1] if agreed else ""
    return render(request, "crowd/entry.html", context | about(campaign, task_length(campaign)))


def task_length(campaign: Campaign) -> int:
    """Comparisons of its first task, where tasks have pairs of their own; else of a usual one."""
    hit = campaign.hits.first()
    return (hit.hit_pairs.count() if hit else 0) or campaign.comparisons_per_hit
