"""A model's opinion counts for what it knows of the truth, whatever it shares of people's errors."""

import io
import json

import numpy as np
import pytest
from scipy.special import ndtr

from crowd.aggregation import Fitted, merge
from crowd.aggregation.measures import measure
from crowd.aggregation.opinion import Opinion
from crowd.aggregation.signal import NODES, link, shape
from crowd.planning import Protocol, collect, field
from crowd.planning.opinions import model, overconfident, useless
from tests.crowd.aggregation.planted import make_votes

CEILING = 0.8


@pytest.fixture(scope="module")
def paper():
    """The paper's world and two votes on every pair."""
    place = field("paper", 1, n_images=400, n_workers=114)
    return place, collect(place, Protocol(2, merge_every=99, point_every=99), 1)[1]


def correlated(a: float, b: float, c: float, n: int = 200_000) -> np.ndarray:
    """(3, n) gap, what people see, the model's opinion, each standard normal."""
    covariance = np.array([[1, a, b], [a, 1, c], [b, c, 1]])
    return np.linalg.cholesky(covariance) @ np.random.default_rng(3).normal(size=(3, n))


@pytest.mark.parametrize("c", [0.6, 0.72, 0.9])
def test_what_is_made_of_view_and_opinion_is_what_the_three_correlations_say(c):
    steepness = np.tan(np.pi * (CEILING - 0.5))
    a, b = steepness / np.sqrt(1 + steepness**2), 0.74
    gap, view, said = correlated(a, b, c)
    opinion, mass = Opinion(claimed=b, agreement=c), shape(0.0)
    for u in (-1.0, 0.3, 1.5):
        near = np.abs(said - u) < 0.05
        nearby = [(node, near & (np.abs(view - NODES[node]) < 0.1)) for node in range(len(NODES))]
        often = [(node, some) for node, some in nearby if some.sum() > 200]
        assert len(often) > 1
        for node, some in often:
            truth = opinion.of_truth(link(steepness), np.array([u]), mass)[0, node]
            assert abs(truth - (gap[some] > 0).mean()) < 4 * np.sqrt(0.25 / some.sum()) + 0.02
        belief = mass * np.exp(opinion.of_view(np.array([u]))[0])
        assert abs(belief @ NODES / belief.sum() - view[near].mean()) < 0.03


@pytest.mark.parametrize("c", [0.6, 0.9])
def test_how_often_a_model_agrees_with_votes_is_found(c):
    _, view, said = correlated(0.81, 0.74, c, 4000)
    votes = np.random.default_rng(4).normal(size=(3, len(view))) < 1.5 * view
    evidence = np.log(np.where(votes[..., None], link(1.5), 1 - link(1.5))).sum(0)
    prior = ndtr(said * 0.74 / np.sqrt(1 - 0.74**2))
    found = Opinion.measured(prior, evidence, shape(0.0))
    assert abs(found.claimed - 0.74) < 0.02
    assert abs(found.agreement - c) < 0.05


def test_errors_of_its_own_tell_what_no_number_of_votes_would(paper):
    place, votes = paper
    told = merge(votes, prior=model(0.85, misled=False)(place))
    found, alone = measure(told.probability, place.truth), measure(merge(votes).probability, place.truth)
    assert found.accuracy > CEILING + 0.03 and found.accuracy > alone.accuracy + 0.07
    assert found.ece < 0.03
    assert "counts as right 8" in told.notes[-1] and told.notes[-1].endswith("its errors as its own")


def test_a_model_misled_like_the_crowd_is_not_taken_for_a_second_witness(paper):
    place, votes = paper
    told = merge(votes, prior=model(0.78)(place))
    found, alone = measure(told.probability, place.truth), measure(merge(votes).probability, place.truth)
    assert alone.accuracy < found.accuracy < CEILING + 0.02
    assert found.ece < 0.04
    assert told.notes[-1].endswith("its errors as those of the crowd")


@pytest.mark.parametrize("opinion", [useless, overconfident])
def test_what_a_boaster_claims_is_cut_down(paper, opinion):
    place, votes = paper
    prior = opinion(place)
    found, alone = (measure(merge(votes, prior=given).probability, place.truth) for given in (prior, None))
    assert found.accuracy > alone.accuracy - 0.01
    assert found.log_loss < alone.log_loss + 0.003
    assert found.ece < measure(prior, place.truth).ece / 3


def test_parameters_of_the_version_before_are_read_without_what_it_thought_of_a_model():
    votes, _ = make_votes(50, n_workers=5)
    fitted = merge(votes).fitted
    with np.load(io.BytesIO(fitted.to_bytes())) as stored:
        arrays = {name: stored[name] for name in stored.files}
    meta = json.loads(bytes(arrays.pop("meta")))
    del meta["opinion"]
    out = io.BytesIO()
    old = np.frombuffer(json.dumps(meta | {"format": 1}).encode(), np.uint8)
    np.savez_compressed(out, meta=old, machine=np.ones((6, 15), np.float32), **arrays)
    again = Fitted.from_bytes(out.getvalue())
    assert np.allclose(again.probability(again.evidence(votes)), fitted.probability(fitted.evidence(votes)), atol=1e-5)
    assert again.opinion == Opinion()
