"""How long a researcher stays logged in: so many hours, and fewer when nothing is done."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse

BEGAN, ACTED = "signed_in_at", "acted_at"
NOTED_EVERY_S = 60  # so that a page costs no write


class LoggedInForAWhile:
    """Ends what has lasted too long. Workers, who log in to the marketplace, are none of its business."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(("/panel/", "/api/")) and settings.SESSION_COOKIE_NAME in request.COOKIES:
            self._look_at(request)
        return self.get_response(request)

    def _look_at(self, request: HttpRequest) -> None:
        session, now = request.session, int(time.time())
        if SESSION_KEY not in session:
            return
        idle = now - session.setdefault(ACTED, now) > settings.SESSION_IDLE_MINUTES * 60
        if idle or now - session.setdefault(BEGAN, now) > settings.SESSION_HOURS * 3600:
            logout(request)
            messages.info(request, (
                f"Nothing was done for {settings.SESSION_IDLE_MINUTES} minutes, so you were logged out." if idle
                else f"You were logged in for {settings.SESSION_HOURS} hours; log in again to go on."
            ))
        elif now - session[ACTED] >= NOTED_EVERY_S and _is_act(request):
            session[ACTED] = now


def _is_act(request: HttpRequest) -> bool:
    """Whether somebody did something: an open page that asks for news by itself keeps nobody logged in."""
    return request.method == "POST" or "text/html" in request.headers.get("Accept", "")
