"""Two releases are compared pair by pair, whichever joint stands first."""

import numpy as np
import pytest

from nearer import compare
from nearer.release import Release


def make_release(pairs, p_first, people=("a#0", "b#0"), joints=("head", "neck", "hip"), name="r") -> Release:
    """`pairs`: (person, first, second) each."""
    pairs, p_first, n, k = np.array(pairs, int).reshape(-1, 3), np.array(p_first, np.float32), len(people), len(joints)
    return Release(
        name=name, where=name, manifest={}, joints=tuple(joints), bones=np.zeros((0, 2), int), mirror=np.arange(k), root=0,
        person=np.array(people), image=np.array(people), image_size=None, keypoints=np.zeros((n, k, 2), np.float32),
        visible=np.ones((n, k), bool), occluded=np.zeros((n, k), bool), is_train=np.ones(n, bool), pair_person=pairs[:, 0],
        pairs=pairs[:, 1:], p_first=p_first, risk=np.minimum(p_first, 1 - p_first), n_votes=None, truth=None,
    )  # fmt: skip


def test_the_same_release_has_not_changed():
    one = make_release([(0, 0, 1), (1, 2, 0)], [0.9, 0.2])
    found = compare(one, one)
    assert len(found.added) == len(found.removed) == 0 and len(found.old_pair) == 2 and not found.changed.any()
    np.testing.assert_array_equal(found.p_old, found.p_new)


def test_a_pair_turned_round_says_the_same():
    found = compare(make_release([(0, 0, 1)], [0.9]), make_release([(0, 1, 0)], [0.1]))
    assert found.p_old == pytest.approx(found.p_new) and not found.changed[0]
    assert compare(make_release([(0, 0, 1)], [0.9]), make_release([(0, 1, 0)], [0.9])).changed[0]


def test_people_and_joints_are_known_by_their_names():
    old = make_release([(0, 0, 1), (1, 0, 2)], [0.9, 0.6])
    new = make_release([(1, 1, 0), (0, 0, 2)], [0.9, 0.4], people=("b#0", "a#0"), joints=("hip", "neck", "head"))
    found = compare(old, new)  # a: neck-hip and head-neck are different; b: hip-head is head-hip
    assert found.added.tolist() == [0] and found.removed.tolist() == [0]
    assert (found.old_pair.tolist(), found.new_pair.tolist()) == ([1], [1])
    assert found.p_old == pytest.approx([0.4]) and not found.changed[0]


def test_what_was_added_removed_and_how_the_risk_moved_is_told():
    old = make_release([(0, 0, 1), (0, 1, 2), (1, 0, 1)], [0.9, 0.7, 0.5], name="old")
    new = make_release([(0, 0, 1), (1, 0, 1), (1, 1, 2)], [0.4, 0.5, 1.0], name="new")
    found = compare(old, new)
    assert found.removed.tolist() == [1] and found.added.tolist() == [2] and found.changed.tolist() == [True, False]
    assert found.risk_old == pytest.approx(0.3) and found.risk_new == pytest.approx(0.45)
    assert "2 pairs in both, 1 added, 1 removed; 1 labels changed" in str(found)


def test_releases_of_other_skeletons_are_not_compared():
    with pytest.raises(ValueError, match="no joint in common"):
        compare(make_release([], []), make_release([], [], joints=("x", "y")))
    assert np.isnan(compare(make_release([], []), make_release([], [])).risk_old)
