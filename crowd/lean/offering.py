"""How many tasks of a lean campaign are out at once: what the present knowledge deserves, and more as votes come in.

Were the whole plan on offer from the first minute, a quick crowd would have worked it off before the first merge had
told which pairs need no more votes, and nothing could be saved.
"""

import logging
from datetime import timedelta

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import timezone

from crowd import publishing
from crowd.books import outbox
from crowd.models import Assignment, Call, Campaign, Environment, Hit, Publication, Standing
from crowd.visits import allotting
from crowd.ways import way_of
from crowd.ways.base import CannotOffer, GatewayError

logger = logging.getLogger(__name__)
State = Assignment.State
TAKEN = (State.SUBMITTED, State.VERIFIED, State.APPROVED, State.REJECTED, State.COMPENSATED)
OVER = ("Expired", "Disposed")
GONE_BEFORE = timedelta(minutes=1)  # a HIT that is on offer for less is not extended


def widen(campaign: Campaign) -> None:
    """Ask for the places that are deserved and not yet there; a call that fails is left to the sweeper.

    Safe to repeat: while a change to what is offered is under way nothing more is asked for, and neither the plan nor
    the budget is ever exceeded. The caller holds no transaction.
    """
    for call in _wanted(campaign):
        try:
            outbox.perform(call)
        except GatewayError as error:
            logger.warning("%s: %s", call, error)
            break


def _wanted(campaign: Campaign) -> list[Call]:
    if campaign.state != Campaign.State.COLLECTING or campaign.environment.kind == Environment.Kind.INVITATION:
        return []  # whoever is invited answers every task
    if campaign.publications.exclude(state__in=Publication.ENDED).exists():
        return []
    if Call.objects.unfinished().filter(campaign=campaign, kind__in=(Call.Kind.ADD_PLACES, Call.Kind.OFFER)).exists():
        return []
    hits = campaign.hits.exclude(hit_id="").filter(follows=None, compensates=None).exclude(status__in=OVER)
    hits = hits.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now() + GONE_BEFORE))
    hits = list(_with_held(campaign, hits).filter(max_assignments__lt=publishing.places_of_a_hit(campaign)))
    hits.sort(key=lambda hit: (hit.held < hit.max_assignments, hit.max_assignments, hit.number))
    tasks, n_free = deserved(campaign), free(campaign)
    n = tasks - n_free
    if n <= 0 and hits and hits[0].held >= hits[0].max_assignments and n_free < 2 * tasks and _is_quiet(campaign):
        n = 1  # nobody takes what is free: whoever is here may have done just those HITs, and one cannot be done twice
    n = min(n, affordable(campaign))
    return [call for hit in hits[: max(n, 0)] if (call := _one_more(campaign, hit))]


def _is_quiet(campaign: Campaign) -> bool:
    return not campaign.standings.filter(n_out__gt=0).exists()


def _one_more(campaign: Campaign, hit: Hit) -> Call | None:
    hit.campaign = campaign
    try:
        return way_of(campaign.environment).more_places(hit, 1, None)
    except CannotOffer:
        return None


def deserved(campaign: Campaign) -> int:
    """Tasks that may be worked on at once: so many as open pairs fill wholly, each asked of `most_out` people at a time.

    One, where less is left than a whole task and nobody is at work.
    """
    rows = campaign.standings.filter(state=Standing.State.OPEN, pair__gold_first=None)
    rows = rows.order_by().values_list("n_votes", "n_out").annotate(n=Count("pk"))
    votes = out = 0
    for n_votes, n_out, n in rows:
        at_once = max(campaign.most_out, campaign.least_votes - n_votes)
        votes += n * max(min(at_once, campaign.most_votes - n_votes) - n_out, 0)
        out += n * n_out
    whole = votes // campaign.comparisons_per_hit
    return whole if whole or out or not votes else 1


def free(campaign: Campaign) -> int:
    """Places on offer that nobody holds."""
    return sum(hit.max_assignments - hit.held for hit in with_a_free_place(campaign))


def with_a_free_place(campaign: Campaign) -> QuerySet[Hit]:
    """HITs on offer that somebody may take, with `held`; the least taken first."""
    hits = campaign.hits.exclude(hit_id="").filter(compensates=None).exclude(status__in=OVER)
    return _with_held(campaign, hits).filter(held__lt=F("max_assignments")).order_by("held", "number")


def _with_held(campaign: Campaign, hits: QuerySet[Hit]) -> QuerySet[Hit]:
    """HITs with `held`, how many of their places are somebody's."""
    held = allotting.holding_a_place(prefix="assignments__")
    if not campaign.environment.chooses_hits:  # there whatever was handed in has used up its place
        held |= Q(assignments__state__in=TAKEN)
    return hits.annotate(held=Count("assignments", filter=held))


def affordable(campaign: Campaign) -> int:
    """Further places that the plan and the budget allow."""
    made = campaign.hits.filter(compensates=None).aggregate(n=Sum("max_assignments"))["n"] or 0
    left = publishing.planned_places(campaign) - made
    if left <= 0 or campaign.budget_usd is None:
        return max(left, 0)
    way = way_of(campaign.environment)
    each = publishing.reward_usd(campaign, way) + publishing.fee_usd(campaign, way)
    room = campaign.budget_usd - publishing.committed_usd(campaign)
    return min(left, int(room / each)) if each and room > 0 else (left if not each else 0)
