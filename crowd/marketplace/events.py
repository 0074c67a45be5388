"""Notifications of a HIT type: recorded as the message that Mechanical Turk would send."""

from django.utils import timezone

from crowd.marketplace.ids import new_entity_id
from crowd.marketplace.models import Assignment, Hit, HitType, Notification, Requester

DOCUMENT_VERSION = "2014-08-15"


def record(event_type: str, hit: Hit, assignment: Assignment | None = None) -> None:
    """Note an event of a HIT, if its type has asked for such events."""
    hit_type, specification = hit.hit_type, hit.hit_type.notification
    if hit_type.notification_active and specification and event_type in specification["EventTypes"]:
        names = {"HITId": hit.hit_id, "HITTypeId": hit_type.hit_type_id}
        if assignment:
            names["AssignmentId"] = assignment.assignment_id
        write(hit.requester, specification, event_type, names, hit_type=hit_type)


def write(
    requester: Requester, specification: dict, event_type: str, names: dict, hit_type: HitType | None = None
) -> Notification:
    event_id, now = new_entity_id(), timezone.now()
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Notification.objects.create(
        event_id=event_id,
        requester=requester,
        hit_type=hit_type,
        event_type=event_type,
        destination=specification["Destination"],
        transport=specification["Transport"],
        created_at=now,
        body={
            "EventDocId": event_id,
            "EventDocVersion": DOCUMENT_VERSION,
            "CustomerId": f"A{requester.pk:013d}",
            "Events": [{"EventType": event_type, "EventTimestamp": stamp} | names],
        },
    )
