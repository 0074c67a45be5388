"""Ways to people: Mechanical Turk's protocol, Prolific, a link, personal invitations."""

from importlib import import_module
from typing import TYPE_CHECKING

from django.utils import timezone

from crowd.ways.base import Way

if TYPE_CHECKING:
    from crowd.models import Campaign, Environment

WAYS = {
    "mturk": "mechanical_turk.MechanicalTurk",
    "prolific": "prolific.Prolific",
    "link": "link.Link",
    "invitation": "invitation.Invitation",
}


def way_of(environment: "Environment") -> Way:
    """The way that an environment's kind names. Raises: GatewayRefused where its credentials are missing."""
    module, _, name = WAYS[environment.kind].partition(".")
    return getattr(import_module(f"crowd.ways.{module}"), name)(environment)


def offered_here(campaign: "Campaign") -> None:
    """Mark HITs that no other place knows as on offer, under names of our own."""
    from crowd.models import Hit

    now = timezone.now()
    rows = list(campaign.hits.filter(hit_id=""))
    for hit in rows:
        hit.hit_id, hit.status, hit.published_at = f"HERE{hit.pk}", "Assignable", now
    Hit.objects.bulk_update(rows, ["hit_id", "status", "published_at"], batch_size=500)
