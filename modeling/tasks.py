"""What Celery does for models by the clock; long work asked for by people is a job (`jobs.tasks`)."""

from celery import shared_task

from modeling import repeating


@shared_task
def tick() -> int:
    """Campaigns that train by themselves."""
    return repeating.tick()
