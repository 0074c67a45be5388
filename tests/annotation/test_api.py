"""The calls of the page's script, over HTTP."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation import serving
from annotation.models import Task, Vote
from tests.annotation.people import make_drawn_pairs
from tests.factories import make_task

pytestmark = pytest.mark.django_db


class Script:
    """What the page's script sends for one task; no cookie, and CSRF is enforced."""

    def __init__(self, task, token=None):
        self.client = Client(enforce_csrf_checks=True)
        self.headers = {"authorization": f"Bearer {token or serving.token(task)}"}

    def call(self, method, path, body=None):
        data = json.dumps(body) if isinstance(body, dict) else body or ""
        send = getattr(self.client, method)
        if method == "get":
            return send(f"/task/api/{path}", headers=self.headers)
        return send(f"/task/api/{path}", data, content_type="application/json", headers=self.headers)

    def answer(self, number, place, choice="first", **overrides):
        body = {"position": place, "choice": choice, "response_ms": 800, "elapsed_ms": 900, "epoch": 0} | overrides
        return self.call("put", f"answers/{number}", body)


def test_an_answer_is_stored_and_acknowledged_with_its_number():
    task = make_task(n_pairs=2)
    reply = Script(task).answer(1, 0)
    assert (reply.status_code, reply.json()) == (200, {"number": 1, "is_new": True})
    assert Script(task).answer(1, 0).json() == {"number": 1, "is_new": False}
    assert Vote.objects.count() == 1


def test_no_call_sets_or_needs_a_cookie():
    script = Script(make_task(n_pairs=1))
    replies = [script.answer(1, 0), script.call("get", "state"), script.call("post", "hand-in", {"epoch": 0})]
    assert all(reply.status_code == 200 and not reply.cookies for reply in replies)


def test_the_whole_request_costs_two_queries():
    task = make_task(n_pairs=3)
    script = Script(task)
    script.answer(1, 0)
    with CaptureQueriesContext(connection) as captured:
        script.answer(2, 1)
    brackets = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    assert len([query for query in captured if not query["sql"].startswith(brackets)]) == 2


@pytest.mark.parametrize("token", ["", "nonsense", "WzEsOTk5OTk5OTk5OV0:1abc:forged"])
def test_a_forged_token_is_refused(token):
    reply = Script(make_task(n_pairs=1), token=token or " ").answer(1, 0)
    assert (reply.status_code, reply.json()["error"]) == (401, "bad_token")
    assert Vote.objects.count() == 0


def test_a_token_opens_its_own_task_only():
    mine, other = make_task(n_pairs=1), make_task(n_pairs=1)
    Script(mine).answer(1, 0)
    assert (mine.votes.count(), other.votes.count()) == (1, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"choice": "left"}, {"position": -1}, {"position": "0"}, {"position": True}, {"response_ms": None},
        {"elapsed_ms": 10**12}, {"epoch": 1.5},
    ],
)  # fmt: skip
def test_a_malformed_answer_is_a_bad_request_that_says_what_is_wrong(change):
    reply = Script(make_task(n_pairs=1)).answer(1, 0, **{"choice": "first"} | change)
    assert (reply.status_code, reply.json()["error"]) == (400, "bad_request")
    assert next(iter(change)) in reply.json()["detail"]


@pytest.mark.parametrize("body", ["no json", "[1]", '{"position": "' + "x" * 20_000 + '"}'])
def test_a_body_that_is_no_small_object_is_a_bad_request(body):
    assert Script(make_task(n_pairs=1)).call("put", "answers/1", body).status_code == 400


def test_numbers_begin_with_one():
    assert Script(make_task(n_pairs=1)).answer(0, 0).status_code == 400


@pytest.mark.parametrize(("field", "code"), [("handed_in_at", "handed_in"), ("withdrawn_at", "withdrawn")])
def test_a_closed_task_says_why(field, code):
    task = make_task(n_pairs=1, **{field: timezone.now()})
    reply = Script(task).answer(1, 0)
    assert (reply.status_code, reply.json()["error"]) == (410, code)


def test_an_old_tab_is_told_that_the_task_is_open_elsewhere():
    task = serving.take_over(serving.take_over(make_task(n_pairs=1)))
    reply = Script(task).answer(1, 0, epoch=1)
    assert (reply.status_code, reply.json()["error"]) == (409, "elsewhere")
    reply = Script(task).call("post", "hand-in", {"epoch": 1})
    assert reply.json()["error"] == "elsewhere"


def test_hand_in_names_what_is_missing_and_is_safe_to_repeat():
    task = make_task(n_pairs=2)
    script = Script(task)
    script.answer(1, 0)
    reply = script.call("post", "hand-in", {"epoch": 0})
    assert (reply.status_code, reply.json()["positions"]) == (409, [1])
    script.answer(2, 1)
    feedback = {"problem": False, "ease": 8, "comment": "fine"}
    assert script.call("post", "hand-in", {"epoch": 0, "feedback": feedback}).status_code == 200
    assert script.call("post", "hand-in", {"epoch": 0}).json()["stage"] == "handed_in"
    assert Task.objects.get(pk=task.pk).feedback == feedback


def test_state_tells_what_is_stored():
    task = make_task(pairs=make_drawn_pairs(1, 3))
    script = Script(task)
    script.answer(1, 1, "second")
    state = script.call("get", "state").json()
    assert state["answers"] == {"last": 1, "standing": [{"position": 1, "choice": "second", "number": 1}]}
    assert (state["stage"], state["agreement"]) == ("work", None)


def test_visible_gold_tells_how_it_went():
    pairs = make_drawn_pairs(1, 1, gold_first=False)
    task = make_task(pairs=pairs, gold_feedback=True)
    task.comparisons.update(is_gold=True)
    assert Script(task).answer(1, 0, "first").json()["gold"] == {"closer": "second", "right": False}
    assert "gold" not in Script(task).answer(2, 0, "undone").json()


def test_only_the_documented_verbs_are_served():
    script = Script(make_task(n_pairs=1))
    assert script.call("post", "answers/1", {}).status_code == 405
    assert script.call("put", "hand-in", {}).status_code == 405
