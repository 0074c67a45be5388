"""Settings, URLs and Celery. The app is imported here so that `@shared_task` binds to it."""

from config.celery import app as celery_app

__version__ = "0.1.0"
__all__ = ["__version__", "celery_app"]
