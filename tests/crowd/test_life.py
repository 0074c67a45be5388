"""A campaign is paused, resumed, extended, finished and archived, and nobody who has begun is stranded."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from annotation.models import Vote
from crowd import life, publishing, reconciling
from crowd.books import auditing, outbox
from crowd.marketplace import assignments
from crowd.marketplace import models as market
from crowd.marketplace.errors import Refused
from crowd.models import Assignment, Call, Campaign, Hit, Payment, Publication
from crowd.publishing import CannotPublish
from crowd.visits.arriving import TurnedAway
from jobs import running
from tests.crowd.campaigns import make_published
from tests.crowd.faults import BEFORE
from tests.crowd.handwork import Hand
from tests.factories import make_campaign, make_pairs

pytestmark = pytest.mark.once

State = Campaign.State


def done(job: Publication) -> None:
    job = running.execute(job)
    assert job.is_done, job.error


def test_a_paused_campaign_is_offered_to_nobody_and_whoever_has_begun_is_paid(place):
    campaign = make_published(place, votes_per_pair=3)
    hit = campaign.hits.get()
    at_work, in_the_queue, late = Hand(), Hand(), Hand()
    begun = at_work.accept(hit)
    task = at_work.answer(hit, begun)
    queued = in_the_queue.accept(hit)  # accepted, page not opened yet
    done(life.pause(campaign, campaign.owner))
    campaign.refresh_from_db()
    hit.refresh_from_db()
    assert (campaign.state, hit.status) == (State.PAUSED, "Expired")
    with pytest.raises(Refused):
        late.accept(hit)
    at_work.submit(begun, task)
    in_the_queue.submit(queued, in_the_queue.answer(hit, queued))
    reconciling.reconcile_all()
    assert Payment.objects.filter(kind="reward").count() == 2
    done(life.resume(campaign, campaign.owner))
    late.do(hit)
    reconciling.reconcile(campaign)
    campaign.refresh_from_db()
    assert campaign.state == State.FINISHED and Payment.objects.filter(kind="reward").count() == 3
    assert auditing.audit(place).agrees


def test_pausing_while_the_marketplace_is_away_is_done_when_it_is_back(place, network):
    campaign = make_published(place, n_pairs=30)
    network.fail("UpdateExpirationForHIT", "", BEFORE)
    job = running.execute(life.pause(campaign, campaign.owner))
    assert job.state == Publication.State.FAILED and "1 of 3 HITs are off the offer" in job.error
    Call.objects.update(next_try_at=timezone.now())
    assert outbox.sweep() == 2
    assert set(campaign.hits.values_list("status", flat=True)) == {"Expired"}
    assert not market.Hit.objects.filter(is_expired=False).exists()


def test_a_pause_that_is_taken_back_at_once_leaves_everything_on_offer(place, network):
    campaign = make_published(place, n_pairs=30)
    network.fail("UpdateExpirationForHIT", "", BEFORE)
    running.execute(life.pause(campaign, campaign.owner))
    done(life.resume(campaign, campaign.owner))
    Call.objects.update(next_try_at=timezone.now())
    outbox.sweep()
    assert not market.Hit.objects.filter(is_expired=True).exists()
    assert set(campaign.hits.values_list("status", flat=True)) == {"Assignable"}


def test_more_time(place):
    campaign = make_published(place)
    until = timezone.now() + timedelta(days=30)
    done(life.extend(campaign, campaign.owner, until=until))
    assert abs(market.Hit.objects.get().expires_at - until) < timedelta(seconds=1)
    assert campaign.hits.get().expires_at == until
    with pytest.raises(CannotPublish, match="still to come"):
        life.extend(campaign, campaign.owner, until=timezone.now())


def test_more_votes_fill_a_hit_up_to_nine_and_go_on_in_another_that_earlier_voters_do_not_take(place):
    campaign = make_published(place, votes_per_pair=7)
    hands = [Hand() for _ in range(9)]
    original = campaign.hits.get()
    for hand in hands[:7]:
        hand.do(original)
    reconciling.reconcile(campaign)
    campaign.refresh_from_db()
    assert campaign.state == State.FINISHED
    assert life.more_votes_usd(campaign, 4) == Decimal("0.48")
    done(life.more_votes(campaign, campaign.owner, n=4))
    campaign.refresh_from_db()
    original.refresh_from_db()
    further = campaign.hits.get(follows=original)
    assert campaign.state == State.COLLECTING and campaign.more_votes == 4
    assert (original.max_assignments, further.max_assignments) == (9, 2)
    assert market.Hit.objects.get(hit_id=original.hit_id).max_assignments == 9
    assert list(further.pairs.order_by("hit_pairs__position").distinct()) == list(
        original.pairs.order_by("hit_pairs__position").distinct()
    )
    with pytest.raises(Refused):
        hands[0].accept(further)  # has voted on these pairs
    for hand in hands[7:]:
        hand.do(original)
        accepted = hand.accept(further)
        with pytest.raises(TurnedAway):  # voted after the further HIT was made: the page itself says no
            hand.answer(further, accepted)
        assignments.give_back(accepted)
    for hand in (Hand(), Hand()):
        hand.do(further)
    reconciling.reconcile(campaign)
    pair = original.pairs.first()
    voters = Vote.objects.verified().filter(pair=pair).values_list("annotator", flat=True)
    assert len(voters) == len(set(voters)) == 11
    price = publishing.price(campaign)
    assert (price.n_assignments, price.n_votes, price.n_pairs) == (11, 110, 10)


def test_a_hit_never_crosses_from_nine_to_ten_assignments(place):
    campaign = make_published(place, votes_per_pair=9)
    done(life.more_votes(campaign, campaign.owner, n=20))
    assert sorted(campaign.hits.values_list("max_assignments", flat=True)) == [2, 9, 9, 9]
    assert not market.Hit.objects.filter(max_assignments__gt=9).exists()
    assert {hit.fee_usd for hit in market.Hit.objects.all()} == {Decimal("0.02")}
    with pytest.raises(CannotPublish, match="at most 45"):
        life.more_votes(campaign, campaign.owner, n=20)


def test_a_finished_campaign_pays_whoever_had_begun_and_is_then_archived(place):
    campaign = make_published(place, n_pairs=20)
    first = campaign.hits.get(number=0)
    hand = Hand()
    accepted = hand.accept(first)
    task = hand.answer(first, accepted)
    done(life.finish(campaign, campaign.owner))
    campaign.refresh_from_db()
    with pytest.raises(CannotPublish, match="1 of its tasks are neither paid nor rejected"):
        life.archive(campaign, campaign.owner)
    hand.submit(accepted, task)
    assert reconciling.reconcile_all() == 1
    campaign.refresh_from_db()
    done(life.archive(campaign, campaign.owner))
    campaign.refresh_from_db()
    assert campaign.state == State.ARCHIVED and campaign.archived_at
    assert set(market.Hit.objects.values_list("status", flat=True)) == {"Disposed"}
    assert not campaign.hits.filter(deleted_at=None).exists()
    for change in (life.pause, life.resume, life.finish, life.archive):
        with pytest.raises(CannotPublish):
            change(campaign, campaign.owner)
    assert auditing.audit(place).agrees and auditing.audit(place).held_usd == 0


def test_archiving_waits_for_what_nobody_has_collected_yet(place):
    campaign = make_published(place)
    hand = Hand()
    accepted = hand.accept(campaign.hits.get())
    done(life.finish(campaign, campaign.owner))
    campaign.refresh_from_db()
    hand.submit(accepted)  # without ever opening the page
    job = running.execute(life.archive(campaign, campaign.owner))
    assert job.state == Publication.State.FAILED and "neither paid nor rejected" in job.error
    campaign.refresh_from_db()
    assert campaign.state == State.FINISHED and market.Hit.objects.get().status == "Reviewable"


def test_a_budget_lowered_while_publishing_stops_it_and_a_higher_one_lets_it_go_on(place):
    campaign = make_campaign(environment=place, votes_per_pair=2, images_per_hit=1, budget_usd=Decimal("10.00"))
    make_pairs(20, campaign.dataset)
    job = publishing.publish(campaign, campaign.owner)
    Campaign.objects.update(budget_usd=Decimal("0.50"))
    job = running.execute(job)
    assert job.state == Publication.State.FAILED and "2 of 4 HITs are on offer" in job.error
    assert market.Hit.objects.count() == 2
    Campaign.objects.update(budget_usd=Decimal("0.96"))
    campaign.refresh_from_db()
    done(publishing.publish(campaign, campaign.owner))
    assert market.Hit.objects.count() == 4 and publishing.committed_usd(campaign) == Decimal("0.96")


def test_a_budget_under_what_is_open_takes_the_offer_back_and_strands_nobody(place):
    campaign = make_published(place, votes_per_pair=3)
    hit, hand = campaign.hits.get(), Hand()
    accepted = hand.accept(hit)
    task = hand.answer(hit, accepted)
    assert life.set_budget(campaign, Decimal("5.00"), campaign.owner) is None
    done(life.set_budget(campaign, Decimal("0.10"), campaign.owner))
    campaign.refresh_from_db()
    assert campaign.state == State.PAUSED
    hand.submit(accepted, task)
    reconciling.reconcile(campaign)
    assert Assignment.objects.get().state == "approved"
    with pytest.raises(CannotPublish, match="more than its budget"):
        life.resume(campaign, campaign.owner)


def test_only_one_change_at_a_time(place):
    campaign = make_published(place)
    life.pause(campaign, campaign.owner)
    with pytest.raises(CannotPublish, match="still under way"):
        life.resume(campaign, campaign.owner)


def test_a_campaign_half_published_can_be_paused_and_goes_on_where_it_was(place, network):
    campaign = make_campaign(environment=place, votes_per_pair=2, images_per_hit=1)
    make_pairs(20, campaign.dataset)
    network.fail("CreateHITWithHITType", "", BEFORE)
    running.execute(publishing.publish(campaign, campaign.owner))
    campaign.refresh_from_db()
    done(life.pause(campaign, campaign.owner))
    Call.objects.update(next_try_at=timezone.now())
    outbox.sweep()
    assert market.Hit.objects.count() == 1  # what was still to be offered is not wanted now
    done(life.resume(campaign, campaign.owner))
    assert market.Hit.objects.count() == Hit.objects.exclude(hit_id="").count() == 4


def test_the_price_that_was_shown_is_the_price_that_is_agreed_to(place):
    campaign = make_campaign(environment=place, votes_per_pair=2)
    make_pairs(5, campaign.dataset)
    with pytest.raises(CannotPublish, match=r"The price is 0\.24 USD by now, not 0\.20"):
        publishing.publish(campaign, campaign.owner, agreed_usd=Decimal("0.20"))
    publishing.publish(campaign, campaign.owner, agreed_usd=Decimal("0.24"))
    campaign.refresh_from_db()
    assert campaign.price_usd == Decimal("0.24")


def test_an_unchanged_hit_is_not_listed_again(place):
    campaign = make_published(place, n_pairs=50)
    assert campaign.hits.count() == 5
    hand = Hand()
    hand.do(campaign.hits.first())
    way_calls = []
    for everything in (False, False, True):
        before = Hit.objects.exclude(seen="").count()
        reconciling.reconcile(campaign, everything=everything)
        way_calls.append((before, Hit.objects.exclude(seen="").count()))
    assert way_calls[0] == (0, 5) and Payment.objects.filter(kind="reward").count() == 1
    Hand().do(campaign.hits.last())
    reconciling.reconcile(campaign, everything=False)
    assert Payment.objects.filter(kind="reward").count() == 2
