"""Further pairs for a data set, by strategy."""

import pytest

from annotation import more_pairs
from annotation.models import Pair
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset():
    """Two people of five joints: one whole with five pairs already, one without a left knee and no pair."""
    whole = factories.make_pairs(5)[0].person
    points = [[100, 30], [100, 60], [100, 120], None, [70, 200]]
    factories.make_person(image=factories.make_image(dataset=whole.image.dataset), keypoints=points)
    return whole.image.dataset


def asked(dataset) -> set:
    return {(pair.person_id, *sorted((pair.first, pair.second))) for pair in Pair.objects.of_dataset(dataset)}


@pytest.mark.parametrize(
    ("strategy", "n_pairs"),
    # whole: 10 pairs less 5; four bones less (0,1), (1,2), (2,4); the knees are asked. Without a knee: 6, 3, none.
    [("all", 5 + 6), ("bones", 1 + 3), ("sides", 0), ("random", 2 + 2)],
)
def test_what_is_previewed_is_what_is_added_and_nothing_is_asked_twice(dataset, strategy, n_pairs):
    said = more_pairs.preview(dataset, strategy, 2, seed=1)
    assert said["n_pairs"] == n_pairs
    before = asked(dataset)
    assert more_pairs.add(dataset, strategy, 2, seed=1) == n_pairs
    assert len(asked(dataset)) == len(before) + n_pairs
    if strategy != "random":
        assert more_pairs.preview(dataset, strategy, 2, seed=1)["n_pairs"] == 0
    assert set(Pair.objects.of_dataset(dataset).values_list("strategy", flat=True)) <= {"random", strategy}


def test_either_keypoint_comes_first_about_as_often(dataset):
    factories.make_pairs(200, dataset)
    more_pairs.add(dataset, "all", 1, seed=3)
    pairs = Pair.objects.filter(strategy="all")
    share = sum(pair.first < pair.second for pair in pairs) / pairs.count()
    assert 0.35 < share < 0.65


def test_a_strategy_that_is_not_known_is_refused_by_name(dataset):
    with pytest.raises(ValueError, match="no strategy 'clever'; known are random"):
        more_pairs.preview(dataset, "clever", 1, seed=1)


def test_the_people_whose_poses_differ_most_come_first():
    upright = [[100, 30], [100, 60], [100, 120], [130, 200], [70, 200]]
    hunched = [[10, 90], [40, 60], [100, 120], [10, 150], [60, 10]]
    people = [factories.make_person(keypoints=upright)]
    dataset = people[0].image.dataset
    for shift in range(5):  # the same pose, elsewhere and smaller
        points = [[shift + x / 2, y / 2] for x, y in upright]
        people.append(factories.make_person(image=factories.make_image(dataset=dataset), keypoints=points))
    other = factories.make_person(image=factories.make_image(dataset=dataset), keypoints=hunched)
    assert more_pairs.add(dataset, "diverse", 3, seed=2, most=6) == 6
    asked_people = set(Pair.objects.of_dataset(dataset).values_list("person", flat=True))
    assert other.pk in asked_people and len(asked_people) == 2


def test_who_has_been_asked_more_than_the_rest_comes_last(dataset):
    assert more_pairs.add(dataset, "diverse", 2, seed=1, most=2) == 2
    assert Pair.objects.filter(strategy="diverse").values("person").distinct().get()["person"] != Pair.objects.first().person_id


@pytest.mark.parametrize(("strategy", "n_people"), [("random", 2), ("diverse", 2), ("all", 1)])
def test_no_more_are_added_than_asked_for_and_the_preview_says_that_there_are_more(dataset, strategy, n_people):
    assert more_pairs.preview(dataset, strategy, 2, seed=1, most=3) == {"n_pairs": 3, "n_people": n_people, "is_cut": True}
    assert more_pairs.add(dataset, strategy, 2, seed=1, most=3) == 3
