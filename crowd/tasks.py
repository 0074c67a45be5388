"""What Celery does for campaigns by the clock; long work asked for by people is a job (`jobs.tasks`)."""

from contextlib import suppress

from celery import shared_task

from crowd import funds, reconciling
from crowd.books import outbox
from crowd.lean import keeping_up
from crowd.models import Campaign
from crowd.ways.base import GatewayError


@shared_task
def reconcile_all() -> int:
    count = reconciling.reconcile_all()
    keeping_up.keep_all()
    funds.look_at_all()
    return count


@shared_task
def reconcile_one(campaign_id: int) -> None:
    """Sooner than the clock, because somebody has said that there is news."""
    if (campaign := Campaign.objects.to_reconcile().filter(pk=campaign_id).first()) is not None:
        with suppress(GatewayError):  # its row keeps the reason
            reconciling.reconcile(campaign, everything=False)


@shared_task
def sweep_outbox() -> int:
    return outbox.sweep()
