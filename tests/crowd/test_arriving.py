"""Somebody opens a HIT's page: the task, the preview, or a polite word."""

import gzip
import json
import re
from datetime import timedelta

import pytest
from django.conf import settings as project
from django.utils import timezone

from annotation import lessons, serving
from annotation.models import Choice, Task
from annotation.refusals import OpenedElsewhere
from crowd.models import Assignment, Campaign, Worker
from crowd.visits import arriving
from tests.annotation.people import make_drawn_pairs, write_tutorial
from tests.crowd.offers import accept, make_campaign, make_hit, visit

pytestmark = pytest.mark.django_db


def open_page(client, hit, **query):
    return client.get(f"/task/{hit.token}/", visit(hit) | query)


def data_of(response) -> dict:
    return json.loads(re.search(r'id="task-data" type="application/json">(.*?)</script>', response.content.decode(), re.S)[1])


def turned_away(hit, **query) -> str:
    with pytest.raises(arriving.TurnedAway) as refusal:
        arriving.arrive(hit, visit(hit, **query))
    return refusal.value.why


def test_the_first_visit_makes_worker_assignment_and_task():
    pairs = make_drawn_pairs(2, 3)
    hit = make_hit(pairs)
    assignment, task = accept(hit, workerId="AWORKER", assignmentId="3ASSIGNMENT")
    assert (assignment.state, assignment.assignment_id, assignment.worker.worker_id) == ("accepted", "3ASSIGNMENT", "AWORKER")
    assert [row.pair for row in task.comparisons.all()] == pairs
    assert task.delay_ms == hit.campaign.delay_ms
    assert timedelta(minutes=14) < task.expires_at - timezone.now() <= timedelta(minutes=15)


def test_every_further_visit_gives_the_same_task():
    hit = make_hit()
    query = visit(hit)
    first, second = arriving.arrive(hit, query), arriving.arrive(hit, query)
    assert first.task == second.task
    assert Assignment.objects.count() == Worker.objects.count() == Task.objects.count() == 1


def test_an_assignment_that_goes_to_another_worker_is_another_row():
    hit = make_hit()
    one, _ = accept(hit, assignmentId="3SAME", workerId="AONE")
    two, _ = accept(hit, assignmentId="3SAME", workerId="ATWO")
    assert one != two
    assert one.task != two.task


def test_nobody_is_asked_the_same_pair_twice_across_hits_and_campaigns():
    pairs = make_drawn_pairs(2, 3)
    accept(make_hit(pairs[:4]), workerId="AONE")
    campaign = Campaign.objects.get()
    other = make_campaign(dataset=campaign.dataset, environment=campaign.environment)
    hit = make_hit(pairs, campaign=other)
    _, second = accept(hit, workerId="AONE")
    assert {row.pair for row in second.comparisons.all()} == set(pairs[4:])
    assert turned_away(make_hit(pairs[:4], campaign=other), workerId="AONE") == "seen_all"
    assert Task.objects.count() == 2


def test_the_same_campaign_seed_hit_and_worker_draw_the_same_sides():
    def sides():
        pairs = make_drawn_pairs(2, 5)
        hit = make_hit(pairs, campaign=make_campaign(dataset=pairs[0].person.image.dataset, seed=3), number=0)
        return list(accept(hit, workerId="AONE")[1].comparisons.values_list("first_is_left", "first_is_green"))

    assert sides() == sides()


@pytest.mark.parametrize(
    "query",
    [
        {"assignmentId": "3abc"}, {"assignmentId": "3A" * 40}, {"workerId": "WORKER"}, {"workerId": ""},
        {"workerId": "A<script>"}, {"hitId": "3ANOTHER"},
    ],
)  # fmt: skip
def test_ids_that_are_no_ids_are_turned_away(query):
    assert turned_away(make_hit(), **query) == "bad_address"
    assert Worker.objects.count() == 0


def test_an_unknown_address_is_not_found(client):
    response = client.get("/task/guessed-token/", {"assignmentId": "3A", "workerId": "A1"})
    assert response.status_code == 404
    assert 'data-why="bad_address"' in response.content.decode()


@pytest.mark.parametrize("assignment_id", ["ASSIGNMENT_ID_NOT_AVAILABLE", "", None])
def test_the_preview_stores_nothing_and_says_so(client, assignment_id):
    hit = make_hit()
    query = {} if assignment_id is None else {"assignmentId": assignment_id, "hitId": hit.hit_id}
    response = client.get(f"/task/{hit.token}/", query)
    assert response.status_code == 200
    assert "This is a preview" in response.content.decode()
    assert "someone@example.org" in response.content.decode()
    assert "token" not in data_of(response)
    assert Worker.objects.count() == Task.objects.count() == 0


