"""What a campaign's page says: how far it is, what it has cost, and how the votes look before any merge."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db.models import Count, Max, Sum
from django.utils import timezone

from annotation.models import Choice, Vote
from annotation.templatetags.panel import percent, usd
from crowd import paying, pricing, publishing
from crowd.models import Assignment, Campaign, Merge, Payment
from crowd.panel import forecast, merges

State = Assignment.State
HANDED_IN = (State.SUBMITTED, State.VERIFIED, State.APPROVED, State.REJECTED)
KEPT_FOR = 20  # times as long as a figure took to compute
A_DAY = 24 * 3600
RECENT_ASSIGNMENTS = 500
RESPONSE_EDGES_S = (0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60)


def kept(key: str, compute: Callable[[], Any]) -> Any:
    """The figure, computed anew at most one part in twenty of the time, whatever it costs."""
    found = cache.get(key)
    if found is None:
        began = time.monotonic()
        found = compute()
        cache.set(key, found, KEPT_FOR * (time.monotonic() - began))
    return found


def kept_for_good(key: str, compute: Callable[[], Any]) -> Any:
    """A figure of something that never changes, such as a merge that is done: kept for a day."""
    found = cache.get(key)
    if found is None:
        found = compute()
        cache.set(key, found, A_DAY)
    return found


def progress(campaign: Campaign) -> dict:
    """How far it is, from assignments and the ledger alone: cheap enough to be asked for every two seconds."""
    hits = campaign.hits.filter(compensates=None)
    offered = hits.aggregate(total=Sum("max_assignments"), on_offer=Count("hit_id"), expires=Max("expires_at"))
    states = dict(
        Assignment.objects.filter(hit__campaign=campaign).values_list("state").annotate(n=Count("pk")).order_by()
    )
    money = Payment.objects.filter(campaign=campaign).aggregate(amount=Sum("amount_usd"), fee=Sum("fee_usd"))
    total = publishing.planned_places(campaign) if campaign.is_lean else offered["total"] or 0
    handed_in = sum(states.get(state, 0) for state in HANDED_IN)
    spent = (money["amount"] or 0) + (money["fee"] or 0)
    return {
        "n_assignments": total, "handed_in": handed_in, "approved": states.get(State.APPROVED, 0),
        "at_work": states.get(State.ACCEPTED, 0), "to_review": states.get(State.SUBMITTED, 0),
        "share": handed_in / total if total else 0.0, "spent_usd": spent, "fees_usd": money["fee"] or 0,
        "expires_at": offered["expires"],
    }


def live(campaign: Campaign, now: dict | None = None) -> dict:
    """`progress`, as it is `now`, as words for the places `data-live` of the campaign's page."""
    now = now or progress(campaign)
    spent = f"{usd(now['fees_usd'])} of it fees"
    if campaign.budget_usd:
        spent += f"; budget {usd(campaign.budget_usd)}"
    waiting = f"{now['at_work']} at work, {now['to_review']} to look at"
    cap = campaign.budget_usd or campaign.price_usd
    return {
        **_pace(campaign, now),
        "cap_share": round(min(float(now["spent_usd"] / cap), 1), 4) if cap else 0,
        "cap": f"{usd(now['spent_usd'])} of {usd(cap)} spent" if cap else "",
        "share": round(now["share"], 4), "share_percent": percent(now["share"]),
        "handed_in": f"{now['handed_in']:,} of {now['n_assignments']:,}", "handed_in_detail": waiting,
        "approved": f"{now['approved']:,}", "approved_detail": "verified and paid",
        "spent": usd(now["spent_usd"]), "spent_detail": spent,
    }


def _pace(campaign: Campaign, now: dict) -> dict:
    if campaign.state == Campaign.State.PAUSED:
        return {"pace": "paused", "pace_detail": "offered to nobody until it is resumed"}
    if campaign.is_over:
        return {"pace": "over", "pace_detail": "offered to nobody any more"}
    remaining = now["n_assignments"] - now["handed_in"]
    found = forecast.pace(campaign, remaining)
    if found is None:
        return {"pace": "–", "pace_detail": "known once two tasks are handed in"}
    votes = f"about {found['per_hour'] * campaign.comparisons_per_hit:,.0f} votes; "
    if found["left"] is None:
        said = f"nobody has handed in for {forecast.spoken(found['quiet'])}" if remaining else "all are handed in"
    else:
        said = f"the rest in {forecast.roughly(found['left'])}"
    return {"pace": f"{found['per_hour']:,.0f} an hour", "pace_detail": votes + said}


