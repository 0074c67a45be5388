"""What creates or pays is done once, whatever happens to replies and processes."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from crowd import deciding, paying, publishing, reconciling
from crowd.books import outbox, pacing
from crowd.marketplace import models as market
from crowd.marketplace import money
from crowd.models import Assignment, Call, Payment, RateLimit
from crowd.mturk.gateway import Gateway
from crowd.ways.base import GatewayRefused, GatewayUnavailable, InsufficientFunds
from jobs import running
from tests.crowd.campaigns import make_published
from tests.crowd.faults import AFTER, BEFORE, BROKEN, THROTTLED
from tests.crowd.handwork import Hand
from tests.factories import make_campaign, make_environment, make_pairs, make_user, make_worker

pytestmark = pytest.mark.once

State = Call.State


def sweep_now() -> int:
    Call.objects.filter(state=State.WAITING).update(next_try_at=timezone.now())
    return outbox.sweep()


def make_bonus(place) -> Call:
    campaign = make_published(place)
    hand = Hand()
    accepted = hand.do(campaign.hits.get())
    reconciling.reconcile(campaign)
    return paying.put_bonus(hand.here(accepted), make_user(), Decimal("0.50"), "Well done.")


@pytest.mark.parametrize("fault", [BEFORE, AFTER, BROKEN])
def test_a_bonus_whose_reply_is_lost_is_paid_once_by_the_sweeper(place, network, fault):
    call = make_bonus(place)
    network.fail("SendBonus", fault)
    with pytest.raises(GatewayUnavailable):
        outbox.perform(call)
    call.refresh_from_db()
    assert (call.state, call.attempts) == (State.WAITING, 1) and call.error
    assert not Payment.objects.filter(kind="bonus").exists()
    assert sweep_now() == 1
    assert market.Bonus.objects.count() == 1
    line = Payment.objects.get(kind="bonus")
    assert (line.amount_usd, line.fee_usd) == (Decimal("0.50"), Decimal("0.10"))
    assert sweep_now() == 0


def test_a_bonus_of_yesterday_is_looked_up_before_it_is_paid_again(place, network):
    call = make_bonus(place)
    network.fail("SendBonus", AFTER)
    with pytest.raises(GatewayUnavailable):
        outbox.perform(call)
    market.RequestToken.objects.all().delete()  # what the marketplace does after 24 hours
    Call.objects.update(first_tried_at=timezone.now() - timedelta(hours=25))
    assert sweep_now() == 1
    assert market.Bonus.objects.count() == 1 and Payment.objects.filter(kind="bonus").count() == 1


def test_a_bonus_of_yesterday_that_never_arrived_is_paid_now(place, network):
    call = make_bonus(place)
    network.fail("SendBonus", BEFORE)
    with pytest.raises(GatewayUnavailable):
        outbox.perform(call)
    Call.objects.update(first_tried_at=timezone.now() - timedelta(hours=25))
    assert sweep_now() == 1
    call.refresh_from_db()
    assert market.Bonus.objects.count() == 1 and timezone.now() - call.first_tried_at < timedelta(minutes=1)


def test_a_hit_of_yesterday_is_found_by_its_annotation(place, network):
    campaign = make_campaign(environment=place, votes_per_pair=2, images_per_hit=1)
    make_pairs(10, campaign.dataset)
    network.fail("CreateHITWithHITType", AFTER)
    assert not running.execute(publishing.publish(campaign, campaign.owner)).is_done
    market.RequestToken.objects.all().delete()
    Call.objects.update(first_tried_at=timezone.now() - timedelta(hours=25))
    assert running.execute(publishing.publish(campaign, campaign.owner)).is_done
    assert market.Hit.objects.count() == campaign.hits.exclude(hit_id="").count() == 2


def test_a_hit_that_exists_already_is_taken_by_the_id_in_the_refusal(place, network):
    campaign = make_campaign(environment=place, votes_per_pair=2, images_per_hit=1)
    make_pairs(5, campaign.dataset)
    network.fail("CreateHITWithHITType", AFTER)
    running.execute(publishing.publish(campaign, campaign.owner))
    running.execute(publishing.publish(campaign, campaign.owner))
    assert campaign.hits.get().hit_id == market.Hit.objects.get().hit_id
    assert network.served["ListHITs"] == 0


def test_what_is_refused_says_so_and_is_not_tried_again(place):
    call = make_bonus(place)
    Call.objects.filter(pk=call.pk).update(payload={"amount_usd": "20000.00"})
    with pytest.raises(GatewayRefused, match="the most is"):
        outbox.perform(call)
    call.refresh_from_db()
    assert call.state == State.REFUSED and sweep_now() == 0
    Call.objects.filter(pk=call.pk).update(payload={"amount_usd": "0.20"})
    assert outbox.ask_again(call).is_done


def test_too_little_money_waits_for_a_deposit(place):
    call = make_bonus(place)
    Call.objects.filter(pk=call.pk).update(payload={"amount_usd": "150.00"})
    with pytest.raises(InsufficientFunds):
        outbox.perform(call)
    call.refresh_from_db()
    assert call.state == State.WAITING
    money.deposit(market.Requester.objects.get(), Decimal("100.00"))
    assert sweep_now() == 1 and Payment.objects.get(kind="bonus").amount_usd == Decimal("150.00")


def test_a_call_that_another_process_is_making_is_left_to_it(place):
    call = make_bonus(place)
    Call.objects.filter(pk=call.pk).update(lease_token="elsewhere-1-x", lease_until=timezone.now() + timedelta(minutes=1))
    assert outbox.perform(call).state == State.WAITING and sweep_now() == 0
    Call.objects.filter(pk=call.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sweep_now() == 1


def test_a_process_that_lost_its_lease_writes_nothing(place, monkeypatch):
    call = make_bonus(place)
    pay = Gateway.send_bonus

    def slow(self, *arguments, **options):
        pay(self, *arguments, **options)
        Call.objects.filter(pk=call.pk).update(lease_token="another")

    monkeypatch.setattr(Gateway, "send_bonus", slow)
    assert outbox.perform(call).state == State.WAITING
    assert not Payment.objects.filter(kind="bonus").exists()


def test_a_letter_whose_fate_is_unknown_is_not_sent_twice(place, network):
    campaign = make_published(place)
    hand = Hand()
    hand.do(campaign.hits.get())
    reconciling.reconcile(campaign)
    network.fail("NotifyWorkers", AFTER)
    with pytest.raises(GatewayRefused, match="nobody knows"):
        deciding.write_to(place, [hand.as_worker(place)], make_user(), subject="Thanks", text="That was quick.")
    assert sweep_now() == 0 and network.served["NotifyWorkers"] == 1
    assert hand.row.messages.filter(subject="Thanks").count() == 1


def test_throttling_is_waited_out_within_a_call(place, network, monkeypatch):
    from crowd.mturk import gateway

    monkeypatch.setattr(gateway, "WAITS_S", (0.01, 0.01))
    network.fail("GetAccountBalance", THROTTLED, BROKEN)
    assert Gateway(place).balance_usd() == Decimal("100.00")


def test_an_account_that_does_not_answer_does_not_hold_up_another(place, network):
    dead = make_environment(endpoint_url="http://127.0.0.1:9/api", credentials=place.credentials)
    other = outbox.put(dead, Call.Kind.UNBLOCK, "other", worker=make_worker(environment=dead))
    make_bonus(place)
    assert sweep_now() == 1
    other.refresh_from_db()
    assert other.state == State.WAITING and other.next_try_at > timezone.now()


@pytest.mark.django_db
def test_requests_to_one_account_are_spaced_for_all_environments_that_share_it(monkeypatch, time_machine):
    slept = []
    time_machine.move_to(timezone.now(), tick=False)  # what the database takes is no part of what is asked for
    monkeypatch.setattr(pacing.time, "sleep", slept.append)
    shared = {"endpoint_url": "https://one.example", "requests_per_s": 2}
    one, two = make_environment(**shared), make_environment(**shared)
    for place in (one, two) * 5:
        pacing.wait_for_turn(place)
    waits = [round(wait, 1) for wait in slept]
    assert waits[: pacing.BURST + 1] == [0] * (pacing.BURST + 1)
    assert waits[pacing.BURST + 1 :] == [0.5, 1.0, 1.5, 2.0]
    pacing.slow_down(one, 30)
    pacing.wait_for_turn(two)
    assert slept[-1] == 30 and RateLimit.objects.count() == 1


@pytest.mark.django_db
def test_an_account_without_a_limit_is_not_held_up():
    pacing.wait_for_turn(make_environment(requests_per_s=0))
    assert not RateLimit.objects.exists()


def test_approving_by_hand_goes_through_the_outbox_and_names_who_did_it(place):
    campaign = make_published(place)
    hand, user = Hand(), make_user()
    accepted = hand.accept(campaign.hits.get())
    hand.submit(accepted)
    reconciling.reconcile(campaign)
    deciding.approve(hand.here(accepted), user, feedback="Next time, please answer all.")
    row = hand.here(accepted)
    assert row.state == Assignment.State.APPROVED and row.feedback == "Next time, please answer all."
    line = Payment.objects.get(assignment=row)
    assert (line.kind, line.decided_by, line.reason) == ("reward", user, "Approved by hand.")
