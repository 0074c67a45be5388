"""`manage.py simulate` tells what other protocols would cost and yield."""

import csv
from io import StringIO
from xml.etree import ElementTree

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from crowd.planning import field
from crowd.planning.outlook import agreement_of, crowd_like
from tests.factories import make_campaign, make_pairs

pytestmark = pytest.mark.django_db


def simulate(*arguments, **options) -> str:
    out = StringIO()
    call_command("simulate", *arguments, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def test_it_prints_cost_and_yield_of_each_protocol_and_writes_table_and_plot(tmp_path):
    campaign = make_campaign(name="plan", reward_usd="0.10")
    make_pairs(50, campaign.dataset)
    told = simulate("plan", fixed="1,2", model=0, plays=1, output=tmp_path / "out")
    assert "fixed, 1 votes" in told and "lean at 5 %" in told and "50 pairs, 1 simulated crowds" in told
    rows = list(csv.DictReader((tmp_path / "out/outlook.csv").open()))
    assert [row["protocol"] for row in rows] == ["fixed, 1 votes", "fixed, 2 votes", "lean at 5 %"]
    assert float(rows[0]["usd"]) < float(rows[1]["usd"]) and float(rows[0]["votes_per_pair"]) == 1
    assert ElementTree.parse(tmp_path / "out/outlook.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"campaign": "nothing"}, "there is no campaign 'nothing'; there are: plan"),
        ({"crowd": "own"}, "has 0 verified votes; --crowd own needs 200"),
        ({"risks": "5"}, "--risks shares above 0 and below 0.5"),
        ({"fixed": "many"}, "--fixed takes whole numbers"),
    ],
)
def test_what_cannot_be_played_is_refused_with_the_remedy(options, words):
    make_pairs(5, make_campaign(name="plan").dataset)
    with pytest.raises(CommandError, match=f"(?i){words}"):
        simulate(options.pop("campaign", "plan"), **options)


def test_a_data_set_without_pairs_is_refused():
    make_campaign(name="plan")
    with pytest.raises(CommandError, match="no pairs to ask about"):
        simulate("plan")


def test_a_crowd_is_made_that_agrees_as_often_as_ones_own():
    place = field("paper", 1, n_images=200)
    blurred = crowd_like(0.65, place)
    sharp = crowd_like(0.8, place)
    assert sharp.noise_mm < blurred.noise_mm
    assert agreement_of(np.array([0, 0, 1, 1, 1]), np.array([1, 1, 0, 1, 1])) == pytest.approx(4 / 8)
    with pytest.raises(ValueError, match="no crowd of this kind"):
        crowd_like(0.45, place)
