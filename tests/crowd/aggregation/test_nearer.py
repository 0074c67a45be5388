"""The default method recovers what was planted, and keeps to its limits."""

import numpy as np
import pytest

from crowd.aggregation import Votes, hypotheses, merge
from crowd.aggregation.measures import measure
from crowd.simulation import PaperCrowd, study
from tests.crowd.aggregation.planted import make_even_votes, make_gold, make_votes


def votes_of(data):
    return Votes(data.item, data.worker, data.label, data.n_items, data.n_workers, green=data.green, left=data.left)


@pytest.fixture(scope="module")
def paper():
    data = study("paper", 3)
    return data, merge(votes_of(data))


def test_probabilities_in_the_papers_world_are_as_good_as_knowing_everybody(paper):
    data, merged = paper
    found, best = measure(merged.probability, data.truth), measure(data.posterior, data.truth)
    assert found.log_loss - best.log_loss < 0.006
    assert found.ece < 0.025
    assert found.accuracy > best.accuracy - 0.01


def test_lean_calls_wrong_pairs_finished_where_people_misperceive_together(paper):
    data, merged = paper
    finished = merge(votes_of(data), "lean").risk <= 0.02
    wrong = (merge(votes_of(data), "lean").label != data.truth)[finished].mean()
    assert wrong > 0.12
    assert (merged.risk <= 0.02).mean() < 0.02


def test_five_equal_votes_are_not_taken_for_certainty(paper):
    data, merged = paper
    unanimous = np.isin(np.bincount(data.item, data.label), (0, 5))
    assert 0.1 < merged.risk[unanimous].mean() < 0.2


def test_skill_shown_does_not_overstate_and_its_interval_is_ordered(paper):
    data, merged = paper
    workers = merged.workers
    right = (data.label == data.truth[data.item]).mean()
    assert abs(np.average(workers.skill, weights=workers.votes) - right) < 0.04
    assert (workers.skill_low <= workers.skill).all() and (workers.skill <= workers.skill_high).all()
    assert (workers.agreement_low <= workers.agreement).all() and (workers.agreement <= workers.agreement_high).all()


def test_skills_lie_in_their_intervals_about_as_often_as_promised():
    hits = []
    for seed in (0, 1, 2):
        agreement = np.random.default_rng(seed).beta(12, 3.5, 60).clip(0.5, 0.95)  # with the signal's sign: 1/2 + atan(a) / pi
        votes, _ = make_votes(600, n_workers=60, slope=np.tan(np.pi * (agreement - 0.5)), seed=seed, left=None)
        workers = merge(votes, ceiling=1.0).workers
        hits.append((workers.skill_low <= agreement) & (agreement <= workers.skill_high))
    assert 0.9 <= np.mean(hits) <= 0.99  # intervals of 95 %, 180 workers of some 50 votes


def test_gold_lifts_the_ceiling_where_errors_are_independent():
    data = study("independent", 1)
    without, with_gold = (merge(votes_of(data), gold=gold) for gold in (None, data.gold(200)))
    assert without.notes[0].startswith("ceiling 0.80 from the paper's study")
    assert with_gold.notes[0].startswith("ceiling 0.9") and with_gold.notes[0].endswith("from 200 gold pairs")
    best = measure(data.posterior, data.truth).log_loss
    assert measure(with_gold.crowd_probability, data.truth).log_loss - best < 0.02
    assert measure(without.crowd_probability, data.truth).log_loss - best > 0.04


def test_a_ceiling_that_is_set_is_kept_and_named():
    votes, _ = make_votes(200)
    merged = merge(votes, ceiling=0.9)
    assert merged.notes[0] == "ceiling 0.90 as set"
    assert merged.probability.max() < merge(votes, ceiling=0.99).probability.max()


def test_equal_skills_and_no_difficulty_give_the_majority():
    votes, _ = make_even_votes(1600, accuracy=0.75, n_workers=8)
    assert (merge(votes).label == (votes.ones > 2.5)).mean() > 0.98


def test_independent_errors_give_dawid_skene():
    accuracy = np.random.default_rng(0).uniform(0.55, 0.95, 40)
    votes, truth = make_even_votes(2000, accuracy)
    merged = merge(votes, ceiling=1.0)
    dawid_skene = merge(votes, "dawid-skene")
    assert merged.settings["separation"] == 0.95
    assert (merged.label == dawid_skene.label).mean() > 0.97
    assert measure(merged.probability, truth).log_loss < measure(dawid_skene.probability, truth).log_loss + 0.01
    assert np.corrcoef(merged.workers.skill, accuracy)[0, 1] > 0.95


@pytest.mark.parametrize("per_item", [1, 2])
def test_one_or_two_votes_per_item_finish_nothing(per_item):
    data = study("paper", 5, votes_per_pair=per_item)
    merged = merge(votes_of(data))
    found = measure(merged.probability, data.truth)
    assert merged.risk.min() > 0.1
    assert found.ece < 0.07
    assert found.accuracy > 0.69


