"""The page of an HTMLQuestion: HTML that a requester sent with the HIT, kept away from everything that is ours."""

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.templatetags.static import static
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from crowd.marketplace import assignments, questions, sessions
from crowd.marketplace.models import Hit, Worker
from crowd.marketplace.qualifications import Action
from crowd.marketplace.views.work import marketplace_url

# Sandboxed without its origin, the page is a stranger to this site: no cookie, no storage, no request in the worker's
# name. What it loads from elsewhere is its requester's business.
POLICY = (
    "sandbox allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-modals allow-downloads; "
    "frame-ancestors 'self'; base-uri 'none'; object-src 'none'"
)
_AMAZONS_SUBMIT = re.compile(r"https?://(www|workersandbox)\.mturk\.com/mturk/externalSubmit")
_AMAZONS_SCRIPT = re.compile(r"https?://s3\.amazonaws\.com/mturk-public/externalHIT_v1\.js")


@xframe_options_sameorigin
@sessions.for_workers
@require_safe
def html_question(request: HttpRequest, worker: Worker, hit_id: str) -> HttpResponse:
    """The HIT's HTML; addresses of Amazon's submit page and helper script become ours."""
    hit = get_object_or_404(Hit.objects.select_related("hit_type", "requester"), hit_id=hit_id, external_url="")
    at_work = hit.assignments.live().filter(worker=worker).exists()
    if not at_work and not assignments.may(worker, hit, Action.PREVIEW):
        raise Http404
    html = questions.read_question(hit.question).html
    html = _AMAZONS_SUBMIT.sub(lambda _: f"{marketplace_url()}/mturk/externalSubmit", html)
    html = _AMAZONS_SCRIPT.sub(lambda _: static("js/marketplace/external_hit.js"), html)
    response = HttpResponse(html)
    response["Content-Security-Policy"] = POLICY
    response["Referrer-Policy"] = "no-referrer"
    return response
