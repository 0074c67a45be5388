"""Bad votes are told from good ones, in plain words."""

import numpy as np
import pytest

from crowd.aggregation import BadVotes, Votes, merge


def test_the_last_of_two_votes_counts_and_people_are_told():
    votes = Votes([0, 0, 1, 0], [0, 1, 0, 0], [1, 1, 0, 0])
    assert votes.repeated == 1 and len(votes) == 3 and votes.ones.tolist() == [1, 0]
    assert any("1 votes of workers who had voted" in note for note in merge(votes).notes)


@pytest.mark.parametrize("n_workers", [7, 2**60])  # the latter leaves no room to pack a row into one number
def test_of_many_repeated_votes_in_any_order_the_last_of_each_counts(n_workers):
    rng = np.random.default_rng(0)
    item, worker = rng.integers(0, 40, 300), rng.integers(0, 7, 300)
    label, green, left = rng.integers(0, 2, (3, 300))
    votes = Votes(item, worker, label, green=green, left=left, n_workers=n_workers)
    wanted = {(i, w): (z, 2 * g - 1, 2 * h - 1) for i, w, z, g, h in zip(item, worker, label, green, left)}
    found = zip(zip(votes.item, votes.worker), zip(votes.label, votes.green, votes.left))
    assert {tuple(map(int, key)): tuple(map(int, row)) for key, row in found} == wanted
    assert list(zip(votes.item, votes.worker)) == sorted(wanted) and votes.repeated == 300 - len(wanted)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (([0, 1], [0, 0], [1, 2]), "row 1: a label is 0 or 1, not 2"),
        (([0, 1], [0, 0], [1, np.nan]), "row 1: a label is 0 or 1"),
        (([0, -1], [0, 0], [1, 0]), "row 1: index -1"),
        (([0, 0.5], [0, 0], [1, 0]), "row 1: item is a whole number"),
        ((["a", "b"], [0, 0], [1, 0]), "numpy.unique"),
        (([0, 1], [0], [1, 0]), "lists of one length"),
    ],
)
def test_impossible_votes_name_the_row(columns, words):
    with pytest.raises(BadVotes, match=words):
        Votes(*columns)


def test_an_index_beyond_the_given_number_is_refused():
    with pytest.raises(BadVotes, match="n_items = 2"):
        Votes([0, 2], [0, 0], [1, 0], n_items=2)


def test_no_votes_at_all_leave_everything_open():
    merged = merge(Votes([], [], [], n_items=3, n_workers=2))
    assert merged.probability.tolist() == [0.5, 0.5, 0.5] and merged.votes.tolist() == [0, 0, 0]


def test_one_worker_alone_is_told():
    merged = merge(Votes([0, 1, 2], [0, 0, 0], [1, 0, 1]))
    assert any("one worker" in note for note in merged.notes)
    assert 0.5 < merged.probability[0] < 0.8 and np.isnan(merged.workers.agreement[0])


def test_one_class_alone_is_told_and_nobody_is_damned_for_it():
    merged = merge(Votes(np.repeat(np.arange(20), 3), np.tile(np.arange(3), 20), np.ones(60, int)))
    assert any("every vote says 1" in note for note in merged.notes)
    assert (merged.workers.kind == "ordinary").all() and np.isfinite(merged.probability).all()


def test_priors_of_zero_and_one_are_softened_and_told():
    merged = merge(Votes([0, 0, 1], [0, 1, 0], [0, 0, 1]), "lean", prior=[1.0, 0.0])
    assert any("2 priors of exactly 0 or 1" in note for note in merged.notes)
    assert np.isfinite(merged.probability).all()


@pytest.mark.parametrize(("prior", "words"), [([0.5, 1.2], "item 1: a prior is a probability"), ([0.5], "one value for each")])
def test_impossible_priors_are_refused(prior, words):
    with pytest.raises(BadVotes, match=words):
        merge(Votes([0, 1], [0, 0], [1, 0]), prior=prior)


def test_impossible_gold_is_refused():
    with pytest.raises(BadVotes, match="item 0: a gold answer is 0, 1 or NaN"):
        merge(Votes([0, 1], [0, 0], [1, 0]), gold=[2, np.nan])
