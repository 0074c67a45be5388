"""Pairs whose order does not follow from what people said."""

import pytest

from annotation import more_pairs
from annotation.models import Pair
from crowd import merging
from jobs import running
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    """One person of five joints, about whom everybody says: head before neck, neck before hip."""
    person = factories.make_person()
    pairs = [factories.make_pair(person=person, first=first, second=first + 1) for first in (0, 1)]
    campaign = factories.make_campaign(dataset=person.image.dataset, state="collecting")
    hit = factories.make_hit(campaign=campaign, pairs=pairs, max_assignments=9)
    for _ in range(9):
        factories.answer(factories.make_assignment(hit=hit).task, lambda pair: True)
    return campaign


def test_what_follows_from_known_orders_is_not_bought(campaign):
    running.execute(merging.start(campaign, campaign.owner, settings={"ceiling": 0.99}))
    dataset = campaign.dataset
    added = more_pairs.add(dataset, "untold", 10, seed=1)
    asked = {tuple(sorted(two)) for two in Pair.objects.filter(strategy="untold").values_list("first", "second")}
    assert (0, 2) not in asked and added == len(asked) == 10 - 2 - 1
    assert more_pairs.preview(dataset, "untold", 10, seed=1)["n_pairs"] == 0


def test_a_known_answer_counts_as_said(campaign):
    running.execute(merging.start(campaign, campaign.owner, method="majority"))
    Pair.objects.update(gold_first=True)
    more_pairs.add(campaign.dataset, "untold", 10, seed=1)
    assert not Pair.objects.filter(strategy="untold", first__in=(0, 2), second__in=(0, 2)).exists()


def test_so_many_for_each_person_and_in_all(campaign):
    running.execute(merging.start(campaign, campaign.owner))
    factories.make_person(image=factories.make_image(dataset=campaign.dataset))
    assert more_pairs.preview(campaign.dataset, "untold", 2, seed=1) == {"n_pairs": 4, "n_people": 2, "is_cut": False}
    assert more_pairs.preview(campaign.dataset, "untold", 2, seed=1, most=3)["is_cut"]


def test_before_anything_is_known_it_says_so(campaign):
    with pytest.raises(ValueError, match="Merge a campaign's votes first"):
        more_pairs.preview(campaign.dataset, "untold", 2, seed=1)
