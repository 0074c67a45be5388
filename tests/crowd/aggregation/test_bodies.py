"""The pairs of a person speak for each other, never for themselves, and only as far as that is worth anything."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from crowd.aggregation import BadVotes, Bodies, Fitted, Votes, merge
from crowd.aggregation.bodies import Poses, learnt, looks
from crowd.aggregation.measures import measure
from crowd.aggregation.signal import NODES, shape
from crowd.planning import Protocol, collect, field
from crowd.planning.opinions import model, useless

BONES = ((0, 1), (1, 2), (0, 3), (3, 4), (0, 5), (5, 6), (6, 7), (5, 8))
K = 9


def make_people(n=300, per_person=5, seed=0, wrong_together=0.0):
    """A field of people whose depths add up along the bones; `wrong_together` of what all see wrongly runs through a body."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n), per_person)
    every = np.array([(a, b) for a in range(K) for b in range(K) if a != b])
    pairs = every[np.argsort(rng.random((n, len(every))), axis=1)[:, :per_person]].reshape(-1, 2)
    bodies = Bodies(person, *pairs.T, K, BONES)
    root = np.linalg.cholesky(bodies.skeleton())
    gap, other = (250 * _gaps(rng.normal(size=(n, K)) @ root.T, bodies) for _ in range(2))
    place = field("paper", seed, gap_mm=gap, image=person, n_workers=round(n * 0.284), bodies=bodies)
    if wrong_together:
        own = place.percept_mm - gap
        other *= place.crowd.shared_mm / other.std()
        place = replace(place, percept_mm=gap + np.sqrt(wrong_together) * other + np.sqrt(1 - wrong_together) * own)
    return place, collect(place, Protocol(2, merge_every=99, point_every=99, by_body=False), seed)[1]


def _gaps(depth, bodies):
    return depth[bodies.person, bodies.second] - depth[bodies.person, bodies.first]


@pytest.fixture(scope="module")
def people():
    return make_people()


def test_labels_are_right_more_often_and_honest_where_pairs_of_a_person_speak_for_each_other(people):
    place, votes = people
    alone, together = merge(votes), merge(votes, bodies=place.bodies)
    before, after = measure(alone.probability, place.truth), measure(together.probability, place.truth)
    assert after.accuracy > before.accuracy + 0.01
    assert after.log_loss < before.log_loss - 0.03
    assert together.risk.mean() == pytest.approx(1 - after.accuracy, abs=0.04)


def test_pairs_that_belong_to_nobody_in_particular_are_hardly_worse_for_it(people):
    place, votes = people
    shuffled = np.random.default_rng(1).permutation(len(place.bodies))
    alone, together = merge(votes), merge(votes, bodies=place.bodies.of(shuffled))
    before, after = measure(alone.probability, place.truth), measure(together.probability, place.truth)
    assert after.log_loss < before.log_loss + 0.01 and after.accuracy > before.accuracy - 0.015


def test_what_people_see_wrongly_through_a_whole_body_is_not_promised_to_be_right():
    place, votes = make_people(seed=2, wrong_together=1.0)
    own, ownvotes = make_people(seed=2)
    together, apart = merge(votes, bodies=place.bodies), merge(ownvotes, bodies=own.bodies)
    assert together.fitted.opinion.agreement > apart.fitted.opinion.agreement + 0.05
    assert together.risk.mean() > 1 - place.right(together.label == 1) - 0.02


def test_a_pair_is_foretold_by_the_others_alone(people):
    place, votes = people
    fitted = merge(votes, bodies=place.bodies).fitted
    evidence = fitted.evidence(votes)[:, :-1]
    before = fitted.said(evidence, place.bodies)
    more = evidence.copy()
    more[7] += fitted.evidence(Votes([0, 0, 0], [0, 1, 2], [1, 1, 1], 1, 3))[0, :-1]
    after = fitted.said(more, place.bodies)
    same_person = place.bodies.person == place.bodies.person[7]
    assert after[7] == pytest.approx(before[7])
    assert np.abs(after - before)[same_person].max() > 1e-3
    assert after[~same_person] == pytest.approx(before[~same_person])


