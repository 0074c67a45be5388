"""Fitted parameters judge new votes, at once and after a reload."""

import json

import numpy as np
import pytest

from crowd.aggregation import Fitted, Votes, merge
from crowd.aggregation.fitted import CLEAR
from crowd.aggregation.signal import link, steepness_for
from tests.crowd.aggregation.planted import make_votes


@pytest.fixture(scope="module")
def fit():
    votes, _ = make_votes(400, n_workers=30, slope=np.linspace(0.1, 2.5, 30))
    return votes, merge(votes)


def test_posteriors_at_fixed_parameters_are_those_of_the_fit(fit):
    votes, merged = fit
    again = merged.fitted.probability(merged.fitted.evidence(votes))
    assert np.abs(again - merged.probability).max() < 0.1  # a fit also leaves each vote out of its own worker's skill
    assert np.abs(again - merged.probability).mean() < 0.01


def test_evidence_of_new_votes_adds_up(fit):
    votes, merged = fit
    fitted = merged.fitted
    late = Votes([0, 1], [3, 29], [1, 0], n_items=400, n_workers=30)
    before = fitted.evidence(votes)
    after = before + fitted.evidence(late)
    p0, p1 = fitted.probability(before), fitted.probability(after)
    assert p1[0] > p0[0] and p1[1] < p0[1] and (p1[2:] == p0[2:]).all()


def test_reloaded_parameters_judge_alike_and_settings_are_json(fit):
    votes, merged = fit
    again = Fitted.from_bytes(merged.fitted.to_bytes())
    assert np.allclose(
        again.probability(again.evidence(votes)), merged.fitted.probability(merged.fitted.evidence(votes)), atol=1e-5
    )
    assert json.loads(json.dumps(merged.settings)) == merged.settings


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="merge again"):
        Fitted.from_bytes(b"not an archive")


def test_a_skilled_worker_is_expected_to_settle_more_than_a_guesser(fit):
    votes, merged = fit
    fitted = merged.fitted
    evidence = fitted.evidence(votes)
    able, guesser, newcomer = (fitted.expected_drop(evidence, worker).mean() for worker in (29, 0, None))
    assert able > newcomer > guesser >= 0
    split = np.argmin(np.abs(merged.probability - 0.5))
    clear = np.argmin(merged.risk)
    drop = fitted.expected_drop(evidence, 29)
    assert drop[split] > drop[clear]


def test_expected_drop_is_what_both_answers_bring_on_average(fit):
    votes, merged = fit
    fitted = merged.fitted
    evidence = fitted.evidence(votes)
    gain = 2 * np.clip(link(steepness_for(CLEAR, fitted.separation)), 1e-4, 1 - 1e-4) - 1  # nothing is quite certain

    def undecided(evidence):
        belief = fitted.belief(evidence)
        a, b = belief @ np.maximum(gain, 0), belief @ np.maximum(-gain, 0)
        return a * b / (a + b), a - b

    before, lean = undecided(evidence)
    votes = [Votes(np.arange(400), np.full(400, 12), np.full(400, label), 400, 30) for label in (0, 1)]
    (zero, lean_zero), (one, lean_one) = (undecided(evidence + fitted.evidence(vote)) for vote in votes)
    says_one = (lean - lean_zero) / (lean_one - lean_zero)  # on average nothing changes
    assert np.allclose(before - says_one * one - (1 - says_one) * zero, fitted.expected_drop(evidence, 12), atol=1e-6)


def test_under_a_ceiling_of_one_expected_drop_is_that_of_p_times_1_minus_p(fit):
    votes, merged = fit
    fitted = merged.fitted
    evidence = fitted.evidence(votes)
    p = fitted.probability(evidence, ceiling=1.0)
    after = []
    for label in (0, 1):
        vote = Votes(np.arange(400), np.full(400, 12), np.full(400, label), 400, 30)
        after.append(fitted.probability(evidence + fitted.evidence(vote), ceiling=1.0))
    says_one = (p - after[0]) / np.where(after[1] == after[0], 1, after[1] - after[0])
    left = says_one * after[1] * (1 - after[1]) + (1 - says_one) * after[0] * (1 - after[0])
    assert np.allclose(p * (1 - p) - left, fitted.expected_drop(evidence, 12, ceiling=1.0), atol=1e-3)


def test_newcomers_in_new_votes_are_taken_for_average(fit):
    _, merged = fit
    fitted = merged.fitted
    p = [float(fitted.probability(fitted.evidence(Votes([0], [worker], [1], 1, 99)))[0]) for worker in (0, 29, 98)]
    assert 0.5 <= p[0] < p[2] < p[1]
