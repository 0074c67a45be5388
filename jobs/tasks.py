"""The two Celery tasks behind every job."""

from celery import shared_task
from django.apps import apps

from jobs import running


@shared_task
def run(label: str, pk: int) -> None:
    """Work on one job; a message that comes twice, late or for a row that is gone does nothing."""
    job = apps.get_model(label)._default_manager.filter(pk=pk).first()
    if job is not None:
        running.execute(job)


@shared_task
def sweep() -> int:
    return running.sweep()
