"""A lean campaign on its page: what it has bought, what the fixed plan would have, and what is still to come."""

from crowd.lean.outlook import outlook
from crowd.models import Campaign, Merge, Standing
from crowd.panel import campaigns, forecast

STATES = (
    (Standing.State.SURE, "sure enough: their risk is at or under the target"),
    (Standing.State.AGREED, "people agree: more votes would say the same"),
    (Standing.State.CAPPED, "left at the most votes for one pair"),
    (Standing.State.OPEN, "open"),
)


def section(campaign: Campaign) -> dict | None:
    """For the campaign's page; None where the campaign is not lean or has not begun."""
    if not campaign.is_lean or campaign.is_draft:
        return None
    now = campaigns.progress(campaign)
    found = forecast.pace(campaign, now["n_assignments"] - now["handed_in"])
    seen = outlook(campaign, hand_ins_per_hour=found["per_hour"] if found else None)
    if not seen.n_pairs:
        return None
    return {
        "seen": seen, "campaign_target": campaign.target_risk,
        "share": seen.n_finished / seen.n_pairs,
        "saved": 1 - seen.per_finished / campaign.votes_per_pair if seen.per_finished is not None else None,
        "time": forecast.spoken(seen.time) if seen.time else None,
        "chart": _spend(campaign, seen.n_finished, float(now["spent_usd"]), float(seen.usd_per_vote)),
        "states": [(words, seen.states.get(state, 0)) for state, words in STATES],
    }


def _spend(campaign: Campaign, n_finished: int, spent_usd: float, usd_per_vote: float) -> dict | None:
    """Dollars by finished pairs, a point for each merge and for now, beside what the fixed plan pays for as many pairs."""
    merges = campaign.merges.filter(state=Merge.State.DONE).order_by("pk").values_list("figures", flat=True)
    noted = [figures["lean"] for figures in merges if "lean" in figures]
    points = [(0, 0.0), *((row["finished"], row["spent_usd"]) for row in noted), (n_finished, spent_usd)]
    if n_finished == 0:
        return None
    each = campaign.votes_per_pair * usd_per_vote
    return {
        "id": "spend", "title": "Dollars spent until so many pairs were finished", "type": "scatter",
        "columns": ["pairs finished", "spent, USD", "the fixed plan, USD"],
        "rows": [[n, round(usd, 2), round(n * each, 2)] for n, usd in points],
        "series": [
            {"column": 1, "type": "line", "label": "this campaign"},
            {"column": 2, "type": "line", "label": f"{campaign.votes_per_pair} votes on every pair", "dashed": True},
        ],
        "x_title": "pairs finished", "y": {"title": "US dollars, fees included", "zero": True},
    }
