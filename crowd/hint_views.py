"""Where Amazon SNS posts what a marketplace has to tell."""

import logging

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from crowd import hints
from crowd.tasks import reconcile_one

logger = logging.getLogger(__name__)


@csrf_exempt  # a signature over the message takes the place of cookie and token
@require_POST
def events(request: HttpRequest) -> HttpResponse:
    """One message; campaigns that it is about are asked for at once instead of at the clock's next turn."""
    if int(request.headers.get("Content-Length") or 0) > hints.LARGEST_BYTES:
        return HttpResponse(status=413)
    try:
        campaigns = hints.receive(request.body)
    except hints.NotGenuine as refusal:
        logger.info("a message to the events' address was not taken: %s", refusal)
        return HttpResponse("Not taken.", status=403, content_type="text/plain")
    for campaign in campaigns:
        try:
            reconcile_one.apply_async((campaign,), retry=False, expires=60)
        except Exception as error:  # whatever the transport raises, the clock asks too
            logger.warning("the queue did not take a hint about campaign %s: %s", campaign, error)
    return HttpResponse(status=204)
