"""The ledger added up against the account of the place itself, to the cent."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet, Sum

from crowd.books import ledger
from crowd.models import Call, Environment, Payment, usd
from crowd.ways import way_of
from crowd.ways.base import Balance

Kind = Payment.Kind
TRIES = 5


class NothingToAudit(Exception):
    """The environment holds no money; the message says so."""


@dataclass(frozen=True)
class Audit:
    """Both sides, in dollars.

    Attributes:
        held: what the place says that it sets aside for work on offer or undecided.
        n_waiting: calls that move money and have not been confirmed yet; with any, a difference may be on its way.
    """

    opening_usd: Decimal
    deposits_usd: Decimal
    rewards_usd: Decimal
    bonuses_usd: Decimal
    fees_usd: Decimal
    available_usd: Decimal
    held_usd: Decimal
    n_waiting: int

    @property
    def expected_usd(self) -> Decimal:
        """By the ledger, what is left in the account, free or set aside."""
        return self.opening_usd + self.deposits_usd - self.rewards_usd - self.bonuses_usd - self.fees_usd

    @property
    def found_usd(self) -> Decimal:
        return self.available_usd + self.held_usd

    @property
    def difference_usd(self) -> Decimal:
        """Positive where the account holds more than the ledger knows of: a deposit, or another program's refund."""
        return self.found_usd - self.expected_usd

    @property
    def agrees(self) -> bool:
        return self.difference_usd == 0


def lines_of(environment: Environment) -> QuerySet:
    """The ledger of the account, whichever environments share it."""
    return Payment.objects.filter(
        environment__endpoint_url=environment.endpoint_url, environment__credentials=environment.credentials
    )


def open_ledger(environment: Environment, balance: Balance) -> Payment:
    """The first line of an account's ledger: what it holds before Nearer spends from it, or held before what it has spent."""
    lines = lines_of(environment)
    if (first := lines.filter(kind=Kind.OPENING).first()) is not None:
        return first
    return ledger.write(
        environment, Kind.OPENING, f"opening:{environment.pk}", "What the account held when Nearer began to spend from it.",
        amount_usd=balance.total_usd + ledger.spent_usd(lines),
    )


def audit(environment: Environment) -> Audit:
    """Ask the account and add up the ledger; asked again where a line was written meanwhile.

    Raises: NothingToAudit, GatewayError.
    """
    for _ in range(TRIES):
        before = _sums(environment)
        balance = way_of(environment).balance()
        if balance is None:
            raise NothingToAudit(f"'{environment}' holds no money, so there is nothing to add up.")
        open_ledger(environment, balance)
        if before == (after := _sums(environment)):
            break
    waiting = Call.objects.unfinished().filter(
        environment__endpoint_url=environment.endpoint_url, environment__credentials=environment.credentials,
        kind__in=[Call.Kind.APPROVE, Call.Kind.OVERRIDE, Call.Kind.BONUS],
    )
    return Audit(
        opening_usd=after.get(Kind.OPENING, (Decimal(0), Decimal(0)))[0],
        deposits_usd=after.get(Kind.DEPOSIT, (Decimal(0), Decimal(0)))[0],
        rewards_usd=after.get(Kind.REWARD, (Decimal(0), Decimal(0)))[0],
        bonuses_usd=after.get(Kind.BONUS, (Decimal(0), Decimal(0)))[0],
        fees_usd=usd(sum((fee for _, fee in after.values()), Decimal(0))),
        available_usd=balance.available_usd, held_usd=balance.on_hold_usd, n_waiting=waiting.count(),
    )


def _sums(environment: Environment) -> dict[str, tuple[Decimal, Decimal]]:
    rows = lines_of(environment).order_by().values_list("kind").annotate(amount=Sum("amount_usd"), fee=Sum("fee_usd"))
    return {kind: (usd(amount), usd(fee)) for kind, amount, fee in rows}


@transaction.atomic
def deposit(environment: Environment, amount_usd: Decimal, note: str, user, *, key: str) -> Payment:
    """Note money that was paid into the account; the protocol does not tell of it.

    Args:
        amount_usd: negative for money that was taken out.
        key: of this one entry, so that a form sent twice is one line.

    Raises: ValueError for an amount that is not whole cents.
    """
    if not amount_usd.is_finite() or not amount_usd or amount_usd != amount_usd.quantize(Decimal("0.01")):
        raise ValueError(f"A deposit is a number of whole cents, not {amount_usd}.")
    return ledger.write(
        environment, Kind.DEPOSIT, f"deposit:{key}"[:64], note.strip() or "Deposit.", user=user,
        amount_usd=amount_usd.quantize(Decimal("0.01")),
    )