def test_an_even_split_of_equals_is_undecided():
    merged = merge(Votes([0, 0, 1, 1], [0, 1, 0, 1], [1, 0, 0, 1]))
    assert np.allclose(merged.probability, 0.5, atol=1e-6)


def test_guessers_and_the_contrary_are_recognised_and_cost_little():
    data = study("paper", 2, crowd=PaperCrowd(2, spammers=0.1, adversaries=0.05))
    merged = merge(votes_of(data))
    kind = np.array([worker.kind for worker in data.workers])
    busy = merged.workers.votes >= 100
    assert (merged.workers.kind[busy & (kind == "adversary")] == "contrary").mean() > 0.8
    assert (merged.workers.kind[busy & (kind == "honest")] == "contrary").mean() < 0.05
    assert merged.workers.skill[busy & (kind == "spammer")].mean() < 0.58
    assert (merged.label == data.truth).mean() > (data.posterior.round() == data.truth).mean() - 0.01


def test_habits_of_side_and_of_label_are_found():
    bias = np.where(np.arange(40) < 10, 0.8, 0.0)
    votes, _ = make_votes(2000, left_bias=bias, seed=1)
    found = merge(votes).workers.left_bias
    assert abs(found[:10].mean() - 0.8) < 0.15 and abs(found[10:].mean()) < 0.1
    votes, _ = make_votes(2000, label_bias=np.where(np.arange(40) < 20, 0.7, -0.7), seed=2)
    found = merge(votes, label_bias=True).workers.label_bias
    assert found[:20].mean() > 0.5 and found[20:].mean() < -0.5
    assert not merge(votes).workers.label_bias.any()  # it is known what was shown where, so labels mean nothing to people
    unknown = Votes(votes.item, votes.worker, votes.label, votes.n_items, votes.n_workers)
    found = merge(unknown).workers.label_bias
    assert found[:20].mean() > 0.5 and found[20:].mean() < -0.5


def test_nobody_has_habits_where_there_are_none():
    votes, _ = make_votes(2000, seed=3)
    workers = merge(votes).workers
    assert max(np.abs(workers.left_bias).max(), np.abs(workers.label_bias).max()) < 0.2


def test_a_newcomer_is_neither_trusted_nor_damned():
    votes, _ = make_votes(500, n_workers=41)
    keep = (votes.worker != 40) | (np.cumsum(votes.worker == 40) <= 1)
    merged = merge(Votes(votes.item[keep], votes.worker[keep], votes.label[keep], 500, 42))
    skill = merged.workers.skill
    assert skill[:40].min() < skill[40] < skill[:40].max()
    assert abs(skill[41] - np.median(skill[:40])) < 0.05  # he has not voted at all
    assert merged.workers.skill_high[40] - merged.workers.skill_low[40] > 0.1


@pytest.mark.parametrize(("accuracy", "helps"), [(0.8, True), (0.5, False), (0.3, True)])
def test_a_models_opinion_counts_for_what_it_is_worth(accuracy, helps):
    data = study("paper", 4, n_images=400, n_workers=120)
    rng = np.random.default_rng(0)
    right = rng.random(data.n_items) < accuracy
    prior = np.where(right == (data.truth == 1), 0.95, 0.05)  # always as sure
    alone, together = (measure(merge(votes_of(data), prior=p).probability, data.truth) for p in (None, prior))
    assert together.log_loss < alone.log_loss + 0.005
    if helps and accuracy > 0.5:
        assert together.log_loss < alone.log_loss - 0.015


def test_a_pair_without_votes_keeps_what_the_model_is_worth():
    data = study("paper", 4, n_images=400, n_workers=120)
    seen = data.item >= 100
    prior = np.where(np.random.default_rng(1).random(data.n_items) < 0.75, data.truth, 1 - data.truth) * 0.9 + 0.05
    merged = merge(Votes(data.item[seen], data.worker[seen], data.label[seen], data.n_items, data.n_workers), prior=prior)
    assert (np.abs(merged.probability[:100] - 0.5) > 0.05).all()
    assert ((merged.probability[:100] > 0.5) == (prior[:100] > 0.5)).all()
    assert any("the model's opinion" in note for note in merged.notes)


