"""Tokens with which programs come in on behalf of a person."""

import hashlib
import secrets
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

PREFIX = "nearer_"  # so that a token that was published by mistake is found by those who search for such


class Scope(models.TextChoices):
    """A kind of act; what a token's owner may not do, his token may not do either, whatever its scopes."""

    READ = "read", "read: see everything its owner sees"
    DATA = "data", "data: import data and votes, merge, release"
    RUN = "run", "run: draft, pause and end campaigns, invite, decide on people; nothing that costs"
    SPEND = "spend", "spend: launch, ask for more, decide on work, pay"
    LEARN = "learn", "learn: train, promote, set how often"


def digest(secret: str) -> str:
    """A secret of 256 random bits needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


class TokenQuerySet(models.QuerySet):
    def owned_by(self, user):
        return self if user.is_superuser else self.filter(owner=user)

    def live(self, now: datetime):
        return self.filter(revoked_at=None, expires_at__gt=now, owner__is_active=True)


class Token(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100, help_text="Which program will use it.")
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    two_step = models.BooleanField("made with two-step sign-in", default=False, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return self.name

    def renew_secret(self) -> str:
        """A new secret, to be shown now or never: only its digest is kept."""
        secret = PREFIX + secrets.token_urlsafe(32)
        self.sha256 = digest(secret)
        return secret

    def revoke(self, now: datetime) -> None:
        if self.revoked_at is None:
            self.revoked_at = now
            self.save(update_fields=["revoked_at"])

    def state(self, now: datetime) -> str:
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at <= now else "valid"


class RoleOffer(models.Model):
    """Which rights a role has been given at some time, so that what somebody takes from it is not given again."""

    group = models.OneToOneField("auth.Group", models.CASCADE, related_name="offer")
    rights = models.JSONField(default=list)  # "app.codename"

    def __str__(self):
        return f"offered to {self.group}"


class KeyedCall(models.Model):
    """A call that came with an idempotency key, and what it was answered; kept for a day (`access.idempotency`)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    operation = models.CharField(max_length=300, help_text="Method and path.")
    key = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, help_text="Of the body.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty: not answered yet.")
    answer = models.TextField(blank=True, help_text="JSON.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "operation", "key"], name="a_key_is_used_once")]

    def __str__(self):
        return self.key
