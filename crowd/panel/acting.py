"""How an act that did not go through is told: to whoever pressed the button, and in the trail."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib import messages
from django.http import HttpRequest

from crowd.deciding import CannotDecide
from crowd.publishing import CannotPublish
from crowd.ways.base import CannotOffer, GatewayError


@contextmanager
def attempted(admin, request: HttpRequest, thing, act: str) -> Iterator[None]:
    """What went wrong becomes a sentence on the page; and a line in the trail where the outbox may still do what was asked."""
    try:
        yield
    except (CannotDecide, CannotOffer, CannotPublish) as error:
        messages.error(request, str(error))
    except GatewayError as error:
        admin.log_change(request, thing, f"Not done yet ({act}): {error.words}")
        messages.error(request, f"It is not done yet: {error.words}")
