"""The worker's way through a HIT: list, preview, accept, work in the frame, hand in or return."""

from functools import wraps

from csp.decorators import csp_replace, csp_update
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from crowd.marketplace import assignments, clocks, questions, sessions
from crowd.marketplace.errors import Refused
from crowd.marketplace.models import Assignment, Hit, HitType, Worker
from crowd.marketplace.offers import ORDERS, hits_for, next_hit, offers
from crowd.marketplace.qualifications import Action, Standing
from crowd.marketplace.views.showing import in_english, show

MOST_LISTED = 1000


def marketplace_url() -> str:
    """What a task page gets as `turkSubmitTo`: /mturk/externalSubmit follows it."""
    return settings.MARKETPLACE_URL


def task_url(hit: Hit) -> str:
    """What is framed, before the parameters: the requester's page, or ours that serves the HIT's HTML."""
    return hit.external_url or reverse("marketplace:html-question", args=[hit.hit_id])


def is_foreign(hit: Hit) -> bool:
    """Whether the task comes from another origin; a sandbox around a page of our own would hold nothing."""
    return bool(hit.external_url) and questions.origin(hit.external_url) != questions.origin(marketplace_url())


def _hit(hit_id: str) -> Hit:
    return get_object_or_404(Hit.objects.select_related("hit_type", "requester"), hit_id=hit_id)


def framing(view):
    """The content security policy lets the page frame its HIT's address, and nothing else besides our own pages."""

    @wraps(view)
    def with_policy(request: HttpRequest, worker: Worker, hit_id: str) -> HttpResponse:
        hit = _hit(hit_id)
        sources = ["'self'", questions.origin(hit.external_url)] if hit.external_url else ["'self'"]
        policy = csp_update({"frame-src": sources})
        return policy(view)(request, worker, hit)

    return with_policy


@sessions.for_workers
@require_safe
def hits(request: HttpRequest, worker: Worker) -> HttpResponse:
    search, order = request.GET.get("q", "").replace("\x00", "").strip()[:100], request.GET.get("order", "newest")
    order = order if order in ORDERS else "newest"
    context = {
        "offers": offers(worker, search=search, order=order),
        "search": search,
        "order": order,
        "orders": [(name, title) for name, (title, _) in ORDERS.items()],
        "in_work": worker.assignments.filter(state=Assignment.State.ACCEPTED).select_related("hit__hit_type"),
    }
    return show(request, worker, "hits.html", context)


@sessions.for_workers
@require_safe
def hits_json(request: HttpRequest, worker: Worker) -> JsonResponse:
    """The HITs that this worker may accept now, for scripts; `?groupId=` for one HIT type alone."""
    rows = hits_for(worker).select_related("hit_type", "requester").order_by("pk")
    if "groupId" in request.GET:
        rows = rows.filter(hit_type__hit_type_id=request.GET["groupId"])
    standing, allowed = Standing(worker), {}
    found = []
    for hit in rows[:MOST_LISTED]:
        if hit.hit_type_id not in allowed:
            allowed[hit.hit_type_id] = standing.allows(Action.ACCEPT, hit.hit_type.requirements)
        if allowed[hit.hit_type_id]:
            found.append(
                {
                    "hitId": hit.hit_id,
                    "groupId": hit.hit_type.hit_type_id,
                    "title": hit.hit_type.title,
                    "requester": hit.requester.name,
                    "rewardUsd": str(hit.reward_usd),
                    "durationSeconds": hit.hit_type.assignment_duration_s,
                    "available": hit.n_available,
                    "acceptUrl": reverse("marketplace:accept", args=[hit.hit_id]),
                    "stateUrl": reverse("marketplace:state", args=[hit.hit_id]),
                }
            )
    return JsonResponse({"hits": found})


@sessions.for_workers
@require_safe
def preview_group(request: HttpRequest, worker: Worker, hit_type_id: str) -> HttpResponse:
    hit = next_hit(worker, get_object_or_404(HitType, hit_type_id=hit_type_id))
    if hit is None:
        messages.info(request, "No HIT of this kind is left for you at the moment.")
        return redirect("marketplace:hits")
    return redirect("marketplace:preview", hit.hit_id)


@require_POST
@sessions.for_workers
def accept_group(request: HttpRequest, worker: Worker, hit_type_id: str) -> HttpResponse:
    """Accept the next HIT of a type; should somebody be quicker, the one after it."""
    hit_type = get_object_or_404(HitType, hit_type_id=hit_type_id)
    for _ in range(5):
        hit = next_hit(worker, hit_type)
        if hit is None:
            break
        try:
            assignments.accept(worker, hit)
        except Refused as refusal:
            reason = str(refusal)
        else:
            return redirect("marketplace:work", hit.hit_id)
        if not Hit.objects.on_offer(timezone.now()).filter(pk=hit.pk).exists():
            continue
        messages.error(request, reason)
        return redirect("marketplace:preview", hit.hit_id)
    messages.info(request, "No HIT of this kind is left for you at the moment.")
    return redirect("marketplace:hits")


