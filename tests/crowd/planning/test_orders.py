"""What follows from known orders, and what one more answer would tell."""

import numpy as np
import pytest
from scipy.special import ndtr

from crowd.planning import orders

ALL = np.array([(a, b) for a in range(17) for b in range(a + 1, 17)])


def known(*said: tuple[int, int, float], n_joints: int = 4, share_right: float = 0.9) -> orders.Depths:
    pairs = [(a, b) for a, b, _ in said]
    return orders.from_consensus(1, n_joints, [0] * len(said), pairs, [p for _, _, p in said], share_right)


def chance(depths: orders.Depths, a: int, b: int) -> float:
    return float(depths.order(np.array([(a, b)]))[0, 0])


def test_a_consensus_says_of_its_own_pair_what_it_said():
    assert chance(known((0, 1, 0.86)), 0, 1) == pytest.approx(0.86, abs=0.001)
    assert chance(known((0, 1, 0.3)), 1, 0) == pytest.approx(0.7, abs=0.001)


def test_what_stands_behind_the_second_stands_behind_the_first():
    depths = known((0, 1, 0.95), (1, 2, 0.95))
    assert chance(depths, 0, 2) > 0.97 and chance(depths, 0, 3) == pytest.approx(ndtr(0.96), abs=0.25)
    assert chance(known((0, 1, 0.95), (1, 2, 0.6)), 0, 2) < chance(depths, 0, 2)


def test_contradictions_leave_doubt():
    depths = known((0, 1, 0.9), (1, 2, 0.9), (2, 0, 0.9))
    assert all(chance(depths, a, b) == pytest.approx(0.5, abs=0.01) for a, b in ((0, 1), (1, 2), (2, 0)))


def test_a_look_tells_little_of_what_is_known_and_little_of_what_is_known_to_be_equal():
    pair, blur = np.array([(0, 1)]), 1.0

    def bits(gap: float, deviation: float) -> float:
        covariance = np.diag([0.0, deviation**2])[None]
        return float(orders.Depths(np.array([[0.0, gap]]), covariance, blur).telling(pair)[0, 0])

    assert bits(0, 3) > 0.3
    assert bits(0, 0.1) < 0.01 and bits(9, 3) < 0.02 < bits(3, 3) < bits(0, 3)


def test_said_orders_that_follow_are_right_as_often_as_said():
    """Depths drawn from the model, a look at some pairs each: the rest is known as well as it is said to be."""
    rng = np.random.default_rng(5)
    depth = rng.normal(scale=np.sqrt(0.5), size=(1500, 17))
    gaps = depth[:, ALL[:, 1]] - depth[:, ALL[:, 0]]
    noise = 0.6
    seen = gaps + noise * rng.normal(size=gaps.shape)
    p_first = ndtr(seen / (noise * np.sqrt(1 + noise**2)))
    asked = np.array([rng.permutation(len(ALL))[:24] for _ in depth])
    person = np.repeat(np.arange(len(depth)), 24)
    right = float(np.maximum(p_first, 1 - p_first).mean())
    depths = orders.from_consensus(len(depth), 17, person, ALL[asked.ravel()], p_first[person, asked.ravel()], right)
    said = depths.order(ALL)
    free = np.ones(said.shape, bool)
    free[person, asked.ravel()] = False
    risk, wrong = np.minimum(said, 1 - said), (said > 0.5) != (gaps > 0)
    for low, high in ((0, 0.05), (0.05, 0.15), (0.15, 0.3), (0.3, 0.5)):
        some = free & (risk >= low) & (risk < high)
        assert some.sum() > 1000 and abs(wrong[some].mean() - risk[some].mean()) < 0.015


def test_no_pair_is_chosen_twice_nor_one_that_follows_nor_one_that_may_not_be_asked():
    depths = known((0, 1, 0.99), (1, 2, 0.99))
    pairs = np.array([(0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3)])
    may = np.array([[False, False, True, True, True, False]])
    turns = orders.most_telling(depths, pairs, may, 5, known_at=0.05)
    assert sorted(int(which[0]) for _, which, _ in turns) == [3, 4]


def test_what_an_answer_to_one_pair_tells_of_another_is_counted():
    """After the first choice its two keypoints hang together, so the next one asks about another keypoint."""
    depths = known(n_joints=4)
    pairs = np.array([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
    (_, first, _), (_, second, _) = orders.most_telling(depths, pairs, np.ones((1, 6), bool), 2)
    assert set(pairs[first[0]]).isdisjoint(pairs[second[0]])


def test_two_joints_share_the_doubt_of_the_way_that_they_share():
    """Root 0 - 1 - 2, and 1 - 3: what is doubtful about 1 is doubtful about 2 and 3 alike, and says nothing of their gap."""
    covariance = orders.tree_covariance(((0, 1), (1, 2), (1, 3)), 0, np.array([[0.0, 30.0, 50.0, 34.0]]))
    assert covariance[0, 2, 3] == 900 and covariance[0, 2, 2] == 2500 and covariance[0, 0].tolist() == [0, 0, 0, 0]
    assert covariance[0, 2, 2] + covariance[0, 3, 3] - 2 * covariance[0, 2, 3] == pytest.approx(1600 + 256)
