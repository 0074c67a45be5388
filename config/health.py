"""Is the process alive, and is all that it needs there?"""

from collections.abc import Callable

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from config.celery import app


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    with app.connection_for_read(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=0, timeout=2)


def _worker() -> None:
    with app.connection_for_read(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=0, timeout=2)
        if not app.control.inspect(timeout=1.0, limit=1, connection=broker).ping():
            raise RuntimeError("no Celery worker answers")


def _storage() -> None:
    name = default_storage.save("health/probe", ContentFile(b"1"))
    default_storage.delete(name)


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database, "broker": _broker, "worker": _worker, "storage": _storage,
}


@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse("alive\n", content_type="text/plain")


@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 when everything answers, else 503; each part by name, without details that a stranger need not see."""
    states = {}
    for name, check in CHECKS.items():
        try:
            check()
            states[name] = "ok"
        except Exception as error:  # whatever a service raises, it is not ready
            states[name] = f"not ready ({type(error).__name__})"
    ok = all(state == "ok" for state in states.values())
    return JsonResponse({"ready": ok, **states}, status=200 if ok else 503)
