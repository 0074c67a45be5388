from importlib import import_module

from celery import shared_task
from django.conf import settings

from access import throttling


@shared_task
def tidy() -> None:
    """Sessions that are over and failures that no longer count are forgotten."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    throttling.forget_old()
