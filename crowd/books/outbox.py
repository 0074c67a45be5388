"""Calls that create, pay or decide elsewhere, each a row before it is made.

A reply may be lost and a process killed at any moment. The row then still waits; whoever
performs it next repeats the same call with the same token, or looks first whether it was
done where the place has forgotten tokens of that age. What follows from a call (the
ledger's line, the state of an assignment) is written in the transaction that ends its row.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from crowd.books import effects
from crowd.models import Call, Environment, Publication
from crowd.ways import way_of
from crowd.ways.base import GatewayError, GatewayRefused, GatewayUnavailable, InsufficientFunds
from jobs import leases

logger = logging.getLogger(__name__)
State = Call.State
LEASE = timedelta(seconds=180)
SWEPT_AFTER = timedelta(seconds=30)  # until then whoever has put a call may be about to perform it
LONGEST_WAIT = timedelta(hours=1)
AFTER_A_DEPOSIT = timedelta(minutes=10)
ONCE = {Call.Kind.NOTIFY}  # a second letter cannot be told from the first: an unclear one is a person's to judge
UNCLEAR = "No answer came, so nobody knows whether it arrived. Send it again if you must."


def token(*parts: object) -> str:
    """The token of a call, always the same for the same intent; nobody can guess it without the server's key."""
    text = ":".join(map(str, (settings.SECRET_KEY, *parts)))
    return hashlib.sha256(text.encode()).hexdigest()


def put(environment: Environment, kind: str, token: str, *, reason: str = "", user=None, payload=None, **about) -> Call:
    """The row of a call that is wanted, in the caller's transaction; the same token again is the same row.

    Args:
        about: campaign, hit, assignment, worker; whichever the call is about.
    """
    defaults = {
        "environment": environment, "kind": kind, "reason": reason, "wanted_by": user, "payload": payload or {},
        "next_try_at": timezone.now() + SWEPT_AFTER, **about,
    }
    return Call.objects.get_or_create(token=token, defaults=defaults)[0]


def put_all(calls: Iterable[Call]) -> list[Call]:
    """Many of them at once; rows whose tokens are there already stay as they are. In the order of their making."""
    calls = list(calls)
    for call in calls:
        call.next_try_at = timezone.now() + SWEPT_AFTER
    Call.objects.bulk_create(calls, ignore_conflicts=True, batch_size=500)
    tokens = [call.token for call in calls]
    found = []
    for start in range(0, len(tokens), 500):
        found += Call.objects.filter(token__in=tokens[start : start + 500]).order_by("pk")
    return found


def perform(call: Call) -> Call:
    """Make the call, unless it has ended or another process is at it; returns the row as it then stands.

    An older one that still waits and changes the same HIT's offer is made first.

    Raises: GatewayError, with the row waiting where a retry helps and refused where not.
    """
    if (older := _older(call).first()) is not None:
        with suppress(GatewayRefused):
            if perform(older).state == State.WAITING:
                call.refresh_from_db()
                return call
    if (mine := _claim(call)) is None:
        call.refresh_from_db()
        return call
    try:
        result = _made(mine)
    except GatewayUnavailable as error:
        _put_off(mine, error, timedelta(seconds=error.wait_s) if error.wait_s else _patience(mine))
        raise
    except InsufficientFunds as error:
        _put_off(mine, error, AFTER_A_DEPOSIT)
        raise
    except GatewayError as error:
        _end(mine, State.REFUSED, error=str(error))
        raise
    with transaction.atomic():
        if _end(mine, State.DONE, result=result):
            mine.refresh_from_db()
            effects.follow(mine)
            way_of(mine.environment).recorded(mine)
    call.refresh_from_db()
    return call


def _older(call: Call) -> QuerySet:
    """Calls about the same HIT's offer that were wanted before this one."""
    if not call.hit_id or call.kind not in effects.OFFERING:
        return Call.objects.none()
    return Call.objects.unfinished().filter(hit=call.hit_id, pk__lt=call.pk, kind__in=effects.OFFERING).order_by("pk")


