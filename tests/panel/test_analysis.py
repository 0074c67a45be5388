"""The figures of the analysis say what was planted in the votes."""

import pytest
from django.core.cache import cache

from crowd import merging
from crowd.models import Assignment
from crowd.panel import analysis
from jobs import running
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_kept():
    cache.clear()


def merged_campaign(*choosers, n_pairs=20):
    """A merged campaign on which each chooser, a function of the pair, has voted on every pair."""
    campaign = factories.make_campaign()
    pairs = factories.make_pairs(n_pairs, campaign.dataset)
    hit = factories.make_hit(campaign=campaign, pairs=pairs, max_assignments=len(choosers))
    for choose in choosers:
        factories.answer(factories.make_assignment(hit=hit).task, choose)
    return running.execute(merging.start(campaign, campaign.owner, method="majority"))


def chart(merge, name):
    return next(chart for chart in analysis.figures(merge)["charts"] if chart["id"] == name)


def test_a_worker_who_always_says_the_first_is_right_on_the_first_and_wrong_on_the_second():
    def truly(pair):
        return pair.truth_first

    merge = merged_campaign(truly, truly, lambda pair: True)
    lazy = Assignment.objects.order_by("-pk").first().worker.annotator.pseudonym
    rates = {row[0]: row[1:3] for row in chart(merge, "rates")["rows"]}
    assert rates.pop(lazy) == [0.0, 1.0]
    assert all(rate == [1.0, 1.0] for rate in rates.values())


def test_the_person_on_whom_most_err_is_the_hardest():
    hard = []

    def choose(pair):
        hard[:] = hard or [pair.person_id]
        return pair.truth_first != (pair.person_id == hard[0])

    merge = merged_campaign(choose, choose, choose)
    person, share, votes = analysis.figures(merge)["hardest"][0]
    assert (person, share, votes) == (hard[0], 0.0, 15)


def test_without_ground_truth_votes_are_measured_against_the_consensus():
    merge = merged_campaign(lambda pair: True, lambda pair: True, lambda pair: False)
    for image in merge.campaign.dataset.images.all():
        image.people.update(truth_mm=None)
    found = analysis.figures(merge)
    assert found["against"] == "the consensus"
    accuracies = {row[0]: row[1] for row in chart(merge, "worker-accuracy")["rows"] if row[1]}
    assert accuracies == {"95-100 %": 2, "0-5 %": 1}
