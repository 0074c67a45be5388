"""Requesters, who pay, and workers, who are paid. A worker is no Django user: there is no way from here to the panel."""

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from crowd.marketplace import vault
from crowd.marketplace.ids import new_access_key_id, new_secret, new_token, new_worker_id


class Requester(models.Model):
    """An account that publishes HITs. Its row is locked while its money moves."""

    name = models.CharField(max_length=100, unique=True, help_text="As workers see it.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="marketplace_requesters"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AccessKey(models.Model):
    """What boto3 signs with."""

    requester = models.ForeignKey(Requester, models.CASCADE, related_name="access_keys")
    access_key_id = models.CharField(max_length=128, unique=True, default=new_access_key_id)
    secret_encrypted = models.TextField(editable=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return self.access_key_id

    @classmethod
    def issue(cls, requester: Requester) -> "AccessKey":
        return cls.objects.create(requester=requester, secret_encrypted=vault.encrypt(new_secret()))

    @property
    def secret(self) -> str:
        return vault.decrypt(self.secret_encrypted)


class Worker(models.Model):
    """A person who works on HITs, with a sign-in of their own."""

    worker_id = models.CharField(max_length=64, unique=True, default=new_worker_id, editable=False)
    username = models.CharField(
        max_length=40, unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9._-]{2,39}\Z", "Use 3 to 40 small letters, digits, dots, hyphens.")],
    )
    password = models.CharField(max_length=200, editable=False)
    country = models.CharField(max_length=2, help_text="ISO 3166-1, two capital letters.")
    subdivision = models.CharField(max_length=2, blank=True, help_text="ISO 3166-2, for instance CA in US-CA.")
    adult_content = models.BooleanField(default=False, help_text="Agrees to see adult content.")
    approved_before = models.PositiveIntegerField(default=0, help_text="Assignments approved elsewhere before joining.")
    rejected_before = models.PositiveIntegerField(default=0, help_text="Assignments rejected elsewhere before joining.")
    is_active = models.BooleanField(default=True, help_text="An inactive worker cannot sign in.")
    failed_sign_ins = models.PositiveIntegerField(default=0, editable=False)
    last_failure_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.username} ({self.worker_id})"

    def set_password(self, password: str | None) -> None:
        """None lets nobody in."""
        self.password = make_password(password)

    def check_password(self, password: str) -> bool:
        return check_password(password, self.password)

    @property
    def session_hash(self) -> str:
        """Changes with the password, which ends all sessions that know the old one."""
        return salted_hmac("crowd.marketplace.worker", self.password, algorithm="sha256").hexdigest()


class Invitation(models.Model):
    """Lets one person sign up."""

    token = models.CharField(max_length=60, unique=True, default=new_token)
    approved_before = models.PositiveIntegerField(default=0, help_text="Given to the worker: approved elsewhere before.")
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True, editable=False)
    worker = models.OneToOneField(Worker, models.SET_NULL, null=True, editable=False, related_name="invitation")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"invitation of {self.created_at:%Y-%m-%d}"


class WorkerBlock(models.Model):
    """One requester wants no more work from one worker."""

    requester = models.ForeignKey(Requester, models.CASCADE, related_name="blocks")
    worker = models.ForeignKey(Worker, models.CASCADE, related_name="blocks")
    reason = models.TextField(help_text="Never shown to the worker.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["requester", "worker"], name="one_block_per_worker")]

    def __str__(self) -> str:
        return f"{self.worker} blocked by {self.requester}"
