"""What Celery does for campaigns by the clock; long work asked for by people is a job (`jobs.tasks`)."""

from celery import shared_task

from crowd import outbox, reconciling


@shared_task
def reconcile_all() -> int:
    return reconciling.reconcile_all()


@shared_task
def sweep_outbox() -> int:
    return outbox.sweep()
