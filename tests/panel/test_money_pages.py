"""What a marketplace refuses is said on the overview and can be asked again; deposits are noted once."""

from decimal import Decimal

import pytest
from django.urls import reverse

from crowd import paying, publishing, reconciling
from crowd.books import auditing, outbox
from crowd.marketplace import accounts
from crowd.models import Call, Campaign, Payment
from crowd.ways.base import GatewayRefused
from jobs import running
from modeling import setting_up
from tests import factories
from tests.crowd.handwork import Hand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign(marketplace, researcher, client) -> Campaign:
    """On offer; its researcher is logged in."""
    client.force_login(researcher)
    campaign = factories.make_campaign(
        owner=researcher, environment=marketplace, dataset=factories.make_dataset(owner=researcher), votes_per_pair=2
    )
    factories.make_pairs(5, campaign.dataset)
    assert running.execute(publishing.publish(campaign, researcher)).is_done
    campaign.refresh_from_db()
    return campaign


def test_a_refused_bonus_stands_on_the_overview_until_it_is_asked_for_again(client, campaign, researcher):
    hand = Hand()
    accepted = hand.do(campaign.hits.get())
    reconciling.reconcile(campaign)
    call = paying.put_bonus(hand.here(accepted), researcher, Decimal("0.50"), "Well done.")
    Call.objects.filter(pk=call.pk).update(payload={"amount_usd": "20000.00"})
    with pytest.raises(GatewayRefused):
        outbox.perform(call)
    said = f"Refused by the marketplace for “{campaign}”: 1"
    assert said in client.get(reverse("admin:index")).content.decode()
    page = client.get(reverse("admin:crowd_call_change", args=[call.pk])).content.decode()
    assert "the most is" in page and "Ask again" in page
    Call.objects.filter(pk=call.pk).update(payload={"amount_usd": "0.50"})
    client.post(reverse("admin:crowd_call_again", args=[call.pk]))
    assert Payment.objects.get(kind="bonus").decided_by == researcher
    assert said not in client.get(reverse("admin:index")).content.decode()


def test_a_paused_campaign_stands_on_the_overview(client, campaign):
    client.post(reverse("admin:crowd_campaign_change-offer", args=[campaign.pk]), {"act": "pause"})
    assert f"“{campaign}” is paused" in client.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"act": "votes", "votes": "0"}, "Give a whole number of votes"), ({"act": "time", "days": "x"}, "Give a whole number"),
        ({"act": "budget", "budget": "much"}, "is no amount"), ({"act": "resume"}, "no resumption is possible"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(client, campaign, body, said):
    answer = client.post(reverse("admin:crowd_campaign_change-offer", args=[campaign.pk]), body, follow=True)
    assert said in answer.content.decode()


def test_a_deposit_is_noted_once_for_one_form_and_the_account_agrees(client, campaign, marketplace):
    accounts.deposit(setting_up.REQUESTER, "25.00", "the grant")
    page = client.get(reverse("admin:accounts")).content.decode()
    assert "differs by $25.00" in page and 'value="25.00"' in page
    body = {"environment": marketplace.pk, "amount": "25.00", "note": "The grant", "key": "one form"}
    for _ in range(2):
        client.post(reverse("admin:accounts"), body)
    assert Payment.objects.get(kind="deposit").reason == "The grant" and auditing.audit(marketplace).agrees
    client.post(reverse("admin:accounts"), body | {"amount": "a lot", "key": "another"})
    assert Payment.objects.filter(kind="deposit").count() == 1
    assert "agrees to the cent" in client.get(reverse("admin:accounts")).content.decode()
