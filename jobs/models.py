"""Long work is a row that can be watched.

A job's safety lives in the database, not in the queue: any broker may lose or repeat a
message. A process claims a row by one conditional update with a token of its own, renews
the lease while it works, and finishes only with that token; a lease that lapses lets the
next process take the job up again.
"""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Job(models.Model):
    """What every import, publication, merge, release and training run has in common.

    A subclass names its `step`, the dotted path of a function `step(row, report)` that
    does the work, writes its results inside `with report.final():` and is safe to run
    again from the start.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLING = "cancelling", "cancelling"
        CANCELLED = "cancelled", "cancelled"

    ENDED = (State.DONE, State.FAILED, State.CANCELLED)

    step = ""
    queue = "default"
    lease_s = 120
    max_attempts = 3

    state = models.CharField(max_length=12, choices=State, default=State.WAITING, editable=False)
    progress = models.FloatField(default=0, editable=False, help_text="Share done, 0 to 1.")
    stage = models.CharField(max_length=200, blank=True, editable=False)
    log = models.TextField(blank=True, editable=False, help_text="The last lines only.")
    error = models.TextField(blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    lease_token = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    @property
    def has_ended(self) -> bool:
        return self.state in self.ENDED

    @property
    def is_done(self) -> bool:
        return self.state == self.State.DONE

    @property
    def duration_s(self) -> float | None:
        if not self.started_at:
            return None
        return ((self.ended_at or timezone.now()) - self.started_at).total_seconds()
