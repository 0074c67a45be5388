"""What was asked of a marketplace, what it cost, and how fast it may be asked: rows that outlive a killed process.

`crowd.models` offers these beside its own.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone


class AppendOnly(TypeError):
    """A line of the ledger was about to be changed; write another one that corrects it."""


class CallQuerySet(QuerySet):
    def unfinished(self) -> QuerySet:
        return self.filter(state=Call.State.WAITING)

    def of_campaign(self, campaign) -> QuerySet:
        return self.filter(campaign=campaign)


class Call(models.Model):
    """One call that creates, pays or decides something elsewhere: the outbox.

    The row is committed before the call and says afterwards how it ended, so that a lost
    reply or a killed process leaves a row to resume and never makes anything twice.
    """

    class Kind(models.TextChoices):
        OFFER = "offer", "put on offer"
        ADD_PLACES = "add_places", "ask for more assignments"
        WITHDRAW = "withdraw", "offer to nobody else"
        EXTEND = "extend", "keep on offer for longer"
        DELETE = "delete", "delete"
        APPROVE = "approve", "approve"
        REJECT = "reject", "reject"
        OVERRIDE = "override", "reverse a rejection"
        BONUS = "bonus", "pay a bonus"
        LIST = "list", "make a qualification"
        ENLIST = "enlist", "give a qualification"
        DELIST = "delist", "take a qualification away"
        BLOCK = "block", "block"
        UNBLOCK = "unblock", "unblock"
        NOTIFY = "notify", "write to workers"

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        DONE = "done", "done"
        REFUSED = "refused", "refused"
        DROPPED = "dropped", "no longer wanted"

    environment = models.ForeignKey("crowd.Environment", models.PROTECT, related_name="calls")
    kind = models.CharField(max_length=12, choices=Kind)
    token = models.CharField(max_length=64, unique=True, help_text="UniqueRequestToken, or what stands for it.")
    campaign = models.ForeignKey("crowd.Campaign", models.PROTECT, null=True, related_name="calls")
    hit = models.ForeignKey("crowd.Hit", models.PROTECT, null=True, related_name="calls")
    assignment = models.ForeignKey("crowd.Assignment", models.PROTECT, null=True, related_name="calls")
    worker = models.ForeignKey("crowd.Worker", models.PROTECT, null=True, related_name="calls")
    payload = models.JSONField(default=dict, help_text="What else the call needs; amounts as text.")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    result = models.CharField(max_length=300, blank=True, help_text="The name of what was made, if anything was.")
    error = models.CharField(max_length=500, blank=True, help_text="Of the last try.")
    attempts = models.PositiveIntegerField(default=0)
    first_tried_at = models.DateTimeField(null=True, help_text="A token is known for 24 h from then.")
    next_try_at = models.DateTimeField(default=timezone.now)
    lease_token = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=1024, blank=True, help_text="Why, in words that may be shown.")
    wanted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: Nearer itself."
    )
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    objects = CallQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(state="waiting"), name="waiting_calls"),
            models.Index(fields=["campaign", "state"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.token[:12]})"

    @property
    def is_done(self) -> bool:
        return self.state == self.State.DONE


class PaymentQuerySet(QuerySet):
    def update(self, **fields):
        raise AppendOnly(AppendOnly.__doc__)

    def delete(self):
        raise AppendOnly(AppendOnly.__doc__)

    def of_money(self) -> QuerySet:
        """What left the account."""
        return self.filter(kind__in=Payment.SPENDING)


class Payment(models.Model):
    """One line of the ledger: a cent that moved, or a decision about work and people; never changed.

    Amounts of `SPENDING` left the account, those of `FUNDING` came into it; decisions have none.
    """

    class Kind(models.TextChoices):
        OPENING = "opening", "opening balance"
        DEPOSIT = "deposit", "deposit"
        REWARD = "reward", "reward"
        BONUS = "bonus", "bonus"
        REJECTION = "rejection", "rejection"
        REVERSAL = "reversal", "rejection reversed"
        EXCLUSION = "exclusion", "exclusion"
        READMISSION = "readmission", "readmission"
        BLOCK = "block", "block"
        UNBLOCK = "unblock", "block lifted"

    SPENDING = (Kind.REWARD, Kind.BONUS)
    FUNDING = (Kind.OPENING, Kind.DEPOSIT)

    environment = models.ForeignKey("crowd.Environment", models.PROTECT, null=True, related_name="payments")
    campaign = models.ForeignKey("crowd.Campaign", models.PROTECT, null=True, blank=True, related_name="payments")
    assignment = models.ForeignKey("crowd.Assignment", models.PROTECT, null=True, blank=True, related_name="payments")
    worker = models.ForeignKey("crowd.Worker", models.PROTECT, null=True, blank=True, related_name="payments")
    kind = models.CharField(max_length=12, choices=Kind)
    amount_usd = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    fee_usd = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    token = models.CharField(max_length=64, unique=True, help_text="What makes a second line about the same thing impossible.")
    reason = models.CharField(max_length=1024)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+",
        help_text="Empty: Nearer itself, after verification.",
    )
    at = models.DateTimeField(default=timezone.now)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = "line of the ledger"
        verbose_name_plural = "lines of the ledger"
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_usd=0, fee_usd=0) | Q(kind__in=["opening", "deposit", "reward", "bonus"]),
                name="a_decision_moves_no_money",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_usd} USD"

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise AppendOnly(AppendOnly.__doc__)
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise AppendOnly(AppendOnly.__doc__)


class Hint(models.Model):
    """An event that a marketplace told of by itself; kept so that a message sent twice counts once."""

    event_id = models.CharField(max_length=100, unique=True, help_text="EventDocId.")
    received_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.event_id


class RateLimit(models.Model):
    """When an account may next be asked; one row for all processes."""

    account = models.CharField(max_length=64, unique=True, help_text="SHA-256 of endpoint and credentials' name.")
    free_at = models.DateTimeField(help_text="By which all requests granted so far are due, evenly spaced.")

    def __str__(self) -> str:
        return self.account[:12]
