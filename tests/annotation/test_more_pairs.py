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
