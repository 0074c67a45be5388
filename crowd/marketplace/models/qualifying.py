"""What a worker has shown to be able to do, in the eyes of one requester."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from crowd.marketplace.ids import new_entity_id
from crowd.marketplace.models.people import Requester, Worker


class QualificationType(models.Model):
    class Status(models.TextChoices):
        ACTIVE = "Active", "active"
        INACTIVE = "Inactive", "inactive"

    qualification_type_id = models.CharField(max_length=64, unique=True, default=new_entity_id)
    requester = models.ForeignKey(Requester, models.CASCADE, related_name="qualification_types")
    name = models.CharField(max_length=200)
    keywords = models.CharField(max_length=1000, blank=True)
    description = models.CharField(max_length=2000)
    status = models.CharField(max_length=8, choices=Status)
    retry_delay_s = models.PositiveBigIntegerField(null=True, help_text="Empty: a worker may ask once.")
    auto_granted = models.BooleanField(default=False)
    auto_granted_value = models.IntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["requester", "name"], condition=Q(deleted_at=None), name="qualification_names_differ"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Qualification(models.Model):
    class Status(models.TextChoices):
        GRANTED = "Granted", "granted"
        REVOKED = "Revoked", "revoked"

    type = models.ForeignKey(QualificationType, models.CASCADE, related_name="qualifications")
    worker = models.ForeignKey(Worker, models.CASCADE, related_name="qualifications")
    value = models.IntegerField(default=1)
    status = models.CharField(max_length=7, choices=Status, default=Status.GRANTED)
    granted_at = models.DateTimeField(default=timezone.now)
    reason = models.TextField(blank=True, help_text="Why it was revoked; the worker can read it.")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["type", "worker"], name="one_qualification_per_type_and_worker")]

    def __str__(self) -> str:
        return f"{self.worker}: {self.type}"


class QualificationRequest(models.Model):
    class State(models.TextChoices):
        PENDING = "pending", "waiting"
        GRANTED = "granted", "granted"
        REJECTED = "rejected", "refused"

    request_id = models.CharField(max_length=64, unique=True, default=new_entity_id)
    type = models.ForeignKey(QualificationType, models.CASCADE, related_name="requests")
    worker = models.ForeignKey(Worker, models.CASCADE, related_name="qualification_requests")
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    submitted_at = models.DateTimeField(default=timezone.now)
    reason = models.TextField(blank=True, help_text="Why it was refused; the worker can read it.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["type", "worker"], condition=Q(state="pending"), name="one_open_request")
        ]

    def __str__(self) -> str:
        return self.request_id
