"""What a draft will bring, for the form and the draft's page: labels that are right, dollars, and how long it takes."""

from datetime import timedelta
from math import ceil

from django.http import JsonResponse

from crowd import publishing
from crowd.models import Assignment, Campaign, Environment
from crowd.panel import forecast
from crowd.planning.expecting import Plan, expect, hours, mean_task_s
from crowd.pricing import Price

AT_ONCE = 10  # people at work at any time, where nothing is known of a crowd yet
PLAN_FIELDS = [
    "votes_per_pair", "images_per_hit", "pairs_per_image", "target_risk", "most_votes", "least_votes", "exploration_share",
]
ASKED = [
    "dataset", "environment", "protocol", *PLAN_FIELDS, "reward_usd", "delay_ms", "gold_share", "lifetime_s", "seed",
]


def plan_of(campaign: Campaign) -> Plan:
    if not campaign.is_lean:
        return Plan(votes_per_pair=campaign.votes_per_pair)  # nothing else matters; so it is played once
    return Plan(is_lean=True, **{name: getattr(campaign, name) for name in PLAN_FIELDS})


def expected(campaign: Campaign, price: Price) -> dict:
    """What the simulation says of these settings, in numbers and in words.

    `usd` is what will probably be spent: the price, and less where a lean campaign stops asking. `time` is in words;
    `time_basis` says whose pace it is by.
    """
    found = expect(plan_of(campaign))
    share = min(found.votes_per_pair / campaign.votes_per_pair, 1) if campaign.is_lean else 1
    n_tasks = ceil(price.n_assignments * share)
    comparisons = _comparisons(campaign, price)
    per_hour = seen_pace(campaign.environment if campaign.environment_id else None, campaign.owner_id)
    if per_hour:
        time, basis = n_tasks / per_hour, f"at {per_hour:,.0f} tasks an hour, as there lately"
    else:
        time, basis = hours(n_tasks, comparisons, campaign.delay_ms, AT_ONCE), f"with {AT_ONCE} people at work at any time"
    time = timedelta(hours=time)
    return {
        "right": found.right, "far": found.far, "is_lean": campaign.is_lean, "votes_per_pair": found.votes_per_pair,
        "usd": price.total_usd * n_tasks / price.n_assignments if price.n_assignments else price.total_usd,
        "task_s": mean_task_s(comparisons, campaign.delay_ms), "time": forecast.roughly(time), "time_basis": basis,
        "too_long": time > timedelta(seconds=campaign.lifetime_s),
    }


def _comparisons(campaign: Campaign, price: Price) -> int:
    """Of a usual task, known answers included."""
    asked = price.n_votes / price.n_assignments if price.n_assignments else campaign.comparisons_per_hit
    return max(round(asked / (1 - campaign.gold_share)), 1)


def seen_pace(environment: Environment | None, owner: int | None) -> float | None:
    """Tasks that were handed in there in an hour, by the owner's last fifty; None where there were too few to tell."""
    if environment is None or owner is None:
        return None
    rows = Assignment.objects.filter(
        hit__campaign__environment=environment, hit__campaign__owner=owner, submitted_at__isnull=False
    )
    times = list(rows.order_by("-submitted_at").values_list("submitted_at", flat=True)[: forecast.RECENT_HAND_INS])
    if len(times) < forecast.RECENT_HAND_INS or times[0] == times[-1]:
        return None
    return (len(times) - 1) / ((times[0] - times[-1]) / timedelta(hours=1))


def view(admin, request) -> JsonResponse:
    """`expected` of a campaign that is being filled in, or `error`: why it cannot be said yet."""
    form = admin.get_form(request)(request.GET)
    form.is_valid()
    if any(form.cleaned_data.get(name) is None for name in ASKED if name not in ("seed", "environment")):
        return JsonResponse({"error": "What it will bring appears here once the numbers are filled in."})
    said = {name: form.cleaned_data[name] for name in ASKED if form.cleaned_data.get(name) is not None}
    campaign = Campaign(**said, owner=request.user)
    return JsonResponse({**expected(campaign, publishing.price(campaign))} | {"error": ""})
