"""What a worker can choose from."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from crowd.marketplace.models import Hit, HitType, Worker
from crowd.marketplace.qualifications import Action, Standing

ORDERS = {
    "newest": ("Newest first", lambda offer: (-offer.newest.timestamp(), offer.hit_type.pk)),
    "reward": ("Best paid first", lambda offer: (-offer.hit_type.reward_usd, offer.hit_type.pk)),
    "most": ("Most HITs first", lambda offer: (-offer.n_hits, offer.hit_type.pk)),
}


@dataclass(frozen=True)
class Offer:
    """HITs of one type that a worker can still do."""

    hit_type: HitType
    n_hits: int
    newest: datetime
    may_preview: bool
    may_accept: bool


def hits_for(worker: Worker) -> QuerySet:
    """HITs on offer which this worker has not taken and whose requester has not blocked the worker."""
    return (
        Hit.objects.on_offer(timezone.now())
        .exclude(assignments__in=worker.assignments.live())
        .exclude(requester__blocks__worker=worker)
    )


def offers(worker: Worker, *, search: str = "", order: str = "newest") -> list[Offer]:
    """By HIT type, without those whose requirements hide them from this worker."""
    counts = {
        row["hit_type"]: row
        for row in hits_for(worker).values("hit_type").order_by().annotate(n=Count("pk"), newest=Max("created_at"))
    }
    types = HitType.objects.filter(pk__in=counts).select_related("requester")
    for word in search.split()[:10]:
        types = types.filter(
            Q(title__icontains=word) | Q(description__icontains=word) | Q(keywords__icontains=word)
            | Q(requester__name__icontains=word)
        )
    standing = Standing(worker)
    found = [
        Offer(
            hit_type=hit_type,
            n_hits=counts[hit_type.pk]["n"],
            newest=counts[hit_type.pk]["newest"],
            may_preview=standing.allows(Action.PREVIEW, hit_type.requirements),
            may_accept=standing.allows(Action.ACCEPT, hit_type.requirements),
        )
        for hit_type in types
        if standing.allows(Action.DISCOVER, hit_type.requirements)
    ]
    return sorted(found, key=lambda offer: (not offer.may_accept, *ORDERS[order][1](offer)))


def next_hit(worker: Worker, hit_type: HitType) -> Hit | None:
    """The oldest HIT of a type that this worker can still take."""
    return hits_for(worker).filter(hit_type=hit_type).order_by("pk").first()
