from importlib import import_module

from celery import shared_task
from django.conf import settings

from access import idempotency, throttling


@shared_task
def tidy() -> None:
    """Sessions that are over, failures that no longer count and keys of calls of yesterday are forgotten."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    throttling.forget_old()
    idempotency.forget()
