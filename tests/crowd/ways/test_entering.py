"""People come to a campaign's own address: each gets one task, the least taken HIT, and nothing is asked too often."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone, translation

from annotation import serving
from annotation.models import Choice, Task, TutorialAttempt
from annotation.words import CONSENT_TEXT
from crowd.models import Assignment, Campaign, Worker
from crowd.visits import allotting, consent, entering
from crowd.visits.arriving import TurnedAway
from tests.annotation.people import make_drawn_pairs
from tests.crowd.offers import make_campaign, make_hit
from tests.crowd.ways.people import Kind, address, come, data_of, make_open_campaign, make_way, why_of, work_through

pytestmark = pytest.mark.django_db


def turned_away(campaign, worker_id, session="v1") -> str:
    with pytest.raises(TurnedAway) as refusal:
        come(campaign, worker_id, session)
    return refusal.value.why


def answer_all(task: Task) -> None:
    for number, row in enumerate(task.comparisons.all(), start=1):
        serving.record_vote(
            task.pk, number=number, position=row.position, choice=Choice.FIRST, response_ms=1, elapsed_ms=1, epoch=task.epoch
        )
    serving.hand_in(task)


def lapse(assignment: Assignment) -> None:
    Task.objects.filter(pk=assignment.task_id).update(expires_at=timezone.now() - timedelta(hours=1))


def test_hits_fill_evenly():
    campaign = make_open_campaign(3, places=2)
    numbers = [come(campaign, f"p{n}").hit.number for n in range(6)]
    assert numbers == [0, 1, 2, 0, 1, 2]
    assert turned_away(campaign, "p7") == "full"
    assert not Worker.objects.filter(worker_id="p7").exists()


def test_the_same_visit_is_the_same_task_and_keeps_one_place():
    campaign = make_open_campaign(1, places=2)
    assert come(campaign, "ada") == come(campaign, "ada")
    assert Assignment.objects.count() == Task.objects.count() == 1
    come(campaign, "bob")


def test_a_new_visit_takes_ones_unfinished_task_over():
    campaign = make_open_campaign(2)
    first = come(campaign, "ada", "v1")
    second = come(campaign, "ada", "v2")
    assert second.task == first.task
    assert entering.session_of(second) == "v2"
    assert Assignment.objects.get().assignment_id == second.assignment_id


def test_after_hand_in_the_same_visit_shows_the_end_and_a_new_one_the_next_hit():
    campaign = make_open_campaign(2)
    first = come(campaign, "ada", "v1")
    answer_all(first.task)
    assert come(campaign, "ada", "v1") == first
    second = come(campaign, "ada", "v2")
    assert second.hit != first.hit
    answer_all(second.task)
    assert turned_away(campaign, "ada", "v3") == "seen_all"


def test_without_names_for_visits_everybody_has_one_task():
    campaign = make_open_campaign(2, environment=make_way(session_parameter=""))
    first = come(campaign, "ada", "")
    answer_all(first.task)
    assert come(campaign, "ada", "") == first
    assert Assignment.objects.count() == 1


def test_visits_called_alike_are_told_apart_by_campaign_and_person():
    one = make_open_campaign(1)
    other = make_open_campaign(1, environment=one.environment)
    assert len({come(campaign, who, "1").pk for campaign in (one, other) for who in ("ada", "bob")}) == 4


def test_a_prolific_submission_belongs_to_one_study():
    one = make_open_campaign(1, kind=Kind.PROLIFIC)
    other = make_open_campaign(1, environment=one.environment)
    assert come(one, "5" * 24, "a" * 24).assignment_id == "a" * 24
    assert turned_away(other, "5" * 24, "a" * 24) == "bad_address"


def test_a_place_falls_free_when_time_runs_out_and_goes_to_the_next():
    campaign = make_open_campaign(1, places=1)
    gone = come(campaign, "ada")
    assert turned_away(campaign, "bob") == "full"
    lapse(gone)
    assert come(campaign, "bob").hit == gone.hit
    assert turned_away(campaign, "ada") == "expired"


def test_who_comes_back_late_goes_on_while_the_place_is_free():
    campaign = make_open_campaign(1, places=1)
    late = come(campaign, "ada")
    serving.record_vote(late.task_id, number=1, position=0, choice=Choice.FIRST, response_ms=1, elapsed_ms=1, epoch=0)
    lapse(late)
    Assignment.objects.update(state="unsubmitted", note="Accepted, but never handed in.")
    again = come(campaign, "ada")
    assert again == late and again.state == "accepted"
    assert again.task.is_open() and again.task.votes.count() == 1


def test_an_answer_that_is_still_allowed_to_arrive_holds_its_place():
    campaign = make_open_campaign(1, places=1)
    late = come(campaign, "ada")
    Task.objects.filter(pk=late.task_id).update(expires_at=timezone.now() - serving.GRACE / 2)
    assert turned_away(campaign, "bob") == "full"


@pytest.mark.parametrize("state", ["rejected", "foreign"])
def test_work_that_is_not_accepted_gives_its_place_back(state):
    campaign = make_open_campaign(1, places=1)
    done = come(campaign, "ada")
    answer_all(done.task)
    Assignment.objects.update(state=state)
    assert come(campaign, "bob").hit == done.hit


def test_a_failed_tutorial_holds_no_place_once_it_is_handed_in():
    campaign = make_open_campaign(1, places=1)
    tried = come(campaign, "ada")
    Task.objects.filter(pk=tried.task_id).update(needs_tutorial=True, handed_in_at=timezone.now())
    assert come(campaign, "bob").hit == tried.hit


def test_who_fails_the_tutorial_reaches_the_end_without_a_vote(client):
    campaign = make_open_campaign(1, places=1)
    data = data_of(client.get(address(campaign, pid="ada", visit="v1")))
    task = Task.objects.get()
    Task.objects.update(needs_tutorial=True, tutorial="arms")
    for number in (1, 2):
        TutorialAttempt.objects.create(annotator=task.annotator, tutorial="arms", number=number, passed=False)
    headers = {"authorization": f"Bearer {data['token']}"}
    reply = client.post(data["urls"]["hand_in"], {"epoch": 1}, content_type="application/json", headers=headers)
    assert reply.status_code == 200, reply.content
    assert "data-code" in client.post("/task/done/", data["submit"]["fields"]).content.decode()
    come(campaign, "bob")  # the place is free again


def test_hits_with_pairs_that_somebody_knows_come_last_and_without_those_pairs():
    campaign = make_open_campaign(2)
    seen = campaign.hits.get(number=0).pairs.first()
    other = make_campaign(dataset=campaign.dataset, environment=campaign.environment)
    make_hit([seen], campaign=other)
    come(other, "ada", "elsewhere")
    first = come(campaign, "ada", "v1")
    assert first.hit.number == 1
    answer_all(first.task)
    second = come(campaign, "ada", "v2")
    assert second.hit.number == 0 and seen.pk not in second.task.comparisons.values_list("pair", flat=True)
    assert second.task.comparisons.count() == 1


@pytest.mark.parametrize(("state", "why"), [("paused", "paused"), ("finished", "ended"), ("draft", "paused")])
def test_a_campaign_that_is_not_collecting_lets_in_only_those_who_began(state, why):
    campaign = make_open_campaign(1)
    begun = come(campaign, "ada")
    Campaign.objects.update(state=state, finished_at=timezone.now())
    assert turned_away(campaign, "bob") == why
    assert come(campaign, "ada") == begun


def test_the_excluded_get_nothing_new():
    campaign = make_open_campaign(2)
    answer_all(come(campaign, "ada", "v1").task)
    Worker.objects.update(excluded_at=timezone.now())
    assert turned_away(campaign, "ada", "v2") == "excluded"


@pytest.mark.parametrize(
    "query",
    [
        {"pid": "<script>"}, {"pid": "a b"}, {"pid": "a" * 49}, {"pid": "@ada"}, {"visit": "v1"},
        {"pid": "ada", "visit": "../../etc"}, {"pid": "ada\n"},
    ],
)  # fmt: skip
def test_names_that_are_none_are_turned_away(client, query):
    response = client.get(address(make_open_campaign(1), **query))
    assert why_of(response) == "bad_address"
    assert Worker.objects.count() == 0


@pytest.mark.parametrize(
    "change", [{"PROLIFIC_PID": "A" * 24}, {"SESSION_ID": ""}, {"SESSION_ID": "f" * 23}, {"STUDY_ID": "0" * 24}]
)
def test_prolifics_names_are_held_to_prolifics_pattern_and_study(client, change):
    campaign = make_open_campaign(1, kind=Kind.PROLIFIC, study_id="b" * 24)
    query = {"PROLIFIC_PID": "5" * 24, "STUDY_ID": "b" * 24, "SESSION_ID": "c" * 24}
    assert why_of(client.get(address(campaign, **(query | change)))) == "bad_address"
    assert data_of(client.get(address(campaign, **query)))["stage"] == "work"


def test_an_address_without_a_name_shows_the_task_and_stores_nothing(client):
    response = client.get(address(make_open_campaign(1)))
    assert "This is a preview" in response.content.decode()
    assert "token" not in data_of(response)
    assert Worker.objects.count() == Task.objects.count() == 0


def test_only_ways_without_a_marketplace_have_such_an_address(client):
    campaign = make_open_campaign(1, kind=Kind.MTURK)
    assert client.get(address(campaign, pid="ada", visit="v1")).status_code == 404
    assert client.get("/task/study/guessed/").status_code == 404


def test_a_hit_of_such_a_campaign_has_no_door_of_its_own(client):
    hit = make_open_campaign(1).hits.get()
    query = {"assignmentId": "3A", "workerId": "A1", "hitId": hit.hit_id}
    assert why_of(client.get(f"/task/{hit.token}/", query)) == "bad_address"
    assert not Assignment.objects.exists()


def test_the_page_cannot_be_framed_leaks_no_address_and_posts_only_here(client):
    response = client.get(address(make_open_campaign(1), pid="ada", visit="v1"))
    policy = dict(part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";"))
    assert policy["frame-ancestors"] == "'none'" and policy["form-action"] == "'self'"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies


def test_the_code_is_in_no_page_before_everything_is_handed_in(client):
    campaign = make_open_campaign(1, completion_code="SECRET-CODE")
    page = client.get(address(campaign, pid="ada", visit="v1"))
    data = data_of(page)
    assert "SECRET-CODE" not in page.content.decode()
    assert data["submit"]["url"] == "/task/done/"
    early = client.post("/task/done/", data["submit"]["fields"])
    assert early.status_code == 409 and "SECRET-CODE" not in early.content.decode()
    work_through(client, data)
    assert "SECRET-CODE" in client.post("/task/done/", data["submit"]["fields"]).content.decode()
    row = Assignment.objects.get()
    assert row.state == "submitted" and row.task.verified_at is None


@pytest.mark.parametrize("fields", [{}, {"token": ""}, {"token": "forged"}])
def test_an_end_without_a_token_is_nobodys(client, fields):
    assert client.post("/task/done/", fields).status_code == 404


def test_everybody_has_a_code_of_ones_own_that_stays(client):
    campaign = make_open_campaign(1)
    codes = []
    for pid in ("ada", "bob", "ada"):
        response = client.get(address(campaign, pid=pid, visit="v1"))
        if "data-code" not in response.content.decode():
            data = data_of(response)
            work_through(client, data)
            response = client.post("/task/done/", data["submit"]["fields"])
        page = response.content.decode()
        codes.append(page.split("data-code>")[1].split("<")[0])
    assert codes[0] == codes[2] != codes[1]
    assert all(re.fullmatch(r"[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}", code) for code in codes)


def test_the_way_back_carries_the_code_and_names_safely_encoded(client):
    back = "https://panel.example/done?code={code}&id={worker}&visit={session}&study={study}"
    campaign = make_open_campaign(1, environment=make_way(completion_url=back), completion_code="C1", study_id="a&b=c")
    data = data_of(client.get(address(campaign, pid="a+b=c", visit="v~1")))
    work_through(client, data)
    page = client.post("/task/done/", data["submit"]["fields"])
    wanted = "https://panel.example/done?code=C1&amp;id=a%2Bb%3Dc&amp;visit=v~1&amp;study=a%26b%3Dc"
    assert f'href="{wanted}"' in page.content.decode()
    assert page["Referrer-Policy"] == "no-referrer"


@pytest.mark.django_db(transaction=True)
def test_of_many_who_come_at_once_as_many_are_let_in_as_there_are_places():
    campaign = make_open_campaign(2, places=3)

    def one(number: int) -> str:
        try:
            return str(come(campaign, f"p{number % 9}", f"v{number}").hit.number)
        except TurnedAway as refusal:
            return refusal.why
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(one, range(18)))  # nine people, each twice
    assert Assignment.objects.count() == 6
    assert {hit.taken for hit in allotting.with_places(campaign.hits.all())} == {3}
    assert set(outcomes) == {"0", "1", "full"}
    assert Worker.objects.count() == 6


def test_many_hits_are_searched_with_few_queries(django_assert_max_num_queries):
    campaign = make_open_campaign(1, places=1)
    pairs = make_drawn_pairs(1, 2)
    for _ in range(30):
        make_hit(pairs, campaign=campaign)
    come(campaign, "warm", "v0")
    with django_assert_max_num_queries(26):
        come(campaign, "ada")


@pytest.mark.parametrize(
    ("kind", "word"), [(Kind.LINK, "closing the page"), (Kind.PROLIFIC, "Prolific id"), (Kind.INVITATION, "unpaid")]
)
def test_the_shipped_consent_speaks_of_the_way_and_a_researchers_own_is_left_alone(kind, word):
    campaign = make_open_campaign(1, kind=kind, consent_text=CONSENT_TEXT)
    assert word in consent.of(campaign)[1]
    for language in ("de", "es"):
        with translation.override(language):
            assert translation.gettext(consent.of(campaign)[1]) != consent.of(campaign)[1]
    campaign.consent_text = "Our own words."
    assert consent.of(campaign) == ("1", "Our own words.")
