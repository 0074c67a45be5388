"""A whole campaign on Prolific, over real HTTP with a strict stand-in: offered, done, verified, paid, to the cent."""

import re
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from annotation.models import Task, Vote
from crowd import deciding, life, publishing, reconciling
from crowd.books import ledger, outbox
from crowd.models import Assignment, Call, Campaign, Payment
from crowd.ways import way_of
from crowd.ways.base import CannotOffer, GatewayError, GatewayRefused, GatewayUnavailable
from crowd.ways.prolific import PARAMETERS, entry_url
from jobs import running
from tests.annotation.people import make_drawn_pairs
from tests.crowd.offers import make_campaign
from tests.crowd.ways.people import data_of, why_of, work_through
from tests.factories import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
State = Assignment.State
REASON = "Every answer came within a tenth of a second, before the picture could be seen, which the rules had excluded. " * 2


@pytest.fixture(autouse=True)
def _local(settings):
    settings.PUBLIC_URL = "http://testserver"


def make_draft(prolific, *, n_hits: int = 2, places: int = 2, **overrides) -> Campaign:
    dataset = make_drawn_pairs(n_hits, 2)[0].person.image.dataset
    fields = {"reward_usd": Decimal("0.40"), "images_per_hit": 1, "votes_per_pair": places, "state": "draft", "delay_ms": 0}
    return make_campaign(dataset=dataset, environment=prolific, **(fields | overrides))


def launch(campaign: Campaign) -> Campaign:
    job = running.execute(publishing.publish(campaign, campaign.owner))
    assert job.is_done, job.error
    campaign.refresh_from_db()
    return campaign


def make_published(prolific, **overrides) -> Campaign:
    return launch(make_draft(prolific, **overrides))


class Participant:
    """Takes part on the stand-in, and comes to us with what it puts into the address."""

    def __init__(self, stand_in, client, campaign, number: int):
        self.account, self.client, self.study_id, self.id = stand_in.account, client, campaign.study_id, f"{number:024x}"

    def take(self):
        self.submission = self.account.take(self.study_id, self.id)
        return self

    def open(self) -> dict:
        response = self.client.get(self.account.address(self.submission).removeprefix("http://testserver"))
        return data_of(response)

    def do(self):
        data = self.take().open()
        work_through(self.client, data)
        page = self.client.post("/task/done/", data["submit"]["fields"]).content.decode()
        back = urlsplit(re.search(r'href="([^"]+)" data-back', page)[1])
        assert back.path == "/submissions/complete"
        self.account.complete(self.id, back.query.removeprefix("cc="))
        return self


@pytest.fixture
def participant(stand_in, client):
    return lambda campaign, number: Participant(stand_in, client, campaign, number)


def test_a_whole_campaign_ends_paid_and_the_ledger_equals_the_account(prolific, stand_in, participant):
    campaign = make_published(prolific)
    study = next(iter(stand_in.account.studies.values()))
    assert (campaign.study_id, campaign.state, study["status"]) == (study["id"], "collecting", "ACTIVE")
    assert study["external_study_url"].startswith(f"http://testserver/task/study/{campaign.entry}/?PROLIFIC_PID=")
    assert study["total_available_places"] == 4 and study["reward"] == 40
    assert study["completion_codes"][0]["code"] == campaign.completion_code
    people = [participant(campaign, number).do() for number in range(4)]
    assert Vote.objects.count() == 8 and not Vote.objects.verified().exists()
    reconciling.reconcile(campaign)
    assert Vote.objects.verified().count() == 8
    assert {one.submission.status for one in people} == {"APPROVED"}
    campaign.refresh_from_db()
    assert campaign.state == "finished" and study["status"] == "COMPLETED"
    assert ledger.spent_usd(Payment.objects.all()) == Decimal("2.12")
    assert stand_in.account.balance_cents == 100_000 - 212


def test_what_it_costs_is_said_before_and_checked_against_the_account(prolific, stand_in):
    campaign = make_draft(prolific)
    price = publishing.check(campaign)
    assert (price.reward_usd, price.fee_usd, price.total_usd) == (Decimal("1.60"), Decimal("0.52"), Decimal("2.12"))
    assert way_of(prolific).balance().available_usd == Decimal("1000.00")
    stand_in.account.balance_cents = 200
    with pytest.raises(CannotOffer, match=r"holds 2\.00 USD"):
        publishing.publish(campaign, campaign.owner)