def test_foretelling_is_conditioning_a_normal_variable():
    bodies = Bodies([4, 4, 4], [0, 1, 2], [2, 3, 8], K, BONES)
    mean = np.linspace(-0.3, 0.4, K)
    own = 0.1
    poses = Poses(mean, bodies.skeleton(), own)
    seen, precision, expected = np.array([0.8, -0.5, 0.0]), np.array([2.0, 0.7, 0.0]), np.array([0.1, 0.0, -0.2])
    difference = np.zeros((3, K))
    difference[range(3), bodies.second], difference[range(3), bodies.first] = 1, -1
    before, spread = difference @ mean + expected, difference @ poses.covariance @ difference.T
    found = poses.foretold(bodies, seen, precision, expected)
    for i in range(3):
        others = [j for j in range(3) if j != i and precision[j]]
        noisy = spread[np.ix_(others, others)] + np.diag(1 / precision[others] + own)
        weight = np.linalg.solve(noisy, spread[others, i])
        m = before[i] + weight @ (seen - before)[others]
        variance = spread[i, i] + own - weight @ spread[others, i]
        assert found[i] == pytest.approx(ndtr(m / np.sqrt(variance)), abs=1e-6)


def test_how_people_hold_themselves_is_learnt_from_what_is_seen():
    rng, n = np.random.default_rng(3), 3000
    root = np.array([[1.0, 0, 0], [0.9, 0.3, 0], [-0.8, 0.2, 0.5]])
    depth = rng.normal(size=(n, 3)) @ root.T + [0.0, 0.5, -0.2]
    person = np.repeat(np.arange(n), 2)
    pairs = np.array([(0, 1), (1, 2), (2, 0)])[np.argsort(rng.random((n, 3)), axis=1)[:, :2]].reshape(-1, 2)
    bodies = Bodies(person, *pairs.T, 3)
    gap = _gaps(depth, bodies)
    poses = learnt(bodies, gap + 0.3 * rng.normal(size=len(gap)), np.full(len(gap), 1 / 0.09))
    truth = root @ root.T
    for a, b in ((0, 1), (1, 2), (0, 2)):
        found = poses.covariance[a, a] + poses.covariance[b, b] - 2 * poses.covariance[a, b]
        assert found == pytest.approx(truth[a, a] + truth[b, b] - 2 * truth[a, b], rel=0.1, abs=0.05)
    assert poses.mean[1] - poses.mean[0] == pytest.approx(0.5, abs=0.06)


def test_a_look_is_what_the_votes_tell_of_a_normal_gap():
    a, error = 0.8, 0.6
    evidence = np.stack([-0.5 * ((NODES - 0.9) / error) ** 2, np.zeros(len(NODES))])
    seen, precision = looks(evidence, shape(0.0), a)
    assert seen[0] == pytest.approx(0.9 / a, rel=0.02)
    assert precision[0] == pytest.approx(a**2 / (error**2 + 1 - a**2), rel=0.03)
    assert seen[1] == precision[1] == 0


def test_parameters_that_are_kept_say_the_same(people):
    place, votes = people
    prior = model(0.75)(place)
    kept = merge(votes, prior=prior, bodies=place.bodies).fitted
    again = Fitted.from_bytes(kept.to_bytes())
    before, after = (one.evidence(votes, prior, place.bodies) for one in (kept, again))
    assert again.probability(after) == pytest.approx(kept.probability(before), abs=1e-5)
    assert again.foretold(after) == pytest.approx(kept.said(before[:, :-1], place.bodies, prior), abs=1e-3)


def test_it_can_be_left_out(people):
    place, votes = people
    alone, left_out = merge(votes), merge(votes, bodies=place.bodies, by_body=False)
    assert (alone.probability == left_out.probability).all()
    assert merge(votes, bodies=place.bodies).settings["by_body"] and not left_out.settings["by_body"]
    apart = merge(votes, "nearer-apart", bodies=place.bodies)
    assert (apart.probability == alone.probability).all() and apart.settings["method"] == apart.method == "nearer-apart"
    assert (merge(votes, "majority").probability == merge(votes, "majority", bodies=place.bodies).probability).all()


@pytest.mark.parametrize("misled", [True, False])
def test_with_a_model_the_pairs_of_a_person_still_tell(people, misled):
    place, votes = people
    prior = model(0.75, misled=misled)(place)
    before = measure(merge(votes, prior=prior).probability, place.truth)
    after = measure(merge(votes, prior=prior, bodies=place.bodies).probability, place.truth)
    assert after.log_loss < before.log_loss + 0.008 and after.accuracy > before.accuracy - 0.003
    neither = measure(merge(votes, bodies=place.bodies).probability, place.truth)
    assert after.log_loss < neither.log_loss


