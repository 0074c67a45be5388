"""Who is asked and what they earn, what was asked of other places, and what the answers amount to."""

from crowd.models.campaigns import (
    Assignment,
    Campaign,
    Environment,
    Hit,
    HitPair,
    Invitation,
    Publication,
    Worker,
    new_selector,
    new_token,
    usd,
)
from crowd.models.outcomes import Consensus, Merge, Release, Standing, VoteImport, WorkerSkill
from crowd.models.records import AppendOnly, Call, Hint, Payment, RateLimit
from crowd.models.shares import CampaignShare

__all__ = [
    "AppendOnly", "Assignment", "Call", "Campaign", "CampaignShare", "Consensus", "Environment", "Hint", "Hit", "HitPair",
    "Invitation", "Merge", "Payment", "Publication", "RateLimit", "Release", "Standing", "VoteImport", "Worker", "WorkerSkill",
    "new_selector", "new_token", "usd",
]
