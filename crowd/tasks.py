"""What Celery does for campaigns by the clock; long work asked for by people is a job (`jobs.tasks`)."""

from celery import shared_task

from crowd import outbox, reconciling
from crowd.lean import keeping_up


@shared_task
def reconcile_all() -> int:
    count = reconciling.reconcile_all()
    keeping_up.keep_all()
    return count


@shared_task
def sweep_outbox() -> int:
    return outbox.sweep()
