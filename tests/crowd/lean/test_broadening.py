"""A campaign that makes further pairs while its money lasts."""

import pytest

from access.sharing import Role
from annotation.models import DatasetShare, Pair
from crowd import publishing
from crowd.lean import broadening, keeping_up
from crowd.models import Campaign, Hit
from tests import factories
from tests.crowd.lean.campaigns import accept, do, make_lean

pytestmark = pytest.mark.django_db
ONE_VOTE = {"most_votes": 1, "most_out": 1, "votes_per_pair": 5, "further_pairs": 3, "target_risk": 0.001}


def make_broad(n_pairs: int = 40, places: int = 9, **overrides) -> Campaign:
    """Pairs of eight pictures, ten to a task; the plan has so many tasks."""
    campaign = make_lean(n_pairs=n_pairs, **ONE_VOTE | overrides)
    Hit.objects.filter(campaign=campaign).update(max_assignments=places)
    return campaign


def pairs_of(campaign) -> int:
    return Pair.objects.of_dataset(campaign.dataset).count()


def test_where_little_is_open_everybody_gets_one_further_pair_that_was_not_asked_yet():
    campaign = make_broad(n_pairs=50)
    n_people = campaign.dataset.images.count()
    assert broadening.broaden(campaign) == 0  # five tasks are open
    for _ in range(2):
        do(accept(campaign), lambda pair: True)
    assert broadening.broaden(campaign) == n_people
    both = [(pair.person_id, *sorted((pair.first, pair.second))) for pair in Pair.objects.of_dataset(campaign.dataset)]
    assert len(set(both)) == len(both) == 50 + n_people
    assert campaign.standings.count() == 50 + n_people
    assert Campaign.objects.get(pk=campaign.pk).broadened == 1


def test_people_are_asked_about_further_pairs_once_the_first_have_their_vote():
    campaign = make_broad(n_pairs=40)
    asked = 0
    for _ in range(5):
        keeping_up.keep_up(campaign)
        task = accept(campaign)
        do(task, lambda pair: True)
        asked += task.task.comparisons.count()
    assert asked == 50
    assert set(campaign.standings.values_list("n_votes", flat=True)) == {0, 1}
    assert campaign.state == "collecting"


def test_no_more_pairs_are_made_than_the_money_can_ask_about():
    campaign = make_broad(n_pairs=30, places=3, votes_per_pair=3)
    assert broadening.broaden(campaign) == 0  # three tasks are what thirty pairs fill
    campaign.votes_per_pair = 4
    assert broadening.broaden(campaign) == 6  # one for everybody
    assert broadening.broaden(campaign) == 4
    assert broadening.broaden(campaign) == 0
    assert pairs_of(campaign) == 40


def test_rounds_end_with_the_setting():
    campaign = make_broad(n_pairs=5, further_pairs=2)
    assert [broadening.broaden(campaign) > 0 for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("setting", [{"further_pairs": 0}, {"state": "paused"}])
def test_a_campaign_that_is_not_to_makes_none(setting):
    assert broadening.broaden(make_broad(n_pairs=5, **setting)) == 0


def test_only_who_may_change_the_data_set_makes_pairs_in_it():
    campaign = make_broad(n_pairs=5, owner=factories.make_user(is_superuser=False))
    assert broadening.broaden(campaign) == 0
    Campaign.objects.filter(pk=campaign.pk).update(state="draft")
    with pytest.raises(publishing.CannotPublish, match="right to change the data set"):
        publishing.check(Campaign.objects.get(pk=campaign.pk))
    DatasetShare.objects.create(dataset=campaign.dataset, user=campaign.owner, role=Role.MANAGE)
    campaign = Campaign.objects.get(pk=campaign.pk)
    campaign.state = "collecting"
    assert broadening.broaden(campaign) > 0