def _claim(call: Call) -> Call | None:
    """Take the row for this process, or None where it has ended or is another's."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    claimed = Call.objects.unfinished().filter(free, pk=call.pk).update(
        lease_token=leases.new_token(), lease_until=now + LEASE, attempts=F("attempts") + 1,
        first_tried_at=Coalesce("first_tried_at", now),
    )
    if not claimed:
        return None
    return Call.objects.select_related(
        "environment", "campaign", "hit__campaign", "assignment__hit__campaign", "worker", "wanted_by"
    ).get(pk=call.pk)


def _made(call: Call) -> str:
    """Find it done, or do it."""
    way = way_of(call.environment)
    if call.attempts > 1:
        if call.kind in ONCE:
            raise GatewayRefused(UNCLEAR)
        if timezone.now() - call.first_tried_at >= way.token_lifetime:
            if (found := way.find(call)) is not None:
                return found
            call.first_tried_at = timezone.now()  # the token begins a new life
            Call.objects.filter(pk=call.pk, lease_token=call.lease_token).update(first_tried_at=call.first_tried_at)
    try:
        return way.perform(call)
    except GatewayUnavailable as error:
        if call.kind in ONCE:
            raise GatewayRefused(f"{UNCLEAR} ({error})") from error
        raise


def _patience(call: Call) -> timedelta:
    return min(timedelta(seconds=2 ** min(call.attempts, 20)), LONGEST_WAIT)


def _put_off(call: Call, error: GatewayError, wait: timedelta) -> None:
    Call.objects.unfinished().filter(pk=call.pk, lease_token=call.lease_token).update(
        lease_token="", lease_until=None, next_try_at=timezone.now() + wait, error=str(error)[:500]
    )


def _end(call: Call, state: str, *, result: str = "", error: str = "") -> bool:
    """End the row if it is still this process's."""
    return bool(
        Call.objects.unfinished().filter(pk=call.pk, lease_token=call.lease_token).update(
            state=state, result=result[:300], error=error[:500], ended_at=timezone.now(), lease_token="", lease_until=None
        )
    )


def drop(calls) -> int:
    """Calls that nobody wants any more and that nobody is making right now."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return calls.filter(free, state=State.WAITING).update(state=State.DROPPED, ended_at=now)


def revive(calls) -> int:
    """Calls that were dropped or refused, whose cause a person has mended, are wanted again, with the same tokens."""
    ended = calls.filter(state__in=[State.DROPPED, State.REFUSED])
    return ended.update(state=State.WAITING, ended_at=None, next_try_at=timezone.now() + SWEPT_AFTER)


def ask_again(call: Call) -> Call:
    """Make a refused call once more. Raises: GatewayError."""
    revive(Call.objects.filter(pk=call.pk))
    if call.kind in ONCE:
        Call.objects.filter(pk=call.pk).update(attempts=0)
    return perform(call)


def sweep(*, at_most: int = 500, listen: Callable[[Call], None] | None = None) -> int:
    """Resume what was left: by a killed process, by a place that did not answer; returns how many were done.

    Campaigns whose offer is being changed right now are left to the process that does so. An
    account that does not answer is not asked again in this turn.
    """
    now = timezone.now()
    waiting = Call.objects.unfinished()
    for pk, lease in waiting.exclude(lease_token="").values_list("pk", "lease_token"):
        if leases.holder_is_dead(lease):
            waiting.filter(pk=pk, lease_token=lease).update(lease_until=now - timedelta(seconds=1))
    busy = Publication.objects.exclude(state__in=Publication.ENDED).values("campaign")
    due = waiting.filter(next_try_at__lte=now).exclude(campaign__in=busy).order_by("pk")[:at_most]
    silent: set[int] = set()
    done = 0
    for call in due:
        if call.environment_id in silent:
            continue
        try:
            done += perform(call).is_done
        except GatewayUnavailable as error:
            silent.add(call.environment_id)
            logger.warning("%s: %s", call, error)
        except GatewayError as error:
            logger.warning("%s: %s", call, error)
        if listen:
            listen(call)
    return done
