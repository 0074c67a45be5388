"""Pairs about which the lifter is in doubt."""

import pytest

from annotation import more_pairs
from annotation.models import Pair
from crowd.models import Merge, Release
from modeling.models import Prediction, Run
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return factories.make_campaign(dataset=factories.make_person().image.dataset)


def predicted(campaign, deviation_mm: list[float], name: str = "one") -> Run:
    """A run that is done and has seen the data set's one person, whose hip is the root."""
    done = {"state": Run.State.DONE, "created_by": campaign.owner}
    merge = Merge.objects.create(campaign=campaign, **done)
    release = Release.objects.create(campaign=campaign, merge=merge, name=name, **done)
    run = Run.objects.create(name=name, release=release, **done)
    person = campaign.dataset.images.get().people.get()
    Prediction.objects.create(run=run, person=person, pose_mm=person.truth_mm, deviation_mm=deviation_mm)
    return run


def test_it_asks_about_the_keypoint_that_the_lifter_is_in_doubt_about(campaign):
    predicted(campaign, [20, 20, 0, 400, 20])
    assert more_pairs.add(campaign.dataset, "uncertain", 3, seed=1) == 3
    assert all(3 in (pair.first, pair.second) for pair in Pair.objects.filter(strategy="uncertain"))


def test_the_newest_run_is_asked(campaign):
    predicted(campaign, [20, 20, 0, 400, 20])
    predicted(campaign, [20, 20, 0, 20, 400], name="two")
    more_pairs.add(campaign.dataset, "uncertain", 1, seed=1)
    pair = Pair.objects.get(strategy="uncertain")
    assert 4 in (pair.first, pair.second)


def test_without_a_run_it_says_so(campaign):
    with pytest.raises(ValueError, match="Train one on a release"):
        more_pairs.preview(campaign.dataset, "uncertain", 1, seed=1)