def test_a_finished_campaign_takes_nobody_new_but_lets_those_who_began_go_on():
    hit = make_hit()
    query = visit(hit)
    task = arriving.arrive(hit, query).task
    Campaign.objects.update(state=Campaign.State.FINISHED, finished_at=timezone.now() - timedelta(hours=1))
    hit.campaign.refresh_from_db()
    assert turned_away(hit) == "ended"
    assert arriving.arrive(hit, query).task == task


def test_who_accepted_just_before_the_end_and_opens_the_page_just_after_gets_the_task():
    hit = make_hit()
    Campaign.objects.update(state=Campaign.State.FINISHED, finished_at=timezone.now() - timedelta(minutes=5))
    hit.campaign.refresh_from_db()
    assert accept(hit)[1].comparisons.exists()


def test_an_excluded_worker_gets_no_new_task():
    hit = make_hit()
    accept(hit, workerId="AONE")
    Worker.objects.update(excluded_at=timezone.now())
    assert turned_away(make_hit(campaign=hit.campaign), workerId="AONE") == "excluded"


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("unsubmitted", "returned"), ("submitted", "submitted"), ("verified", "submitted"), ("approved", "submitted"),
        ("rejected", "submitted"), ("foreign", "submitted"),
    ],
)  # fmt: skip
def test_an_assignment_that_is_over_says_what_became_of_it(state, why):
    hit = make_hit()
    query = visit(hit)
    arriving.arrive(hit, query)
    Assignment.objects.update(state=state)
    assert turned_away(hit, **query) == why


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"withdrawn_at": timezone.now()}, "returned"),
        ({"expires_at": timezone.now() - timedelta(hours=1)}, "expired"),
    ],
)
def test_a_task_that_is_over_keeps_its_votes(change, why):
    hit = make_hit()
    query = visit(hit)
    task = arriving.arrive(hit, query).task
    serving.record_vote(task.pk, number=1, position=0, choice=Choice.FIRST, response_ms=1, elapsed_ms=1, epoch=0)
    Task.objects.update(**change)
    assert turned_away(hit, **query) == why
    assert task.votes.count() == 1


def test_a_task_handed_in_offers_to_tell_the_marketplace_again(client):
    hit = make_hit(make_drawn_pairs(1, 1))
    query = visit(hit)
    task = arriving.arrive(hit, query).task
    serving.record_vote(task.pk, number=1, position=0, choice=Choice.FIRST, response_ms=1, elapsed_ms=1, epoch=0)
    serving.hand_in(task, {})
    data = data_of(client.get(f"/task/{hit.token}/", query))
    assert data["stage"] == "handed_in"
    assert data["submit"]["fields"]["assignmentId"] == query["assignmentId"]


def test_opening_the_page_again_takes_the_task_over(client):
    hit = make_hit()
    query = visit(hit)
    first, second = (data_of(client.get(f"/task/{hit.token}/", query)) for _ in range(2))
    assert second["epoch"] == first["epoch"] + 1
    with pytest.raises(OpenedElsewhere):
        serving.record_vote(
            first["task"], number=1, position=0, choice=Choice.FIRST, response_ms=1, elapsed_ms=1, epoch=first["epoch"]
        )


@pytest.mark.parametrize("place", ["https://www.mturk.com", "https://www.mturk.com/", "https://workersandbox.mturk.com"])
def test_the_form_goes_where_the_address_says_if_that_is_known(place):
    hit = make_hit()
    assert arriving.arrive(hit, visit(hit, turkSubmitTo=place)).submit_url == place.rstrip("/") + "/mturk/externalSubmit"


def test_without_a_destination_the_campaigns_own_marketplace_is_taken():
    hit = make_hit()
    query = visit(hit)
    del query["turkSubmitTo"]
    assert arriving.arrive(hit, query).submit_url == "http://market.example/workers/mturk/externalSubmit"


@pytest.mark.parametrize("place", ["https://evil.example", "https://www.mturk.com.evil.example", "javascript:alert(1)"])
def test_an_unknown_destination_is_turned_away(place):
    assert turned_away(make_hit(), turkSubmitTo=place) == "foreign_marketplace"