def test_a_model_that_says_nothing_of_half_of_the_pairs_does_not_make_the_others_too_sure(people):
    place, votes = people
    prior = np.where(np.arange(len(place.truth)) % 2, model(0.85, misled=False)(place), np.nan)
    merged = merge(votes, prior=prior, bodies=place.bodies)
    silent = np.isnan(prior)
    assert merged.risk[silent].mean() > 1 - place.right(merged.label == 1, silent) - 0.02
    neither = measure(merge(votes, bodies=place.bodies).probability[silent], place.truth[silent])
    assert measure(merged.probability[silent], place.truth[silent]).log_loss < neither.log_loss + 0.01


def test_a_model_that_comes_after_the_merge_counts_beside_them(people):
    place, votes = people
    fitted, prior = merge(votes, bodies=place.bodies).fitted, model(0.85, misled=False)(place)
    before = measure(fitted.probability(fitted.evidence(votes, bodies=place.bodies)), place.truth)
    after = measure(fitted.probability(fitted.evidence(votes, prior, place.bodies)), place.truth)
    assert after.log_loss < before.log_loss - 0.05 and after.accuracy > before.accuracy
    learnt_with = merge(votes, prior=prior, bodies=place.bodies).fitted
    gone = measure(learnt_with.probability(learnt_with.evidence(votes, bodies=place.bodies)), place.truth)
    assert gone.log_loss < before.log_loss + 0.05


@pytest.mark.parametrize("ceiling", [0.55, 0.8, 1.0])
def test_a_model_that_says_the_opposite_is_read_the_other_way_round_under_every_ceiling(people, ceiling):
    place, votes = people
    prior = 1 - model(0.85, misled=False)(place)
    merged = merge(votes, prior=prior, bodies=place.bodies, ceiling=ceiling)
    assert np.isfinite(merged.probability).all()
    assert place.right(merged.label == 1) > place.right(merge(votes, bodies=place.bodies, ceiling=ceiling).label == 1) - 0.02


def test_a_useless_model_does_not_silence_them(people):
    place, votes = people
    without = measure(merge(votes, bodies=place.bodies).probability, place.truth)
    beside = measure(merge(votes, prior=useless(place), bodies=place.bodies).probability, place.truth)
    assert beside.log_loss < without.log_loss + 0.005


def test_joints_are_as_far_apart_as_there_are_bones_between_them():
    covariance = Bodies([0] * 3, [0, 0, 0], [1, 2, 3], 4, ((0, 1), (1, 2), (2, 3))).skeleton()

    def apart(a, b):
        return covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]

    assert apart(0, 2) == pytest.approx(2 * apart(0, 1), rel=0.05) and apart(0, 3) == pytest.approx(3 * apart(0, 1), rel=0.1)
    assert np.mean([apart(0, 1), apart(0, 2), apart(0, 3)]) == pytest.approx(1)
    loose = Bodies([0], [0], [1], 3).skeleton()
    assert loose[0, 0] == pytest.approx(loose[2, 2]) and loose[0, 1] == pytest.approx(loose[1, 2])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (([0, 0], [0, 1], [1], 3), "one value per item"),
        (([0, 0], [0, 1], [1, 3], 3), "second names keypoints from 0 to 2, not 1 to 3"),
        (([0, 0], [0, 2], [1, 2], 3), "item 1: a keypoint is compared with itself"),
        (([0], [0], [1], 2, [(0, 2)]), "bones names keypoints from 0 to 1"),
    ],
)
def test_impossible_bodies_are_refused_with_the_place(columns, said):
    with pytest.raises(BadVotes, match=said):
        Bodies(*columns)


def test_bodies_of_other_items_are_refused():
    with pytest.raises(BadVotes, match="one row for each of the 2 items, not 1"):
        merge(Votes([0, 1], [0, 0], [1, 0]), bodies=Bodies([0], [0], [1], 2))


def test_pairs_nobody_voted_on_are_merged_too():
    merged = merge(Votes([0, 0], [0, 1], [1, 1], 3, 2), bodies=Bodies([0, 0, 1], [0, 0, 0], [1, 2, 1], 3, ((0, 1), (1, 2))))
    assert np.isfinite(merged.probability).all() and merged.probability[0] > 0.6
    assert len(merge(Votes([], [], []), bodies=Bodies([], [], [], 3)).probability) == 0
    nothing = merge(Votes([], [], [], 2, 0), bodies=Bodies([0, 0], [0, 0], [1, 2], 3))
    assert nothing.probability.tolist() == pytest.approx([0.5, 0.5])