def tiles(words: dict) -> list[dict]:
    """The words of `live` as tiles that are kept up to date."""
    return [
        {"label": label, "key": key, "value": words[key], "detail": words[f"{key}_detail"]}
        for label, key in (
            ("Tasks handed in", "handed_in"), ("Pace", "pace"), ("Tasks paid", "approved"), ("Spent", "spent"),
        )
    ]


def expected_wage(campaign: Campaign) -> dict:
    """How long one task will take, and what the reward is then worth an hour."""
    seconds = pricing.expected_seconds(campaign.comparisons_per_hit, campaign.delay_ms)
    return {"forecast_s": seconds, "forecast_usd": pricing.hourly_wage_usd(campaign.reward_usd, seconds)}


def worked_seconds(assignments) -> dict[int, float]:
    """By assignment, the active time of the newest ones that were handed in; as wages are paid by (`crowd.paying`)."""
    handed_in = assignments.filter(submitted_at__isnull=False, task__isnull=False).order_by("-submitted_at")
    newest = list(handed_in.values_list("pk", flat=True)[:RECENT_ASSIGNMENTS])
    return paying.active_seconds(Assignment.objects.filter(pk__in=newest))


def wage(campaign: Campaign) -> dict:
    """What the reward is worth an hour: as forecast, and as measured on what was handed in lately (median)."""
    seconds = worked_seconds(Assignment.objects.filter(hit__campaign=campaign))
    measured_s = float(np.median(list(seconds.values()))) if seconds else None
    return {
        **expected_wage(campaign), "measured_s": measured_s, "n": len(seconds),
        "measured_usd": pricing.hourly_wage_usd(campaign.reward_usd, measured_s) if measured_s else None,
    }


def vote_figures(campaign: Campaign) -> dict:
    """What the votes say of themselves, verified or not; see `_vote_figures`."""
    return kept(f"panel:votes:{campaign.pk}", lambda: _vote_figures(campaign))


def _vote_figures(campaign: Campaign) -> dict:
    """One pass over the campaign's votes, the last word on each comparison where it is no undo.

    `agreement` is the share of equal answers among all pairs of votes on one pair;
    `green` and `left` are the shares of answers that fell on that colour and side, 0.5
    without a habit; `undone` counts answers that somebody took back.
    """
    rows = Vote.objects.filter(task__assignment__hit__campaign=campaign).order_by().values_list(
        "comparison_id", "number", "pair_id", "choice", "first_is_green", "first_is_left", "response_ms", "annotator_id"
    )
    table = np.fromiter(rows.iterator(chunk_size=20_000), dtype=np.dtype((np.int64, 8)))
    n_undone = int((table[:, 3] == Choice.UNDONE).sum()) if len(table) else 0
    if len(table):
        table = table[np.lexsort((table[:, 1], table[:, 0]))]
        last = np.append(table[1:, 0] != table[:-1, 0], True)
        table = table[last & (table[:, 3] != Choice.UNDONE)]
    if not len(table):
        return {"votes": 0, "undone": n_undone}
    first = table[:, 3] == Choice.FIRST
    pairs, index = np.unique(table[:, 2], return_inverse=True)
    n = np.bincount(index)
    n_first = np.bincount(index, first)
    agreeing = (n_first * (n_first - 1) + (n - n_first) * (n - n_first - 1)).sum()
    chances = (n * (n - 1)).sum()
    seconds = table[:, 6] / 1000
    counts, _ = np.histogram(np.minimum(seconds, RESPONSE_EDGES_S[-1] - 1e-6), RESPONSE_EDGES_S)
    n_votes = len(table)
    return {
        "votes": n_votes, "undone": n_undone, "pairs": len(pairs), "workers": len(np.unique(table[:, 7])),
        "agreement": float(agreeing / chances) if chances else None,
        "green": float((first == table[:, 4].astype(bool)).mean()),
        "left": float((first == table[:, 5].astype(bool)).mean()),
        "chance_band": float(1.96 * 0.5 / np.sqrt(n_votes)),
        "median_s": float(np.median(seconds)),
        "response_counts": counts.tolist(),
    }


