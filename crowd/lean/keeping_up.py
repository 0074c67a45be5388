"""A lean campaign keeps itself going: tasks are counted, votes merged anew, and nothing is bought once nothing is open."""

import logging
from datetime import UTC, datetime, timedelta

from django.db.models import Sum
from django.utils import timezone

from crowd import life, merging
from crowd.lean import broadening, offering, opening, standing
from crowd.models import Campaign, Merge, Standing
from crowd.publishing import CannotPublish

logger = logging.getLogger(__name__)
PAUSE_AFTER_FAILURE = timedelta(minutes=10)
GROWTH = 0.1
MOST_LEFT_OPEN = 0.1  # of all pairs: where a data set is hardly larger than a task, its pairs are not a last few


def keep_up(campaign: Campaign) -> None:
    """One round after every reconciliation; safe to repeat at any time."""
    if not campaign.is_lean:
        return
    if not campaign.standings.exists():
        standing.begin(campaign)
    if campaign.standings.filter(changed_at__lt=_newest_parameters(campaign)).exists():
        standing.measure(campaign)
        _note(campaign)
    standing.catch_up(campaign)
    standing.recount_all(campaign, opening.next_turn(campaign))
    broadening.broaden(campaign)
    if is_due(campaign):
        merging.start(campaign, None)
    if campaign.state == Campaign.State.COLLECTING and is_complete(campaign):
        try:
            life.finish(campaign, None)
        except CannotPublish as problem:  # such as a change that is still under way: next time
            logger.info("campaign %s is complete but not finished yet: %s", campaign.pk, problem)
    else:
        offering.widen(campaign)


def keep_all() -> int:
    """`keep_up` for every campaign that may have news; one that fails does not stop the others."""
    count = 0
    for campaign in Campaign.objects.to_reconcile().filter(protocol=Campaign.Protocol.LEAN):
        try:
            keep_up(campaign)
            count += 1
        except Exception:  # whatever it is, the next campaign's workers are waiting
            logger.exception("campaign %s could not be kept up", campaign.pk)
    return count


def _note(campaign: Campaign) -> None:
    """Beside the newest merge: how many pairs were finished by it, and what they had cost; the panel draws it."""
    merge = campaign.merges.filter(state=Merge.State.DONE, parameters__isnull=False).order_by("-pk").first()
    if merge is None:
        return
    merge.figures["lean"] = {
        "finished": campaign.standings.exclude(state=Standing.State.OPEN).count(),
        "votes": campaign.standings.aggregate(n=Sum("n_votes"))["n"] or 0, "spent_usd": float(campaign.spent_usd),
    }
    merge.save(update_fields=["figures"])


def _newest_parameters(campaign: Campaign) -> datetime:
    """When what standings are measured by changed last: a merge was done."""
    merges = campaign.merges.filter(state=Merge.State.DONE, parameters__isnull=False).order_by("-pk")
    return merges.values_list("ended_at", flat=True).first() or datetime.min.replace(tzinfo=UTC)


def is_due(campaign: Campaign) -> bool:
    """Whether enough votes came in since the last merge, and none is under way or has just failed.

    Enough are `merge_every`, and a tenth of those merged by then: what the first votes tell of people is worth most, and
    merging all of a million anew after each few hundred would cost more than it tells.
    """
    newest = campaign.merges.order_by("-pk").first()
    if newest is not None and not newest.has_ended:
        return False
    if newest is not None and not newest.is_done and timezone.now() - newest.ended_at < PAUSE_AFTER_FAILURE:
        return False
    merged = merging.latest(campaign)
    votes, enough = merging.votes_of(campaign), campaign.merge_every
    if merged is not None and merged.votes_upto:
        enough = max(enough, int(votes.filter(pk__lte=merged.votes_upto).count() * GROWTH))
        votes = votes.filter(pk__gt=merged.votes_upto)
    return votes.order_by()[:enough].count() >= enough


def is_complete(campaign: Campaign) -> bool:
    """Every pair is sure or left at that, and nobody is out.

    A last few that have their least votes, at most a tenth of all, are left open where they fill less than
    `least_open_share` of a task: the rest of it would be bought about pairs that are finished.
    """
    pairs = campaign.standings
    if not pairs.exists() or pairs.filter(n_out__gt=0).exists():
        return False
    n_votes = list(pairs.filter(state=Standing.State.OPEN).values_list("n_votes", flat=True)[: campaign.comparisons_per_hit])
    if not n_votes:
        return True
    if min(n_votes) < max(campaign.least_votes, 1) or len(n_votes) >= campaign.least_open_share * campaign.comparisons_per_hit:
        return False
    return len(n_votes) <= MOST_LEFT_OPEN * pairs.count()