def test_an_account_in_another_currency_is_not_mistaken_for_dollars(prolific, stand_in):
    stand_in.account.currency = "GBP"
    with pytest.raises(CannotOffer, match="holds GBP"):
        publishing.publish(make_draft(prolific), make_user())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"reward_usd": Decimal("0.01")}, r"at least 8\.00 USD an hour.*Pay at least 0\.13 USD"),
        ({"study_id": "0" * 24}, "no such study"),
    ],
)  # fmt: skip
def test_what_prolific_would_refuse_is_said_before_the_launch(prolific, change, why):
    with pytest.raises(CannotOffer, match=why):
        publishing.check(make_draft(prolific, **change))


@pytest.mark.parametrize("how", ["before", "after", 500])
@pytest.mark.parametrize("path", [r"^studies/$", "transition"])
def test_a_lost_reply_never_makes_a_second_study(prolific, stand_in, monkeypatch, path, how):
    monkeypatch.setattr("crowd.books.performing.time.sleep", lambda s: None)
    monkeypatch.setattr("crowd.prolific.client.time.sleep", lambda s: None)
    stand_in.fail("POST", path, how)
    campaign = make_published(prolific)
    (study,) = stand_in.account.studies.values()
    assert study["status"] == "ACTIVE" and campaign.study_id == study["id"]


def test_a_process_that_dies_between_draft_and_launch_leaves_one_study(prolific, stand_in):
    campaign = make_draft(prolific)
    publishing.publish(campaign, campaign.owner)
    job = campaign.publications.get()
    stand_in.fail("GET", "^studies/[0-9a-f]+/$", 400)  # as if it had been killed there
    assert not running.execute(job).is_done
    assert next(iter(stand_in.account.studies.values()))["status"] == "UNPUBLISHED"
    Call.objects.update(state="waiting", ended_at=None)
    Campaign.objects.update(study_id="")
    launch(campaign)
    assert [study["status"] for study in stand_in.account.studies.values()] == ["ACTIVE"]


def test_an_existing_study_is_adopted_if_it_fits(prolific, stand_in):
    campaign = make_draft(prolific)
    study = stand_in.account.create({
        "name": "Ours", "description": "Made by hand", "external_study_url": entry_url(campaign) + PARAMETERS, "reward": 40,
        "prolific_id_option": "url_parameters", "total_available_places": 2, "estimated_completion_time": 3,
        "completion_codes": [{"code": "BYHAND", "code_type": "COMPLETED", "actions": [{"action": "MANUALLY_REVIEW"}]}],
    })
    campaign.study_id = study["id"]
    for change, why in (({"reward_usd": Decimal("0.50")}, "pays 0.40"), ({"completion_code": "OTHER"}, "code is BYHAND")):
        for name, value in change.items():
            setattr(campaign, name, value)
        with pytest.raises(CannotOffer, match=why):
            publishing.check(campaign)
        campaign.refresh_from_db(fields=list(change))
    campaign.save()
    launch(campaign)
    (row,) = stand_in.account.studies.values()
    assert row["status"] == "ACTIVE" and row["total_available_places"] == 4
    assert campaign.completion_code == "BYHAND"


def test_a_pause_stops_newcomers_only_and_can_be_taken_back(prolific, stand_in, participant):
    campaign = make_published(prolific)
    begun = participant(campaign, 1).take()
    assert running.execute(life.pause(campaign, campaign.owner)).is_done
    assert stand_in.account.studies[campaign.study_id]["status"] == "PAUSED"
    assert begun.open()["stage"] == "work"  # had taken a place there, and comes here only now
    campaign.refresh_from_db()
    assert running.execute(life.resume(campaign, campaign.owner)).is_done
    assert stand_in.account.studies[campaign.study_id]["status"] == "ACTIVE"


