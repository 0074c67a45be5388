"""What a researcher is told to expect."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crowd.panel import forecast
from crowd.planning.expecting import Plan, expect, hours, mean_task_s
from tests import factories

NOW = timezone.now()


def hand_in(campaign, *minutes_ago: float) -> None:
    hit = factories.make_hit(campaign=campaign)
    for minutes in minutes_ago:
        factories.make_assignment(hit=hit, state="approved", submitted_at=NOW - timedelta(minutes=minutes))


@pytest.mark.django_db
def test_at_a_task_a_minute_thirty_more_take_half_an_hour():
    campaign = factories.make_campaign()
    hand_in(campaign, 1, 2, 3, 4)
    pace = forecast.pace(campaign, 30, NOW)
    assert pace["per_hour"] == pytest.approx(60)
    assert pace["left"] == timedelta(minutes=30)


@pytest.mark.django_db
def test_after_a_long_silence_nothing_is_forecast():
    campaign = factories.make_campaign()
    hand_in(campaign, 120, 121, 122)
    assert forecast.pace(campaign, 30, NOW)["left"] is None


@pytest.mark.django_db
def test_one_task_makes_no_pace():
    campaign = factories.make_campaign()
    hand_in(campaign, 1)
    assert forecast.pace(campaign, 30, NOW) is None


def test_five_votes_are_expected_to_be_as_right_as_in_the_paper():
    five = expect(Plan(votes_per_pair=5))
    assert 0.76 < five.right < 0.83  # the paper: 79 %
    assert five.far > 0.9  # the paper: over 90 % beyond 20 cm
    assert expect(Plan(votes_per_pair=1)).right < five.right


def test_a_lean_plan_is_expected_to_buy_fewer_votes_where_the_target_is_looser():
    loose, strict = (expect(Plan(is_lean=True, target_risk=risk)) for risk in (0.2, 0.05))
    assert loose.votes_per_pair < strict.votes_per_pair <= 5.1
    assert strict.right > 0.74


def test_twice_the_people_take_half_the_time_and_longer_delays_take_longer():
    ten = hours(1000, 25, 750, at_once=10)
    assert ten == pytest.approx(2 * hours(1000, 25, 750, at_once=20), rel=0.1)
    assert ten == pytest.approx(1000 * mean_task_s(25, 750) / 10 / 3600, rel=0.1)
    assert hours(1000, 25, 3000, at_once=10) > 1.3 * ten
    assert hours(0, 25, 750, at_once=10) == 0


@pytest.mark.parametrize(
    ("minutes", "words"), [(0.2, "under a minute"), (45, "45 min"), (185, "3 h 0 min"), (60 * 24 * 5, "5 days")]
)
def test_times_are_said_as_people_say_them(minutes, words):
    assert forecast.spoken(timedelta(minutes=minutes)) == words
