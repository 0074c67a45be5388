import numpy as np
import pytest

from modeling.lifting.errors import BadConfig, BadData
from modeling.lifting.labels import draw_pairs, relation, worker_accuracy

from .make import make_people


def gaps(data):
    return (
        data.pose3d[data.pair_person, data.pair_joints[:, 1], 2] - data.pose3d[data.pair_person, data.pair_joints[:, 0], 2]
    )


def test_exact_labels_say_that_the_joint_with_the_smaller_z_is_first():
    data = draw_pairs(make_people(50), 3)
    assert ((gaps(data) > 0) == (data.p_first == 1)).all()
    assert (np.bincount(data.pair_person) == 3).all()


def test_a_person_never_gets_the_same_pair_twice():
    data = draw_pairs(make_people(20), 100)
    for person in range(20):
        pairs = {frozenset(pair) for pair in data.pair_joints[data.pair_person == person].tolist()}
        assert len(pairs) == 100


def test_all_pairs_are_136_of_17_joints_and_keypoint_order_means_nothing():
    data = draw_pairs(make_people(30), "all")
    assert len(data.pair_person) == 30 * 136
    assert 0.45 < (data.pair_joints[:, 0] < data.pair_joints[:, 1]).mean() < 0.55


def test_pairs_within_the_tolerance_are_undecided():
    data = draw_pairs(make_people(50), 20, tolerance_mm=100)
    assert ((np.abs(gaps(data)) <= 100) == (data.p_first == 0.5)).all()


def test_flips_come_at_their_rate():
    data = draw_pairs(make_people(400), 10, flip_rate=0.3)
    assert abs(((gaps(data) > 0) != (data.p_first == 1)).mean() - 0.3) < 0.03


def test_crowd_votes_err_where_depths_are_close():
    data = draw_pairs(make_people(800), 20, crowd_votes=5)
    first_share, gap = data.p_first, gaps(data)
    right = np.where(gap > 0, first_share, 1 - first_share)
    assert set(np.round(first_share * 5, 6)) <= set(range(6))
    near, far = np.abs(gap) < 50, np.abs(gap) > 400
    assert abs(right[near].mean() - worker_accuracy(np.abs(gap[near])).mean()) < 0.03
    assert right[far].mean() == 1


def test_same_seed_same_labels():
    one, two, other = (draw_pairs(make_people(20), 2, crowd_votes=3, seed=seed) for seed in (1, 1, 2))
    assert (one.p_first == two.p_first).all() and (one.pair_joints == two.pair_joints).all()
    assert (one.pair_joints != other.pair_joints).any()


def test_the_papers_relation_is_minus_one_where_the_first_is_closer():
    assert relation([1.0, 0.8, 0.5, 0.1]).tolist() == [-1, -1, 0, 1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"pairs": 0}, "1 to 136"), ({"pairs": 137}, "1 to 136"), ({"flip_rate": 1.5}, "between 0 and 1"),
        ({"tolerance_mm": 50, "crowd_votes": 5}, "exact labels only"),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(asked, said):
    with pytest.raises(BadConfig, match=said):
        draw_pairs(make_people(5), **asked)


def test_labels_cannot_be_drawn_without_depths():
    from dataclasses import replace

    with pytest.raises(BadData, match="no 3D poses"):
        draw_pairs(replace(make_people(5), pose3d=None), 1)
