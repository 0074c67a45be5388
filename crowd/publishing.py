"""A campaign's pairs become HITs on a marketplace."""

import hashlib
import random
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from annotation.models import Pair
from crowd import pricing
from crowd.models import Campaign, Hit, HitPair, Publication
from crowd.mturk.gateway import Gateway, GatewayError, GatewayUnavailable, InsufficientFunds
from crowd.pricing import Price
from jobs import running
from jobs.running import JobError, Report

T = TypeVar("T")
WAITS_S = (1, 2, 4, 8, 15, 30)
TOKEN_LIFETIME = timedelta(hours=23)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class CannotPublish(Exception):
    """The campaign is not fit to be launched; the message says what to change."""


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
    """What all votes will cost; after publishing, what was published."""
    sizes = [len(hit) for hit in grouped(campaign)]
    n_assignments = len(sizes) * campaign.votes_per_pair
    return Price(
        n_pairs=sum(sizes), n_hits=len(sizes), n_assignments=n_assignments, n_votes=sum(sizes) * campaign.votes_per_pair,
        reward_usd=n_assignments * campaign.reward_usd,
        fee_usd=n_assignments * pricing.fee_usd(campaign.reward_usd, campaign.votes_per_pair),
    )


def publish(campaign: Campaign, user) -> Publication:
    """Queue the making of all HITs, or the rest of them after an interruption.

    Raises: CannotPublish with what has to be changed.
    """
    offer = check(campaign)
    try:
        balance = Gateway(campaign.environment).balance_usd()
    except GatewayError as error:
        raise CannotPublish(f"The marketplace '{campaign.environment}' does not answer as it should: {error}") from error
    missing = offer.total_usd - balance
    if campaign.is_draft and missing > 0:
        raise CannotPublish(
            f"The account at '{campaign.environment}' holds {balance} USD, but {offer.total_usd} USD are needed. "
            f"Deposit {missing} USD, or ask for fewer votes."
        )
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        if campaign.publications.exclude(state__in=Publication.ENDED).exists():
            raise CannotPublish("It is being published already.")
        campaign.state = Campaign.State.PUBLISHING
        campaign.save(update_fields=["state"])
        return running.start(Publication(campaign=campaign, created_by=user))


def check(campaign: Campaign) -> Price:
    """The price, if everything about the campaign itself is in order.

    Raises: CannotPublish.
    """
    if campaign.state not in (Campaign.State.DRAFT, Campaign.State.PUBLISHING):
        raise CannotPublish(f"This campaign is {campaign.get_state_display()}; only a draft can be published.")
    offer = price(campaign)
    if offer.n_pairs == 0:
        raise CannotPublish(f"The data set '{campaign.dataset}' has no pairs to ask about.")
    if campaign.budget_usd is not None and offer.total_usd > campaign.budget_usd:
        raise CannotPublish(
            f"All votes together cost {offer.total_usd} USD, more than the budget of {campaign.budget_usd} USD. "
            "Raise the budget, or ask for fewer votes."
        )
    local = urlsplit(campaign.environment.worker_url).hostname in LOOPBACK
    if not local and not settings.PUBLIC_URL.startswith("https://"):
        raise CannotPublish(
            f"Workers of '{campaign.environment}' would be sent to {settings.PUBLIC_URL}, which is not https. "
            "Set PUBLIC_URL to the https address under which the world reaches this server."
        )
    return offer


