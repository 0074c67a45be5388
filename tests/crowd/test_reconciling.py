"""What was handed in on the marketplace is verified, counted and paid, once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from annotation.models import Task, Vote
from crowd import life, reconciling
from crowd.books import outbox
from crowd.marketplace import models as market
from crowd.models import Assignment, Call, Campaign, Payment
from crowd.mturk.gateway import Gateway, GatewayError
from crowd.simulation.visitor import work
from jobs import running
from tests.crowd.campaigns import Person, judge_first, make_published
from tests.crowd.faults import AFTER

State = Assignment.State


def test_two_workers_work_and_are_paid_and_their_votes_count(place):
    campaign = make_published(place)
    hit = campaign.hits.get()
    for name in ("ada", "bob"):
        Person(name).do(hit)
    assert Vote.objects.count() == 20 and not Vote.objects.verified().exists()
    reconciling.reconcile(campaign)
    assert Vote.objects.verified().count() == 20
    assert set(Assignment.objects.values_list("state", flat=True)) == {State.APPROVED}
    assert set(market.Assignment.objects.values_list("state", flat=True)) == {"Approved"}
    campaign.refresh_from_db()
    assert campaign.spent_usd == Decimal("0.24") == Decimal("100.00") - Gateway(place).balance_usd()
    assert campaign.state == Campaign.State.FINISHED


def test_reconciling_again_pays_nobody_twice(place):
    campaign = make_published(place)
    Person("ada").do(campaign.hits.get())
    for _ in range(3):
        reconciling.reconcile(campaign)
    assert Payment.objects.of_money().count() == 1
    assert Gateway(place).balance_usd() == Decimal("100.00") - 2 * Decimal("0.12")  # one paid, one still held


def test_an_approval_whose_answer_was_lost_is_in_the_ledger_once(place, network):
    campaign = make_published(place)
    Person("ada").do(campaign.hits.get())
    network.fail("ApproveAssignment", AFTER)
    with pytest.raises(GatewayError):
        reconciling.reconcile(campaign)
    campaign.refresh_from_db()
    assert "ApproveAssignment" in campaign.trouble or "approve_assignment" in campaign.trouble
    assert not Payment.objects.of_money().exists() and market.Assignment.objects.get().state == "Approved"
    reconciling.reconcile(campaign)
    assert Payment.objects.of_money().count() == 1 and Assignment.objects.get().state == State.APPROVED
    assert campaign.calls.get(kind="approve").state == "waiting"  # the sweeper finds it done
    Call.objects.update(next_try_at=timezone.now())
    assert outbox.sweep() == 1 and Payment.objects.of_money().count() == 1


def test_answers_without_a_submission_stay_out_of_the_data(place):
    campaign = make_published(place)
    person = Person("ada")
    frame = person.accept(campaign.hits.get())
    person.browser.get(frame)
    reconciling.reconcile(campaign)
    assert Assignment.objects.get().state == State.ACCEPTED
    Task.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    reconciling.reconcile(campaign)
    assert Assignment.objects.get().state == State.UNSUBMITTED and not Task.objects.filter(verified_at__isnull=False).exists()


def test_a_submission_without_answers_is_left_to_a_person(place):
    campaign = make_published(place)
    person = Person("ada")
    frame = person.accept(campaign.hits.get())
    form = person.browser.get(frame).form("externalSubmit")
    person.browser.submit(form)
    reconciling.reconcile(campaign)
    assignment = Assignment.objects.get()
    assert assignment.state == State.SUBMITTED and "0 of 10 answers" in assignment.note
    assert not Payment.objects.of_money().exists() and not Vote.objects.verified().exists()


def test_who_did_not_pass_the_tutorial_is_paid_for_the_time_and_gives_no_votes(place):
    campaign = make_published(place, has_tutorial=True, tutorial_pass_mark=1)
    person = Person("ada")
    page = person.browser.get(person.accept(campaign.hits.get()))
    data, site = page.data["task-data"], place.worker_url.removesuffix("/marketplace")
    for attempt in (1, 2):
        for question in data["tutorial"]["comparisons"]:
            url = f"{site}{data['urls']['tutorial']}{attempt}/{question['position']}"
            person.browser.call("PUT", url, data["token"], {"choice": "first"})
    person.browser.call("POST", f"{site}{data['urls']['hand_in']}", data["token"], {"epoch": data["epoch"]})
    person.browser.submit(page.form("externalSubmit"))
    reconciling.reconcile(campaign)
    assignment = Assignment.objects.get()
    assert assignment.state == State.APPROVED and "tutorial was not passed" in assignment.note
    assert Payment.objects.get(kind=Payment.Kind.REWARD).amount_usd == campaign.reward_usd
    assert not Vote.objects.exists()
    # Somebody else is asked for the votes that did not come, once.
    for _ in range(2):
        Call.objects.unfinished().update(next_try_at=timezone.now())
        outbox.sweep()
        reconciling.reconcile(campaign)
    hit = campaign.hits.get()
    assert hit.max_assignments == market.Hit.objects.get(hit_id=hit.hit_id).max_assignments == campaign.votes_per_pair + 1
    campaign.refresh_from_db()
    assert campaign.state == "collecting"


def test_a_submission_by_somebody_who_never_opened_the_page_is_shown(place):
    campaign = make_published(place)
    person = Person("ada")
    person.accept(campaign.hits.get())
    accepted = market.Assignment.objects.get()
    answers = {"assignmentId": accepted.assignment_id, "done": "1"}
    person.browser._client.post(f"{place.worker_url}/mturk/externalSubmit", data=answers)
    reconciling.reconcile(campaign)
    assignment = Assignment.objects.get()
    assert assignment.task is None and assignment.state == State.SUBMITTED and "no answer ever arrived" in assignment.note


def test_votes_under_a_forged_worker_id_never_count(place):
    campaign = make_published(place)
    honest, forger = Person("ada"), Person("eve")
    frame = honest.accept(campaign.hits.get())
    real = market.Worker.objects.get(username="ada").worker_id
    forged = frame.replace(f"workerId={real}", "workerId=AFORGED0000000")
    page = forger.browser.get(forged)
    data = page.data["task-data"]
    url = f"{place.worker_url.removesuffix('/marketplace')}{data['urls']['answers']}1"
    body = {"position": 0, "choice": "first", "response_ms": 900, "elapsed_ms": 900, "epoch": data["epoch"]}
    forger.browser.call("PUT", url, data["token"], body)
    work(honest.browser, frame, judge_first)
    reconciling.reconcile(campaign)
    forged_row = Assignment.objects.get(worker__worker_id="AFORGED0000000")
    assert forged_row.state == State.FOREIGN and "somebody else" in forged_row.note
    assert Vote.objects.verified().count() == 10
    assert Payment.objects.of_money().get().assignment.worker.worker_id == real


def test_the_campaign_ends_by_itself_only_when_every_assignment_is_in(place):
    campaign = make_published(place, votes_per_pair=3)
    for name in ("ada", "bob"):
        Person(name).do(campaign.hits.get())
    reconciling.reconcile(campaign)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.COLLECTING
    Person("cleo").do(campaign.hits.get())
    reconciling.reconcile(campaign)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.FINISHED


def test_whoever_had_begun_when_the_campaign_was_finished_is_paid(place):
    campaign = make_published(place)
    person = Person("ada")
    frame = person.accept(campaign.hits.get())
    person.browser.get(frame)
    running.execute(life.finish(campaign, campaign.owner))
    work(person.browser, frame, judge_first)
    assert reconciling.reconcile_all() == 1
    assert Payment.objects.of_money().count() == 1


def test_a_campaign_that_cannot_be_reached_does_not_stop_the_others(place):
    dead, alive = make_published(place), make_published(place)
    Person("ada").do(alive.hits.get())
    other = place.__class__.objects.create(name="gone", endpoint_url="http://127.0.0.1:9/api", worker_url="http://127.0.0.1:9",
                                           credentials=place.credentials)
    Campaign.objects.filter(pk=dead.pk).update(environment=other)
    reconciling.reconcile_all()
    dead.refresh_from_db()
    assert "list_assignments_for_hit" in dead.trouble and Payment.objects.of_money().count() == 1