def test_more_votes_raise_the_places_once_however_often_it_is_said(prolific, stand_in):
    campaign = make_published(prolific)
    assert running.execute(life.more_votes(campaign, campaign.owner, n=2)).is_done
    study = stand_in.account.studies[campaign.study_id]
    assert study["total_available_places"] == 8
    assert set(campaign.hits.values_list("max_assignments", flat=True)) == {4}
    for call in Call.objects.filter(kind=Call.Kind.ADD_PLACES):
        way_of(prolific).perform(call)
    assert study["total_available_places"] == 8


def test_an_adopted_study_for_more_people_is_raised_from_what_it_was(prolific, stand_in):
    campaign = make_draft(prolific)
    study = stand_in.account.create({
        "name": "Ours", "description": "Large", "external_study_url": entry_url(campaign) + PARAMETERS, "reward": 40,
        "prolific_id_option": "url_parameters", "total_available_places": 10, "estimated_completion_time": 2,
        "completion_codes": [{"code": "BIG", "code_type": "COMPLETED", "actions": [{"action": "MANUALLY_REVIEW"}]}],
    })
    Campaign.objects.filter(pk=campaign.pk).update(study_id=study["id"])
    campaign.refresh_from_db()
    launch(campaign)
    assert running.execute(life.more_votes(campaign, campaign.owner, n=1)).is_done
    assert stand_in.account.studies[study["id"]]["total_available_places"] == 12


def test_places_of_those_who_gave_no_answers_are_asked_for_again(prolific, stand_in):
    campaign = make_published(prolific)
    for wanted in (5, 6):
        outbox.perform(way_of(prolific).replace_lost(campaign, 1, campaign.owner))
        assert stand_in.account.studies[campaign.study_id]["total_available_places"] == wanted


def test_a_submission_that_was_given_back_frees_its_place_here(prolific, stand_in, participant, client):
    campaign = make_published(prolific, n_hits=1, places=1)
    gone = participant(campaign, 1).take()
    gone.open()
    stand_in.account.give_back(gone.submission.id)
    reconciling.reconcile(campaign)
    assert Assignment.objects.get().state == State.UNSUBMITTED
    assert why_of(client.get(stand_in.account.address(gone.submission).removeprefix("http://testserver"))) == "returned"
    participant(campaign, 2).do()
    reconciling.reconcile(campaign)
    campaign.refresh_from_db()
    assert campaign.state == "finished"


def test_somebody_who_pretends_to_be_another_is_never_counted(prolific, stand_in, participant, client):
    campaign = make_published(prolific)
    honest = participant(campaign, 1).do()
    address = stand_in.account.address(honest.submission).replace(honest.id, "f" * 24)
    data = data_of(client.get(address.removeprefix("http://testserver")))
    work_through(client, data)
    reconciling.reconcile(campaign)
    assert Vote.objects.verified().values_list("task__assignment__worker__worker_id").distinct().get() == (honest.id,)
    assert Payment.objects.filter(kind="reward").count() == 1


def test_a_code_without_answers_is_left_to_a_person(prolific, stand_in, participant):
    campaign = make_published(prolific)
    cheat = participant(campaign, 1).take()
    stand_in.account.complete(cheat.id, campaign.completion_code)
    reconciling.reconcile(campaign)
    row = Assignment.objects.get()
    assert row.state == State.SUBMITTED and "no answer ever arrived" in row.note
    with pytest.raises(GatewayRefused, match="at least 100 characters"):
        deciding.reject(row, campaign.owner, reason="No answers.")
    deciding.reject(row, campaign.owner, reason=REASON, category="NO_DATA")
    assert (cheat.submission.status, cheat.submission.category) == ("REJECTED", "NO_DATA")
    row.refresh_from_db()
    assert row.state == State.REJECTED and not Payment.objects.filter(kind="reward").exists()


def test_an_approval_whose_answer_was_lost_is_paid_and_written_once(prolific, stand_in, participant):
    campaign = make_published(prolific)
    participant(campaign, 1).do()
    stand_in.fail("POST", "submissions/.*/transition", "after")
    with pytest.raises(GatewayUnavailable):
        reconciling.reconcile(campaign)
    reconciling.reconcile(campaign)
    assert Payment.objects.filter(kind="reward").count() == 1
    assert stand_in.account.balance_cents == 100_000 - 53


