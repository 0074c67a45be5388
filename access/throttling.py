"""Who guesses a password has to wait, and is told how long and what helps (django-axes counts the failures)."""

from datetime import timedelta
from math import ceil

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from access import visitors


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict | None = None) -> HttpResponse:
    """The page that is shown instead of the form for logging in."""
    wait = _wait(get_client_username(request, credentials), visitors.address(request))
    answer = render(request, "admin/locked_out.html", {
        "minutes": ceil(wait.total_seconds() / 60), "failures": settings.AXES_FAILURE_LIMIT,
        "username": get_client_username(request, credentials) or "",
    }, status=429)
    answer["Retry-After"] = ceil(wait.total_seconds())
    return answer


def _wait(username: str | None, address: str | None) -> timedelta:
    newest = AccessAttempt.objects.filter(username=username, ip_address=address).order_by("-attempt_time").first()
    if newest is None:
        return timedelta(0)
    return max(timedelta(0), newest.attempt_time + settings.AXES_COOLOFF_TIME - timezone.now())


def failures(username: str) -> int:
    """How often somebody lately failed to log in under this name."""
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    rows = AccessAttempt.objects.filter(username=username, attempt_time__gte=since)
    return sum(rows.values_list("failures_since_start", flat=True))


def let_in_again(username: str) -> None:
    """Forget all failures under this name."""
    AxesProxyHandler.reset_attempts(username=username)


def forget_old() -> None:
    """Addresses of those who failed are kept only as long as they are needed."""
    AccessAttempt.objects.filter(attempt_time__lt=timezone.now() - settings.AXES_COOLOFF_TIME).delete()
