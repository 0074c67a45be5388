"""Campaigns run by programs: the panel's steps, the panel's rights."""

import pytest
from django.contrib.admin.models import LogEntry

from crowd.models import Campaign, Publication
from tests.factories import make_campaign, make_voted_campaign
from tests.programs import client_of, errors_of, make_member

pytestmark = pytest.mark.django_db
ACTS = ["launch", "pause", "resume", "extend", "more_votes", "budget", "finish", "archive", "collect"]


def post(user, campaign: Campaign, act: str, **body):
    return client_of(user).post(f"/api/v1/campaigns/{campaign.pk}/{act}/", body, format="json")


def make_collecting(**overrides) -> Campaign:
    return make_voted_campaign(owner=make_member("Manager"), state=Campaign.State.COLLECTING, **overrides)


def test_a_campaign_is_paused_and_the_audit_trail_says_by_whom():
    campaign = make_collecting()
    answer = post(campaign.owner, campaign, "pause")
    assert answer.status_code == 200 and answer.json()["state"] == Campaign.State.PAUSED
    assert campaign.publications.get().act == Publication.Act.PAUSE
    assert LogEntry.objects.get().user == campaign.owner


def test_a_campaign_is_finished_and_cannot_be_paused_then():
    campaign = make_collecting()
    assert post(campaign.owner, campaign, "finish").json()["state"] == Campaign.State.FINISHED
    refused = post(campaign.owner, campaign, "pause")
    assert refused.status_code == 409 and "Finished" in refused.json()["detail"].title()


def test_a_budget_is_set_and_taken_away():
    campaign = make_campaign(owner=make_member("Manager"))
    assert post(campaign.owner, campaign, "budget", budget_usd="12.50").json()["budget_usd"] == "12.50"
    assert post(campaign.owner, campaign, "budget", budget_usd=None).json()["budget_usd"] is None


def test_a_price_is_told_and_another_one_is_not_agreed_to():
    campaign = make_voted_campaign(owner=make_member("Manager"))
    price = client_of(campaign.owner).get(f"/api/v1/campaigns/{campaign.pk}/price/").json()
    assert price["total_usd"] == "0.60"
    assert post(campaign.owner, campaign, "launch").json()["errors"][0]["field"] == "agreed_usd"
    refused = post(campaign.owner, campaign, "launch", agreed_usd="0.01")
    assert refused.status_code == 409 and not campaign.publications.exists()


@pytest.mark.parametrize("act, body, field", [
    ("extend", {"days": 0}, "days"), ("more_votes", {"votes": "many"}, "votes"), ("budget", {"budget_usd": -1}, "budget_usd"),
])
def test_a_wrong_number_is_refused_by_its_name(act, body, field):
    campaign = make_collecting()
    answer = post(campaign.owner, campaign, act, **body)
    assert answer.status_code == 400 and errors_of(answer)[field]


def test_nobody_acts_on_somebody_elses_campaign_or_without_the_right():
    campaign = make_collecting()
    stranger, viewer = make_member("Manager"), make_member("Viewer")
    assert {post(stranger, campaign, act).status_code for act in ACTS} == {404}
    Campaign.objects.update(owner=viewer)
    assert {post(viewer, campaign, act).status_code for act in ACTS} == {403}
    assert not Publication.objects.exists()
