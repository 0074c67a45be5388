"""A collection is played as it would be done."""

from dataclasses import replace

import numpy as np
import pytest

from crowd.planning import Protocol, collect, field

SMALL = {"n_images": 60, "n_workers": 40}


def test_the_fixed_protocol_buys_the_same_number_of_votes_on_every_pair_from_different_people():
    place = field("paper", 0, **SMALL)
    points, votes = collect(place, Protocol(3), 0)
    assert set(votes.per_item.tolist()) == {3}
    assert len(set(zip(votes.item.tolist(), votes.worker.tolist(), strict=True))) == len(votes)
    assert points[-1].votes_per_pair == pytest.approx(3) and 36 <= points[-1].tasks <= 40


def test_the_lean_protocol_asks_more_where_people_disagree_and_never_beyond_its_cap():
    place = field("independent", 0, **SMALL)
    _, votes = collect(place, Protocol(2.5, lean=True, most_votes=4, exploration_share=0), 0)
    assert votes.per_item.min() >= 1 and votes.per_item.max() == 4
    hard = np.abs(place.gap_mm) < np.median(np.abs(place.gap_mm))
    assert votes.per_item[hard].mean() > votes.per_item[~hard].mean() + 0.3


def test_at_equal_cost_lean_labels_are_right_more_often():
    gains = []
    for seed in range(2):
        place = field("independent", seed, n_images=150)
        way = Protocol(2.5, merge_every=0.5, is_expected=True)
        lean, fixed = (collect(place, replace(way, lean=lean), seed)[0][-1] for lean in (True, False))
        gains.append(lean.accuracy - fixed.accuracy)
    assert np.mean(gains) > 0.02


def test_it_ends_by_itself_when_every_pair_is_finished():
    place = field("independent", 1, **SMALL)
    way = Protocol(30, lean=True, target_risk=0.3, most_votes=8, ceiling=0.99, exploration_share=0)
    points, votes = collect(place, way, 0)
    assert points[-1].finished > 0.9 and votes.per_item.max() <= 8  # the last merge may see some anew
    assert points[-1].votes_per_pair < 5
    stricter, _ = collect(place, replace(way, target_risk=0.1), 0)
    assert stricter[-1].votes_per_pair > points[-1].votes_per_pair


def test_a_model_s_opinion_saves_votes_and_a_useless_one_does_not_hurt():
    place = field("paper", 2, n_images=150)
    plain = Protocol(1.5, lean=True, merge_every=0.5)
    right = {}
    for name, opinion in {
        "none": None,
        "good": lambda place: np.where(place.gap_mm + 150 * np.random.default_rng(3).normal(size=750) > 0, 0.8, 0.2),
        "useless": lambda place: np.random.default_rng(4).choice([0.05, 0.95], size=750),
    }.items():
        right[name] = collect(place, replace(plain, opinion=opinion), 0)[0][-1].accuracy
    assert right["good"] > right["none"] + 0.02
    assert right["useless"] > right["none"] - 0.03


def test_what_is_learnt_on_the_way_counts_from_then_on():
    place = field("paper", 3, **SMALL)
    lessons = []

    def learner(place, p_first, votes):
        lessons.append((len(votes) / votes.n_items, bool(np.array_equal(p_first > 0.5, place.truth == 1))))
        return np.where(place.truth == 1, 0.97, 0.03)

    way = Protocol(1.5, lean=True, merge_every=0.5, learner=learner, learn_at=(0.5, 1.0))
    points, _ = collect(place, way, 0)
    assert [round(votes, 1) for votes, _ in lessons] == [0.5, 1.0]
    assert [is_right for _, is_right in lessons] == [False, True]  # it is believed, since its claims are borne out
    assert points[-1].accuracy > collect(place, replace(way, learner=None), 0)[0][-1].accuracy + 0.05


def test_the_same_seed_plays_the_same_collection():
    place = field("paper", 0, **SMALL)
    way = Protocol(1.5, lean=True, merge_every=0.5)
    assert collect(place, way, 5)[0] == collect(place, way, 5)[0]


def test_an_unknown_world_is_refused():
    with pytest.raises(ValueError, match="paper"):
        field("flat")
