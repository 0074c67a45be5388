"""Further pairs of the same people while a campaign's money lasts: what teaches a lifter most once a pair has its votes."""

import logging

from annotation import more_pairs
from crowd import rights
from crowd.lean import offering, standing
from crowd.models import Campaign, Standing

logger = logging.getLogger(__name__)
TASKS_AHEAD = 4  # open pairs that nobody is at, in tasks, below which further ones are made


def broaden(campaign: Campaign) -> int:
    """One further random pair of everybody where little is left to ask and the plan has places left; how many that were.

    At most `further_pairs` times, no more pairs than those places can ask about, and none where the campaign's owner may no
    longer change the data set. Safe to repeat.
    """
    if campaign.state != Campaign.State.COLLECTING or campaign.broadened >= campaign.further_pairs or _has_enough(campaign):
        return 0
    votes_left = (offering.affordable(campaign) + offering.free(campaign)) * campaign.comparisons_per_hit
    most = votes_left - campaign.standings.filter(state=Standing.State.OPEN).count()
    if most < 1 or not rights.may_broaden(campaign):
        return 0
    seed = 1000 * campaign.seed + campaign.broadened + 1
    n = more_pairs.add(campaign.dataset, "random", 1, seed, most=most)
    standing.begin(campaign)  # before the round counts: a process that dies here makes one more, and no pair is lost
    campaign.broadened += 1
    campaign.save(update_fields=["broadened"])
    logger.info("campaign %s: %s further pairs", campaign.pk, n)
    return n


def _has_enough(campaign: Campaign) -> bool:
    rows = campaign.standings.filter(state=Standing.State.OPEN, n_out=0, pair__gold_first=None)
    enough = TASKS_AHEAD * campaign.comparisons_per_hit
    return rows[:enough].count() == enough
