"""A release becomes a run: what is asked for, what is measured and kept, and what a killed process leaves."""

import json

import pytest

from modeling import keeping
from modeling.models import Prediction
from tests.modeling import runs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _place(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def test_a_run_keeps_its_weights_curve_measures_and_everybodys_pose(tmp_path):
    run = runs.make_run()
    assert set(keeping.shown_files(run)) == {"weights.safetensors", "run.json", "log.jsonl"}
    assert [entry["epoch"] for entry in run.curve] == list(range(1, 4))
    with keeping.open_file(run, "log.jsonl") as file:
        assert [json.loads(line)["epoch"] for line in file] == list(range(1, 4))
    assert Prediction.objects.filter(run=run).count() == 30
    measured = run.evaluation
    assert measured["of"] == "people kept out of training" and 0 < measured["people"] < 30
    assert measured["mpjpe_mm"] > measured["pa_mpjpe_mm"] > 0 and 0 <= measured["pck_150"] <= 1
    assert set(measured["per_joint_mm"]) == set(run.release.campaign.dataset.skeleton.joints)
    assert (run.n_labels, run.n_votes, str(run.spent_usd)) == (120, 120, "0.00")
    assert not list((tmp_path / "training").iterdir())
