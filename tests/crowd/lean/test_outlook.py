"""The campaign's page says where votes went and what is still to come."""

from decimal import Decimal

import numpy as np
import pytest
from django.urls import reverse

from annotation.models import Pair
from crowd import merging
from crowd.lean.outlook import outlook
from crowd.lean.standing import measure
from jobs import running
from tests.crowd.lean.campaigns import do_all, make_lean

pytestmark = pytest.mark.django_db


def test_before_the_first_vote_all_is_still_to_come():
    campaign = make_lean(n_pairs=20, most_votes=3, target_risk=0.001, reward_usd=Decimal("0.10"))
    seen = outlook(campaign, hand_ins_per_hour=12)
    assert (seen.n_pairs, seen.n_finished, seen.votes, seen.per_finished) == (20, 0, 0, None)
    assert seen.left == seen.low == seen.high == 60
    assert seen.usd == Decimal("0.72")  # six tasks of ten at 12 cents
    assert seen.time.total_seconds() == 1800


def test_finished_pairs_are_compared_with_the_fixed_plan_on_the_page(admin_client, django_assert_max_num_queries):
    campaign = make_lean(n_pairs=20, most_votes=4, target_risk=0.2, votes_per_pair=5)
    draw = np.random.default_rng(0)
    do_all(campaign, lambda pair: pair.truth_first != (draw.random() < 0.1))
    seen = outlook(campaign)
    assert seen.n_finished == 20 and seen.left == 0 and seen.plan == 100
    assert seen.per_finished == seen.votes / 20 < 5
    with django_assert_max_num_queries(19):
        page = admin_client.get(reverse("admin:crowd_campaign_lean", args=[campaign.pk])).content.decode()
    assert "Where the votes went" in page and "less than the fixed plan" in page
    assert "Dollars spent until so many pairs were finished" in page and "5 votes on every pair" in page
    campaign.standings.update(n_votes=0)
    measure(campaign)
    person = campaign.standings.first().pair.person_id
    page = admin_client.get(reverse("admin:annotation_person_change", args=[person])).content.decode()
    assert "stopped after" in page or "left at" in page


def test_where_several_campaigns_asked_a_persons_page_says_whose_reason_and_whose_merge(admin_client):
    campaign = make_lean(n_pairs=10, most_votes=2, target_risk=0.001, name="frugal")
    do_all(campaign, lambda pair: True)
    person = campaign.standings.first().pair.person_id
    address = reverse("admin:annotation_person_change", args=[person])
    alone = admin_client.get(address).content.decode()
    assert "left at 2 votes" in alone and "frugal" not in alone
    running.execute(merging.start(campaign, campaign.owner))
    other = make_lean(n_pairs=0, dataset=campaign.dataset, owner=campaign.owner, most_votes=1, name="plain")
    do_all(other, lambda pair: True)
    Pair.objects.filter(person=person).update(prior=0.93, prior_source="run 7")
    page = admin_client.get(address).content.decode()
    assert "by the 2 votes of frugal" in page
    assert "frugal: left at 2 votes" in page and "plain: left at 1 vote" in page
    line = next(line for line in page.splitlines() if "frugal: left at" in line)
    assert line.count("prior 0.93 from run 7") == 1  # the earlier campaign decided without it
