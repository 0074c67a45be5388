"""Campaigns shared with colleagues."""

from django.db import models

from access.sharing import Share
from crowd.models.campaigns import Campaign


class CampaignShare(Share):
    """A campaign and what came of it, shared with a colleague."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="shares")

    class Meta(Share.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["campaign", "user"], name="a_campaign_is_shared_once_with_each")]
