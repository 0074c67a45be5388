"""A worker's page: the template, with what its header needs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from crowd.marketplace.models import Assignment, Worker


def show(request: HttpRequest, worker: Worker, template: str, context: dict | None = None, status: int = 200) -> HttpResponse:
    shared = {
        "worker": worker,
        "here": request.resolver_match.url_name,
        "n_unread": worker.messages.filter(read_at=None).count(),
        "n_in_work": worker.assignments.filter(state=Assignment.State.ACCEPTED).count(),
    }
    return render(request, f"marketplace/{template}", shared | (context or {}), status=status)
