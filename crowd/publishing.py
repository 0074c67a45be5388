"""A campaign's pairs become HITs on whatever way to people it takes."""

import hashlib
import random
from collections import defaultdict
from decimal import Decimal
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from annotation.models import Pair
from crowd import pricing, rights
from crowd.books import auditing, outbox, performing
from crowd.lean import standing
from crowd.models import Assignment, Call, Campaign, Hit, HitPair, Publication, usd
from crowd.pricing import Price
from crowd.ways import way_of
from crowd.ways.base import CannotOffer, GatewayError, Way
from jobs import running
from jobs.running import JobError, Report

MOST_PLACES = 9  # of one HIT: from 10 the fee is another
CannotPublish = CannotOffer  # the campaign is not fit to be launched; the message says what to change


def grouped(campaign: Campaign) -> list[list[int]]:
    """The campaign's pairs as HITs: lists of pair ids, each with at most so many images and pairs per image.

    An image's pairs stay together as far as `pairs_per_image` allows, as a new image costs
    a worker time. Which images meet in a HIT is drawn from the campaign's seed.
    """
    of_image: dict[int, list[int]] = defaultdict(list)
    pairs = Pair.objects.of_dataset(campaign.dataset).order_by("person__image__name", "person__number", "pk")
    for pair, image in pairs.values_list("pk", "person__image"):
        of_image[image].append(pair)
    size = campaign.pairs_per_image
    draw = random.Random(f"hits:{campaign.seed}")
    runs = []
    for some in of_image.values():
        draw.shuffle(some)
        runs += [some[start : start + size] for start in range(0, len(some), size)]
    draw.shuffle(runs)
    remaining = iter(runs)
    hits = []
    while several := list(islice(remaining, campaign.images_per_hit)):
        hits.append([pair for run in several for pair in run])
    return hits


def price(campaign: Campaign) -> Price:
    """What all votes will cost; once HITs are made, what those cost that were made."""
    way = way_of(campaign.environment) if campaign.environment_id else None
    hits = campaign.hits.filter(compensates=None) if campaign.pk else Hit.objects.none()
    made = hits.aggregate(n=Count("pk"), assignments=Sum("max_assignments"))
    if made["n"]:
        n_hits, n_assignments = made["n"], made["assignments"]
        pairs = HitPair.objects.filter(hit__in=hits)
        if campaign.is_lean:
            n_assignments = planned_places(campaign)
            n_pairs = Pair.objects.of_dataset(campaign.dataset).count()
            return Price(
                n_pairs=n_pairs, n_hits=n_hits, n_assignments=n_assignments,
                n_votes=min(n_pairs * campaign.votes_per_pair, n_assignments * campaign.comparisons_per_hit),
                reward_usd=n_assignments * reward_usd(campaign, way), fee_usd=n_assignments * fee_usd(campaign, way),
            )
        n_votes = pairs.aggregate(n=Sum("hit__max_assignments"))["n"] or 0
        n_pairs = pairs.filter(hit__follows=None).count()
    else:
        sizes = [len(hit) for hit in grouped(campaign)]
        n_hits, n_pairs, n_assignments = len(sizes), sum(sizes), len(sizes) * campaign.votes_per_pair
        n_votes = n_pairs * campaign.votes_per_pair
    return Price(
        n_pairs=n_pairs, n_hits=n_hits, n_assignments=n_assignments, n_votes=n_votes,
        reward_usd=n_assignments * reward_usd(campaign, way), fee_usd=n_assignments * fee_usd(campaign, way),
    )


def places_of_a_hit(campaign: Campaign) -> int:
    """Different workers who may at last do one of the campaign's first HITs; from 10 on the fee would be another."""
    return min(campaign.votes_per_pair + campaign.more_votes, MOST_PLACES)


def planned_places(campaign: Campaign) -> int:
    """Of all HITs that were made; a lean campaign's are offered a few at a time (`crowd.lean.offering`)."""
    hits = campaign.hits.filter(compensates=None)
    if not campaign.is_lean:
        return hits.aggregate(n=Sum("max_assignments"))["n"] or 0
    further = hits.exclude(follows=None).aggregate(n=Sum("max_assignments"))["n"] or 0
    return hits.filter(follows=None).count() * places_of_a_hit(campaign) + further


def reward_usd(campaign: Campaign, way: Way | None) -> Decimal:
    """What one assignment pays through Nearer."""
    return campaign.reward_usd if way is None or way.pays else Decimal("0.00")


