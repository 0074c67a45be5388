"""Who is working: workers sign in for themselves, beside Django's users and without their rights."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from crowd.marketplace import clocks
from crowd.marketplace.errors import Refused
from crowd.marketplace.models import Worker
from crowd.marketplace.views.showing import in_english

SESSION_KEY = "marketplace_worker"
FREE_FAILURES = 5
LONGEST_WAIT_S = 300


def open_signup() -> bool:
    """Whether anybody may sign up without an invitation."""
    return settings.MARKETPLACE_OPEN_SIGNUP


def check(username: str, password: str) -> Worker:
    """The worker of that name and password. Raises Refused; guessing has to wait longer each time."""
    worker = Worker.objects.filter(username=username.strip().lower(), is_active=True).first()
    if worker is None:
        make_password(password)  # an unknown name takes as long as a wrong password
        raise Refused("That name and password do not go together.")
    wait = _wait(worker)
    if wait > timedelta(0):
        raise Refused(f"Too many attempts. Try again in {int(wait.total_seconds()) + 1} seconds.")
    if not worker.check_password(password):
        Worker.objects.filter(pk=worker.pk).update(failed_sign_ins=F("failed_sign_ins") + 1, last_failure_at=timezone.now())
        raise Refused("That name and password do not go together.")
    if worker.failed_sign_ins:
        Worker.objects.filter(pk=worker.pk).update(failed_sign_ins=0)
    return worker


def _wait(worker: Worker) -> timedelta:
    too_many = worker.failed_sign_ins - FREE_FAILURES
    if too_many < 0 or worker.last_failure_at is None:
        return timedelta(0)
    pause_s = min(LONGEST_WAIT_S, 2 ** min(too_many + 1, 20))
    return worker.last_failure_at + timedelta(seconds=pause_s) - timezone.now()


def sign_in(request: HttpRequest, worker: Worker) -> None:
    request.session.cycle_key()
    request.session[SESSION_KEY] = [worker.pk, worker.session_hash]


def sign_out(request: HttpRequest) -> None:
    request.session.pop(SESSION_KEY, None)
    request.session.cycle_key()


def current_worker(request: HttpRequest) -> Worker | None:
    pk, session_hash = request.session.get(SESSION_KEY, (None, ""))
    worker = Worker.objects.filter(pk=pk, is_active=True).first() if pk else None
    return worker if worker and constant_time_compare(worker.session_hash, session_hash) else None


def for_workers(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The view gets the worker as its second argument; a stranger is sent to sign in and back."""

    @never_cache
    @in_english
    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        worker = current_worker(request)
        if worker is None:
            back = request.get_full_path() if request.method == "GET" else ""
            return redirect(_sign_in_url(back))
        clocks.advance(at_most=clocks.AT_MOST_BEFORE_A_REQUEST)
        return view(request, worker, *args, **kwargs)

    return guarded


def _sign_in_url(back: str) -> str:
    return reverse("marketplace:sign-in") + (f"?{urlencode({'next': back})}" if back else "")
