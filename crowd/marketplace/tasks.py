"""The marketplace's heartbeat."""

from celery import shared_task

from crowd.marketplace import clocks


@shared_task
def tick() -> int:
    return clocks.sweep()
