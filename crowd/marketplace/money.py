"""A requester's account: deposits, money held for HITs, payments, fees. Exact to the cent.

Mechanical Turk's prices: 20 % on rewards and bonuses, 40 % on rewards of HITs with ten or
more assignments, at least a cent, rounded half up for each assignment.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from django.db import transaction
from django.utils import timezone

from crowd.marketplace.errors import InsufficientFunds, RequestError
from crowd.marketplace.models import Assignment, Entry, Hit, Requester

CENT = Decimal("0.01")
MANY_ASSIGNMENTS = 10
MOST_USD = Decimal("10000.00")
Kind = Entry.Kind


@dataclass(frozen=True)
class Balance:
    available_usd: Decimal
    on_hold_usd: Decimal


def read_usd(text: str, what: str) -> Decimal:
    """The amount in a CurrencyAmount, whose pattern botocore's model has already checked."""
    amount = Decimal(text).quantize(CENT)
    if amount > MOST_USD:
        raise RequestError(f"{what} is {amount}; the most is {MOST_USD} dollars.", "InvalidParameterValue")
    return amount


def fee_usd(amount_usd: Decimal, *, n_assignments: int = 1) -> Decimal:
    """The marketplace's share of one reward, or of one bonus."""
    rate = Decimal("0.40") if n_assignments >= MANY_ASSIGNMENTS else Decimal("0.20")
    return max(CENT, (amount_usd * rate).quantize(CENT, ROUND_HALF_UP))


def balance(requester: Requester) -> Balance:
    last = Entry.objects.filter(requester=requester).order_by("-number").first()
    return Balance(last.available_usd, last.on_hold_usd) if last else Balance(Decimal("0.00"), Decimal("0.00"))


@transaction.atomic
def post(
    requester: Requester, kind: Kind, amount_usd: Decimal, *, available: int = 0, on_hold: int = 0, **about
) -> Entry | None:
    """Write one entry; `available` and `on_hold` are the signs (-1, 0, +1) with which the amount moves them.

    `about` says what it is for: hit, assignment, worker, note. An amount of nothing
    leaves no entry. Raises InsufficientFunds, and writes nothing.
    """
    if not amount_usd:
        return None
    Requester.objects.select_for_update(no_key=True).get(pk=requester.pk)  # entries of one account are written one at a time
    last = Entry.objects.filter(requester=requester).order_by("-number").first()
    before = Balance(last.available_usd, last.on_hold_usd) if last else Balance(Decimal(0), Decimal(0))
    available_usd = before.available_usd + available * amount_usd
    if available_usd < 0:
        raise InsufficientFunds(amount_usd, before.available_usd)
    return Entry.objects.create(
        requester=requester,
        number=last.number + 1 if last else 1,
        kind=kind,
        amount_usd=amount_usd,
        available_change_usd=available * amount_usd,
        on_hold_change_usd=on_hold * amount_usd,
        available_usd=available_usd,
        on_hold_usd=before.on_hold_usd + on_hold * amount_usd,
        created_at=timezone.now(),
        **about,
    )


def deposit(requester: Requester, amount_usd: Decimal, note: str = "") -> Entry:
    """Raises ValueError for an amount that is not whole cents above nothing."""
    amount_usd = Decimal(amount_usd)
    if not amount_usd.is_finite() or amount_usd <= 0 or amount_usd != amount_usd.quantize(CENT):
        raise ValueError(f"A deposit is a number of whole cents above 0, not {amount_usd}.")
    return post(requester, Kind.DEPOSIT, amount_usd.quantize(CENT), available=+1, note=note)


def hold(hit: Hit, liability_usd: Decimal) -> None:
    """Make what is held for a HIT equal to what it may still cost. The caller has locked the HIT and saves it."""
    missing = liability_usd - hit.held_usd
    if missing > 0:
        post(hit.requester, Kind.HOLD, missing, available=-1, on_hold=+1, hit=hit)
    elif missing < 0:
        post(hit.requester, Kind.RELEASE, -missing, available=+1, on_hold=-1, hit=hit)
    hit.held_usd = liability_usd


def pay(assignment: Assignment, *, from_hold: bool) -> None:
    """Reward and fee of an approved assignment. The caller has locked and saves its HIT."""
    hit, about = assignment.hit, {"hit": assignment.hit, "assignment": assignment}
    sides = {"on_hold": -1} if from_hold else {"available": -1}
    if not from_hold and balance(hit.requester).available_usd < assignment.cost_usd:
        raise InsufficientFunds(assignment.cost_usd, balance(hit.requester).available_usd)
    post(hit.requester, Kind.REWARD, assignment.reward_usd, **sides, worker=assignment.worker, **about)
    post(hit.requester, Kind.REWARD_FEE, assignment.fee_usd, **sides, **about)
    if from_hold:
        hit.held_usd -= assignment.cost_usd


def pay_bonus(assignment: Assignment, amount_usd: Decimal) -> Decimal:
    """Pays a bonus at once and returns the fee that came on top. Raises InsufficientFunds."""
    hit, about = assignment.hit, {"hit": assignment.hit, "assignment": assignment}
    fee = fee_usd(amount_usd)
    if balance(hit.requester).available_usd < amount_usd + fee:
        raise InsufficientFunds(amount_usd + fee, balance(hit.requester).available_usd)
    post(hit.requester, Kind.BONUS, amount_usd, available=-1, worker=assignment.worker, **about)
    post(hit.requester, Kind.BONUS_FEE, fee, available=-1, **about)
    return fee
