"""A campaign that trains by itself: enough votes, one round at a time, and no failure is repeated."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.models import Pair
from crowd.models import Campaign, Merge, Release
from jobs import running
from modeling import promoting, repeating, training
from modeling.models import Promotion, Round, Run
from tests.modeling import runs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _place(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.fixture
def campaign() -> Campaign:
    """With 40 verified votes, trains after 40."""
    campaign = runs.make_labelled_campaign(n_people=10)
    repeating.set_cadence(campaign, campaign.owner, every_votes=40, settings=runs.QUICK)
    return campaign


def pairs_of(campaign, count: int) -> list[Pair]:
    return list(Pair.objects.of_dataset(campaign.dataset).select_related("person")[:count])


def work() -> None:
    """What worker processes would do between two ticks."""
    for model in (Merge, Release, Run, Promotion):
        for job in model.objects.filter(state="waiting"):
            running.execute(job)


@pytest.mark.once
def test_enough_votes_are_merged_released_learnt_from_and_made_priors_by_the_clock():
    campaign = runs.make_labelled_campaign(n_people=30, per_person=4)
    repeating.set_cadence(campaign, campaign.owner, every_votes=120, settings=runs.WELL)
    stages = []
    for _ in range(6):
        repeating.tick()
        repeating.tick()  # twice at once does nothing more
        work()
        row = Round.objects.get()
        stages.append(sum(getattr(row, f"{name}_id") is not None for name in repeating.STAGES))
    assert stages == [1, 2, 3, 4, 4, 4] and (row.state, row.error) == (Round.State.DONE, "")
    assert (Merge.objects.count(), Release.objects.count(), Run.objects.count(), Promotion.objects.count()) == (1, 1, 1, 1)
    assert row.n_new_votes == 120 and row.run.settings == runs.WELL and row.run.note == "By itself, after 120 new votes"
    assert row.run.created_by == campaign.owner == row.promotion.created_by
    assert set(Pair.objects.values_list("prior_source", flat=True)) == {row.run.name}


def test_the_next_round_begins_when_as_many_votes_have_come_again(campaign):
    repeating.tick()
    Round.objects.update(state="done")
    runs.vote_on(campaign, pairs_of(campaign, 39))
    assert repeating.tick() == 0
    runs.vote_on(campaign, pairs_of(campaign, 1))
    assert repeating.tick() == 1
    assert Round.objects.latest("pk").n_new_votes == 40


def test_a_failure_ends_the_round_with_its_reason_and_waits_for_the_next_batch(campaign):
    repeating.tick()
    Merge.objects.update(state="failed", error="These votes are odd.")
    repeating.tick()
    row = Round.objects.get()
    assert (row.state, row.error) == (Round.State.FAILED, "The merge failed: These votes are odd.")
    assert [repeating.tick() for _ in range(3)] == [0, 0, 0] and Merge.objects.count() == 1
    runs.vote_on(campaign, pairs_of(campaign, 40))
    assert repeating.tick() == 1 and Merge.objects.count() == 2


def test_stopping_a_job_stops_its_round(campaign):
    repeating.tick()
    running.cancel(Merge.objects.get())
    repeating.tick()
    assert Round.objects.get().state == Round.State.CANCELLED
    assert repeating.tick() == 0


def test_an_error_of_the_program_is_told_once_and_keeps_no_other_campaign_waiting(campaign, monkeypatch):
    other = runs.make_labelled_campaign(n_people=10)
    repeating.set_cadence(other, other.owner, every_votes=40, settings=runs.QUICK)
    repeating.tick()
    work()

    def broken(merge, *args, **options):
        if merge.campaign == campaign:
            raise KeyError("missing")
        return real(merge, *args, **options)

    real = repeating.releasing.start
    monkeypatch.setattr(repeating.releasing, "start", broken)
    repeating.tick()
    assert "KeyError" in Round.objects.get(campaign=campaign).error
    assert Round.objects.get(campaign=other).release is not None


def test_what_is_left_when_a_campaign_ends_is_learnt_from_too(campaign):
    Round.objects.create(campaign=campaign, n_new_votes=40, counted_until=timezone.now(), state="done")
    runs.vote_on(campaign, pairs_of(campaign, 3))
    assert repeating.tick() == 0
    Campaign.objects.update(state="finished")
    assert repeating.tick() == 1
    assert Round.objects.latest("pk").n_new_votes == 3


def test_votes_that_nobody_has_verified_do_not_count(campaign):
    Round.objects.create(campaign=campaign, n_new_votes=0, counted_until=timezone.now() - timedelta(days=1), state="done")
    campaign.hits.get().assignments.get().task.__class__.objects.update(verified_at=None)
    assert repeating.tick() == 0


def test_without_promotion_a_round_ends_with_its_run(campaign):
    repeating.set_cadence(campaign, campaign.owner, every_votes=40, promotes=False, settings=runs.QUICK)
    for _ in range(5):
        repeating.tick()
        work()
    assert Round.objects.get().state == Round.State.DONE and not Promotion.objects.exists()


def test_a_round_waits_while_another_promotion_is_under_way(campaign):
    release = runs.make_release(campaign)
    run = runs.make_bare_run(release)
    row = Round.objects.create(
        campaign=campaign, n_new_votes=40, counted_until=timezone.now(), merge=release.merge, release=release, run=run
    )
    promoting.start(None, campaign.dataset, campaign.owner)
    assert repeating.tick() == 0
    running.execute(Promotion.objects.get())
    assert repeating.tick() == 1
    row.refresh_from_db()
    assert row.promotion.run == run


def test_a_round_whose_run_is_no_better_than_a_coin_fails_and_says_so(campaign):
    release = runs.make_release(campaign)
    run = runs.make_bare_run(release, figures={"held_out": {"labels": 30, "order": 0.4}})
    Round.objects.create(
        campaign=campaign, n_new_votes=40, counted_until=timezone.now(), merge=release.merge, release=release, run=run
    )
    repeating.tick()
    assert "no better than a coin" in Round.objects.get().error and not Promotion.objects.exists()


def test_a_cadence_that_makes_no_sense_is_refused(campaign):
    with pytest.raises(training.CannotTrain, match="unknown setting"):
        repeating.set_cadence(campaign, None, every_votes=5, settings={"speed": 1})
    with pytest.raises(ValueError, match="give 1 or more"):
        repeating.set_cadence(campaign, None, every_votes=0)