def bonus_call(campaign: Campaign, amount: str = "0.25") -> Call:
    row = Assignment.objects.get()
    return outbox.put(
        campaign.environment, Call.Kind.BONUS, outbox.token("bonus", row.pk, amount), campaign=campaign, assignment=row,
        worker=row.worker, reason="For your patience.", payload={"amount_usd": amount},
    )


@pytest.fixture
def paid_once(prolific, participant):
    campaign = make_published(prolific)
    one = participant(campaign, 1).do()
    reconciling.reconcile(campaign)
    return campaign, one.submission


def test_a_bonus_is_prepared_paid_and_in_the_ledger(paid_once):
    campaign, submission = paid_once
    outbox.perform(bonus_call(campaign))
    assert submission.bonuses == [25]
    line = Payment.objects.get(kind="bonus")
    assert (line.amount_usd, line.fee_usd) == (Decimal("0.25"), Decimal("0.08"))


@pytest.mark.parametrize("path", ["bonus-payments", "/pay/"])
@pytest.mark.parametrize("how", ["before", "after"])
def test_a_bonus_whose_answer_was_lost_is_never_paid_twice(paid_once, stand_in, path, how):
    campaign, submission = paid_once
    call = bonus_call(campaign)
    stand_in.fail("POST", path, how)
    with pytest.raises(GatewayUnavailable):
        outbox.perform(call)
    if path == "/pay/" and how == "before":  # it may still show up there: first patience, then a person
        with pytest.raises(GatewayUnavailable, match="looked for again"):
            outbox.perform(call)
        call.refresh_from_db()
        call.payload["paying_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
        call.save(update_fields=["payload"])
        with pytest.raises(GatewayRefused, match="ask again"):
            outbox.perform(call)
        assert submission.bonuses == []
        outbox.ask_again(call)
    else:
        outbox.perform(call)
    assert submission.bonuses == [25]
    assert Payment.objects.filter(kind="bonus").count() == 1


def test_two_bonuses_of_the_same_amount_are_two(paid_once):
    campaign, submission = paid_once
    for number in range(2):
        call = bonus_call(campaign)
        Call.objects.filter(pk=call.pk).update(token=f"bonus{number}")
        outbox.perform(call)
    assert submission.bonuses == [25, 25]


def test_archiving_stops_the_study_and_gives_back_what_was_set_aside(prolific, stand_in, participant):
    campaign = make_published(prolific)
    participant(campaign, 1).do()
    reconciling.reconcile(campaign)
    assert running.execute(life.finish(campaign, campaign.owner)).is_done
    campaign.refresh_from_db()
    assert running.execute(life.archive(campaign, campaign.owner)).is_done
    assert stand_in.account.balance()["available_balance"] == stand_in.account.balance_cents == 100_000 - 53
    campaign.refresh_from_db()
    assert campaign.state == "archived"


def test_who_failed_the_tutorial_is_paid_for_the_time_and_leaves_a_place(prolific, stand_in, participant):
    campaign = make_published(prolific, n_hits=1, places=1)
    one = participant(campaign, 1).take()
    one.open()
    Task.objects.update(needs_tutorial=True, handed_in_at=timezone.now())
    stand_in.account.complete(one.id, campaign.completion_code)
    reconciling.reconcile(campaign)
    assert one.submission.status == "APPROVED"
    campaign.refresh_from_db()
    assert campaign.state == "collecting"
    outbox.perform(way_of(prolific).replace_lost(campaign, 1, campaign.owner))
    participant(campaign, 2).do()
    reconciling.reconcile(campaign)
    campaign.refresh_from_db()
    assert campaign.state == "finished" and Vote.objects.verified().count() == 2


def test_silence_keeps_the_reason_with_the_campaign(prolific, stand_in, monkeypatch):
    monkeypatch.setattr("crowd.prolific.client.TRIES", 1)
    campaign = make_published(prolific)
    stand_in.fail("GET", "^submissions/$", 503)
    with pytest.raises(GatewayError):
        reconciling.reconcile(campaign)
    campaign.refresh_from_db()
    assert "status 503" in campaign.trouble