def uneven_votes(share=0.12, right_on_one=0.8, right_on_zero=0.8, seed=0):
    """Five votes on each of 1,000 items, and the truth (I,)."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(1000) < share).astype(int)
    item, worker = np.repeat(np.arange(1000), 5), np.argsort(rng.random((1000, 30)), axis=1)[:, :5].ravel()
    right = rng.random(5000) < np.where(truth[item] == 1, right_on_one, right_on_zero)
    return Votes(item, worker, np.where(right, truth[item], 1 - truth[item]), 1000, 30), truth


def test_rare_ones_are_found_from_the_votes_and_told():
    votes, truth = uneven_votes()
    merged = merge(votes)
    assert abs(merged.settings["seen_rate"] - 0.12) < 0.04 and merged.settings["base_rate"] == 0.5
    assert any("look like ones, from the votes, which rule out one half" in note for note in merged.notes)
    assert measure(merged.probability, truth).accuracy > measure(merge(votes, "majority").probability, truth).accuracy - 0.005
    again = merged.fitted.probability(merged.fitted.evidence(votes))
    assert ((again > 0.5) == merged.label).mean() > 0.98  # kept with the parameters


def test_gold_turns_the_share_of_what_looks_like_ones_into_a_base_rate():
    votes, truth = uneven_votes()
    told = merge(votes, gold=make_gold(truth))
    assert abs(told.settings["base_rate"] - 0.12) < 0.04 and told.settings["seen_rate"] == 0.5
    assert any("from the votes and 100 gold pairs, which rule out one half" in note for note in told.notes)
    assert measure(told.crowd_probability, truth).accuracy > 0.93


def test_a_base_rate_that_is_given_stands_and_one_that_is_asked_for_is_estimated():
    votes, _ = uneven_votes()
    given = merge(votes, base_rate=0.5)
    assert given.settings["base_rate"] == given.settings["seen_rate"] == 0.5 and len(given.notes) == 1
    asked = merge(votes, base_rate="estimate", label_bias=False, ceiling=1.0)
    assert asked.settings["base_rate"] < 0.3 and any("as asked" in note for note in asked.notes)


def test_a_reluctance_that_all_share_is_not_taken_for_rare_ones():
    votes, truth = uneven_votes(share=0.5, right_on_one=0.6, right_on_zero=0.93)
    merged = merge(votes)
    assert 0.4 < merged.settings["seen_rate"] < 0.6
    assert measure(merged.probability, truth).accuracy > measure(merge(votes, "majority").probability, truth).accuracy + 0.05


def test_rare_ones_are_found_among_very_many_votes_too(monkeypatch):
    votes, truth = uneven_votes()
    monkeypatch.setattr(hypotheses, "MANY_VOTES", 4_000)
    monkeypatch.setattr(hypotheses, "PILOT_VOTES", 4_000)
    for gold in (None, make_gold(truth)):
        merged = merge(votes, gold=gold)
        assert measure(merged.crowd_probability, truth).accuracy > 0.92


def test_gold_items_keep_their_answer_and_show_the_crowds_beside_it():
    votes, signal = make_votes(300)
    gold = make_gold(signal > 0, 50)
    merged = merge(votes, gold=gold)
    known = ~np.isnan(gold)
    assert (merged.label[known] == gold[known]).all() and merged.risk[known].max() < 1e-5
    assert merged.crowd_probability[known].min() > 0.01


def test_the_order_of_rows_changes_nothing():
    votes, _ = make_votes(300)
    order = np.random.default_rng(0).permutation(len(votes))
    left = (votes.left + 1) // 2
    mixed = Votes(votes.item[order], votes.worker[order], votes.label[order], 300, 40, left=left[order])
    again = Votes(votes.item, votes.worker, votes.label, 300, 40, left=left)
    assert (merge(again).probability == merge(mixed).probability).all()


def test_turning_all_labels_round_turns_all_probabilities_round():
    votes, _ = make_votes(300, left=None)
    other = Votes(votes.item, votes.worker, 1 - votes.label, 300, 40)
    assert np.allclose(merge(votes).probability, 1 - merge(other).probability, atol=2e-3)


def test_mean_field_for_many_votes_agrees_with_belief_propagation(monkeypatch):
    data = study("paper", 6)
    exact = merge(votes_of(data))
    monkeypatch.setattr(hypotheses, "MANY_VOTES", 10_000)
    monkeypatch.setattr(hypotheses, "PILOT_VOTES", 10_000)
    quick = merge(votes_of(data))
    assert np.abs(quick.probability - exact.probability).mean() < 0.02
    assert measure(quick.probability, data.truth).log_loss < measure(exact.probability, data.truth).log_loss + 0.003
    some = exact.workers.votes >= 100
    assert np.abs(quick.workers.skill - exact.workers.skill)[some].mean() < 0.02


def test_a_crowd_of_whom_everybody_voted_once_is_merged():
    n = 150_000
    item = np.arange(n) // 5
    label = (np.random.default_rng(0).random(n) < np.where(item % 2, 0.75, 0.25)).astype(int)
    merged = merge(Votes(item, np.arange(n), label, n // 5, n))
    assert ((merged.probability > 0.5) == item[::5] % 2).mean() > 0.85
    assert np.ptp(merged.workers.skill) < 0.3


def test_impossible_settings_are_told():
    votes, _ = make_votes(20)
    for settings in ({"ceiling": 0.4}, {"base_rate": "guess"}, {"base_rate": 1.0}, {"depth": 3}):
        with pytest.raises(ValueError, match=r"ceiling|base_rate|depth"):
            merge(votes, **settings)
    with pytest.raises(ValueError, match="method is one of"):
        merge(votes, "best")
