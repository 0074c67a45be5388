"""What is told to workers, and what a requester's programs would be told."""

from django.db import models
from django.utils import timezone

from crowd.marketplace.ids import new_entity_id
from crowd.marketplace.models.people import Requester, Worker
from crowd.marketplace.models.work import HitType


class Message(models.Model):
    worker = models.ForeignKey(Worker, models.CASCADE, related_name="messages")
    requester = models.ForeignKey(Requester, models.CASCADE, null=True, related_name="messages")
    subject = models.CharField(max_length=200)
    text = models.TextField()
    sent_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.subject


class Notification(models.Model):
    """An event as it would go to the HIT type's SNS topic or SQS queue; recorded here, not sent."""

    event_id = models.CharField(max_length=64, unique=True, default=new_entity_id)
    hit_type = models.ForeignKey(HitType, models.CASCADE, null=True, related_name="notifications")
    requester = models.ForeignKey(Requester, models.CASCADE, related_name="notifications")
    event_type = models.CharField(max_length=30)
    destination = models.CharField(max_length=2000)
    transport = models.CharField(max_length=10)
    body = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.event_type
