"""A worker's page: the template, with what its header needs."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from crowd.marketplace.models import Assignment, Worker

LANGUAGE = "en"


def in_english(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The marketplace's words are English, so Django's own (errors of forms, dates) are too, whatever the browser asks for."""

    @wraps(view)
    def spoken(*args, **kwargs) -> HttpResponse:
        with translation.override(LANGUAGE):
            response = view(*args, **kwargs)
        response.headers.setdefault("Content-Language", LANGUAGE)
        return response

    return spoken


def show(request: HttpRequest, worker: Worker, template: str, context: dict | None = None, status: int = 200) -> HttpResponse:
    shared = {
        "worker": worker,
        "here": request.resolver_match.url_name,
        "n_unread": worker.messages.filter(read_at=None).count(),
        "n_in_work": worker.assignments.filter(state=Assignment.State.ACCEPTED).count(),
    }
    return render(request, f"marketplace/{template}", shared | (context or {}), status=status)