def test_the_page_is_framed_only_where_it_may_be_and_posts_only_where_it_must(client, settings):
    settings.TASK_FRAME_ANCESTORS = ["'self'", "https://market.example"]
    response = open_page(client, make_hit())
    policy = dict(part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";"))
    assert policy["frame-ancestors"] == "'self' https://market.example"
    assert policy["form-action"] == "'self' http://market.example"
    assert policy["default-src"] == "'self'"
    assert "unsafe" not in response["Content-Security-Policy"]
    assert "X-Frame-Options" not in response
    assert response["Referrer-Policy"] == "no-referrer"
    assert not response.cookies


def test_everything_else_stays_unframeable(client):
    response = client.get("/healthz")
    assert response["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]


def test_gold_makes_up_its_share_and_is_new_to_the_worker():
    known = make_drawn_pairs(2, 5, gold_first=True)
    dataset = known[0].person.image.dataset
    pairs = make_drawn_pairs(2, 4)
    campaign = make_campaign(dataset=dataset, gold_share=0.2)
    _, task = accept(make_hit(pairs, campaign=campaign), workerId="AONE")
    assert task.comparisons.filter(is_gold=True).count() == 2
    assert task.comparisons.count() == 10
    _, second = accept(make_hit(make_drawn_pairs(2, 4), campaign=campaign), workerId="AONE")
    first_gold = set(task.comparisons.filter(is_gold=True).values_list("pair", flat=True))
    assert first_gold.isdisjoint(second.comparisons.filter(is_gold=True).values_list("pair", flat=True))


def test_a_newcomer_agrees_learns_and_then_votes(tmp_path, client):
    lesson = lessons.load(write_tutorial(tmp_path / "lesson"), "arms")
    hit = make_hit(campaign=make_campaign(has_tutorial=True, tutorial=lesson, consent_text="We store answers."))
    data = data_of(open_page(client, hit))
    assert data["stage"] == "consent"
    headers = {"authorization": f"Bearer {data['token']}"}
    assert client.post(data["urls"]["consent"], headers=headers).json()["stage"] == "tutorial"
    for question in data["tutorial"]["comparisons"]:
        url = f"{data['urls']['tutorial']}1/{question['position']}"
        reply = client.put(url, {"choice": "first"}, content_type="application/json", headers=headers).json()
    assert reply["passed"] is True
    assert client.get(data["urls"]["state"], headers=headers).json()["stage"] == "work"


def test_who_failed_the_tutorial_hands_that_task_in_and_gets_no_other(tmp_path, client):
    lesson = lessons.load(write_tutorial(tmp_path / "lesson"), "arms")
    campaign = make_campaign(has_tutorial=True, tutorial=lesson)
    hit, second = make_hit(campaign=campaign), make_hit(campaign=campaign)
    query, held = visit(hit, workerId="AONE"), visit(second, workerId="AONE")
    task = arriving.arrive(hit, query).task
    arriving.arrive(second, held)
    for number in (1, 2):
        task.annotator.tutorial_attempts.create(tutorial="arms", number=number, answers=[False] * 5, passed=False)
    assert turned_away(make_hit(campaign=campaign), workerId="AONE") == "tutorial_failed"
    data = data_of(client.get(f"/task/{hit.token}/", query))
    assert data["stage"] == "tutorial_failed"
    headers = {"authorization": f"Bearer {data['token']}"}
    reply = client.post(data["urls"]["hand_in"], {"epoch": data["epoch"]}, content_type="application/json", headers=headers)
    assert reply.json()["stage"] == "handed_in"
    assert turned_away(second, **held) == "tutorial_failed"


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("de", "Dies ist eine Vorschau"), ("es", "Esto es una vista previa"), ("fr", "This is a preview")],
)
def test_the_page_speaks_the_readers_language(client, language, sentence):
    hit = make_hit()
    assert sentence in client.get(f"/task/{hit.token}/", headers={"accept-language": language}).content.decode()


def test_the_page_weighs_under_60_kb_without_pictures_and_loads_nothing_from_elsewhere(client):
    hit = make_hit(make_drawn_pairs(5, 5), campaign=make_campaign(has_tutorial=True, consent_text="We store answers."))
    response = client.get(f"/task/{hit.token}/", visit(hit), headers={"accept-encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    files = [project.BASE_DIR / "static/css/task.css", *project.BASE_DIR.glob("static/js/task/*.js")]
    weight = len(response.content) + sum(len(gzip.compress(file.read_bytes())) for file in files)
    assert weight < 60_000
    for text in (gzip.decompress(response.content).decode(), *(file.read_text() for file in files)):
        places = re.findall(r"""(?:src|href|import|url\()\s*=?\s*["']?(https?:|//)""", text)
        assert places == []
