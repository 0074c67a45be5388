"""A lean campaign on its page: what it has bought, what the fixed plan would have, and what is still to come."""

from crowd.lean.outlook import outlook
from crowd.models import Campaign, Standing
from crowd.panel import campaigns, forecast

STATES = (
    (Standing.State.SURE, "sure enough: their risk is at or under the target"),
    (Standing.State.AGREED, "people agree: more votes would say the same"),
    (Standing.State.CAPPED, "left at the most votes for one pair"),
    (Standing.State.OPEN, "open"),
)


def section(campaign: Campaign) -> dict:
    """For the campaign's page; no template where the campaign is not lean or has not begun."""
    if not campaign.is_lean or campaign.is_draft:
        return {"template": None}
    now = campaigns.progress(campaign)
    found = forecast.pace(campaign, now["n_assignments"] - now["handed_in"])
    seen = outlook(campaign, hand_ins_per_hour=found["per_hour"] if found else None)
    if not seen.n_pairs:
        return {"template": None}
    return {
        "template": "admin/crowd/campaign/lean.html", "seen": seen, "campaign_target": campaign.target_risk,
        "share": seen.n_finished / seen.n_pairs,
        "saved": 1 - seen.per_finished / campaign.votes_per_pair if seen.per_finished is not None else None,
        "time": forecast.spoken(seen.time) if seen.time else None,
        "states": [(words, seen.states.get(state, 0)) for state, words in STATES],
    }
