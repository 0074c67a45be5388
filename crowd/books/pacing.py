"""One rate limit for each account, whatever asks it: a token bucket that is one row for all processes."""

import hashlib
import time
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from crowd.models import Environment, RateLimit

BURST = 5  # requests that may come at once after a silence


def account_of(environment: Environment) -> str:
    """Two environments with the same endpoint and keys share one account, and so one limit."""
    return hashlib.sha256(f"{environment.endpoint_url}|{environment.credentials}".encode()).hexdigest()


def wait_for_turn(environment: Environment) -> None:
    """Sleep until the account may be asked once more; the caller holds no transaction."""
    if environment.requests_per_s:
        time.sleep(_claim(account_of(environment), timedelta(seconds=1 / environment.requests_per_s)))


@transaction.atomic
def _claim(account: str, gap: timedelta) -> float:
    """Take the next free place in the row of requests; seconds until it comes."""
    row = _locked(account)
    now = timezone.now()
    mine = max(row.free_at, now - BURST * gap)
    row.free_at = mine + gap
    row.save(update_fields=["free_at"])
    return max(0.0, (mine - now).total_seconds())


@transaction.atomic
def slow_down(environment: Environment, wait_s: float) -> None:
    """The account has asked for patience: no process asks it again before so long."""
    if environment.requests_per_s:
        row = _locked(account_of(environment))
        row.free_at = max(row.free_at, timezone.now() + timedelta(seconds=wait_s))
        row.save(update_fields=["free_at"])


def _locked(account: str) -> RateLimit:
    long_ago = timezone.now() - timedelta(days=1)
    RateLimit.objects.get_or_create(account=account, defaults={"free_at": long_ago})
    return RateLimit.objects.select_for_update().get(account=account)
