"""Saved here, submitted there: four cases, and nobody who did the work goes unpaid."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from annotation.models import Task, Vote
from crowd import compensating, quadrants, reconciling
from crowd.books import auditing
from crowd.deciding import CannotDecide
from crowd.marketplace import models as market
from crowd.marketplace.errors import Refused
from crowd.models import Assignment, Call, Hit, Payment
from crowd.simulation.browser import Browser
from tests.crowd.campaigns import Person, make_published
from tests.crowd.handwork import Hand
from tests.factories import make_user

pytestmark = pytest.mark.once

State = Assignment.State


def lapse() -> None:
    """The time of every task is over."""
    Task.objects.filter(assignment__state=State.ACCEPTED).update(expires_at=timezone.now() - timedelta(hours=1))


def saved_only(place, *, earlier: bool):
    """Somebody answered everything and could not hand it in; perhaps he had handed in something before."""
    campaign = make_published(place, n_pairs=20, votes_per_pair=3)
    first, second = campaign.hits.order_by("number")
    hand = Hand()
    if earlier:
        hand.do(first)
    accepted = hand.accept(second)
    hand.answer(second, accepted)
    lapse()
    reconciling.reconcile(campaign)
    return campaign, hand, hand.here(accepted)


def test_the_four_quadrants_are_told_apart(place):
    campaign = make_published(place, votes_per_pair=6)
    hit = campaign.hits.get()
    both, here, there, never, working, partly = (Hand() for _ in range(6))
    both.do(hit)
    here.answer(hit, here.accept(hit))
    there.submit(there.accept(hit))
    never.accept(hit)
    never.answer(hit, market.Assignment.objects.get(worker=never.row), n=2)
    accepted = partly.accept(hit)
    partly.submit(accepted, partly.answer(hit, accepted, n=4))
    lapse()
    working.answer(hit, working.accept(hit), n=1)
    reconciling.reconcile(campaign)
    found = {quadrant.key: (quadrant.n, quadrant.waiting) for quadrant in quadrants.quadrants(campaign)}
    assert found == {"both": (1, 0), "here": (1, 1), "there": (2, 2), "neither": (2, 1)}
    assert [row.worker for row in quadrants.rows(campaign, "here")] == [here.as_worker(place)]
    assert {row.answered for row in quadrants.rows(campaign, "there")} == {0, 4}


def test_who_handed_in_before_is_paid_through_that(place):
    campaign, hand, assignment = saved_only(place, earlier=True)
    user = make_user()
    for _ in range(2):
        if assignment.state == State.UNSUBMITTED:
            compensating.compensate(assignment, user)
        assignment.refresh_from_db()
    assert assignment.state == State.COMPENSATED
    assert market.Bonus.objects.get().amount_usd == campaign.reward_usd
    assert "could not be handed in" in hand.row.messages.get().text
    assert Payment.objects.get(kind="bonus").decided_by == user
    assert Vote.objects.verified().count() == 10  # of the work that was handed in
    assert auditing.audit(place).agrees
    with pytest.raises(CannotDecide):
        compensating.compensate(assignment, user)


def test_who_never_handed_in_anything_gets_a_hit_that_nobody_else_can_see(place):
    campaign = make_published(place, n_pairs=10)
    person = Person("ada")
    frame = person.accept(campaign.hits.get())
    hand = Hand()
    hand.row = market.Worker.objects.get(username="ada")
    hand.answer(campaign.hits.get(), market.Assignment.objects.get())
    assert frame
    lapse()
    reconciling.reconcile(campaign)
    assignment = Assignment.objects.get()
    words = compensating.compensate(assignment, make_user())
    hit = Hit.objects.get(compensates=assignment)
    assert "only this worker" in words and hit.hit_id
    with pytest.raises(Refused, match="requirements"):
        Hand().accept(hit)
    assert market.Message.objects.get(worker=hand.row).subject.startswith("New qualification: Payment for your work")
    framed = person.browser.get(person.accept(hit))
    assert "Payment for your work" in framed.text
    person.browser.submit(framed.form("externalSubmit"))
    reconciling.reconcile(campaign)
    assignment.refresh_from_db()
    assert assignment.state == State.COMPENSATED
    assert Payment.objects.get(kind="reward").amount_usd == Decimal("0.10") and auditing.audit(place).agrees
    compensating_again = Call.objects.filter(kind="offer", hit=hit)
    assert compensating_again.count() == 1


def test_the_page_of_a_compensation_says_so_before_it_is_accepted(place):
    _, _, assignment = saved_only(place, earlier=False)
    compensating.compensate(assignment, make_user())
    hit = Hit.objects.get(compensates=assignment)
    base = place.worker_url.removesuffix("/marketplace")
    page = Browser().get(f"{base}/task/thanks/{hit.token}/?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId={hit.hit_id}")
    assert page.status == 200 and "Accept it" in page.text and not page.forms
    assert Browser().get(f"{base}/task/thanks/nothing/").status == 404
    foreign = Browser().get(f"{base}/task/thanks/{hit.token}/?assignmentId=3A&turkSubmitTo=https://evil.example")
    assert "does not know" in foreign.text and not foreign.forms


def test_what_is_not_complete_or_may_still_be_handed_in_is_not_compensated(place):
    campaign = make_published(place)
    hit, hand, other = campaign.hits.get(), Hand(), Hand()
    hand.answer(hit, hand.accept(hit), n=3)
    lapse()
    other.answer(hit, other.accept(hit))
    reconciling.reconcile(campaign)
    for row in Assignment.objects.all():
        with pytest.raises(CannotDecide):
            compensating.compensate(row, make_user())


def test_a_receipt_that_names_another_task_is_left_to_a_person(place):
    campaign = make_published(place)
    hit, hand = campaign.hits.get(), Hand()
    accepted = hand.accept(hit)
    hand.answer(hit, accepted)
    hand.submit(accepted, Task(pk=999999))
    reconciling.reconcile(campaign)
    row = hand.here(accepted)
    assert row.state == State.SUBMITTED and "it names task 999999" in row.note
    assert row.receipt["task"] == "999999" and not Vote.objects.verified().exists()


@pytest.mark.parametrize(
    ("xml", "found"),
    [
        ("<a><b/>", "not readable"),
        ("<!DOCTYPE a [<!ENTITY b 'bbbb'>]><a>&b;</a>", "not readable"),
        ("<a>" + "x" * 70_000 + "</a>", "larger than 64 KiB"),
    ],
)
def test_a_hostile_receipt_is_no_more_than_a_remark(xml, found):
    from crowd.mturk import receipts

    assert found in receipts.read(xml)["problem"]


def test_a_receipt_is_read_field_by_field():
    from crowd.mturk import receipts

    xml = (
        '<QuestionFormAnswers xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/'
        'QuestionFormAnswers.xsd"><Answer><QuestionIdentifier>task</QuestionIdentifier><FreeText>7</FreeText></Answer>'
        "<Answer><QuestionIdentifier>note</QuestionIdentifier><FreeText>a &amp; b</FreeText></Answer></QuestionFormAnswers>"
    )
    assert receipts.read(xml) == {"task": "7", "note": "a & b"} and receipts.read("") == {}
