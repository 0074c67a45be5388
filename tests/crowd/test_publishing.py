"""Pairs become HITs on the marketplace, once and within the budget."""

from decimal import Decimal

import pytest

from annotation.models import Pair
from crowd import life, pricing, publishing
from crowd.marketplace import models as market
from crowd.models import Call, Campaign, Hit, Publication
from crowd.mturk.gateway import Gateway, GatewayRefused, external_question
from jobs import running
from tests.crowd.campaigns import make_published
from tests.crowd.faults import BEFORE
from tests.factories import make_campaign, make_image, make_pair, make_pairs, make_person


@pytest.mark.django_db
def test_every_pair_is_in_exactly_one_hit_of_at_most_five_images_with_five_pairs():
    campaign = make_campaign()
    make_pairs(60, campaign.dataset)
    hits = publishing.grouped(campaign)
    assert sorted(pair for hit in hits for pair in hit) == sorted(Pair.objects.values_list("pk", flat=True))
    assert [len(hit) for hit in hits] == [25, 25, 10]
    for hit in hits:
        assert Pair.objects.filter(pk__in=hit).values("person__image").distinct().count() <= 5


@pytest.mark.django_db
def test_an_image_with_more_pairs_than_fit_goes_into_several_hits():
    campaign = make_campaign(images_per_hit=1, pairs_per_image=4)
    person = make_person(image=make_image(dataset=campaign.dataset))
    for first in range(5):
        for second in range(first):
            make_pair(person=person, first=first, second=second)
    assert sorted(len(hit) for hit in publishing.grouped(campaign)) == [2, 4, 4]


@pytest.mark.django_db
def test_the_distribution_follows_the_seed():
    campaign = make_campaign(images_per_hit=1)
    make_pairs(50, campaign.dataset)
    first = publishing.grouped(campaign)
    assert publishing.grouped(campaign) == first
    campaign.seed = 1
    assert publishing.grouped(campaign) != first


@pytest.mark.parametrize(
    ("reward", "assignments", "fee"),
    [
        ("0.10", 5, "0.02"), ("0.01", 5, "0.01"), ("0.12", 5, "0.02"), ("0.13", 5, "0.03"), ("0.10", 10, "0.04"),
        ("0.40", 9, "0.08"),
    ],
)
def test_the_fee_is_a_fifth_rounded_half_up_at_least_a_cent_and_double_from_ten_assignments(reward, assignments, fee):
    assert pricing.fee_usd(Decimal(reward), assignments) == Decimal(fee)


@pytest.mark.django_db
def test_the_papers_study_costs_240_dollars(monkeypatch):
    campaign = make_campaign()
    monkeypatch.setattr(publishing, "grouped", lambda campaign: [list(range(25))] * 400)
    price = publishing.price(campaign)
    assert (price.n_assignments, price.n_votes) == (2000, 50_000)
    assert (price.reward_usd, price.fee_usd, price.total_usd) == (Decimal("200.00"), Decimal("40.00"), Decimal("240.00"))


def test_publishing_puts_every_hit_on_the_marketplace_and_holds_the_money(place):
    campaign = make_published(place, n_pairs=30)
    assert campaign.state == Campaign.State.COLLECTING
    assert campaign.hits.exclude(hit_id="").count() == market.Hit.objects.count() == 3
    assert Gateway(place).balance_usd() == Decimal("100.00") - 6 * Decimal("0.12")
    hit = campaign.hits.first()
    assert hit.token in market.Hit.objects.get(hit_id=hit.hit_id).external_url


def test_a_publication_that_died_half_way_is_taken_up_without_a_second_hit(place, monkeypatch):
    campaign = make_campaign(environment=place, votes_per_pair=2, images_per_hit=1)
    make_pairs(20, campaign.dataset)
    create, calls = Gateway.create_hit, []

    def dies_after_the_second_call(self, *arguments, **options):
        hit_id = create(self, *arguments, **options)
        calls.append(hit_id)
        if len(calls) == 2:
            raise KeyboardInterrupt("the process is killed after the marketplace has answered")
        return hit_id

    monkeypatch.setattr(Gateway, "create_hit", dies_after_the_second_call)
    job = publishing.publish(campaign, campaign.owner)
    with pytest.raises(KeyboardInterrupt):
        running.execute(job)
    assert market.Hit.objects.count() == 2 and campaign.hits.exclude(hit_id="").count() == 1
    Publication.objects.update(lease_until="2020-01-01T00:00Z")  # long ago: the process is dead
    Call.objects.exclude(lease_until=None).update(lease_until="2020-01-01T00:00Z")
    assert running.execute(job).is_done
    assert market.Hit.objects.count() == campaign.hits.exclude(hit_id="").count() == 4
    assert Gateway(place).balance_usd() == Decimal("100.00") - 8 * Decimal("0.12")


def test_a_marketplace_that_stops_answering_leaves_the_rest_to_be_published_later(place, network):
    campaign = make_campaign(environment=place, votes_per_pair=2, images_per_hit=1)
    make_pairs(15, campaign.dataset)
    network.fail("CreateHITWithHITType", "", BEFORE)
    job = running.execute(publishing.publish(campaign, campaign.owner))
    assert job.state == Publication.State.FAILED and "1 of 3 HITs are on offer" in job.error
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.PUBLISHING
    assert running.execute(publishing.publish(campaign, campaign.owner)).is_done
    assert market.Hit.objects.count() == 3


def test_too_little_money_is_said_before_anything_is_published(place):
    campaign = make_campaign(environment=place, reward_usd=Decimal("60.00"))
    make_pairs(5, campaign.dataset)
    with pytest.raises(publishing.CannotPublish, match=r"Deposit 260\.00 USD"):
        publishing.publish(campaign, campaign.owner)
    campaign.refresh_from_db()
    assert campaign.is_draft and not market.Hit.objects.exists()


@pytest.mark.django_db
def test_a_budget_that_does_not_suffice_stops_publishing():
    campaign = make_campaign(budget_usd=Decimal("0.59"))
    make_pairs(5, campaign.dataset)
    with pytest.raises(publishing.CannotPublish, match=r"0\.60 USD, more than the budget of 0\.59"):
        publishing.publish(campaign, campaign.owner)


@pytest.mark.django_db
def test_a_data_set_without_pairs_cannot_be_published():
    with pytest.raises(publishing.CannotPublish, match="no pairs"):
        publishing.check(make_campaign())


@pytest.mark.django_db
def test_workers_elsewhere_need_https(settings):
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    campaign = make_campaign()
    campaign.environment.worker_url = "https://worker.mturk.com"
    make_pairs(5, campaign.dataset)
    with pytest.raises(publishing.CannotPublish, match="https"):
        publishing.check(campaign)


def test_a_published_campaign_is_not_published_again(place):
    campaign = make_published(place)
    with pytest.raises(publishing.CannotPublish, match="collecting votes"):
        publishing.publish(campaign, campaign.owner)


@pytest.mark.django_db
def test_missing_credentials_are_named(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    campaign = make_campaign()
    campaign.environment.credentials = "nowhere"
    with pytest.raises(GatewayRefused, match=r"nowhere.*access_key_id"):
        Gateway(campaign.environment)


def test_the_question_escapes_its_address():
    assert "a=1&amp;b=%3C" in external_question("https://example.org/?a=1&b=%3C", 0)


def test_finishing_takes_the_hits_off_the_market(place):
    campaign = make_published(place)
    assert running.execute(life.finish(campaign, campaign.owner)).is_done
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.FINISHED
    assert Hit.objects.get().status == "Expired"
    assert Gateway(place).hit(Hit.objects.get().hit_id).status == "Reviewable"
