"""A release becomes a run: what is asked for, what is measured and kept, and what a killed process leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from crowd.models import Payment
from jobs import running
from jobs.models import Job
from modeling import keeping, training
from modeling.models import Prediction, Run
from tests.modeling import runs
from tests.workers import database_url

ROOT = Path(__file__).resolve().parents[2]
A_WORKER = """
import django; django.setup()
from jobs import running
from modeling.models import Run
running.execute(Run.objects.get(state="waiting"))
"""


@pytest.fixture(autouse=True)
def _place(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.mark.django_db
def test_a_run_keeps_its_weights_curve_measures_and_everybodys_pose(tmp_path):
    release = runs.make_release()
    Payment.objects.create(
        campaign=release.campaign, kind=Payment.Kind.REWARD, amount_usd="1.20", fee_usd="0.24", token="one", reason="work",
        at=release.merge.started_at,
    )
    Payment.objects.create(campaign=release.campaign, kind=Payment.Kind.BONUS, amount_usd="5.00", token="two", reason="later")
    run = runs.make_run(release, settings=runs.QUICK | {"tensorboard": True})
    files = keeping.shown_files(run)
    assert {"weights.safetensors", "run.json", "log.jsonl"} < set(files)
    assert any(name.startswith("tensorboard/events") for name in files)
    assert [entry["epoch"] for entry in run.curve] == [1, 2, 3]
    with keeping.open_file(run, "log.jsonl") as file:
        assert [json.loads(line)["epoch"] for line in file] == [1, 2, 3]
    with keeping.open_file(run, "run.json") as file:
        assert str(tmp_path) not in file.read().decode()
    assert Prediction.objects.filter(run=run).count() == 30
    measured = run.evaluation
    assert measured["of"] == "people kept out of training" and 0 < measured["people"] < 30
    assert measured["mpjpe_mm"] > measured["pa_mpjpe_mm"] > 0 and 0 <= measured["pck_150"] <= 1
    assert set(measured["per_joint_mm"]) == set(release.campaign.dataset.skeleton.joints)
    assert 0 <= run.figures["held_out"]["order"] <= 1 and run.figures["held_out"]["of"] == "the release"
    assert (run.n_labels, run.n_votes, str(run.spent_usd)) == (120, 120, "1.44")
    assert not list((tmp_path / "training").iterdir())


@pytest.mark.django_db
def test_a_run_starts_from_anothers_weights_and_has_its_network(tmp_path):
    first = runs.make_run(runs.make_release(n_people=10))
    second = runs.make_run(first.release, settings={"epochs": 1}, started_from=first)
    assert second.figures["settings"]["width"] == runs.QUICK["width"]
    with keeping.open_file(second, "run.json") as file:
        assert json.load(file)["config"]["warm_start"] == first.name
    assert second.curve[0]["loss"] < first.curve[0]["loss"]
    wider = running.execute(training.start(first.release, None, settings={"width": 24}, started_from=first))
    assert wider.state == Job.State.FAILED and f"warm_start = {first.name}: a depth network of width 16" in wider.error


@pytest.mark.django_db
def test_a_release_without_enough_to_learn_from_fails_with_its_reason_and_leaves_nothing(tmp_path):
    release = runs.make_release(n_people=1)
    failed = running.execute(training.start(release, None))
    assert failed.state == Job.State.FAILED
    # Whether the one person is kept for testing depends on the picture's name.
    assert failed.error.startswith(f"release {release.name}: ")
    assert "no labels for the training people" in failed.error or "at least two are needed" in failed.error
    assert not list((tmp_path / "training").iterdir()) and not failed.files and not failed.predictions.exists()


@pytest.mark.django_db
def test_a_run_that_is_stopped_ends_after_the_epoch(tmp_path, monkeypatch):
    run = training.start(runs.make_release(n_people=10), None, settings=runs.QUICK | {"epochs": 500})
    add = training.Curve.add

    def stop_at_three(self, epoch):
        if epoch["epoch"] == 3:
            running.cancel(run)
        add(self, epoch)

    monkeypatch.setattr(training.Curve, "add", stop_at_three)
    stopped = running.execute(run)
    assert stopped.state == Job.State.CANCELLED and "epoch 2 of 500" in stopped.stage
    assert not list((tmp_path / "training").iterdir()) and not stopped.files


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_a_training_that_is_killed_goes_on_after_its_last_epoch_with_the_same_result(tmp_path, eventually):
    release = runs.make_release(n_people=20)
    wanted = {"epochs": 40, "width": 512, "batch": 8}
    run = training.start(release, None, settings=wanted)
    process = subprocess.Popen([sys.executable, "-c", A_WORKER], cwd=ROOT, env=os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": database_url(), "NEARER_VAR": str(tmp_path),
        "ENV_FILE": os.devnull, "SECRET_KEY": django_settings.SECRET_KEY, "OMP_NUM_THREADS": "1",
    })

    def has_begun() -> bool:
        run.refresh_from_db()
        return "epoch 3:" in run.log

    try:
        eventually(has_begun, within_s=90)
    finally:
        process.kill()
        process.wait()
    run.refresh_from_db()
    assert run.state == Job.State.RUNNING and "epoch 40:" not in run.log
    running.sweep()  # its process is known to be dead
    taken_up = running.execute(run)
    assert (taken_up.state, taken_up.attempts, taken_up.error) == (Job.State.DONE, 2, "")
    assert taken_up.log.count(" epoch 1:") == 1 and [entry["epoch"] for entry in taken_up.curve] == list(range(1, 41))
    undisturbed = running.execute(training.start(release, None, settings=wanted))
    assert taken_up.files["weights.safetensors"] == undisturbed.files["weights.safetensors"]
    assert Run.objects.count() == 2 and not list((tmp_path / "training").iterdir())
