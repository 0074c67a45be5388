"""Some pictures are asked about first, as often as they need; the others follow as votes come in."""

import pytest

from annotation.models import Comparison, Pair
from crowd.aggregation.choosing import begun, depth_for
from crowd.lean import keeping_up, standing
from tests.crowd.lean.campaigns import accept, do, make_lean

pytestmark = pytest.mark.django_db
SMALL = {"images_per_hit": 1, "pairs_per_image": 5, "most_votes": 9, "votes_per_pair": 5}


def pictures(campaign) -> list[int]:
    return list(campaign.dataset.images.order_by("pk").values_list("pk", flat=True))


def asked(campaign) -> set[int]:
    """Pictures that anybody was asked about."""
    shown = Comparison.objects.filter(task__assignment__hit__campaign=campaign)
    return set(shown.values_list("pair__person__image_id", flat=True))


def test_further_pairs_begin_with_the_votes_and_all_in_the_end():
    assert begun(0, 5000, 25) == 0.1
    assert begun(0, 400, 25) == 250 / 400  # ten tasks at least
    assert begun(2000, 5000, 25) == 0.2  # two votes on each that has begun
    assert begun(10_000, 5000, 25) == 1
    assert begun(2000, 5000, 25, plan=3) == 0.2 and begun(3000, 5000, 25, plan=1) == 0.8  # little money begins sooner
    assert begun(0, 5000, 25, depth=0) == 1
    assert depth_for(5000, 1000) == 1 and depth_for(5000, 5000) == 2  # pairs of one person tell of each other


def test_the_first_pictures_are_asked_about_until_the_turn_of_others_has_come():
    campaign = make_lean(n_pairs=100, target_risk=0.001, **SMALL)
    order = pictures(campaign)
    assert campaign.begun_upto == order[9]  # of twenty: what ten tasks ask about
    for _ in range(11):
        do(accept(campaign), lambda pair: True)
    assert asked(campaign) == set(order[:10])
    keeping_up.keep_up(campaign)
    assert campaign.begun_upto == order[10]  # 55 votes are one on each of eleven pictures' pairs
    assert set(campaign.standings.filter(rank=0).values_list("image_id", flat=True)) == set(order[11:])
    accept(campaign)
    assert asked(campaign) == set(order[:11])
    for _ in range(10):
        do(accept(campaign), lambda pair: True)
    keeping_up.keep_up(campaign)
    assert campaign.begun_upto is None  # 110 votes are one on each pair
    assert not campaign.standings.filter(rank=0).exists()


def test_nobody_is_sent_away_because_the_rest_waits_for_its_turn():
    campaign = make_lean(n_pairs=100, most_out=1, **SMALL)
    for _ in range(20):  # all at once, each pair with one of them
        accept(campaign)
    assert asked(campaign) == set(pictures(campaign))


def test_a_pair_of_which_a_model_has_an_opinion_does_not_wait():
    campaign = make_lean(n_pairs=100, **SMALL)
    late = Pair.objects.of_dataset(campaign.dataset).order_by("-person__image_id").first()
    Pair.objects.filter(pk=late.pk).update(prior=0.5)
    standing.measure(campaign)
    assert campaign.standings.filter(rank__gt=0, image_id__gt=campaign.begun_upto).get().pair_id == late.pk
