"""Workers without a browser: what they do on the marketplace and on the task page, in this process and quickly."""

from __future__ import annotations

import itertools

from django.utils import timezone

from annotation.models import Choice, Task
from crowd.marketplace import accounts, assignments
from crowd.marketplace import models as market
from crowd.models import Assignment, Environment, Hit
from crowd.visits import arriving
from tests.factories import cast

_number = itertools.count(1)


class Hand:
    """One worker of the marketplace."""

    def __init__(self, **fields):
        self.row = accounts.make_worker(f"hand{next(_number)}", "correct horse", **fields)

    def accept(self, hit: Hit) -> market.Assignment:
        """Takes the HIT on the marketplace, without opening its page."""
        return assignments.accept(self.row, market.Hit.objects.get(hit_id=hit.hit_id))

    def answer(self, hit: Hit, accepted: market.Assignment, *, n: int | None = None, response_ms: int = 2500) -> Task:
        """Opens the page and answers it, or the first `n` comparisons of it only."""
        hit = Hit.objects.select_related("campaign__environment").get(pk=hit.pk)  # as it is now
        query = {
            "assignmentId": accepted.assignment_id, "hitId": hit.hit_id, "workerId": self.row.worker_id,
            "turkSubmitTo": hit.campaign.environment.worker_url,
        }
        task = arriving.arrive(hit, query).task
        for comparison in task.comparisons.all()[:n]:
            cast(comparison, Choice.FIRST, response_ms=response_ms, elapsed_ms=response_ms)
        if n is None:
            Task.objects.filter(pk=task.pk).update(handed_in_at=timezone.now())
        return task

    def submit(self, accepted: market.Assignment, task: Task | None = None) -> None:
        """Sends the form at the end, to the marketplace."""
        assignments.submit(accepted.assignment_id, [("task", [str(task.pk)]) if task else ("done", ["1"])])

    def do(self, hit: Hit, **answering) -> market.Assignment:
        """All of it."""
        accepted = self.accept(hit)
        self.submit(accepted, self.answer(hit, accepted, **answering))
        return accepted

    def as_worker(self, place: Environment):
        return place.workers.get(worker_id=self.row.worker_id)

    def here(self, accepted: market.Assignment) -> Assignment:
        """The row that Nearer keeps of it."""
        return Assignment.objects.get(assignment_id=accepted.assignment_id)
