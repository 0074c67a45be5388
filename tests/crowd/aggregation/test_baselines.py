"""The methods to compare with are what they say."""

import numpy as np
import pytest

from crowd.aggregation import Votes, merge
from crowd.aggregation.measures import measure
from tests.crowd.aggregation.planted import make_even_votes, make_gold, make_votes


def lean_by_the_letter(votes, prior=None):
    """The recipe vote by vote, as slow as it reads."""
    triples = list(zip(votes.item.tolist(), votes.worker.tolist(), votes.label.tolist()))
    share = {i: [z for j, _, z in triples if j == i] for i in range(votes.n_items)}
    majority = {i: 0.5 if not z or sum(z) * 2 == len(z) else float(sum(z) * 2 > len(z)) for i, z in share.items()}
    y = sum(majority[i] for i, _, _ in triples)
    pi = (7.5 + y) / (15 + len(triples))
    big_a = (12 + sum(majority[i] * z for i, _, z in triples)) / (15 + y)
    big_b = (12 + sum((1 - majority[i]) * (1 - z) for i, _, z in triples)) / (15 + len(triples) - y)
    a, b = dict.fromkeys(range(votes.n_workers), big_a), dict.fromkeys(range(votes.n_workers), big_b)
    for _ in range(10):
        p = {}
        for i in range(votes.n_items):
            start = pi if prior is None or np.isnan(prior[i]) else prior[i]
            l1, l0 = np.log(start), np.log(1 - start)
            for j, w, z in triples:
                if j == i:
                    l1 += z * np.log(a[w]) + (1 - z) * np.log(1 - a[w])
                    l0 += (1 - z) * np.log(b[w]) + z * np.log(1 - b[w])
            p[i] = 1 / (1 + np.exp(l0 - l1))
        for w in a:
            mine = [(p[i], z) for i, v, z in triples if v == w]
            a[w] = (10 * big_a + sum(q * z for q, z in mine)) / (10 + sum(q for q, _ in mine))
            b[w] = (10 * big_b + sum((1 - q) * (1 - z) for q, z in mine)) / (10 + sum(1 - q for q, _ in mine))
    return np.array([p[i] for i in range(votes.n_items)]), np.array(list(a.values())), np.array(list(b.values()))


@pytest.mark.parametrize("with_prior", [False, True])
def test_lean_is_the_papers_aggregator_to_the_last_digit(with_prior):
    votes, _ = make_votes(30, n_workers=8, per_item=4)
    prior = np.where(np.arange(30) % 3 == 0, 0.9, np.nan) if with_prior else None
    merged = merge(votes, "lean", prior=prior)
    p, a, b = lean_by_the_letter(votes, prior)
    assert np.allclose(merged.probability, p, atol=1e-9)
    assert np.allclose(merged.workers.true_positive, a, atol=1e-9) and np.allclose(merged.workers.true_negative, b, atol=1e-9)
    assert np.allclose(merged.risk, np.minimum(p, 1 - p), atol=1e-9)


def test_dawid_skene_recovers_planted_accuracies():
    accuracy = np.random.default_rng(1).uniform(0.55, 0.95, 20)
    votes, truth = make_even_votes(2000, accuracy, n_workers=20)
    merged = merge(votes, "dawid-skene")
    assert np.abs(merged.workers.true_positive - accuracy).mean() < 0.04
    assert measure(merged.probability, truth).accuracy > measure(merge(votes, "majority").probability, truth).accuracy


def test_dawid_skene_keeps_gold_answers():
    votes, truth = make_even_votes(200)
    gold = make_gold(truth, 40)
    merged = merge(votes, "dawid-skene", gold=gold)
    assert (merged.label == gold)[~np.isnan(gold)].all()


def test_majority_is_the_smoothed_share():
    merged = merge(Votes([0, 0, 0, 1], [0, 1, 2, 0], [1, 1, 0, 0], n_items=3), "majority")
    assert merged.probability.tolist() == [0.6, pytest.approx(1 / 3), 0.5]


def test_glad_finds_the_able():
    slope = np.where(np.arange(40) < 20, 2.5, 0.3)
    votes, signal = make_votes(1000, slope=slope)
    merged = merge(votes, "glad")
    assert merged.workers.skill[:20].min() > merged.workers.skill[20:].mean()
    assert (merged.label == (signal > 0)).mean() > 0.8


def test_agreement_counts_the_others_alone():
    merged = merge(Votes([0, 0, 0, 1, 1], [0, 1, 2, 0, 1], [1, 1, 0, 1, 0]), "majority")
    assert merged.workers.agreement.tolist() == [0.25, 0.25, 0.0]  # one split by two others counts half


@pytest.mark.parametrize("method", ["nearer", "lean", "dawid-skene", "glad", "majority"])
def test_every_method_survives_a_thousand_votes_on_one_item(method):
    votes = Votes(np.zeros(1000, int), np.arange(1000), np.ones(1000, int), 3)
    merged = merge(votes, method)
    assert np.isfinite(merged.probability).all() and merged.label[0] == 1
    assert merged.votes.tolist() == [1000, 0, 0]