@sessions.for_workers
@require_safe
@framing
def preview(request: HttpRequest, worker: Worker, hit: Hit) -> HttpResponse:
    """Look before accepting: the task page in the frame, told that there is no assignment."""
    if mine := hit.assignments.live().filter(worker=worker).first():
        return redirect("marketplace:work" if mine.state == Assignment.State.ACCEPTED else "marketplace:done", hit.hit_id)
    if not assignments.may(worker, hit, Action.DISCOVER) or hit.status == Hit.Status.DISPOSED:
        raise Http404
    context = {
        "hit": hit,
        "is_foreign": is_foreign(hit),
        "requirements": Standing(worker).explain(hit.hit_type.requirements),
        "may_accept": assignments.may(worker, hit, Action.ACCEPT),
        "on_offer": Hit.objects.on_offer(timezone.now()).filter(pk=hit.pk).exists(),
    }
    if assignments.may(worker, hit, Action.PREVIEW):
        context["frame_url"] = questions.framed_url(
            task_url(hit), assignmentId=questions.NO_ASSIGNMENT, hitId=hit.hit_id
        )
    return show(request, worker, "preview.html", context)


@require_POST
@sessions.for_workers
def accept(request: HttpRequest, worker: Worker, hit_id: str) -> HttpResponse:
    try:
        assignments.accept(worker, _hit(hit_id))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("marketplace:preview", hit_id)
    return redirect("marketplace:work", hit_id)


def _latest(worker: Worker, hit: Hit) -> Assignment | None:
    """The assignment that counts: the live one, or else the last one ended."""
    mine = hit.assignments.filter(worker=worker)
    return mine.live().first() or mine.order_by("-pk").first()


def _frame_url(assignment: Assignment, hit: Hit, worker: Worker) -> str:
    return questions.framed_url(
        task_url(hit),
        assignmentId=assignment.assignment_id,
        hitId=hit.hit_id,
        workerId=worker.worker_id,
        turkSubmitTo=marketplace_url(),
    )


@sessions.for_workers
@require_safe
@framing
def work(request: HttpRequest, worker: Worker, hit: Hit) -> HttpResponse:
    """The task page in a frame that fills the window, under a bar with the time left."""
    assignment = _latest(worker, hit)
    if assignment is None or assignment.state == Assignment.State.RETURNED:
        return redirect("marketplace:preview", hit.hit_id)
    if assignment.state != Assignment.State.ACCEPTED:
        return redirect("marketplace:done", hit.hit_id)
    context = {
        "hit": hit,
        "is_foreign": is_foreign(hit),
        "assignment": assignment,
        "frame_url": _frame_url(assignment, hit, worker),
        "seconds_left": max(0, int((assignment.deadline - timezone.now()).total_seconds())),
    }
    return show(request, worker, "work.html", context)


@sessions.for_workers
@require_safe
def state(request: HttpRequest, worker: Worker, hit_id: str) -> JsonResponse:
    """How the worker's assignment of this HIT stands: polled by its page, read by scripts."""
    hit = _hit(hit_id)
    assignment = _latest(worker, hit)
    if assignment is None:
        return JsonResponse({"hitId": hit.hit_id, "state": None, "assignmentId": None})
    in_work = assignment.state == Assignment.State.ACCEPTED
    return JsonResponse(
        {
            "hitId": hit.hit_id,
            "state": assignment.state,
            "assignmentId": assignment.assignment_id,
            "deadline": assignment.deadline.isoformat(),
            "secondsLeft": max(0, (assignment.deadline - timezone.now()).total_seconds()) if in_work else None,
            "frameUrl": _frame_url(assignment, hit, worker) if in_work else None,
        }
    )


@require_POST
@sessions.for_workers
def give_back(request: HttpRequest, worker: Worker, hit_id: str) -> HttpResponse:
    hit = _hit(hit_id)
    assignment = hit.assignments.filter(worker=worker, state=Assignment.State.ACCEPTED).first()
    if assignment is None:
        messages.info(request, "This HIT is not in your hands any more.")
        return redirect("marketplace:hits")
    try:
        assignments.give_back(assignment)
        messages.success(request, f"You returned “{hit.hit_type.title}”. That does not count against you.")
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("marketplace:hits")


@sessions.for_workers
@require_safe
def done(request: HttpRequest, worker: Worker, hit_id: str) -> HttpResponse:
    """What became of it, and on to the next."""
    hit = _hit(hit_id)
    assignment = _latest(worker, hit)
    if assignment is None or assignment.state in (Assignment.State.ACCEPTED, Assignment.State.RETURNED):
        return redirect("marketplace:preview", hit.hit_id)
    following = next_hit(worker, hit.hit_type)
    may_go_on = following and assignments.may(worker, following, Action.ACCEPT)
    context = {"hit": hit, "assignment": assignment, "following": following if may_go_on else None}
    return show(request, worker, "done.html", context)


@csrf_exempt  # comes from another origin's page, in a frame where no cookie arrives; the assignment's id is the secret
@xframe_options_sameorigin
@csp_replace({"frame-ancestors": ["'self'"]})
@in_english
@require_POST
def external_submit(request: HttpRequest) -> HttpResponse:
    """The form that a task page posts at its end: `assignmentId` and at least one more field."""
    clocks.advance(at_most=clocks.AT_MOST_BEFORE_A_REQUEST)
    assignment_id = request.POST.get("assignmentId", "")
    fields = [(name, values) for name, values in request.POST.lists() if name != "assignmentId"]
    try:
        assignments.submit(assignment_id, fields)
    except Refused as refusal:
        return render(request, "marketplace/not_submitted.html", {"reason": str(refusal)}, status=400)
    return render(request, "marketplace/submitted.html", {"assignment_id": assignment_id})
