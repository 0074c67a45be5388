"""Wages are measured on the work itself, and whoever earned less than the floor is paid the difference once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from annotation.models import TutorialAttempt
from crowd import paying, reconciling
from crowd.books import auditing
from crowd.marketplace import models as market
from crowd.models import Assignment, Call, Payment, Publication
from crowd.publishing import CannotPublish
from jobs import running
from tests.crowd.campaigns import make_published
from tests.crowd.faults import AFTER
from tests.crowd.handwork import Hand
from tests.factories import make_user


def worked(place, *speeds_ms: int, **overrides):
    """A campaign of one HIT with ten comparisons, done by one worker of each speed and paid."""
    campaign = make_published(place, votes_per_pair=len(speeds_ms) + 1, **overrides)
    hands = [Hand() for _ in speeds_ms]
    for hand, speed_ms in zip(hands, speeds_ms):
        hand.do(campaign.hits.get(), response_ms=speed_ms)
    reconciling.reconcile(campaign)
    return campaign, hands


def test_the_wage_is_what_was_paid_for_the_time_of_the_answers(place):
    campaign, _ = worked(place, 2000, 6000)  # 20 s and 60 s for 10 cents
    slow, quick = paying.wages(campaign)
    assert (slow.seconds, slow.hourly_usd) == (60, Decimal("6.00"))
    assert (quick.seconds, quick.hourly_usd, quick.owed_usd) == (20, Decimal("18.00"), 0)


def test_a_pause_is_no_work_and_the_tutorial_is(place):
    campaign, _ = worked(place, 600_000)
    (wage,) = paying.wages(campaign)
    assert wage.seconds == 10 * 60
    assignment = Assignment.objects.select_related("task").get()
    assignment.task.tutorial = "shipped"
    assignment.task.save()
    began = assignment.task.created_at + timedelta(seconds=1)
    TutorialAttempt.objects.create(
        annotator=assignment.worker.annotator, tutorial="shipped", number=1, started_at=began,
        ended_at=began + timedelta(seconds=90),
    )
    TutorialAttempt.objects.create(  # of another study, long ago
        annotator=assignment.worker.annotator, tutorial="other", number=1, started_at=began, ended_at=began + timedelta(hours=1)
    )
    assert paying.wages(campaign)[0].seconds == 690


@pytest.mark.parametrize(
    ("floor", "seconds", "paid", "owed"),
    [("15", 60, "0.10", "0.15"), ("15", 61, "0.10", "0.16"), ("15", 20, "0.10", "0.00"), (None, 60, "0.10", "0.00")],
)
def test_what_is_owed_is_rounded_up_to_the_cent(floor, seconds, paid, owed):
    assert paying.owed_usd(floor and Decimal(floor), seconds, Decimal(paid)) == Decimal(owed)


def test_one_click_pays_everybody_under_the_floor_and_a_second_one_pays_nobody(place):
    campaign, hands = worked(place, 2000, 6000, 12_000, wage_floor_usd=Decimal("15.00"))
    user = make_user()
    job = running.execute(paying.top_up(campaign, user))
    assert job.is_done, job.error
    assert paying.top_up(campaign, user) is None
    lines = Payment.objects.filter(kind="bonus").order_by("amount_usd")
    assert [line.amount_usd for line in lines] == [Decimal("0.15"), Decimal("0.40")]
    assert lines[0].worker == hands[1].as_worker(place) and lines[0].decided_by == user
    assert "to $15.00 an hour, for the 1 minute of work" in hands[1].row.messages.get().text
    assert not hands[0].row.messages.exists()
    assert min(wage.hourly_usd for wage in paying.wages(campaign)) >= Decimal("15.00")
    assert auditing.audit(place).agrees


def test_two_clicks_at_once_pay_once(place):
    campaign, _ = worked(place, 6000, wage_floor_usd=Decimal("15.00"))
    paying.top_up(campaign, make_user())
    assert paying.top_up(campaign, make_user()) is None  # what is on its way counts as paid
    assert Call.objects.filter(kind="bonus").count() == 1


def test_a_top_up_over_the_budget_or_the_account_is_refused_before_anything_is_paid(place):
    campaign, _ = worked(place, 60_000, wage_floor_usd=Decimal("15.00"), budget_usd=Decimal("0.50"))
    with pytest.raises(CannotPublish, match="Raise the budget"):
        paying.top_up(campaign, make_user())
    campaign.budget_usd, campaign.wage_floor_usd = None, Decimal("1000.00")
    with pytest.raises(CannotPublish, match="Deposit"):
        paying.top_up(campaign, make_user())
    assert not Call.objects.filter(kind="bonus").exists()


def test_a_top_up_whose_reply_is_lost_goes_on_by_itself(place, network):
    campaign, _ = worked(place, 6000, 12_000, wage_floor_usd=Decimal("15.00"))
    network.fail("SendBonus", AFTER)
    job = running.execute(paying.top_up(campaign, make_user()))
    assert job.state == Publication.State.FAILED and "0 of 2 bonuses are paid" in job.error
    from crowd.books import outbox

    Call.objects.update(next_try_at=timezone.now())
    assert outbox.sweep() == 2
    assert market.Bonus.objects.count() == Payment.objects.filter(kind="bonus").count() == 2
    assert auditing.audit(place).agrees


def test_a_bonus_by_hand_is_paid_once_for_one_form(place):
    worked(place, 2000)
    assignment = Assignment.objects.get()
    for _ in range(2):
        paying.bonus(assignment, make_user(), amount_usd=Decimal("0.25"), reason="A helpful comment.", key="one form")
    assert market.Bonus.objects.get().amount_usd == Decimal("0.25")
    for amount, reason in (("0.00", "x"), ("0.005", "x"), ("101", "x"), ("1.00", " ")):
        with pytest.raises(CannotPublish):
            paying.bonus(assignment, make_user(), amount_usd=Decimal(amount), reason=reason, key="another")
