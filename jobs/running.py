"""Start, claim, report on, finish, cancel and take up jobs."""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.apps import apps
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from jobs import leases
from jobs.models import Job

logger = logging.getLogger(__name__)
State = Job.State
LOG_CHARACTERS = 8000
NUDGE_AGAIN_AFTER_S = 15


class LeaseLost(Exception):
    """Another process has taken this job up; whatever this one holds must not be written."""


class Cancelled(Exception):
    """A person asked for the job to stop."""


class JobError(Exception):
    """The job cannot succeed, for a reason that its owner can understand and mend; it is not retried."""


class Report:
    """The way a working step speaks to its row; every call renews the lease.

    Raises:
        Cancelled: from any call, once a person has asked for it.
        LeaseLost: once the row is no longer this process's.
    """

    def __init__(self, job: Job, token: str, listen: Callable[[str], None] | None = None):
        self._rows = type(job)._default_manager.filter(pk=job.pk, lease_token=token)
        self._lease = timedelta(seconds=job.lease_s)
        self._log = job.log
        self._listen = listen

    def __call__(self, progress: float | None = None, stage: str | None = None, line: str | None = None) -> None:
        fields: dict = {"lease_until": timezone.now() + self._lease}
        if progress is not None:
            fields["progress"] = min(max(float(progress), 0.0), 1.0)
        if stage is not None:
            fields["stage"] = stage[:200]
        if line is not None:
            self._log = f"{self._log}{timezone.now():%H:%M:%S} {line}\n"[-LOG_CHARACTERS:]
            fields["log"] = self._log
        if not self._rows.filter(state=State.RUNNING).update(**fields):
            self._explain()
        if self._listen and line:
            self._listen(line)

    @contextmanager
    def final(self) -> Iterator[None]:
        """Write results and end the job in one transaction, or do neither."""
        with transaction.atomic():
            done = {"state": State.DONE, "progress": 1.0, "ended_at": timezone.now(), "lease_until": None, "error": ""}
            if not self._rows.filter(state=State.RUNNING).update(**done):
                self._explain()
            yield

    def _explain(self) -> None:
        if self._rows.filter(state=State.CANCELLING).exists():
            raise Cancelled
        raise LeaseLost


def start(job: Job) -> Job:
    """Save the row if it is new, and nudge a worker once the transaction is through."""
    if job.pk is None:
        job.save()
    transaction.on_commit(lambda: nudge(job))
    return job


def nudge(job: Job, *, expires_s: float | None = None) -> None:
    """Tell the queue. A queue that is down costs time, not the job: the sweeper nudges again."""
    from jobs.tasks import run

    try:
        run.apply_async((job._meta.label, job.pk), queue=job.queue, retry=False, expires=expires_s)
    except Exception as error:  # whatever the transport raises, the row stays waiting
        logger.warning("the queue did not take %s %s: %s", job._meta.label, job.pk, error)


def claim(model: type[Job], pk: int) -> tuple[Job, str] | None:
    """Take the job for this process, or None where it is another's, ended or gone."""
    token = leases.new_token()
    now = timezone.now()
    free = Q(state=State.WAITING) | Q(state__in=(State.RUNNING, State.CANCELLING), lease_until__lt=now)
    claimed = model._default_manager.filter(free, pk=pk).update(
        state=models.Case(
            models.When(state=State.CANCELLING, then=models.Value(State.CANCELLING)),
            default=models.Value(State.RUNNING),
        ),
        lease_token=token,
        lease_until=now + timedelta(seconds=model.lease_s),
        attempts=F("attempts") + 1,
        started_at=now,
    )
    return (model._default_manager.get(pk=pk), token) if claimed else None


def execute(job: Job, listen: Callable[[str], None] | None = None) -> Job:
    """Claim the job and run its step to the end, in this process; returns the row as it then stands.

    Args:
        listen: is told each line as well, for somebody who watches in a terminal.
    """
    model = type(job)
    if (mine := claim(model, job.pk)) is None:
        return model._default_manager.get(pk=job.pk)
    row, token = mine
    try:
        if row.state == State.CANCELLING:
            raise Cancelled
        if row.attempts > row.max_attempts:
            raise JobError(f"Given up: {row.max_attempts} processes that worked on this died.")
        report = Report(row, token, listen)
        import_string(row.step)(row, report)
        with _ended_by_step(row, report):
            pass
    except LeaseLost:
        logger.warning("%s %s was taken up by another process", model._meta.label, row.pk)
    except Cancelled:
        _end(row, token, State.CANCELLED, "")
    except JobError as error:
        _end(row, token, State.FAILED, str(error))
    except Exception as error:
        logger.exception("%s %s failed", model._meta.label, row.pk)
        place = traceback.extract_tb(error.__traceback__)[-1]
        _end(row, token, State.FAILED, f"{type(error).__name__}: {error} ({place.name}, line {place.lineno})")
    return model._default_manager.get(pk=row.pk)


@contextmanager
def _ended_by_step(row: Job, report: Report) -> Iterator[None]:
    """A step without results of its own need not say `final`."""
    if type(row)._default_manager.filter(pk=row.pk, state__in=(State.RUNNING, State.CANCELLING)).exists():
        with report.final():
            yield
    else:
        yield


def _end(row: Job, token: str, state: str, error: str) -> None:
    """A job that has written its results stays done, whatever its step did after that."""
    mine = type(row)._default_manager.filter(pk=row.pk, lease_token=token, state__in=(State.RUNNING, State.CANCELLING))
    mine.update(
        state=state, error=error[:4000], ended_at=timezone.now(), lease_until=None
    )


def cancel(job: Job) -> None:
    """A waiting job ends at once, a running one at its next report."""
    rows = type(job)._default_manager.filter(pk=job.pk)
    rows.filter(state=State.WAITING).update(state=State.CANCELLED, ended_at=timezone.now())
    rows.filter(state=State.RUNNING).update(state=State.CANCELLING)


def job_models() -> list[type[Job]]:
    return [model for model in apps.get_models() if issubclass(model, Job)]


def sweep() -> int:
    """Nudge every job that waits without having been taken, or whose process has died; returns how many.

    A process that died on this machine is known to be dead at once, one elsewhere when its
    lease lapses. These nudges expire, so that they do not pile up behind a long job.
    """
    now = timezone.now()
    count = 0
    for model in job_models():
        rows = model._default_manager
        for pk, token in rows.filter(state__in=(State.RUNNING, State.CANCELLING)).values_list("pk", "lease_token"):
            if leases.holder_is_dead(token):
                rows.filter(pk=pk, lease_token=token).update(lease_until=now - timedelta(seconds=1))
        stale = Q(state=State.WAITING, created_at__lt=now - timedelta(seconds=NUDGE_AGAIN_AFTER_S))
        orphaned = Q(state__in=(State.RUNNING, State.CANCELLING), lease_until__lt=now)
        for job in rows.filter(stale | orphaned)[:100]:
            nudge(job, expires_s=NUDGE_AGAIN_AFTER_S)
            count += 1
    return count
