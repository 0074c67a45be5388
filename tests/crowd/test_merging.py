"""Votes of a campaign become one stored consensus."""

import numpy as np
import pytest
from django.utils import timezone

from annotation.models import Choice, Pair, Task, Vote
from crowd import merging
from crowd.models import Consensus, Merge
from jobs import running
from tests.factories import answer, cast, make_assignment, make_campaign, make_hit, make_pairs, make_user, make_voted_campaign

pytestmark = pytest.mark.django_db


def merged(campaign, **options) -> Merge:
    return running.execute(merging.start(campaign, campaign.owner, **options))


def test_five_votes_of_which_some_are_wrong_become_mostly_right_answers():
    campaign = make_voted_campaign(n_pairs=40, wrong=0.25)
    merge = merged(campaign)
    assert merge.is_done, merge.error
    assert merge.figures["votes"] == 200 and merge.figures["pairs"] == 40 and merge.figures["workers"] == 5
    assert merge.figures["accuracy_raw"] == pytest.approx(0.75, abs=0.06)
    assert merge.figures["accuracy_merged"] > merge.figures["accuracy_raw"]
    assert sum(row["votes"] for row in merge.figures["accuracy_by_gap"]) == 200


def test_every_pair_gets_a_probability_and_every_worker_a_skill_within_its_interval():
    merge = merged(make_voted_campaign(n_pairs=15))
    assert merge.consensuses.count() == 15
    assert all(0 < row.p_first < 1 and row.n_votes == 5 and 0 <= row.risk <= 0.5 for row in merge.consensuses.all())
    assert merge.skills.count() == 5
    assert all(row.low <= row.skill <= row.high and row.n_votes == 15 for row in merge.skills.all())


@pytest.mark.parametrize("method", merging.METHODS)
def test_every_method_offered_merges(method):
    assert merged(make_voted_campaign(n_pairs=10), method=method).is_done


def test_the_pairs_of_a_person_speak_for_each_other_unless_they_are_told_not_to():
    campaign = make_voted_campaign(n_pairs=60, votes=2, wrong=0.25)
    together, apart = merged(campaign), merged(campaign, settings={"by_body": False})
    assert together.figures["settings"]["by_body"] and not apart.figures["settings"]["by_body"]
    assert any("the other pairs of a person" in note for note in together.figures["notes"])
    # Everybody holds himself alike here, so what most people's pairs say tells of each.
    assert together.figures["accuracy_merged"] > apart.figures["accuracy_merged"]


def test_votes_of_an_unconfirmed_voter_do_not_count():
    hit = make_hit(campaign=make_campaign(), pairs=make_pairs(5))
    for _ in range(3):
        answer(make_assignment(hit=hit).task, lambda pair: True)
    answer(make_assignment(hit=hit).task, lambda pair: False, verified=False)
    merge = merged(hit.campaign)
    assert merge.figures["votes"] == 15
    assert all(row.p_first > 0.5 for row in merge.consensuses.all())


def test_the_last_word_on_a_comparison_counts_and_an_undo_takes_it_back():
    hit = make_hit(pairs=make_pairs(3))
    task = make_assignment(hit=hit).task
    changed, undone, kept = task.comparisons.all()
    cast(changed, Choice.FIRST)
    cast(changed, Choice.UNDONE)
    cast(changed, Choice.SECOND)
    cast(undone, Choice.FIRST)
    cast(undone, Choice.UNDONE)
    cast(kept, Choice.FIRST)
    Task.objects.update(verified_at=timezone.now())
    votes = merging.standing_votes(merging.votes_of(hit.campaign))
    assert dict(zip(votes.pair.tolist(), votes.chose_first.tolist())) == {changed.pair_id: False, kept.pair_id: True}
    assert {vote.pk for vote in Vote.objects.standing()} == set(
        Vote.objects.filter(number__in=(3, 6)).values_list("pk", flat=True)
    )


def test_a_campaign_without_verified_votes_fails_with_a_sentence():
    merge = merged(make_campaign())
    assert merge.state == Merge.State.FAILED and "no verified votes" in merge.error


def test_merging_again_gives_the_same_to_the_last_bit():
    campaign = make_voted_campaign(n_pairs=20)
    first, second = merged(campaign), merged(campaign)
    assert list(first.consensuses.order_by("pair").values_list("p_first")) == list(
        second.consensuses.order_by("pair").values_list("p_first")
    )


def test_a_prior_moves_a_pair_and_gold_settles_it():
    campaign = make_voted_campaign(n_pairs=10, votes=2, wrong=0.5)
    before = {row.pair_id: row.p_first for row in merged(campaign).consensuses.all()}
    believed, known = list(before)[:2]
    Pair.objects.filter(pk=believed).update(prior=0.97)
    Pair.objects.filter(pk=known).update(gold_first=False)
    again = merged(campaign)
    assert again.is_done, again.error
    after = {row.pair_id: row.p_first for row in again.consensuses.all()}
    assert after[believed] > before[believed]
    assert after[known] < 0.01


def test_other_campaigns_votes_stay_out():
    campaign = make_voted_campaign(n_pairs=5)
    make_voted_campaign(n_pairs=5)
    assert merged(campaign).figures["votes"] == 25


def test_readers_see_the_older_merge_until_the_newer_is_done():
    campaign = make_voted_campaign(n_pairs=5)
    old = merged(campaign)
    Merge.objects.create(campaign=campaign, created_by=make_user())
    assert merging.latest(campaign) == old
    assert Consensus.objects.filter(merge=old).count() == 5


def test_accuracy_counts_an_undecided_pair_as_half():
    figures = merging.accuracy(
        chose_first=np.array([True, False]), item=np.array([0, 0]), p_first=np.array([0.5]), gap_mm=np.array([120.0])
    )
    assert (figures["accuracy_raw"], figures["accuracy_merged"]) == (0.5, 0.5)


def test_accuracy_is_silent_where_nothing_is_known():
    assert merging.accuracy(np.array([True]), np.array([0]), np.array([0.9]), np.array([np.nan])) == {}
