"""The figures of the analysis say what was planted in the votes."""

import math
import random

import numpy as np
import pytest
from django.core.cache import cache
from django.urls import reverse

from annotation.models import Pair, Person
from crowd import merging
from crowd.models import Assignment
from crowd.panel import analysis, camera_lean, merges
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
    one = analysis.by_difficulty(analysis.figures(merge)).object_list[0]
    assert (one["person"].pk, one["share"], one["votes"], one["rank"]) == (hard[0], 0.0, 15, 1)


def test_every_image_has_its_place_by_difficulty_page_by_page(client, admin_user):
    """Of twelve images one in three is misjudged by one of three workers, one in three by two."""
    merge = merged_campaign(*(lambda pair, n=n: pair.truth_first != (pair.person_id % 3 > n) for n in range(3)), n_pairs=60)
    found = analysis.figures(merge)
    pages = [analysis.by_difficulty(found, "hardest", number, per_page=5) for number in (1, 2, 3)]
    shares = [one["share"] for page in pages for one in page.object_list]
    assert len(shares) == 12 and shares == sorted(shares) and len(set(shares)) == 3
    assert [one["rank"] for page in pages for one in page.object_list] == list(range(1, 13))
    assert analysis.by_difficulty(found, "easiest").object_list[0]["rank"] == 12
    client.force_login(admin_user)
    page = client.get(reverse("admin:crowd_merge_difficulty", args=[merge.pk]) + "?show=easiest").content.decode()
    assert page.index("12. 100 %") < page.index("1. 33 %")


def test_the_cameras_lean_that_was_planted_is_found_and_corrected():
    """Cameras that look 30 degrees down, workers who judge as if they were level and err one time in ten."""
    draw = random.Random(4)
    down = math.radians(30)
    up = [0, -math.cos(down), -math.sin(down)]
    level = np.array([0, -math.sin(down), math.cos(down)])

    def as_level(pair):
        depth = np.array(pair.person.truth_mm) @ level
        return bool(depth[pair.first] < depth[pair.second]) != (draw.random() < 0.1)

    campaign = factories.make_campaign()
    factories.make_pairs(150, campaign.dataset)
    campaign.dataset.images.update(up=up)
    for person in Person.objects.all():
        person.truth_mm = [[0, 0, 0] if joint == 2 else [draw.gauss(0, 300) for _ in range(3)] for joint in range(5)]
        person.save()
    pairs = list(Pair.objects.all())
    hit = factories.make_hit(campaign=campaign, pairs=pairs, max_assignments=3)
    for _ in range(3):
        factories.answer(factories.make_assignment(hit=hit).task, as_level)
    merge = running.execute(merging.start(campaign, campaign.owner, method="majority"))
    lean = analysis.figures(merge)["lean"]
    turned = sum((pair.depth_gap_mm > 0) != (_gap(pair, level) > 0) for pair in Pair.objects.select_related("person"))
    assert lean["turned"] == turned > 10 and lean["n_pairs"] == 150 and lean["tilt"] == pytest.approx(30)
    assert lean["raw"][1] == pytest.approx(0.9, abs=0.05)
    assert lean["gain"][1] == pytest.approx(0.8 * turned / 150, abs=0.03)  # where the order turns 9 in 10 were wrong
    assert 0 < lean["gain"][0] < lean["gain"][1] < lean["gain"][2]
    assert lean["merged"][1] > lean["merged"][0] and lean["by_level"] > 0.8


def _gap(pair, axis) -> float:
    depth = np.array(pair.person.truth_mm) @ axis
    return depth[pair.second] - depth[pair.first]


def test_a_level_camera_changes_nothing():
    up = np.array([[0.0, -1.0, 0.0], [0.0, -1.0, 0.0]])
    assert np.allclose(camera_lean.level_axis(up), [0, 0, 1]) and np.allclose(camera_lean.tilt_deg(up), 0)
    assert np.isnan(camera_lean.level_axis(np.array([0.0, 0.0, -1.0]))).all()  # straight down: nothing is level


def test_without_ground_truth_votes_are_measured_against_the_consensus():
    merge = merged_campaign(lambda pair: True, lambda pair: True, lambda pair: False)
    for image in merge.campaign.dataset.images.all():
        image.people.update(truth_mm=None)
    found = analysis.figures(merge)
    assert found["against"] == "the consensus"
    accuracies = {row[0]: row[1] for row in chart(merge, "worker-accuracy")["rows"] if row[1]}
    assert accuracies == {"95-100 %": 2, "0-5 %": 1}


def test_a_merge_shows_what_is_wrong_among_the_surest_and_how_workers_agree_with_the_others():
    def truly(pair):
        return pair.truth_first

    merge = merged_campaign(truly, truly, truly, lambda pair: not pair.truth_first)
    coverage = merges.coverage_chart(merges.consensus_table(merge))
    assert [row[1] for row in coverage["rows"]] == [0.0] * 20 and coverage["rows"][-1][0] == "100 %"
    assert all(row[2] > 0.2 for row in coverage["rows"])  # three of four is not certain
    agreement = merges.agreement_chart(list(merge.skills.values_list("agreement", flat=True)))
    assert {row[0]: row[1] for row in agreement["rows"] if row[1]} == {"95-100 %": 3, "30-35 %": 1}


def test_gold_pairs_do_not_flatter_the_merges_own_figures():
    merge = merged_campaign(lambda pair: pair.truth_first, lambda pair: True, n_pairs=14)
    gold = list(merge.consensuses.values_list("pair_id", flat=True)[:6])
    Pair.objects.filter(pk__in=gold).update(gold_first=True)
    table = merges.consensus_table(merge)
    assert len(table) == 14 and np.isfinite(table[:, 2]).sum() == 8
    assert merges.coverage_chart(table) is None  # eight pairs say nothing
