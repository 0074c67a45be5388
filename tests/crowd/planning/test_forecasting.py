"""How many votes are still to come follows from what is known of each pair, and is right."""

import numpy as np
import pytest

from crowd.aggregation import Votes, merge
from crowd.planning import Protocol, collect, field
from crowd.planning.forecasting import Rules, votes_left

RULES = Rules(target_risk=0.1, least_votes=1, most_votes=6)


def test_nothing_open_needs_nothing():
    fitted = merge(Votes([0], [0], [1])).fitted
    assert votes_left(fitted, np.zeros((0, 20)), np.zeros(0, int), RULES) == (0.0, 0.0, 0.0)


def test_pairs_near_their_cap_need_what_is_left_of_it():
    fitted = merge(Votes([0], [0], [1])).fitted
    never = Rules(target_risk=0.001, least_votes=1, most_votes=6)
    mean, low, high = votes_left(fitted, np.zeros((50, 20)), np.full(50, 5), never)
    assert mean == low == high == 50
    mean, *_ = votes_left(fitted, np.zeros((50, 20)), np.full(50, 5), Rules(0.001, 1, 6, exploration_share=0.5), scale=10)
    assert mean == pytest.approx(1000)


def test_a_forecast_from_the_middle_of_a_collection_comes_true():
    place = field("paper", 3, n_images=100)
    way = Protocol(40, lean=True, target_risk=0.1, most_votes=6, exploration_share=0, merge_every=99, point_every=99)
    points, votes = collect(place, way, 0)
    # Two votes of each pair stand for the middle of the collection.
    place_in_item = np.arange(len(votes)) - np.searchsorted(votes.item, votes.item)
    half = place_in_item < 2
    fitted = merge(Votes([], [], [], votes.n_items, 0)).fitted  # no merge on the way, so the same parameters throughout
    some = Votes(
        votes.item[half], votes.worker[half], votes.label[half], votes.n_items, votes.n_workers,
        green=votes.green[half] > 0, left=votes.left[half] > 0,
    )
    evidence, n = fitted.evidence(some), some.per_item
    p, people = fitted.probability(evidence), fitted.probability(evidence, ceiling=1.0)
    is_open = (np.minimum(p, 1 - p) > 0.1) & (np.minimum(people, 1 - people) > 0.1) & (n < 6)
    really = (votes.per_item - n)[is_open].sum()
    mean, low, high = votes_left(fitted, evidence[is_open], n[is_open], RULES)
    assert low <= mean <= high
    assert mean == pytest.approx(really, rel=0.15)
    assert points[-1].finished > 0.95