def fee_usd(campaign: Campaign, way: Way | None) -> Decimal:
    """What comes on top of one assignment; in HITs of at most 9, always the lower fee."""
    n = min(campaign.votes_per_pair, MOST_PLACES)
    return pricing.fee_usd(campaign.reward_usd, n) if way is None else way.fee_usd(reward_usd(campaign, way), n)


def committed_usd(campaign: Campaign) -> Decimal:
    """What the campaign has cost, what is on its way, and what places may still cost that are open or being worked on."""
    way = way_of(campaign.environment)
    each = reward_usd(campaign, way) + fee_usd(campaign, way)
    undecided = Count("assignments", filter=Q(assignments__state__in=Assignment.UNDECIDED))
    decided = Count("assignments", filter=Q(assignments__state__in=[Assignment.State.APPROVED, Assignment.State.REJECTED]))
    hits = campaign.hits.exclude(hit_id="").annotate(n_undecided=undecided, n_decided=decided)
    n_open = sum(
        n_undecided if status in ("Expired", "Disposed") else max(n - n_decided, 0)
        for status, n, n_undecided, n_decided in hits.values_list("status", "max_assignments", "n_undecided", "n_decided")
    )
    return campaign.spent_usd + n_open * each + waiting_bonuses_usd(campaign, way)


def waiting_bonuses_usd(campaign: Campaign, way: Way) -> Decimal:
    """Bonuses and their fees that are decided and not yet paid."""
    calls = Call.objects.unfinished().filter(campaign=campaign, kind=Call.Kind.BONUS).values_list("payload", flat=True)
    amounts = [Decimal(payload["amount_usd"]) for payload in calls]
    return usd(sum((amount + way.fee_usd(amount) for amount in amounts), Decimal(0)))


def publish(campaign: Campaign, user, *, agreed_usd: Decimal | None = None) -> Publication:
    """Queue the making of all HITs, or the rest of them after an interruption.

    Args:
        agreed_usd: the price that was shown to whoever says so; another price by now is refused.

    Raises: CannotPublish with what has to be changed.
    """
    offer = check(campaign)
    if agreed_usd is not None and campaign.is_draft and offer.total_usd != agreed_usd:
        raise CannotPublish(f"The price is {offer.total_usd} USD by now, not {agreed_usd}. Look at it again.")
    if campaign.is_draft:
        require_funds(campaign, offer.total_usd)
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        require_quiet(campaign)
        if campaign.is_draft:
            campaign.price_usd = offer.total_usd
        campaign.state = Campaign.State.PUBLISHING
        campaign.save(update_fields=["state", "price_usd"])
        return running.start(Publication(campaign=campaign, created_by=user))


def require_quiet(campaign: Campaign) -> None:
    """One change to what is offered at a time; the caller has locked the campaign. Raises: CannotPublish."""
    if (job := campaign.publications.exclude(state__in=Publication.ENDED).first()) is not None:
        raise CannotPublish(f"The {job.get_act_display()} of this campaign is still under way; wait for its end.")


def require_funds(campaign: Campaign, needed_usd: Decimal) -> None:
    """Raises: CannotPublish where the account does not cover so much, or does not answer."""
    try:
        balance = way_of(campaign.environment).balance()
    except GatewayError as error:
        raise CannotPublish(f"The marketplace '{campaign.environment}' does not answer as it should: {error}") from error
    if balance is None:
        return
    auditing.open_ledger(campaign.environment, balance)
    if balance.available_usd < needed_usd:
        raise CannotPublish(
            f"The account at '{campaign.environment}' holds {balance.available_usd} USD, but {needed_usd} USD are needed. "
            f"Deposit {needed_usd - balance.available_usd} USD, or ask for fewer votes."
        )


def require_budget(campaign: Campaign, more_usd: Decimal) -> None:
    """Raises: CannotPublish where the campaign would go beyond its budget with so much more."""
    if campaign.budget_usd is None:
        return
    total = committed_usd(campaign) + more_usd
    if total > campaign.budget_usd:
        raise CannotPublish(
            f"With this the campaign may cost {total} USD, more than its budget of {campaign.budget_usd} USD. "
            "Raise the budget first, or ask for less."
        )


