"""What the task page's script calls: no cookie, a signed token in a header, JSON both ways.

An answer is the hot path: one signature, two queries.
"""

import json
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from annotation import agreement, serving, tutorial, words
from annotation.refusals import BadToken, Refused, Unanswered

LARGEST_BODY = 16_384
LONGEST_MS = 24 * 3600 * 1000


class BadRequest(Refused):
    """The call does not say what it must."""

    code, status = "bad_request", 400


def worker_call(method: str) -> Callable:
    """A view of the page's script: reads token and body, turns a refusal into JSON.

    No cookie is read, so there is nothing for a foreign site to ride on.
    """

    def decorate(view: Callable[..., dict]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @require_http_methods([method])
        @wraps(view)
        def answer(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            try:
                response = JsonResponse(view(request, _task_id(request), *args, **kwargs))
            except Unanswered as refusal:
                response = _refusal(refusal, positions=refusal.positions)
            except Refused as refusal:
                response = _refusal(refusal)
            response["Cache-Control"] = "no-store"
            return response

        return answer

    return decorate


def _refusal(refusal: Refused, **more) -> JsonResponse:
    return JsonResponse({"error": refusal.code, "detail": str(refusal)} | more, status=refusal.status)


def _signed(request: HttpRequest) -> str:
    scheme, _, signed = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not signed:
        raise BadToken("send the header Authorization: Bearer <token>")
    return signed


def _task_id(request: HttpRequest) -> int:
    return serving.read_token(_signed(request))


def _body(request: HttpRequest) -> dict:
    if len(request.body) > LARGEST_BODY:
        raise BadRequest("the body is too long")
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as error:
        raise BadRequest("the body is no JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("the body is no JSON object")
    return body


def _integer(body: dict, name: str, *, most: int = 2**31 - 1) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise BadRequest(f"{name} must be a whole number from 0 to {most}")
    return value


@worker_call("PUT")
def answer(request: HttpRequest, task_id: int, number: int) -> dict:
    """Store answer `number`; the same again is the same."""
    body = _body(request)
    if body.get("choice") not in words.CHOICE_OF:
        raise BadRequest(f"choice must be one of {', '.join(words.CHOICE_OF)}")
    if not 0 < number < 2**31:
        raise BadRequest("numbers begin with 1")
    receipt = serving.record_vote(
        task_id,
        number=number,
        position=_integer(body, "position", most=32_767),
        choice=words.CHOICE_OF[body["choice"]],
        response_ms=_integer(body, "response_ms", most=LONGEST_MS),
        elapsed_ms=_integer(body, "elapsed_ms", most=LONGEST_MS),
        epoch=_integer(body, "epoch"),
    )
    reply = {"number": number, "is_new": receipt.is_new}
    if receipt.gold_first is not None and body["choice"] != "undone":
        closer = "first" if receipt.gold_first else "second"
        reply["gold"] = {"closer": closer, "right": closer == body["choice"]}
    return reply


@worker_call("GET")
def state(request: HttpRequest, task_id: int) -> dict:
    """Where the task stands; agreement with others once every comparison is answered."""
    task = serving.open_task(_signed(request))
    given = serving.answers(task)
    done = len(given["standing"]) == task.comparisons.count()
    return {
        "task": task.pk,
        "stage": serving.stage(task),
        "epoch": task.epoch,
        "answers": given,
        "agreement": agreement.with_others(task) if done else None,
    }


@worker_call("POST")
def consent(request: HttpRequest, task_id: int) -> dict:
    """The annotator has agreed to the text."""
    task = serving.open_task(_signed(request))
    serving.give_consent(task)
    return {"stage": serving.stage(task)}


@worker_call("PUT")
def tutorial_answer(request: HttpRequest, task_id: int, attempt: int, position: int) -> dict:
    """Mark one answer of the tutorial and explain it."""
    body = _body(request)
    if body.get("choice") not in ("first", "second"):
        raise BadRequest("choice must be first or second")
    task = serving.open_task(_signed(request))
    marking = tutorial.answer(task, number=attempt, position=position, chose_first=body["choice"] == "first")
    return {
        "right": marking.right,
        "closer": "first" if marking.example.first_is_closer else "second",
        "kind": marking.example.kind,
        "explanation": words.explanation(marking.example.explanation),
        "n_right": marking.n_right,
        "n_questions": marking.n_questions,
        "passed": marking.passed,
        "tries_left": marking.tries_left,
    }


@worker_call("POST")
def hand_in(request: HttpRequest, task_id: int) -> dict:
    """Close the task with the three questions' answers; afterwards the page posts its form to the marketplace."""
    body = _body(request)
    task = serving.open_task(_signed(request))
    if task.handed_in_at is None:
        serving.check_epoch(task, _integer(body, "epoch"))
    feedback = body.get("feedback") or {}
    if not isinstance(feedback, dict):
        raise BadRequest("feedback must be an object")
    task = serving.hand_in(task, feedback)
    return {"stage": "handed_in", "handed_in_at": task.handed_in_at.isoformat()}
