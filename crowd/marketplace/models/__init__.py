"""What the marketplace remembers. Independent of the rest of Nearer: no foreign key leaves this app but to Django's users."""

from crowd.marketplace.models.money import AppendOnly, Bonus, Entry, RequestToken
from crowd.marketplace.models.notices import Message, Notification
from crowd.marketplace.models.people import AccessKey, Invitation, Requester, Worker, WorkerBlock
from crowd.marketplace.models.qualifying import Qualification, QualificationRequest, QualificationType
from crowd.marketplace.models.work import Assignment, Hit, HitType

__all__ = [
    "AccessKey",
    "AppendOnly",
    "Assignment",
    "Bonus",
    "Entry",
    "Hit",
    "HitType",
    "Invitation",
    "Message",
    "Notification",
    "Qualification",
    "QualificationRequest",
    "QualificationType",
    "RequestToken",
    "Requester",
    "Worker",
    "WorkerBlock",
]
