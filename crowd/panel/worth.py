"""What a campaign's labels are worth by now, what is missing to the risk target, and what another dollar would buy."""

from datetime import timedelta
from math import ceil

import numpy as np

from annotation.models import Pair
from crowd import publishing
from crowd.lean import standing
from crowd.models import Campaign, Standing
from crowd.panel import campaigns, expectations, forecast
from crowd.planning.expecting import hours
from crowd.planning.forecasting import Rules, votes_left
from crowd.planning.worth import gain
from crowd.ways import way_of
from crowd.ways.base import GatewayError

SAMPLE = 1000  # pairs that are played; the others are scaled from these
MORE = 2  # votes on each pair that is asked again: one seldom changes a label
BEST = 3  # one in so many pairs is asked again


def section(campaign: Campaign) -> dict | None:
    """What the page says, at any moment: before the first merge by what is known of crowds in general. None without pairs."""
    now = standing.known(campaign)
    return campaigns.kept(f"panel:worth:{campaign.pk}:{now.merge}", lambda: _section(campaign, now))


def _section(campaign: Campaign, now: standing.Known) -> dict | None:
    pairs, n_pairs = _sample(campaign)
    if not pairs:
        return None
    rows = [Standing(pair=pair) for pair in pairs]
    place = {pair.pk: number for number, pair in enumerate(pairs)}
    within = {"pair__person__in": {pair.person_id for pair in pairs}}
    evidence, n_votes = standing.evidence_of(campaign, within, rows, place, now)
    scale = n_pairs / len(pairs)
    p = now.fitted.probability(evidence)
    risk, people = np.minimum(p, 1 - p), now.fitted.probability(evidence, ceiling=1.0)
    unsettled = np.minimum(people, 1 - people)
    is_open = (n_votes < campaign.least_votes) | ((risk > campaign.target_risk) & (unsettled > campaign.target_risk))
    is_open &= n_votes < campaign.most_votes
    rules = Rules(campaign.target_risk, campaign.least_votes, campaign.most_votes)
    left, low, high = votes_left(now.fitted, evidence[is_open], n_votes[is_open], rules, scale=scale)
    return {
        "merge": now.merge, "n_votes": int(n_votes.sum()),
        "right": float((1 - risk).mean()), "n_right": round(float((1 - risk).sum()) * scale), "n_pairs": n_pairs,
        "sure": float((risk <= campaign.target_risk).mean()), "settled": float((unsettled <= campaign.target_risk).mean()),
        "left": round(left), "low": round(low), "high": round(high), **_in_money(campaign, left),
        "buys": _buys(campaign, now.fitted, evidence, scale),
    }


def _sample(campaign: Campaign) -> tuple[list[Pair], int]:
    """The pairs of some people of the campaign's data set, evenly through it, and how many pairs there are."""
    every = Pair.objects.of_dataset(campaign.dataset).filter(gold_first__isnull=True)
    n_pairs = every.count()
    if n_pairs <= SAMPLE:
        return list(every), n_pairs
    people = list(every.order_by("person_id").values_list("person_id", flat=True).distinct())
    n_people = max(len(people) * SAMPLE // n_pairs, 1)
    chosen = [people[int(place)] for place in np.linspace(0, len(people) - 1, n_people)]
    return list(every.filter(person__in=chosen)), n_pairs


def _each(campaign: Campaign):
    """Dollars for one task, fees included; None where the way cannot say."""
    try:
        way = way_of(campaign.environment)
        return publishing.reward_usd(campaign, way) + publishing.fee_usd(campaign, way)
    except GatewayError:
        return None


def _in_money(campaign: Campaign, votes: float) -> dict:
    """So many votes as dollars and time, in words."""
    n_tasks, each = ceil(votes / campaign.comparisons_per_hit), _each(campaign)
    per_hour = (forecast.pace(campaign, n_tasks) or {}).get("per_hour")
    per_hour = per_hour or expectations.seen_pace(campaign.environment, campaign.owner_id)
    span = n_tasks / per_hour if per_hour else hours(
        n_tasks, campaign.comparisons_per_hit, campaign.delay_ms, expectations.AT_ONCE
    )
    return {"usd": n_tasks * each if each is not None else None, "time": forecast.roughly(timedelta(hours=span))}


def _buys(campaign: Campaign, fitted, evidence: np.ndarray, scale: float) -> dict | None:
    """Two more votes on the third of the pairs where votes change most: dollars, and labels that become right."""
    best = np.argsort(-fitted.expected_drop(evidence))[: max(len(evidence) // BEST, 1)]
    labels = float(gain(fitted, evidence[best], MORE).sum()) * scale
    n_votes, each = round(MORE * len(best) * scale), _each(campaign)
    if not each:
        return None
    usd = ceil(n_votes / campaign.comparisons_per_hit) * each
    return {"votes": n_votes, "usd": usd, "labels": labels, "per_dollar": labels / float(usd)}
