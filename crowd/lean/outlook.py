"""What a lean campaign has bought and what it still needs: votes, dollars, hours."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import numpy as np
from django.db.models import Count, Sum

from crowd import publishing
from crowd.lean import standing
from crowd.models import Campaign, Standing
from crowd.planning.forecasting import Rules, votes_left
from crowd.ways import way_of

SAMPLE = 3000  # open pairs that are played; more are scaled from these


@dataclass(frozen=True)
class Outlook:
    """Where a campaign stands.

    Attributes:
        states: number of pairs in each state. n_pairs: all. n_finished: those not open.
        votes: verified. per_finished: votes that a finished pair took on average, None before the first.
        plan: votes that the fixed plan would have bought for the finished pairs.
        left, low, high: votes until all are finished, mean and 95 % interval.
        usd, low_usd, high_usd: what those cost, fees included. usd_per_vote: what one costs in a full task.
        time: how long they take at the present pace, None where none can be told.
    """

    states: dict[str, int]
    n_pairs: int
    n_finished: int
    votes: int
    per_finished: float | None
    plan: int
    left: int
    low: int
    high: int
    usd: Decimal
    low_usd: Decimal
    high_usd: Decimal
    usd_per_vote: Decimal
    time: timedelta | None


def outlook(campaign: Campaign, *, hand_ins_per_hour: float | None = None) -> Outlook:
    """Four queries and a short play of what is still to come, whatever the size of the data."""
    rows = campaign.standings.values_list("state").annotate(n=Count("pk"), votes=Sum("n_votes")).order_by()
    counts = {state: (n, votes or 0) for state, n, votes in rows}
    n_open = counts.get(Standing.State.OPEN, (0, 0))[0]
    n_pairs = sum(n for n, _ in counts.values())
    finished = [counts[state] for state in counts if state != Standing.State.OPEN]
    n_finished, votes_finished = sum(n for n, _ in finished), sum(votes for _, votes in finished)
    some = campaign.standings.filter(state=Standing.State.OPEN, evidence__isnull=False).order_by("draw")[:SAMPLE]
    some = list(some.values_list("evidence", "n_votes"))
    rules = Rules(campaign.target_risk, campaign.least_votes, campaign.most_votes, campaign.exploration_share)
    left, low, high = 0.0, 0.0, 0.0
    if some:
        evidence = standing.stored(row[0] for row in some)
        left, low, high = votes_left(
            standing.known(campaign).fitted, evidence, np.array([row[1] for row in some]), rules, scale=n_open / len(some),
        )
    tasks = [int(np.ceil(votes / campaign.comparisons_per_hit)) for votes in (left, low, high)]
    way = way_of(campaign.environment)
    each = publishing.reward_usd(campaign, way) + publishing.fee_usd(campaign, way)
    usd = [n * each for n in tasks]
    time = timedelta(hours=tasks[0] / hand_ins_per_hour) if hand_ins_per_hour and tasks[0] else None
    return Outlook(
        states={state: n for state, (n, _) in counts.items()}, n_pairs=n_pairs, n_finished=n_finished,
        votes=sum(votes for _, votes in counts.values()),
        per_finished=votes_finished / n_finished if n_finished else None, plan=n_finished * campaign.votes_per_pair,
        left=round(left), low=round(low), high=round(high), usd=usd[0], low_usd=usd[1], high_usd=usd[2],
        usd_per_vote=each / campaign.comparisons_per_hit, time=time,
    )