def check(campaign: Campaign) -> Price:
    """The price, if everything about the campaign itself is in order.

    Raises: CannotPublish.
    """
    if campaign.state not in (Campaign.State.DRAFT, Campaign.State.PUBLISHING):
        raise CannotPublish(f"This campaign is {campaign.get_state_display()}; only a draft can be published.")
    try:
        way = way_of(campaign.environment)
    except GatewayError as error:
        raise CannotPublish(str(error)) from error
    offer = price(campaign)
    if offer.n_pairs == 0:
        raise CannotPublish(f"The data set '{campaign.dataset}' has no pairs to ask about.")
    if campaign.is_lean and campaign.further_pairs and not rights.may_broaden(campaign):
        raise CannotPublish(
            f"Further pairs need the right to change the data set '{campaign.dataset}', which {campaign.owner} does not have. "
            "Ask its owner for it, or set further pairs to 0."
        )
    if campaign.is_draft and campaign.budget_usd is not None and offer.total_usd > campaign.budget_usd:
        raise CannotPublish(
            f"All votes together cost {offer.total_usd} USD, more than the budget of {campaign.budget_usd} USD. "
            "Raise the budget, or ask for fewer votes."
        )
    way.check(campaign)
    return offer


def run(job: Publication, report: Report) -> None:
    """Make the HIT rows once, then put on offer whichever is not there yet.

    Each row and its token are committed before the call, so that a process that dies at any
    moment costs nothing twice.
    """
    campaign = job.campaign
    with transaction.atomic():
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        if not campaign.hits.exists():
            _make_hits(campaign)
    if campaign.is_lean:
        report(line="working out where every pair stands")
        standing.begin(campaign)
    offer_rest(job, report)
    with report.final():
        Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.PUBLISHING).update(
            state=Campaign.State.COLLECTING, published_at=timezone.now()
        )


def offer_rest(job: Publication, report: Report) -> None:
    """Put the HITs on offer that are not yet, within the budget. Raises: JobError that says how many are."""
    campaign = job.campaign
    way = way_of(campaign.environment)
    hits = campaign.hits.filter(compensates=None)
    total, committed = hits.count(), committed_usd(campaign)
    each = reward_usd(campaign, way) + fee_usd(campaign, way)

    def on_offer() -> str:
        return f"{hits.exclude(hit_id='').count()} of {total} HITs are on offer"

    try:
        calls = performing.patiently(report, lambda: way.offer(campaign, job.created_by))
        if outbox.revive(campaign.calls.filter(pk__in=[call.pk for call in calls])):
            calls = list(campaign.calls.filter(pk__in=[call.pk for call in calls]).order_by("pk"))
        for done, call in enumerate(calls, start=total - len(calls)):
            report(done / max(total, 1), f"{done} of {total} HITs are on offer")
            cost = call.hit.max_assignments * each if call.hit_id and not call.is_done else Decimal(0)
            budget = Campaign.objects.values_list("budget_usd", flat=True).get(pk=campaign.pk)
            if budget is not None and committed + cost > budget:
                raise JobError(
                    f"The budget of {budget} USD is reached: {on_offer()}. Raise it and go on, or leave it at that and finish."
                )
            performing.perform(report, call)
            committed += cost
    except outbox.InsufficientFunds as error:
        raise JobError(f"The account ran out of money: {on_offer()}. Deposit and publish again. {error}") from error
    except GatewayError as error:
        raise JobError(f"{on_offer()}, then the marketplace failed: {error} Publish again to go on.") from error


def _make_hits(campaign: Campaign) -> None:
    hits, hit_pairs = [], []
    at_first = campaign.votes_per_pair
    if campaign.is_lean:
        at_first = min(at_first, max(campaign.most_out, campaign.least_votes))
    for number, pairs in enumerate(grouped(campaign)):
        hit = Hit(
            campaign=campaign, number=number, request_token=request_token(campaign, number),
            max_assignments=at_first,
        )
        hits.append(hit)
        if not campaign.is_lean:  # there a task is filled when it is accepted
            hit_pairs += [HitPair(hit=hit, pair_id=pair, position=position) for position, pair in enumerate(pairs)]
    Hit.objects.bulk_create(hits)
    HitPair.objects.bulk_create(hit_pairs, batch_size=1000)


def request_token(campaign: Campaign, number: int) -> str:
    return hashlib.sha256(f"{settings.SECRET_KEY}:hit:{campaign.pk}:{number}".encode()).hexdigest()