def gold_figures(campaign: Campaign) -> dict | None:
    """How often the last word on a known answer was right; None where none was asked."""
    if not campaign.gold_share:
        return None
    return kept(f"panel:gold:{campaign.pk}", lambda: _gold_figures(campaign)) or None


def _gold_figures(campaign: Campaign) -> dict:
    rows = Vote.objects.filter(task__assignment__hit__campaign=campaign, comparison__is_gold=True)
    rows = rows.filter(pair__gold_first__isnull=False)
    last = {}
    for comparison, choice, first in rows.order_by("comparison_id", "number").values_list(
        "comparison_id", "choice", "pair__gold_first"
    ):
        last[comparison] = None if choice == Choice.UNDONE else (choice == Choice.FIRST) == first
    said = [right for right in last.values() if right is not None]
    return {"answers": len(said), "right": sum(said) / len(said)} if said else {}


def skills(merge: Merge) -> tuple[list, dict | None]:
    """The fifteen workers with most votes, and all of them by agreement, as the merge has it; one query for both."""

    def found():
        rows = list(merge.skills.select_related("annotator__worker").order_by("-n_votes"))
        return rows[:15], merges.agreement_chart([row.agreement for row in rows])

    return kept_for_good(f"panel:skills:{merge.pk}", found)


def response_chart(figures: dict) -> dict:
    edges = RESPONSE_EDGES_S
    rows = [
        [f"{low}-{high}" if high != edges[-1] else f"over {low}", count]
        for (low, high), count in zip(pairwise(edges), figures["response_counts"])
    ]
    return {
        "id": "response-times", "title": "Response times", "note": f"Median {figures['median_s']:.1f} s.",
        "columns": ["Seconds", "Votes"], "rows": rows, "type": "bar", "x": 0, "x_title": "seconds",
        "series": [{"column": 1}], "y": {"title": "votes"},
    }


def habits(figures: dict) -> list[dict]:
    """Leanings to a colour or a side, said in words with what chance alone would do."""
    band = figures["chance_band"]
    return [
        {
            "title": title, "share": figures[key], "low": 0.5 - band, "high": 0.5 + band,
            "is_clear": abs(figures[key] - 0.5) > band,
        }
        for title, key in (("Green circle", "green"), ("Left button", "left"))
    ]


def votes_over_time(campaign: Campaign) -> dict | None:
    """Tasks handed in over time, in steps that suit how long the campaign has been running."""
    times = kept(
        f"panel:times:{campaign.pk}",
        lambda: [
            when.timestamp()
            for when in Assignment.objects.filter(hit__campaign=campaign, submitted_at__isnull=False)
            .order_by("submitted_at").values_list("submitted_at", flat=True).iterator(chunk_size=20_000)
        ],
    )
    if len(times) < 2:
        return None
    zone = timezone.get_current_timezone()
    span = times[-1] - times[0]
    step, form, name = next(
        (step, form, name)
        for limit, step, form, name in (
            (300, 10, "%H:%M:%S", "10 seconds"), (3600, 60, "%H:%M", "minute"), (2 * 86400, 3600, "%d %b %H:00", "hour"),
            (float("inf"), 86400, "%d %b", "day"),
        )
        if span < limit
    )
    start = times[0] // step * step
    counts = np.bincount(((np.array(times) - start) // step).astype(int))
    total = np.cumsum(counts)
    rows = [
        [timezone.datetime.fromtimestamp(start + number * step, zone).strftime(form), int(count), int(total[number])]
        for number, count in enumerate(counts)
    ]
    return {
        "id": "over-time", "title": "Tasks handed in", "note": f"For each {name}, and in all.",
        "columns": ["Time", "Handed in", "In all"], "rows": rows, "type": "bar", "x": 0,
        "series": [{"column": 1}, {"column": 2, "type": "line", "axis": "y2", "colour": "--first"}],
        "y": {"title": f"for each {name}"}, "y2": {"title": "in all", "min": 0},
    }
