"""The whole loop on a few mannequins: published, answered over HTTP, paid, merged, released, learnt, shown."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Dataset, Vote
from crowd.models import Campaign, Payment
from modeling import setting_up
from modeling.models import Demonstration, Prediction, Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def newcomer(site, settings, tmp_path, capsys):
    """A site as `setup_demo` leaves it, with six of the mannequins."""
    settings.VAR_DIR = tmp_path
    owner = setting_up.get_user_model().objects.create_superuser("first", password="a long one 4 me")
    call_command(
        "import_dataset", str(setting_up.MANNEQUINS), format="nearer", name="Mannequins", limit=6, owner=owner.username
    )
    Dataset.objects.update(source="demo")
    call_command("setup_demo")
    return tmp_path


@pytest.mark.once
def test_a_demonstration_ends_with_a_table_and_files_and_the_same_seed_repeats_it(newcomer, capsys):
    figures = []
    for name in ("first", "second"):
        call_command("demo", workers=6, seed=3, output=newcomer / name)
        figures.append(json.loads((newcomer / name / "figures.json").read_text()))
    table = capsys.readouterr().out
    for words in ("single votes right", "merged right", "money", "lifter, Procrustes", "pairs.csv"):
        assert words in table
    first, second = figures
    for figure in ("votes", "accuracy_raw", "accuracy_merged", "accuracy_by_gap", "total_usd", "lifter"):
        assert first[figure] == second[figure]
    assert first["votes"] == 150 and first["workers"] == 6
    assert Path(newcomer / "first" / "votes.csv").read_text().count("\n") == 151
    _everything_is_in_the_database(first)


def _everything_is_in_the_database(figures: dict) -> None:
    campaign = Campaign.objects.get(demonstrations=Demonstration.objects.earliest("pk"))
    assert campaign.state == Campaign.State.FINISHED
    assert Vote.objects.verified().filter(task__assignment__hit__campaign=campaign).count() == 150
    assert Payment.objects.filter(campaign=campaign).count() == 10
    assert campaign.spent_usd == Decimal(figures["total_usd"]) == Decimal("4.80")
    run = Run.objects.get(name=figures["run"])
    assert run.is_done and run.curve and Prediction.objects.filter(run=run).count() == 6
    assert figures["lifter"]["after"]["pa_mpjpe_mm"] > 0


def test_setting_up_twice_changes_nothing(newcomer):
    def state():
        return (
            list(Campaign.objects.values_list("name", "state")), setting_up.login(), setting_up.invitation(),
            Dataset.objects.count(),
        )

    before = state()
    call_command("setup_demo")
    assert state() == before
    assert (newcomer / "researcher-password").stat().st_mode & 0o777 == 0o600


def test_too_few_workers_are_refused_before_anything_is_spent(newcomer):
    with pytest.raises(CommandError, match="at least 5"):
        call_command("demo", workers=4)
    assert not Demonstration.objects.exists()


def test_an_unknown_data_set_is_answered_with_the_known_ones(newcomer):
    with pytest.raises(CommandError, match="there are Mannequins"):
        call_command("demo", dataset="nothing")
