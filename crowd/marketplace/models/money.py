"""Every cent that moves is an entry, and entries are never changed."""

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from crowd.marketplace.models.people import Requester, Worker
from crowd.marketplace.models.work import Assignment, Hit


class AppendOnly(TypeError):
    """An entry of an account was about to be changed; write a new one that corrects it."""


class EntryQuerySet(QuerySet):
    def update(self, **fields):
        raise AppendOnly(AppendOnly.__doc__)

    def delete(self):
        raise AppendOnly(AppendOnly.__doc__)


class Entry(models.Model):
    """One movement in a requester's account, with the balance after it; numbered without gaps."""

    class Kind(models.TextChoices):
        DEPOSIT = "deposit", "deposit"
        HOLD = "hold", "held for a HIT"
        RELEASE = "release", "released by a HIT"
        REWARD = "reward", "reward"
        REWARD_FEE = "reward fee", "fee on a reward"
        BONUS = "bonus", "bonus"
        BONUS_FEE = "bonus fee", "fee on a bonus"
        REFUND = "refund", "refund"

    requester = models.ForeignKey(Requester, models.PROTECT, related_name="entries")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    amount_usd = models.DecimalField(max_digits=12, decimal_places=2)
    available_change_usd = models.DecimalField(max_digits=12, decimal_places=2)
    on_hold_change_usd = models.DecimalField(max_digits=12, decimal_places=2)
    available_usd = models.DecimalField(max_digits=12, decimal_places=2, help_text="After this entry.")
    on_hold_usd = models.DecimalField(max_digits=12, decimal_places=2, help_text="After this entry.")
    hit = models.ForeignKey(Hit, models.PROTECT, null=True, related_name="entries")
    assignment = models.ForeignKey(Assignment, models.PROTECT, null=True, related_name="entries")
    worker = models.ForeignKey(Worker, models.PROTECT, null=True, related_name="entries", help_text="Who was paid.")
    note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["requester", "number"]
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["requester", "number"], name="entries_are_numbered"),
            models.CheckConstraint(condition=Q(amount_usd__gt=0), name="an_entry_moves_something"),
            models.CheckConstraint(condition=Q(available_usd__gte=0) & Q(on_hold_usd__gte=0), name="no_account_overdrawn"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ${self.amount_usd}"

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise AppendOnly(AppendOnly.__doc__)
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise AppendOnly(AppendOnly.__doc__)


class Bonus(models.Model):
    assignment = models.ForeignKey(Assignment, models.PROTECT, related_name="bonuses")
    worker = models.ForeignKey(Worker, models.PROTECT, related_name="bonuses")
    amount_usd = models.DecimalField(max_digits=10, decimal_places=2)
    fee_usd = models.DecimalField(max_digits=10, decimal_places=2)
    reason = models.TextField()
    granted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "bonuses"

    def __str__(self) -> str:
        return f"${self.amount_usd} to {self.worker}"


class RequestToken(models.Model):
    """A UniqueRequestToken and what the request that carried it made; good for 24 hours."""

    requester = models.ForeignKey(Requester, models.CASCADE, related_name="request_tokens")
    purpose = models.CharField(max_length=10, help_text="hit, extension or bonus: each has its own names.")
    token = models.CharField(max_length=64)
    result = models.CharField(max_length=64, help_text="The id of what was made.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["requester", "purpose", "token"], name="a_token_counts_once")]
        indexes = [models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return self.token
