"""The ledger's lines: every cent that moved and every decision about work and people, once each.

A line is written in the transaction that records what it tells of, under a token that
makes a second one impossible.
"""

from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from crowd.models import Assignment, Call, Environment, Payment, Worker, usd
from crowd.ways import way_of

Kind = Payment.Kind


def write(environment: Environment, kind: str, token: str, reason: str, *, user=None, **fields) -> Payment:
    """Add a line; one with this token that is there already stays, and is returned."""
    defaults = {"environment": environment, "kind": kind, "reason": reason, "decided_by": user, "at": timezone.now(), **fields}
    return Payment.objects.get_or_create(token=token, defaults=defaults)[0]


def reward(assignment: Assignment, reason: str, user=None) -> Payment:
    """The work was approved: its reward and the fee on it, as they were promised when the HIT was made.

    A way that holds no money moves none; its line says that the work was approved, by whom and why.
    """
    hit = assignment.hit
    campaign = hit.campaign
    way = way_of(campaign.environment)
    amount_usd = campaign.reward_usd if way.pays else Decimal("0.00")
    return write(
        campaign.environment, Kind.REWARD, f"reward:{assignment.pk}", reason, user=user, campaign=campaign,
        assignment=assignment, worker_id=assignment.worker_id, amount_usd=amount_usd,
        fee_usd=way.fee_usd(amount_usd, hit.max_assignments),
    )


def bonus(call: Call) -> Payment:
    """The bonus of a call that is done."""
    amount_usd = Decimal(call.payload["amount_usd"])
    return write(
        call.environment, Kind.BONUS, f"bonus:{call.pk}", call.reason, user=call.wanted_by, campaign=call.campaign,
        assignment=call.assignment, worker_id=call.worker_id, amount_usd=amount_usd,
        fee_usd=way_of(call.environment).fee_usd(amount_usd),
    )


def decision(call: Call, kind: str, assignment: Assignment | None = None) -> Payment:
    """What somebody decided, without a cent."""
    return write(
        call.environment, kind, f"{kind}:{call.pk}", call.reason, user=call.wanted_by, campaign=call.campaign,
        assignment=assignment, worker_id=call.worker_id,
    )


def about_worker(worker: Worker, kind: str, reason: str, user) -> Payment:
    """A decision that needs no call elsewhere, each time a line of its own."""
    number = Payment.objects.filter(worker=worker, kind=kind).count() + 1
    return write(worker.environment, kind, f"{kind}:worker:{worker.pk}:{number}", reason, user=user, worker=worker)


def spent_usd(lines) -> Decimal:
    """Rewards, bonuses and the fees on them."""
    sums = lines.of_money().aggregate(amount=Sum("amount_usd"), fee=Sum("fee_usd"))
    return usd(sums["amount"]) + usd(sums["fee"])
