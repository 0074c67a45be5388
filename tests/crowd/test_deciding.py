"""People decide about work and workers; each decision is carried out elsewhere once and kept in the ledger."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crowd import deciding, publishing, reconciling
from crowd.books import outbox
from crowd.deciding import CannotDecide
from crowd.marketplace import models as market
from crowd.marketplace.errors import Refused
from crowd.models import Assignment, Call, Payment
from crowd.mturk import requirements
from crowd.ways.base import GatewayRefused
from jobs import running
from tests.crowd.campaigns import make_published
from tests.crowd.handwork import Hand
from tests.factories import make_campaign, make_pairs, make_user

pytestmark = pytest.mark.once

State = Assignment.State


def half_done(place):
    """Somebody handed in with three of ten answers."""
    campaign = make_published(place)
    hit, hand = campaign.hits.get(), Hand()
    accepted = hand.accept(hit)
    hand.submit(accepted, hand.answer(hit, accepted, n=3))
    reconciling.reconcile(campaign)
    return campaign, hand, hand.here(accepted)


def test_nothing_is_rejected_by_itself(place):
    campaign, _, assignment = half_done(place)
    reconciling.reconcile(campaign)
    assert assignment.state == State.SUBMITTED and "3 of 10 answers" in assignment.note
    assert market.Assignment.objects.get().state == "Submitted"


def test_a_rejection_carries_its_reason_to_the_worker_and_can_be_reversed(place):
    _, hand, assignment = half_done(place)
    user = make_user()
    deciding.reject(assignment, user, reason="Only 3 of 10 comparisons were answered.\nWrite to us if that is wrong.")
    assignment.refresh_from_db()
    assert assignment.state == State.REJECTED and "3 of 10" in assignment.feedback
    assert "Only 3 of 10" in hand.row.messages.get().text
    line = Payment.objects.get(kind="rejection")
    assert line.decided_by == user and line.reason == assignment.feedback and line.assignment == assignment
    deciding.override(assignment, user, reason="The page had a fault. Sorry.")
    assignment.refresh_from_db()
    assert assignment.state == State.APPROVED and assignment.feedback == "The page had a fault. Sorry."
    assert market.Assignment.objects.get().state == "Approved"
    assert set(Payment.objects.filter(assignment=assignment).values_list("kind", flat=True)) == {
        "rejection", "reversal", "reward"
    }


def test_a_rejection_needs_a_reason_that_can_be_read(place):
    _, _, assignment = half_done(place)
    for reason in ("  ", "x" * 1025, "bell \x07"):
        with pytest.raises(CannotDecide):
            deciding.reject(assignment, make_user(), reason=reason)
    assert market.Assignment.objects.get().state == "Submitted"


def test_a_rejection_is_final_after_thirty_days(place):
    _, _, assignment = half_done(place)
    deciding.reject(assignment, make_user(), reason="No.")
    Assignment.objects.update(submitted_at=timezone.now() - timedelta(days=31))
    assignment.refresh_from_db()
    with pytest.raises(CannotDecide, match="Pay a bonus instead"):
        deciding.override(assignment, make_user(), reason="Yes.")


def test_what_is_decided_is_not_decided_again(place):
    _, _, assignment = half_done(place)
    deciding.approve(assignment, make_user())
    assignment.refresh_from_db()
    with pytest.raises(CannotDecide, match="approved and paid"):
        deciding.reject(assignment, make_user(), reason="No.")


def test_an_excluded_worker_is_shown_no_hit_and_is_readmitted(place):
    campaign = make_published(place, n_pairs=20)
    first, second = campaign.hits.order_by("number")
    hand, user = Hand(), make_user()
    hand.do(first)
    worker = hand.as_worker(place)
    outbox.perform(deciding.exclude(worker, user, reason="Answers at random."))
    with pytest.raises(Refused):
        hand.accept(second)
    worker.refresh_from_db()
    assert deciding.exclude(worker, user) is None
    outbox.perform(deciding.readmit(worker, user))
    hand.accept(second)
    lines = Payment.objects.filter(worker=worker).exclude(kind="reward").order_by("pk")
    assert [line.kind for line in lines] == ["exclusion", "readmission"]
    assert lines[0].reason == "Answers at random." and lines[0].decided_by == user


def test_blocking_takes_the_pseudonym_typed(place):
    campaign = make_published(place)
    hand, user = Hand(), make_user()
    hand.do(campaign.hits.get())
    worker = hand.as_worker(place)
    with pytest.raises(CannotDecide, match="Type the worker's pseudonym"):
        deciding.block(worker, user, reason="Fraud.", typed="yes")
    deciding.block(worker, user, reason="Fraud.", typed=worker.annotator.pseudonym)
    assert market.WorkerBlock.objects.get().worker == hand.row
    worker.refresh_from_db()
    assert worker.blocked_at and worker.excluded_at
    deciding.unblock(worker, user)
    worker.refresh_from_db()
    assert not market.WorkerBlock.objects.exists() and worker.blocked_at is None and worker.excluded_at


def test_letters_reach_those_whose_work_was_decided(place):
    campaign = make_published(place, n_pairs=20)
    first, second = campaign.hits.order_by("number")
    known, unknown = Hand(), Hand()
    known.do(first)
    reconciling.reconcile(campaign)
    accepted = unknown.accept(second)
    unknown.answer(second, accepted)
    workers = [known.as_worker(place), unknown.as_worker(place)]
    deciding.write_to(place, workers, make_user(), subject="Thank you", text="There is more to do.")
    assert known.row.messages.get(subject="Thank you").text == "There is more to do."
    assert not unknown.row.messages.exists()
    with pytest.raises(CannotDecide, match="approved or rejected"):
        deciding.write_to(place, workers[1:], make_user(), subject="Thank you", text="Hello")


def test_a_decision_that_the_marketplace_refuses_changes_nothing_here(place):
    _, _, assignment = half_done(place)
    market.Assignment.objects.update(state="Approved")  # decided elsewhere meanwhile
    with pytest.raises(GatewayRefused):
        deciding.reject(assignment, make_user(), reason="No.")
    assignment.refresh_from_db()
    assert assignment.state == State.SUBMITTED and Call.objects.get(kind="reject").state == "refused"
    assert not Payment.objects.filter(kind="rejection").exists()


def test_requirements_are_asked_where_workers_have_a_record(place):
    place.asks_requirements = True
    place.save()
    campaign = make_campaign(environment=place, votes_per_pair=2, countries="US, DE")
    make_pairs(5, campaign.dataset)
    assert running.execute(publishing.publish(campaign, campaign.owner)).is_done
    asked = market.HitType.objects.get(hits__isnull=False).requirements
    assert {each["ActionsGuarded"] for each in asked} == {"DiscoverPreviewAndAccept"}
    assert asked[0] == {
        "QualificationTypeId": requirements.APPROVAL_RATE, "Comparator": "GreaterThanOrEqualTo", "IntegerValues": [98],
        "ActionsGuarded": "DiscoverPreviewAndAccept",
    }
    assert asked[1]["IntegerValues"] == [100] and asked[2]["LocaleValues"] == [{"Country": "US"}, {"Country": "DE"}]
    hit = campaign.hits.get()
    with pytest.raises(Refused):
        Hand().accept(hit)  # nobody knows him
    with pytest.raises(Refused):
        Hand(approved_before=100, country="FR").accept(hit)
    Hand(approved_before=100, country="DE").accept(hit)


def test_a_sandbox_asks_for_no_record(place):
    campaign = make_published(place)
    asked = market.HitType.objects.get(hits__isnull=False).requirements
    assert [each["Comparator"] for each in asked] == ["DoesNotExist"]  # only the excluded are kept out
    Hand().accept(campaign.hits.get())
