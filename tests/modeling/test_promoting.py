"""A promoted run's beliefs become every pair's prior, all at once, and none has seen its own pair's answer."""

import numpy as np
import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from scipy.special import ndtri

from annotation.models import Choice, Pair
from crowd.lean import standing
from jobs import running
from jobs.models import Job
from modeling import keeping, priors, promoting
from modeling.models import Prior, Promotion
from tests import factories
from tests.modeling import runs

pytestmark = pytest.mark.django_db
TURNED = {Choice.FIRST: Choice.SECOND, Choice.SECOND: Choice.FIRST}


@pytest.fixture(autouse=True)
def _place(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def promote(run, dataset=None, **options) -> Promotion:
    dataset = dataset or run.release.campaign.dataset
    return running.execute(promoting.start(run, dataset, dataset.owner, **options))


@pytest.mark.once
def test_every_pair_gets_a_prior_and_promoting_another_run_or_none_replaces_them_all():
    first = runs.make_run(runs.make_release(per_person=8), settings=runs.WELL)
    dataset = first.release.campaign.dataset
    unasked = factories.make_pair(person=dataset.images.first().people.get(), first=16, second=3)
    lean = factories.make_campaign(dataset=dataset, protocol="lean", state="collecting")
    standing.begin(lean)
    done = promote(first)
    assert (done.state, done.error) == (Job.State.DONE, "")
    pairs = Pair.objects.of_dataset(dataset)
    assert set(pairs.values_list("prior_source", flat=True)) == {first.name}
    values = np.array(pairs.values_list("prior", flat=True))
    assert ((values > 0) & (values < 1)).all() and len(np.unique(values)) > 100
    right = np.array([(pair.prior > 0.5) == pair.truth_first for pair in pairs.select_related("person")])
    assert right.mean() > 0.55  # by runs that had not seen the answers, of thirty people
    figures = done.figures
    assert figures["pairs"] == len(values) == 241 and figures["cross_fitted"] > 80 and figures["labels"] == 240
    assert 0 < figures["softness"] <= 1 and figures["log_loss"] <= figures["log_loss_before"]
    unasked.refresh_from_db()
    assert unasked.prior is not None
    now = dict(lean.standings.values_list("pair", "p_first"))  # what a lean campaign asks next follows at once
    assert all((now[pair] > 0.5) == (prior > 0.5) for pair, prior in pairs.values_list("pk", "prior") if abs(prior - 0.5) > 0.1)
    assert not Prior.objects.exists()

    second = runs.make_run(first.release, seed=1)
    promote(second, anyway=True)
    assert promoting.current(dataset).run == second
    assert set(pairs.values_list("prior_source", flat=True)) == {second.name}

    promote(None, dataset)
    assert promoting.current(dataset).run is None
    assert set(pairs.values_list("prior", "prior_source")) == {(None, "")}
    assert Promotion.objects.filter(dataset=dataset, is_current=True).count() == 1
    lines = list(LogEntry.objects.order_by("pk").values_list("object_repr", "change_message"))
    assert [line[0] for line in lines] == [first.name, second.name, dataset.name]
    assert "no better than chance" in lines[1][1] and "withdrawn" in lines[2][1]


def test_no_prior_has_seen_its_own_pairs_answer():
    """Labelled again with one picture's answers turned round, that picture keeps its priors, and others do not."""
    release = runs.make_release()
    run = runs.make_run(release)
    promote(run, anyway=True)
    part = dict(_parts(run))
    name, number = next(iter(part.items()))
    dataset = release.campaign.dataset
    mine = Pair.objects.of_dataset(dataset).filter(person__image__name=name)
    before = list(mine.values_list("prior", flat=True))
    others_before = dict(Pair.objects.of_dataset(dataset).values_list("pk", "prior"))

    for pair in mine:
        for vote in pair.votes.all():
            pair.votes.filter(pk=vote.pk).update(choice=TURNED[vote.choice])
    other = runs.make_run(runs.make_release(release.campaign))
    promote(other, anyway=True)
    assert dict(_parts(other))[name] == number
    # One number for the whole data set says how sure priors may be; but for that, this picture's are what they were.
    after = list(mine.values_list("prior", flat=True))
    ratio = ndtri(after) / ndtri(before)
    assert np.allclose(ratio, ratio[0], rtol=1e-6)
    everybody = Pair.objects.of_dataset(dataset)
    assert set(everybody.values_list("prior_source", flat=True)) == {other.name}
    assert dict(everybody.values_list("pk", "prior")) != others_before


def test_the_cross_fitting_is_kept_with_the_run_and_used_again():
    run = runs.make_run()
    first = promote(run, anyway=True)
    run.refresh_from_db()
    assert sum(name.endswith("weights.safetensors") for name in run.files) == 1 + first.figures["parts"]
    assert set(keeping.shown_files(run)) == {"weights.safetensors", "run.json", "log.jsonl"}
    before = dict(Pair.objects.values_list("pk", "prior"))
    again = promote(run, anyway=True)
    assert "cross-fitting, part" not in again.stage and again.figures == first.figures
    assert dict(Pair.objects.values_list("pk", "prior")) == before


def test_a_data_set_that_taught_nothing_is_asked_of_the_run_itself():
    run = runs.make_run()
    own = run.release.campaign.dataset
    other = factories.make_dataset(skeleton=own.skeleton, owner=own.owner)
    pose = own.images.first().people.get().keypoints
    person = factories.make_person(image=factories.make_image(dataset=other), keypoints=pose)
    nobody = factories.make_person(image=factories.make_image(dataset=other), keypoints=[[1, 1]] + [None] * 16)
    seen, unseen = factories.make_pair(person=person), factories.make_pair(person=nobody)
    done = promote(run, other, anyway=True)
    assert (done.figures["pairs"], done.figures["cross_fitted"], done.figures["parts"]) == (1, 0, 0)
    seen.refresh_from_db(), unseen.refresh_from_db()
    assert seen.prior_source == run.name and (unseen.prior, unseen.prior_source) == (None, "")
    assert promoting.current(own) is None


def test_a_run_that_is_no_better_than_a_coin_is_promoted_only_by_who_says_so():
    run = runs.make_bare_run(figures={"held_out": {"labels": 200, "order": 0.41, "of": "the release"}})
    dataset = run.release.campaign.dataset
    with pytest.raises(promoting.NoBetterThanChance, match=r"41\.0% of the 200 labels"):
        promoting.start(run, dataset, dataset.owner)
    assert not Promotion.objects.exists() and not LogEntry.objects.exists()
    promoting.start(run, dataset, dataset.owner, anyway=True)
    assert "no better than chance" in LogEntry.objects.get().change_message


def test_a_promotion_waits_for_the_one_before_it():
    run = runs.make_bare_run()
    dataset = run.release.campaign.dataset
    promoting.start(run, dataset, dataset.owner)
    with pytest.raises(promoting.CannotPromote, match=r"promotion of run1 on .* is under way"):
        promoting.start(None, dataset, dataset.owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        Promotion.objects.create(dataset=dataset)


@pytest.mark.parametrize("state", ["waiting", "failed", "cancelled"])
def test_only_a_run_that_is_done_is_promoted(state):
    run = runs.make_bare_run(state=state)
    with pytest.raises(promoting.CannotPromote, match="only a run that is done"):
        promoting.start(run, run.release.campaign.dataset, None)


def test_a_run_of_other_joints_is_not_promoted():
    with pytest.raises(promoting.CannotPromote, match="train a run on this skeleton"):
        promoting.start(runs.make_bare_run(), factories.make_dataset(), None)


def test_a_promotion_that_fails_leaves_every_prior_as_it_was():
    run = runs.make_bare_run()
    dataset = run.release.campaign.dataset
    Pair.objects.of_dataset(dataset).update(prior=0.7, prior_source="an earlier run")
    failed = promote(run)
    assert failed.state == Job.State.FAILED and "no finished run" in failed.error
    assert set(Pair.objects.of_dataset(dataset).values_list("prior", "prior_source")) == {(0.7, "an earlier run")}
    assert promoting.current(dataset) is None


def _parts(run):
    """Name of each picture that taught the run, and its part of the cross-fitting."""
    from modeling import lifting
    from modeling.lifting.data import folds

    with keeping.workplace(run) as folder:
        data = lifting.load(keeping.fetch_release(run.release, folder / "release"))
    fold = folds(data, priors.PARTS, run.seed)
    return sorted((name.split("#")[0], int(number)) for name, number, taught in zip(data.person, fold, data.is_train) if taught)
