"""A job is claimed by one process, ends once, and says why when it fails."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotation.models import Annotator, Import
from jobs import leases, running
from jobs.models import Job
from tests.jobs.test_leases import token_of_a_dead_process

State = Job.State
OTHERS_TOKEN = "ffffffff-1-of-another-machine"


def make_job(**overrides) -> Import:
    fields = {"format": "lsp", "path": "somewhere", "name": "a data set"} | overrides
    return Import.objects.create(**fields)


@pytest.fixture
def step(monkeypatch):
    """`step("make_one")` makes that function of tests/jobs/steps.py the work of every job under test."""

    def use(name: str) -> None:
        monkeypatch.setattr(Import, "step", f"tests.jobs.steps.{name}")

    return use


@pytest.fixture
def nudged(monkeypatch) -> list[int]:
    """The jobs that the queue has been told of."""
    told: list[int] = []
    monkeypatch.setattr("jobs.tasks.run.apply_async", lambda args, **_options: told.append(args[1]))
    return told


@pytest.mark.django_db
def test_a_job_that_is_executed_is_done_and_says_what_it_did(step):
    step("make_one")
    heard = []
    job = running.execute(make_job(), listen=heard.append)
    assert (job.state, job.progress, job.stage, job.attempts, job.error) == (State.DONE, 1.0, "half way", 1, "")
    assert "one is coming" in job.log
    assert heard == ["one is coming"]
    assert job.ended_at >= job.started_at
    assert job.lease_until is None
    assert Annotator.objects.count() == 1


@pytest.mark.django_db
def test_a_step_without_results_need_not_say_that_it_ends(step):
    step("make_none")
    assert running.execute(make_job()).is_done


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.CANCELLED])
def test_a_job_that_has_ended_is_not_done_again(step, state):
    step("make_one")
    assert running.execute(make_job(state=state)).state == state
    assert Annotator.objects.count() == 0


@pytest.mark.django_db
def test_a_job_that_another_process_works_on_is_left_to_it(step):
    step("make_one")
    until = timezone.now() + timedelta(minutes=1)
    job = running.execute(make_job(state=State.RUNNING, lease_token=OTHERS_TOKEN, lease_until=until))
    assert (job.state, job.lease_token) == (State.RUNNING, OTHERS_TOKEN)
    assert Annotator.objects.count() == 0


@pytest.mark.django_db
def test_a_lapsed_lease_is_taken_up_again(step):
    step("make_one")
    until = timezone.now() - timedelta(seconds=1)
    job = running.execute(make_job(state=State.RUNNING, lease_token=OTHERS_TOKEN, lease_until=until, attempts=1))
    assert (job.state, job.attempts) == (State.DONE, 2)
    assert Annotator.objects.count() == 1


@pytest.mark.django_db
def test_a_job_that_killed_every_process_is_given_up(step):
    step("make_one")
    until = timezone.now() - timedelta(seconds=1)
    job = running.execute(make_job(state=State.RUNNING, lease_token=OTHERS_TOKEN, lease_until=until, attempts=3))
    assert job.state == State.FAILED
    assert "3 processes" in job.error
    assert Annotator.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_processes_one_claims():
    job = make_job()
    start, claimed = threading.Barrier(6), []

    def try_to_claim() -> None:
        start.wait()
        claimed.append(running.claim(Import, job.pk))
        connection.close()

    threads = [threading.Thread(target=try_to_claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [mine for mine in claimed if mine]
    assert len(claimed) == 6
    assert len(winners) == 1
    job.refresh_from_db()
    assert (job.lease_token, job.attempts) == (winners[0][1], 1)


@pytest.mark.django_db
def test_whoever_has_lost_his_lease_writes_nothing():
    row, token = running.claim(Import, make_job().pk)
    Import.objects.filter(pk=row.pk).update(lease_token=OTHERS_TOKEN)
    report = running.Report(row, token)
    with pytest.raises(running.LeaseLost):
        report(0.5)
    with pytest.raises(running.LeaseLost), report.final():
        Annotator.objects.create()
    assert Annotator.objects.count() == 0
    row.refresh_from_db()
    assert (row.state, row.progress) == (State.RUNNING, 0)


@pytest.mark.django_db
def test_a_report_renews_the_lease():
    row, token = running.claim(Import, make_job().pk)
    Import.objects.filter(pk=row.pk).update(lease_until=timezone.now() + timedelta(seconds=1))
    running.Report(row, token)(0.2)
    row.refresh_from_db()
    assert row.lease_until > timezone.now() + timedelta(seconds=Import.lease_s - 10)


@pytest.mark.django_db
def test_progress_stays_between_none_and_all_and_the_log_keeps_its_end():
    row, token = running.claim(Import, make_job().pk)
    report = running.Report(row, token)
    report(7.0, "s" * 500)
    for number in range(1000):
        report(line=f"line {number}")
    row.refresh_from_db()
    assert row.progress == 1.0
    assert len(row.stage) == 200
    assert len(row.log) <= running.LOG_CHARACTERS
    assert row.log.endswith("line 999\n")


@pytest.mark.django_db
def test_a_reason_that_the_owner_can_mend_is_kept_word_for_word(step):
    step("cannot")
    job = running.execute(make_job())
    assert (job.state, job.error) == (State.FAILED, "The folder holds no images; name one that does.")


@pytest.mark.django_db
def test_an_unforeseen_error_names_what_happened_and_where(step):
    step("breaks")
    job = running.execute(make_job())
    assert job.state == State.FAILED
    assert job.error.startswith("ZeroDivisionError: by zero (breaks, line ")


@pytest.mark.django_db(transaction=True)
def test_a_step_that_breaks_while_writing_has_written_nothing(step):
    step("breaks_while_writing")
    assert running.execute(make_job()).state == State.FAILED
    assert Annotator.objects.count() == 0


@pytest.mark.django_db
def test_a_job_whose_results_are_written_stays_done_when_its_step_breaks_after_that(step):
    step("breaks_after_writing")
    assert running.execute(make_job()).is_done
    assert Annotator.objects.count() == 1


@pytest.mark.django_db
def test_a_waiting_job_is_cancelled_at_once(step):
    step("make_one")
    job = make_job()
    running.cancel(job)
    assert running.execute(job).state == State.CANCELLED
    assert Annotator.objects.count() == 0


@pytest.mark.django_db
def test_a_running_job_is_cancelled_at_its_next_report(step, monkeypatch):
    step("make_one")
    claim = running.claim

    def claim_and_be_cancelled(model, pk):
        mine = claim(model, pk)
        running.cancel(mine[0])
        return mine

    monkeypatch.setattr(running, "claim", claim_and_be_cancelled)
    job = running.execute(make_job())
    assert job.state == State.CANCELLED
    assert job.ended_at is not None
    assert Annotator.objects.count() == 0


@pytest.mark.django_db
def test_a_step_that_never_looks_up_is_cancelled_all_the_same(step):
    step("make_none")
    job = make_job()
    row, token = running.claim(Import, job.pk)
    running.cancel(row)
    with pytest.raises(running.Cancelled), running._ended_by_step(row, running.Report(row, token)):
        pass


@pytest.mark.django_db
def test_a_job_whose_process_died_while_it_was_being_cancelled_ends_cancelled(step):
    step("make_one")
    until = timezone.now() - timedelta(seconds=1)
    job = running.execute(make_job(state=State.CANCELLING, lease_token=OTHERS_TOKEN, lease_until=until))
    assert job.state == State.CANCELLED
    assert Annotator.objects.count() == 0


@pytest.mark.django_db
def test_cancelling_what_has_ended_changes_nothing():
    job = make_job(state=State.DONE)
    running.cancel(job)
    job.refresh_from_db()
    assert job.state == State.DONE


@pytest.mark.django_db
def test_a_job_is_announced_once_its_row_can_be_seen(nudged, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = running.start(Import(format="lsp", path="somewhere", name="a data set"))
        assert nudged == []
    assert nudged == [job.pk]


@pytest.mark.django_db
def test_a_queue_that_is_down_does_not_lose_the_job(monkeypatch, django_capture_on_commit_callbacks):
    def down(*_args, **_options):
        raise ConnectionError("nobody listens")

    monkeypatch.setattr("jobs.tasks.run.apply_async", down)
    with django_capture_on_commit_callbacks(execute=True):
        job = running.start(Import(format="lsp", path="somewhere", name="a data set"))
    job.refresh_from_db()
    assert job.state == State.WAITING


@pytest.mark.django_db
def test_the_sweeper_nudges_what_waits_long_and_what_has_lapsed_and_nothing_else(nudged):
    now = timezone.now()
    forgotten = make_job(created_at=now - timedelta(seconds=60))
    lapsed = make_job(state=State.RUNNING, lease_token=OTHERS_TOKEN, lease_until=now - timedelta(seconds=1))
    make_job()  # just made: its own nudge is on its way
    make_job(state=State.RUNNING, lease_token=OTHERS_TOKEN, lease_until=now + timedelta(seconds=60))
    make_job(state=State.DONE, created_at=now - timedelta(days=1))
    assert running.sweep() == 2
    assert sorted(nudged) == [forgotten.pk, lapsed.pk]


@pytest.mark.django_db
def test_the_sweeper_knows_the_dead_of_this_machine_before_their_lease_lapses(nudged):
    later = timezone.now() + timedelta(minutes=10)
    orphan = make_job(state=State.RUNNING, lease_token=token_of_a_dead_process(), lease_until=later)
    make_job(state=State.RUNNING, lease_token=leases.new_token(), lease_until=later)
    running.sweep()
    assert nudged == [orphan.pk]
    assert running.claim(Import, orphan.pk) is not None