def run(job: Publication, report: Report) -> None:
    """Make the HIT rows once, then create on the marketplace whichever is not there yet.

    Each row and its request token are committed before the call, so that a process that
    dies at any moment costs nothing twice.
    """
    campaign = job.campaign
    with transaction.atomic():
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        if not campaign.hits.exists():
            _make_hits(campaign)
    gateway = Gateway(campaign.environment)
    total = campaign.hits.count()
    todo = list(campaign.hits.filter(hit_id=""))
    try:
        hit_type = _patiently(report, lambda: _hit_type(gateway, campaign))
        for done, hit in enumerate(todo, start=total - len(todo)):
            report(done / total, f"{done} of {total} HITs are on offer")
            _patiently(report, lambda hit=hit: _create(gateway, hit, hit_type, campaign))
    except InsufficientFunds as error:
        made = campaign.hits.exclude(hit_id="").count()
        raise JobError(
            f"The account ran out of money: {made} of {total} HITs are on offer. Deposit and publish again. {error}"
        ) from error
    except GatewayError as error:
        made = campaign.hits.exclude(hit_id="").count()
        raise JobError(
            f"{made} of {total} HITs are on offer, then the marketplace failed: {error} Publish again to go on."
        ) from error
    with report.final():
        Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.PUBLISHING).update(
            state=Campaign.State.COLLECTING, published_at=timezone.now()
        )


def _patiently(report: Report, call: Callable[[], T]) -> T:
    """Repeat a call that may be repeated while the marketplace does not answer, for a minute in all."""
    waits_s = iter(WAITS_S)
    while True:
        try:
            return call()
        except GatewayUnavailable as error:
            if (wait_s := next(waits_s, None)) is None:
                raise
            report(line=f"{error}; trying again in {wait_s} s")
            time.sleep(wait_s)


def _hit_type(gateway: Gateway, campaign: Campaign) -> str:
    return gateway.create_hit_type(
        title=campaign.title, description=campaign.description, keywords=campaign.keywords,
        reward_usd=campaign.reward_usd, duration_s=campaign.duration_s, auto_approval_s=campaign.auto_approval_s,
    )


def _make_hits(campaign: Campaign) -> None:
    hits, hit_pairs = [], []
    for number, pairs in enumerate(grouped(campaign)):
        token = hashlib.sha256(f"{settings.SECRET_KEY}:hit:{campaign.pk}:{number}".encode()).hexdigest()
        hit = Hit(campaign=campaign, number=number, request_token=token, max_assignments=campaign.votes_per_pair)
        hits.append(hit)
        hit_pairs += [HitPair(hit=hit, pair_id=pair, position=position) for position, pair in enumerate(pairs)]
    Hit.objects.bulk_create(hits)
    HitPair.objects.bulk_create(hit_pairs, batch_size=1000)


def _create(gateway: Gateway, hit: Hit, hit_type: str, campaign: Campaign) -> None:
    annotation = f"nearer:{hit.request_token[:32]}"
    hit_id = None
    if hit.tried_at and timezone.now() - hit.tried_at > TOKEN_LIFETIME:
        hit_id = gateway.find_hit(annotation)  # the marketplace has forgotten the token, but not the HIT
    if hit_id is None:
        if hit.tried_at is None or timezone.now() - hit.tried_at > TOKEN_LIFETIME:
            Hit.objects.filter(pk=hit.pk).update(tried_at=timezone.now())
        hit_id = gateway.create_hit(
            hit_type, url=settings.PUBLIC_URL + reverse("task", args=[hit.token]), frame_height=campaign.frame_height,
            lifetime_s=campaign.lifetime_s, max_assignments=hit.max_assignments, annotation=annotation,
            token=hit.request_token,
        )
    now = timezone.now()
    Hit.objects.filter(pk=hit.pk).update(
        hit_id=hit_id, hit_type_id=hit_type, status="Assignable", published_at=now,
        expires_at=now + timedelta(seconds=campaign.lifetime_s),
    )


def finish(campaign: Campaign, user) -> None:
    """Offer nothing more; whoever has begun may still hand in and is paid.

    Raises: GatewayError from the marketplace; what has been expired until then stays so.
    """
    gateway = Gateway(campaign.environment)
    for hit in campaign.hits.exclude(hit_id="").exclude(status="Expired"):
        gateway.expire(hit.hit_id)
        Hit.objects.filter(pk=hit.pk).update(status="Expired", expires_at=timezone.now())
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.FINISHED, finished_at=timezone.now())
