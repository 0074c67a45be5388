"""What a campaign asks of any way to people: few verbs, each safe to say again.

A way never decides and never waits: steps such as `crowd.publishing` decide, `crowd.books.outbox`
keeps a row for whatever creates, pays or decides elsewhere and has the way perform it.
Whoever calls a way holds no database transaction: a call may take seconds, and the place
may be this very server.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from crowd.models import Call, Campaign, Hit


class GatewayError(Exception):
    """Something went wrong between Nearer and a place with people; `retry_helps` says whether to try again."""

    retry_helps = False

    @property
    def words(self) -> str:
        """For people: what went wrong, and whether anything is to be done about it."""
        return f"{self}{' It is tried again by itself.' if self.retry_helps else ''}"


class GatewayUnavailable(GatewayError):
    """No answer, or one that asks for patience: the same call may succeed later.

    Attributes:
        wait_s: how long the place asked to be left alone, None where it did not say.
    """

    retry_helps = True

    def __init__(self, message: str, wait_s: float | None = None):
        super().__init__(message)
        self.wait_s = wait_s


class GatewayRefused(GatewayError):
    """The place understood and said no; the same call will be refused again."""

    def __init__(self, message: str, code: str = ""):
        super().__init__(message)
        self.code = code


class InsufficientFunds(GatewayRefused):
    """The account does not cover what the call would hold or pay; after a deposit the same call succeeds."""


class CannotOffer(Exception):
    """The campaign is not fit to be offered on this way; the message says what to change."""


@dataclass(frozen=True)
class Balance:
    """What an account holds, in dollars.

    Attributes:
        available_usd: free to be spent.
        on_hold_usd: set aside for work that is on offer or not yet decided.
    """

    available_usd: Decimal
    on_hold_usd: Decimal

    @property
    def total_usd(self) -> Decimal:
        return self.available_usd + self.on_hold_usd


@dataclass(frozen=True)
class Submission:
    """What the place says of one piece of work that was handed in there.

    Attributes:
        assignment_id: the place's name for it; with `worker_id` the key of `Assignment`.
        hit_id: `Hit.hit_id`; empty where the place knows no HITs.
        status: "Submitted" (waits for a decision), "Approved" or "Rejected".
        auto_approval_at: when the place will pay by itself, None where it never does.
        receipt: the fields that were handed in there, to be compared with what is stored here, never to replace it;
            None where the place passes none on.
        feedback: what the worker was told with the decision.
    """

    assignment_id: str
    worker_id: str
    hit_id: str
    status: str
    accepted_at: datetime
    submitted_at: datetime
    auto_approval_at: datetime | None = None
    receipt: dict[str, str] | None = field(default=None, hash=False)
    feedback: str = ""


class Way(Protocol):
    """One way to people, for one `Environment`.

    Raises from everything that speaks to the place: GatewayUnavailable where a retry may
    help, GatewayRefused where not.

    Attributes:
        pays: whether money goes through it. Where not, approving only says so in the ledger.
        verbs: the kinds of calls (`Call.Kind`) that it can perform; the panel offers no others.
        token_lifetime: for how long the place itself recognizes a repeated call's token. After that, and for
            timedelta(0) before every second try, `find` is asked first.
    """

    pays: bool
    verbs: frozenset[str]
    token_lifetime: timedelta

    def check(self, campaign: "Campaign") -> None:
        """What only this way knows to be wrong with a campaign that is to be offered. Raises: CannotOffer."""

    def balance(self) -> Balance | None:
        """What the account holds; None for a way that holds no money."""

    def fee_usd(self, amount_usd: Decimal, n_assignments: int = 1) -> Decimal:
        """What comes on top of one reward (in a HIT of so many assignments) or of one bonus; 0 without fees."""

    def offer(self, campaign: "Campaign", user: "AbstractBaseUser | None") -> list["Call"]:
        """Rows of the outbox, made once however often this is asked, whose performance puts all HITs on offer.

        May speak to the place for what costs nothing and makes nothing twice (a HIT type).
        The campaign's HIT rows exist. A place that takes HITs gets one call for each; one
        that takes studies one for the campaign. A way without any place to call marks
        the HITs as offered (`ways.offered_here`) and returns nothing.
        """

    def withdraw(self, campaign: "Campaign", user: "AbstractBaseUser | None") -> list["Call"]:
        """Likewise to offer the campaign to nobody else; who has begun may go on. `campaign.turn` makes tokens new.

        This and what follows only make rows, perhaps within the caller's transaction.
        """

    def extend(self, campaign: "Campaign", until: datetime, user: "AbstractBaseUser | None") -> list["Call"]:
        """Likewise to have it on offer until then, again if it was withdrawn."""

    def delete(self, campaign: "Campaign", user: "AbstractBaseUser | None") -> list["Call"]:
        """Likewise to clear up once everything is decided; nothing where the place keeps what is over."""

    def more_places(self, hit: "Hit", n: int, user: "AbstractBaseUser | None") -> "Call | None":
        """The call that asks `n` more people for this HIT; None where no call is needed.

        Raises: CannotOffer where the place cannot; then another HIT has to be made.
        """

    def submissions(self, campaign: "Campaign", *, everything: bool = False) -> Iterator[Submission]:
        """What was handed in and may be news here, all pages; every submission there is with `everything`."""

    def perform(self, call: "Call") -> str:
        """Make one call of the outbox and return the name of what it made, empty for nothing.

        Safe to be made again with the same row: a place that says it was done already counts
        as success.
        """

    def find(self, call: "Call") -> str | None:
        """Whether the place shows the call to be done already: what `perform` would have returned, else None."""

    def recorded(self, call: "Call") -> None:
        """The call is done and its row says so; write down what only this way knows of it.

        Inside the transaction that ends the row, so it speaks to nobody. What follows for
        assignments and ledger is written for all ways alike (`crowd.books.effects`).
        """
