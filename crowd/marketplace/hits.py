"""A HIT's life: created with its money held, on offer, worked on, to be reviewed, deleted.

Whoever changes a HIT or one of its assignments locks the HIT first and calls `settle`
last, which makes status, free places and held money follow.
"""

import hashlib
import json
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from crowd.marketplace import events, money, questions
from crowd.marketplace.errors import RequestError
from crowd.marketplace.models import Assignment, Hit, HitType, Requester

Status = Hit.Status
State = Assignment.State


def hit_type_for(requester: Requester, values: dict) -> HitType:
    """The type with exactly these values, made if need be. `values` are HitType's fields from title to requirements."""
    values = values | {"reward_usd": values["reward_usd"].quantize(money.CENT)}
    canonical = json.dumps(values | {"reward_usd": str(values["reward_usd"])}, sort_keys=True)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return HitType.objects.get_or_create(requester=requester, digest=digest, defaults=values)[0]


@transaction.atomic
def create(
    hit_type: HitType, *, hit_id: str, question: str, max_assignments: int, lifetime_s: int, annotation: str = ""
) -> Hit:
    """Raises RequestError for a question that cannot be shown, InsufficientFunds for an account that cannot pay for it."""
    shown = questions.read_question(question)
    now = timezone.now()
    hit = Hit(
        hit_id=hit_id,
        requester=hit_type.requester,
        hit_type=hit_type,
        question=question,
        external_url=shown.url,
        frame_height=shown.frame_height,
        annotation=annotation,
        max_assignments=max_assignments,
        n_available=max_assignments,
        created_at=now,
        expires_at=now + timedelta(seconds=lifetime_s),
    )
    price(hit)
    hit.save()
    settle(hit, now)
    events.record("HITCreated", hit)
    return hit


def price(hit: Hit) -> None:
    hit.reward_usd = hit.hit_type.reward_usd
    hit.fee_usd = money.fee_usd(hit.reward_usd, n_assignments=hit.max_assignments)


def locked(pk: int) -> Hit:
    """The HIT's row, for this transaction alone.

    No lock in the marketplace is on a row's key: rows elsewhere that merely point at it
    could not be written meanwhile, and two such writers would wait for each other for ever.
    """
    hit = Hit.objects.select_for_update(no_key=True).get(pk=pk)
    hit.hit_type, hit.requester  # noqa: B018  fetched here, so that the lock is on the HIT alone
    return hit


def settle(hit: Hit, now: datetime) -> None:
    """Make places, held money and status follow from the assignments and the clock. The caller has locked the HIT."""
    counts = hit.assignments.aggregate(
        live=Count("pk", filter=Q(state__in=Assignment.LIVE)),
        pending=Count("pk", filter=Q(state=State.ACCEPTED)),
        reward=Sum("reward_usd", filter=Q(state__in=[State.ACCEPTED, State.SUBMITTED])),
        fee=Sum("fee_usd", filter=Q(state__in=[State.ACCEPTED, State.SUBMITTED])),
    )
    is_over = hit.expires_at <= now or hit.status == Status.DISPOSED
    hit.n_available = 0 if is_over else max(0, hit.max_assignments - counts["live"])
    undecided_usd = (counts["reward"] or Decimal(0)) + (counts["fee"] or Decimal(0))
    money.hold(hit, (undecided_usd + hit.n_available * (hit.reward_usd + hit.fee_usd)).quantize(money.CENT))
    if hit.expires_at <= now and not hit.is_expired:
        hit.is_expired = True
        events.record("HITExpired", hit)
    _set_status(hit, n_pending=counts["pending"], now=now)
    hit.save()


def _set_status(hit: Hit, *, n_pending: int, now: datetime) -> None:
    if hit.status == Status.DISPOSED:
        return
    if hit.n_available or n_pending:
        hit.status = Status.ASSIGNABLE if hit.n_available else Status.UNASSIGNABLE
        hit.reviewable_at = None
    elif hit.status not in (Status.REVIEWABLE, Status.REVIEWING):
        hit.status = Status.REVIEWABLE
        hit.reviewable_at = now
        events.record("HITReviewable", hit)


def _refuse_disposed(hit: Hit) -> None:
    if hit.status == Status.DISPOSED:
        raise RequestError("This HIT is deleted; nothing about it can be changed any more.", "InvalidHITState")


@transaction.atomic
def extend(hit: Hit, n_additional: int) -> None:
    """More places. From fewer than 10 to 10 or more it is refused, as that would change the fee.

    Raises RequestError, InsufficientFunds.
    """
    hit = locked(hit.pk)
    _refuse_disposed(hit)
    total = hit.max_assignments + n_additional
    if hit.max_assignments < money.MANY_ASSIGNMENTS <= total:
        raise RequestError(
            f"This HIT has {hit.max_assignments} assignments and cannot be extended to {total}: from "
            f"{money.MANY_ASSIGNMENTS} on, another fee applies. Create another HIT instead.",
            "InvalidMaximumAssignmentsIncrease",
        )
    hit.max_assignments = total
    settle(hit, timezone.now())
    events.record("HITExtended", hit)


@transaction.atomic
def set_expiration(hit: Hit, at: datetime) -> None:
    """Later puts the HIT on offer again; past expires it at once. Raises RequestError, InsufficientFunds."""
    hit = locked(hit.pk)
    _refuse_disposed(hit)
    now = timezone.now()
    is_extension = at > now and at > hit.expires_at
    hit.expires_at = at
    if at > now:
        hit.is_expired = False
    settle(hit, now)
    if is_extension:
        events.record("HITExtended", hit)


@transaction.atomic
def set_review_status(hit: Hit, *, revert: bool) -> None:
    hit = locked(hit.pk)
    before, after = (Status.REVIEWING, Status.REVIEWABLE) if revert else (Status.REVIEWABLE, Status.REVIEWING)
    if hit.status != before:
        raise RequestError(
            f"This HIT is {hit.status}. This operation can be called with a status of: {before}", "InvalidHITState"
        )
    hit.status = after
    hit.save(update_fields=["status"])


@transaction.atomic
def change_type(hit: Hit, hit_type: HitType) -> None:
    """Assignments already accepted keep the reward they were promised. Raises RequestError, InsufficientFunds."""
    hit = locked(hit.pk)
    _refuse_disposed(hit)
    hit.hit_type = hit_type
    price(hit)
    settle(hit, timezone.now())


@transaction.atomic
def dispose(hit: Hit) -> None:
    """Delete a HIT that is Reviewable, with every assignment decided; its rejections can no longer be reversed."""
    hit = locked(hit.pk)
    if hit.status == Status.DISPOSED:
        return
    if hit.status != Status.REVIEWABLE:
        raise RequestError(
            f"This HIT is {hit.status}. This operation can be called with a status of: Reviewable. "
            "Expire it (UpdateExpirationForHIT), wait until no assignment is pending, and delete it then.",
            "InvalidHITState",
        )
    if n := hit.assignments.filter(state=State.SUBMITTED).count():
        raise RequestError(
            f"{n} submitted assignment(s) of this HIT are neither approved nor rejected; decide them first.", "InvalidHITState"
        )
    hit.status = Status.DISPOSED
    settle(hit, timezone.now())
    events.record("HITDisposed", hit)
