"""What happens by itself when its time has come.

`advance` runs every 15 s through Celery beat, and before every request to the
marketplace, so that what a caller is told is true also where no clock ticks.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from crowd.marketplace import assignments, hits
from crowd.marketplace.models import Assignment, Hit, RequestToken

AT_MOST_BEFORE_A_REQUEST = 100  # so that nobody waits long for the work of others; the next tick does the rest
TOKEN_LIFETIME = timedelta(hours=24)
HIT_LIFETIME = timedelta(days=120)


def advance(now: datetime | None = None, *, at_most: int | None = None) -> int:
    """Time out, expire and approve whatever is due, but no more than `at_most` of each; returns how much it was."""
    now = now or timezone.now()
    n = 0
    for assignment in Assignment.objects.filter(state=Assignment.State.ACCEPTED, deadline__lte=now)[:at_most]:
        assignments.time_out(assignment, now)
        n += 1
    for pk in Hit.objects.filter(is_expired=False, expires_at__lte=now).values_list("pk", flat=True)[:at_most]:
        with transaction.atomic():
            hits.settle(hits.locked(pk), now)
        n += 1
    for assignment in Assignment.objects.filter(state=Assignment.State.SUBMITTED, auto_approve_at__lte=now)[:at_most]:
        assignments.approve_by_clock(assignment, now)
        n += 1
    return n


def sweep(now: datetime | None = None) -> int:
    """What need not be exact to the second: old HITs go after 120 days, request tokens after 24 hours."""
    now = now or timezone.now()
    old = Hit.objects.filter(status=Hit.Status.REVIEWABLE, reviewable_at__lte=now - HIT_LIFETIME)
    for hit in old.exclude(assignments__state=Assignment.State.SUBMITTED):
        hits.dispose(hit)
    RequestToken.objects.filter(created_at__lte=now - TOKEN_LIFETIME).delete()
    return advance(now)
