"""Whether the accounts that campaigns are paid from still hold what is to come."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from crowd import publishing
from crowd.models import Campaign, Environment, Payment
from crowd.ways import way_of
from crowd.ways.base import Balance, GatewayError, Way

logger = logging.getLogger(__name__)
EVERY = timedelta(minutes=5)
State = Campaign.State
RUNNING = (State.PUBLISHING, State.COLLECTING, State.PAUSED)


@dataclass(frozen=True)
class Shortage:
    """An account that does not cover what the campaigns that run on it may still ask of it.

    Attributes:
        needed_usd: for places that are planned and not offered yet; what is on offer the account has set aside already.
    """

    environment: Environment
    n_campaigns: int
    available_usd: Decimal
    needed_usd: Decimal

    @property
    def missing_usd(self) -> Decimal:
        return self.needed_usd - self.available_usd


def note(environment: Environment, balance: Balance | None) -> None:
    """Keep what an account holds, for pages that do not wait for a marketplace's answer."""
    if balance is not None:
        same = Environment.objects.filter(endpoint_url=environment.endpoint_url, credentials=environment.credentials)
        same.update(available_usd=balance.available_usd, balance_at=timezone.now())


def look_at_all() -> int:
    """Ask the accounts of running campaigns what they hold, each every few minutes; how many answered."""
    running = Environment.objects.filter(campaigns__state__in=RUNNING).exclude(endpoint_url="").distinct()
    due = running.filter(Q(balance_at=None) | Q(balance_at__lt=timezone.now() - EVERY))
    answered = 0
    for environment in {(one.endpoint_url, one.credentials): one for one in due}.values():
        try:
            note(environment, way_of(environment).balance())
            answered += 1
        except GatewayError as error:
            logger.warning("%s does not say what its account holds: %s", environment, error)
    return answered


def shortages(environments: Iterable[Environment]) -> list[Shortage]:
    """Those of these places whose account, when last asked, held less than what is to come; in one query.

    Campaigns of everybody count that are paid from the same account.
    """
    accounts = {
        (one.endpoint_url, one.credentials): one for one in environments if one.endpoint_url and one.available_usd is not None
    }
    if not accounts:
        return []
    paid = Payment.objects.of_money().filter(campaign=OuterRef("pk")).order_by().values("campaign")
    first, here = Q(hits__follows=None), Q(hits__compensates=None, hits__isnull=False)
    campaigns = Campaign.objects.filter(
        state__in=RUNNING, environment__endpoint_url__in={url for url, _ in accounts}
    ).select_related("environment").annotate(
        n_first=Count("hits", filter=here & first), made=Sum("hits__max_assignments", filter=here),
        further=Sum("hits__max_assignments", filter=here & ~first),
        unoffered=Sum("hits__max_assignments", filter=here & Q(hits__hit_id="")),
        paid=Subquery(paid.annotate(n=Sum("amount_usd") + Sum("fee_usd")).values("n")),
    ).order_by()
    needed: dict[tuple, list[Decimal]] = {}
    for campaign in campaigns:
        place = campaign.environment
        if (account := (place.endpoint_url, place.credentials)) in accounts and (usd := _to_come_usd(campaign)):
            needed.setdefault(account, []).append(usd)
    found = [
        Shortage(accounts[account], len(amounts), accounts[account].available_usd, sum(amounts, Decimal(0)))
        for account, amounts in needed.items()
    ]
    return [one for one in found if one.missing_usd > 0]


def _to_come_usd(campaign: Campaign) -> Decimal:
    """What places may still cost that are planned and not on offer, fees included, within what the budget leaves."""
    places = campaign.unoffered or 0
    if campaign.is_lean:
        planned = campaign.n_first * publishing.places_of_a_hit(campaign) + (campaign.further or 0)
        places += max(planned - (campaign.made or 0), 0)
    try:
        way: Way | None = way_of(campaign.environment)
    except GatewayError:
        way = None  # reward and fee as Mechanical Turk has them
    usd = places * (publishing.reward_usd(campaign, way) + publishing.fee_usd(campaign, way))
    if campaign.budget_usd is not None:
        usd = min(usd, max(campaign.budget_usd - (campaign.paid or 0), Decimal(0)))
    return usd
