"""A real worker is killed in the middle of a job, and the job is done all the same, once."""

import pytest

from annotation.models import Annotator, Import
from jobs import running
from jobs.models import Job


@pytest.fixture
def start_job_worker(start_worker):
    return lambda: start_worker(
        DJANGO_SETTINGS_MODULE="tests.jobs.worker_settings", STEP_UNDER_TEST="tests.jobs.steps.make_one_when_told"
    )


@pytest.mark.once
def test_a_job_whose_worker_is_killed_is_done_exactly_once_by_the_next(start_job_worker, tmp_path, eventually):
    first = start_job_worker()
    job = running.start(Import(format="lsp", path=str(tmp_path), name="a data set"))
    eventually(lambda: list(tmp_path.glob("begun-*")))
    first.kill()
    (tmp_path / "go-on").touch()
    start_job_worker()

    def swept_and_done() -> bool:
        running.sweep()
        job.refresh_from_db()
        return job.has_ended

    eventually(swept_and_done)
    assert (job.state, job.attempts, job.error) == (Job.State.DONE, 2, "")
    assert Annotator.objects.count() == 1
    assert len(list(tmp_path.glob("begun-*"))) == 2


@pytest.mark.once
def test_a_job_that_is_announced_many_times_is_done_once(start_job_worker, tmp_path, eventually):
    start_job_worker()
    start_job_worker()
    (tmp_path / "go-on").touch()
    job = running.start(Import(format="lsp", path=str(tmp_path), name="a data set"))
    for _ in range(20):
        running.nudge(job)

    def done() -> bool:
        job.refresh_from_db()
        return job.has_ended

    eventually(done)
    assert (job.state, job.attempts) == (Job.State.DONE, 1)
    assert Annotator.objects.count() == 1


@pytest.mark.once
def test_a_running_job_is_cancelled_from_the_panel_and_frees_its_worker(start_job_worker, tmp_path, eventually):
    start_job_worker()
    job = running.start(Import(format="lsp", path=str(tmp_path), name="a data set"))
    eventually(lambda: list(tmp_path.glob("begun-*")))
    running.cancel(job)

    def ended() -> bool:
        job.refresh_from_db()
        return job.has_ended

    eventually(ended)
    assert job.state == Job.State.CANCELLED
    assert Annotator.objects.count() == 0
