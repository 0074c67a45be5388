"""Every refusal has one shape, whoever refuses: a view, the framework under it, or an address that leads nowhere."""

import json
import re
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from rest_framework.test import APIClient

from access.authentication import TokenThrottle
from access.models import Scope
from access.problems import KINDS, PREFIX
from config.api import CampaignViewSet
from tests.access.test_tokens import make_token
from tests.factories import make_voted_campaign
from tests.programs import client_of, make_member

pytestmark = pytest.mark.django_db
DATASETS, MERGES, IMPORTS, SKELETONS = (f"/api/v1/{name}/" for name in ("datasets", "merges", "imports", "skeletons"))


def problem(answer, status: int) -> dict:
    assert answer.status_code == status and answer["Content-Type"] == "application/problem+json", answer.content
    said = json.loads(answer.content)
    assert set(said) == {"type", "title", "status", "detail", "remedy", "errors"} and said["status"] == status
    assert said["type"] == PREFIX + KINDS[status].name and said["detail"] and said["remedy"]
    return said


@pytest.fixture
def manager():
    return make_member("Manager")


def test_what_is_wrong_with_a_body_is_named_with_its_place_and_a_code(manager):
    said = problem(client_of(manager).post(SKELETONS, {"name": "x", "joints": ["a", ""]}, format="json"), 400)
    found = {(error["place"], error["field"], error["code"]) for error in said["errors"]}
    assert {("body", "bones", "required"), ("body", "joints.1", "blank")} <= found


def test_every_refusal_of_the_framework_is_a_problem(manager):
    client = client_of(manager)
    problem(APIClient().get(DATASETS), 401)
    problem(client_of(make_member("Viewer")).post(MERGES, {}, format="json"), 403)
    problem(client.get(f"{DATASETS}99/"), 404)
    assert "slash" in problem(client.get("/api/v1/nowhere"), 404)["detail"]
    problem(Client().post("/api/v1/nowhere/"), 404)
    problem(client.delete(DATASETS), 405)
    problem(client.get(DATASETS, HTTP_ACCEPT="text/html"), 406)
    problem(client.post(MERGES, "<a/>", content_type="application/xml"), 415)


def test_a_method_that_is_not_there_is_said_so_even_where_no_scope_is_for_it(manager):
    token = make_token(manager, Scope.READ)[1]
    answer = token.delete(DATASETS)
    assert problem(answer, 405) and answer["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(("body", "words"), [
    ("{", "JSON parse error"), ('{"campaign": NaN}', "JSON parse error"), ('{"name": "\\u0000"}', "NUL"),
    ('{"settings": {"\\ud800": 1}}', "surrogate"),
    ("[" * 100 + "]" * 100, "deep"), ("[" * 100_000, "deep"), ("[]", "dictionary"),
])
def test_a_body_that_no_database_keeps_is_refused_before_anything_is_done(manager, body, words):
    answer = client_of(manager).post(MERGES, body, content_type="application/json")
    assert words in problem(answer, 400)["detail"]


def test_a_body_that_is_too_large_is_not_read(manager, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.IMPORT_UPLOAD_BYTES = 300, 700
    client = client_of(manager)
    problem(client.post(MERGES, {"method": "x" * 300}, format="json"), 413)
    problem(client.post(IMPORTS, {"name": "x" * 400}, format="multipart"), 413)
    assert "IMPORT_UPLOAD_BYTES" in problem(client.post(IMPORTS, {"name": "x" * 1000}, format="multipart"), 413)["detail"]


def test_who_asks_too_often_is_told_how_long_to_wait(manager, monkeypatch):
    token, program = make_token(manager, Scope.READ)
    monkeypatch.setattr(TokenThrottle, "THROTTLE_RATES", {"token": "1/min"})
    program.get(DATASETS)
    assert re.fullmatch(r"Wait \d+ seconds\.", problem(program.get(DATASETS), 429)["remedy"])
    cache.delete(f"throttle_token_{token.pk}")


def test_a_state_that_does_not_allow_it_and_a_version_that_is_gone_are_problems(manager):
    campaign = make_voted_campaign(owner=manager)
    assert "draft" in problem(client_of(manager).post(f"/api/v1/campaigns/{campaign.pk}/pause/"), 409)["detail"].lower()


def test_what_breaks_in_nearer_is_a_problem_too_and_tells_nothing_of_the_inside(manager, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("a secret")

    monkeypatch.setattr(CampaignViewSet, "get_queryset", broken)
    client = client_of(manager)
    client.raise_request_exception = False
    answer = client.get("/api/v1/campaigns/")
    assert problem(answer, 500) and b"secret" not in answer.content


def test_every_kind_of_problem_is_explained():
    document = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
    assert {int(status): name for status, name in re.findall(r"^\| (\d+) \| `([\w-]+)` \|", document, re.M)} == {
        status: kind.name for status, kind in KINDS.items()
    }
