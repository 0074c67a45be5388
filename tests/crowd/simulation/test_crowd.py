"""The simulated crowd shows the paper's figures, and the same ones again for the same seed."""

import numpy as np
import pytest

from crowd.aggregation.measures import measure
from crowd.simulation import PaperCrowd, study


@pytest.fixture(scope="module")
def paper():
    return study("paper", 0)


def majority(data):
    return np.bincount(data.item, data.label) > 2.5


def test_the_papers_study_is_reproduced(paper):
    merged = majority(paper) == paper.truth
    far = np.abs(paper.depth_gap_mm) > 200
    assert abs((paper.label == paper.truth[paper.item]).mean() - 0.73) < 0.015
    assert abs(merged.mean() - 0.785) < 0.015
    assert merged[far].mean() > 0.9
    unanimous = np.isin(np.bincount(paper.item, paper.label), (0, 5))
    assert abs(merged[unanimous].mean() - 0.865) < 0.025


def test_participation_is_heavy_tailed_in_whole_tasks(paper):
    votes = np.bincount(paper.worker, minlength=284)
    assert len(paper.item) == 25_000 and votes.min() >= 25 and (votes % 25 == 0).all()
    assert votes.max() > 8 * np.median(votes)
    assert len(np.unique(paper.item * 284 + paper.worker)) == 25_000


def test_independent_errors_merge_to_more():
    data = study("independent", 0)
    assert abs((data.label == data.truth[data.item]).mean() - 0.735) < 0.015
    assert (majority(data) == data.truth).mean() > 0.83


@pytest.mark.parametrize("world", ["paper", "independent", "even"])
def test_the_exact_posterior_is_calibrated_and_beats_the_majority(world):
    data = study(world, 1)
    found = measure(data.posterior, data.truth)
    assert found.ece < 0.02
    assert found.accuracy >= (majority(data) == data.truth).mean() - 0.002


def test_the_same_seed_gives_the_same_study():
    one, two, other = (
        study("paper", 7, n_images=20, n_workers=30),
        study("paper", 7, n_images=20, n_workers=30),
        study("paper", 8, n_images=20, n_workers=30),
    )
    assert (one.label == two.label).all() and (one.posterior == two.posterior).all() and one.workers == two.workers
    assert not (one.label == other.label).all()


def test_single_votes_are_drawn_from_the_same_crowd():
    crowd, rng = PaperCrowd(3), np.random.default_rng(0)
    gap = crowd.depth_gaps_mm(4000, rng)
    percept = crowd.percept(gap, rng)
    workers = [crowd.worker(rng) for _ in range(4000)]
    first = np.array([rng.random() < crowd.probability_first(p, w) for p, w in zip(percept, workers)])
    assert abs((first == (gap > 0)).mean() - 0.73) < 0.03
    seconds = np.array([float(crowd.response_s(p, w, rng)) for p, w in zip(percept[:2000], workers)])
    assert 2.2 < np.median(seconds) < 3.2 and seconds.min() > 0.3


def test_habits_spammers_and_adversaries_behave_as_named():
    crowd = PaperCrowd(0, habit_mm=200.0)
    worker = crowd.worker(np.random.default_rng(1))
    left, right = (float(crowd.probability_first(0.0, worker, left=side)) for side in (True, False))
    assert (left > right) == (worker.left_mm > 0)
    rng = np.random.default_rng(0)
    spammer, adversary = PaperCrowd(0, spammers=1.0).worker(rng), PaperCrowd(0, adversaries=1.0).worker(rng)
    assert PaperCrowd(0).probability_first(900.0, spammer) == 0.5
    assert PaperCrowd(0).probability_first(900.0, adversary) < 0.2


def test_impossible_studies_are_refused():
    with pytest.raises(ValueError, match="world is one of"):
        study("flat")
    with pytest.raises(ValueError, match="different workers"):
        study("paper", n_workers=3)
    with pytest.raises(ValueError, match="shares"):
        PaperCrowd(0, spammers=0.8, adversaries=0.4)
