"""The loop by itself: when a campaign has enough new votes they are merged, released, learnt from and made priors.

A round's row remembers how far it has come; the clock moves it on when the job of its present stage has ended. Whatever
fails ends the round with its reason, and its votes are not asked again: the next round begins with the next batch.
"""

import logging
from datetime import datetime

from django.db import OperationalError, transaction
from django.utils import timezone

from annotation.models import Choice
from crowd import merging, releasing
from crowd.models import Campaign
from jobs.models import Job
from modeling import promoting, training
from modeling.models import Cadence, Round

logger = logging.getLogger(__name__)
STAGES = ("merge", "release", "run", "promotion")  # in this order
FORMATS = ["csv"]  # what the lifter reads is in every release


def tick() -> int:
    """Move every round on that can be, and begin those whose votes have come; returns how many rounds moved.

    Safe to run at any time, twice at once too.
    """
    moved = 0
    for pk in Round.objects.filter(state=Round.State.RUNNING).values_list("pk", flat=True):
        moved += _advance_or_fail(pk)
    cadences = Cadence.objects.exclude(every_votes=None).exclude(campaign__state=Campaign.State.ARCHIVED)
    for pk in cadences.exclude(campaign__state=Campaign.State.DRAFT).values_list("pk", flat=True):
        moved += begin(pk)
    return moved


def _advance_or_fail(round_id: int) -> bool:
    """One round's trouble is not another's, and is told once. A database that is away is no trouble of the round's."""
    try:
        return advance(round_id)
    except OperationalError:
        raise
    except Exception as error:
        logger.exception("round %s failed", round_id)
        return _end(Round.objects.get(pk=round_id), Round.State.FAILED, f"{type(error).__name__}: {error}")


def new_votes(campaign: Campaign, since: datetime | None) -> int:
    """Comparisons answered in tasks that were verified after `since`, or at all."""
    votes = merging.votes_of(campaign).exclude(choice=Choice.UNDONE)
    if since is not None:
        votes = votes.filter(task__verified_at__gt=since)
    return votes.values("comparison").distinct().count()


def last_round(campaign: Campaign) -> Round | None:
    return campaign.rounds.order_by("-pk").first()


@transaction.atomic
def begin(cadence_id: int) -> bool:
    """Start a round if enough votes have come since the last one, or the campaign is over and any have.

    Returns: whether it did.
    """
    cadence = Cadence.objects.select_for_update(of=["self"], no_key=True).select_related("campaign").get(pk=cadence_id)
    campaign, last = cadence.campaign, last_round(cadence.campaign)
    if not cadence.every_votes or (last is not None and last.state == Round.State.RUNNING):
        return False
    until = timezone.now()
    count = new_votes(campaign, last.counted_until if last else None)
    if count < (1 if campaign.is_over else cadence.every_votes):
        return False
    Round.objects.create(
        campaign=campaign, n_new_votes=count, counted_until=until, merge=merging.start(campaign, _who(cadence)),
    )
    return True


@transaction.atomic
def advance(round_id: int) -> bool:
    """Start the next stage of a round whose present one has ended, or end the round; returns whether anything was done."""
    row = Round.objects.select_for_update(of=["self"], no_key=True).get(pk=round_id)
    if row.state != Round.State.RUNNING:
        return False
    stage = next((name for name in reversed(STAGES) if getattr(row, f"{name}_id")), None)
    if stage is None:
        return _end(row, Round.State.FAILED, "What it had begun was deleted.")
    job: Job = getattr(row, stage)
    if not job.has_ended:
        return False
    if job.state == Job.State.CANCELLED:
        return _end(row, Round.State.CANCELLED, f"The {stage} was stopped.")
    if job.state == Job.State.FAILED:
        return _end(row, Round.State.FAILED, f"The {stage} failed: {job.error}")
    cadence = Cadence.objects.filter(campaign=row.campaign_id).first()
    if cadence is None:
        return _end(row, Round.State.CANCELLED, "The campaign does not train by itself any more.")
    if stage == "promotion" or (stage == "run" and not cadence.promotes):
        return _end(row, Round.State.DONE, "")
    return _next(row, stage, cadence)


def _next(row: Round, stage: str, cadence: Cadence) -> bool:
    user = _who(cadence)
    try:
        if stage == "merge":
            row.release = releasing.start(row.merge, user, formats=FORMATS)
        elif stage == "release":
            note = f"By itself, after {row.n_new_votes:,} new votes"
            row.run = training.start(row.release, user, settings=cadence.settings, seed=cadence.seed, note=note)
        else:
            if promoting.under_way(row.campaign.dataset):
                return False  # of another campaign on the same data set, or by hand: its turn comes
            row.promotion = promoting.start(row.run, row.campaign.dataset, user)
    except ValueError as error:
        return _end(row, Round.State.FAILED, str(error))
    row.save(update_fields=["release", "run", "promotion"])
    return True


def _end(row: Round, state: str, error: str) -> bool:
    row.state, row.error, row.ended_at = state, error[:4000], timezone.now()
    row.save(update_fields=["state", "error", "ended_at"])
    return True


def _who(cadence: Cadence):
    """In whose name it happens: who set the cadence, or the campaign's owner."""
    return cadence.set_by or cadence.campaign.owner


def set_cadence(
    campaign: Campaign, user, *, every_votes: int | None, promotes: bool = True, settings: dict | None = None, seed: int = 0
) -> Cadence:
    """From now on the campaign trains by itself after so many votes; None: it does not.

    Raises: training.CannotTrain for settings that make no sense; ValueError for a number of votes below 1.
    """
    if every_votes is not None and every_votes < 1:
        raise ValueError(f"every_votes = {every_votes}: give 1 or more, or nothing for never.")
    settings = training.check_settings(settings or {})
    return Cadence.objects.update_or_create(campaign=campaign, defaults={
        "every_votes": every_votes, "promotes": promotes, "settings": settings, "seed": seed, "set_by": user,
        "set_at": timezone.now(),
    })[0]
