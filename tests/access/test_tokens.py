"""Tokens: made in the panel and shown once; they never do more than their scopes, nor than their owner."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from access.authentication import TokenThrottle
from access.models import Scope, Token
from tests.factories import make_dataset, make_voted_campaign
from tests.programs import make_member

pytestmark = pytest.mark.django_db
DATASETS, MERGES = "/api/v1/datasets/", "/api/v1/merges/"


def make_token(owner, *scopes, days=1) -> tuple[Token, APIClient]:
    expires_at = timezone.now() + timedelta(days=days)
    token = Token(owner=owner, name="night-job", scopes=list(scopes), expires_at=expires_at)
    secret = token.renew_secret()
    token.save()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return token, client


def test_a_token_made_in_the_panel_is_shown_once_kept_as_a_digest_and_lets_its_owner_s_programs_in(client):
    owner = make_member("Viewer")
    make_dataset(name="mine", owner=owner)
    client.force_login(owner)
    made = client.post("/panel/access/token/add/", {"name": "loader", "scopes": ["read"], "days": 7}, follow=True)
    secret = re.search(r"nearer_[\w-]{43}", made.content.decode())[0]
    assert secret not in client.get("/panel/access/token/").content.decode()
    assert secret not in str(Token.objects.values())
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert [row["name"] for row in program.get(DATASETS).json()["results"]] == ["mine"]
    client.post("/panel/access/token/", {"action": "revoke", "_selected_action": [Token.objects.get().pk]})
    assert program.get(DATASETS).status_code == 401


def test_nobody_sees_or_revokes_a_token_of_somebody_else(client):
    token, program = make_token(make_member("Viewer"), Scope.READ)
    client.force_login(make_member("Manager"))
    assert "night-job" not in client.get("/panel/access/token/").content.decode()
    client.post("/panel/access/token/", {"action": "revoke", "_selected_action": [token.pk]})
    assert program.get(DATASETS).status_code == 200


@pytest.mark.parametrize("days, active", [(-1, True), (1, False)])
def test_an_expired_token_and_one_of_somebody_who_left_open_nothing(days, active):
    owner = make_member("Viewer")
    owner.is_active = active
    owner.save()
    answer = make_token(owner, Scope.READ, days=days)[1].get(DATASETS)
    assert answer.status_code == 401 and answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("secret", ["", "nearer_unknown", "\xff", "a b"])
def test_an_unknown_token_is_refused_in_words(secret):
    answer = APIClient().get(DATASETS, HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert answer.status_code == 401 and "panel" in answer.json()["detail"]


def test_a_token_without_the_scope_of_an_act_may_not_do_it():
    campaign = make_voted_campaign(owner=make_member("Manager"))
    body = {"campaign": campaign.pk}
    reader, importer = make_token(campaign.owner, Scope.READ)[1], make_token(campaign.owner, Scope.DATA)[1]
    refused = reader.post(MERGES, body, format="json")
    assert refused.status_code == 403 and "data" in refused.json()["detail"]
    assert importer.post(MERGES, body, format="json").status_code == 201
    assert importer.get(MERGES).status_code == 403


def test_a_token_with_every_scope_does_no_more_than_its_owner_may():
    campaign = make_voted_campaign(owner=make_member("Viewer"))
    program = make_token(campaign.owner, *Scope.values)[1]
    assert program.post(MERGES, {"campaign": campaign.pk}, format="json").status_code == 403
    assert program.get(MERGES).status_code == 200


def test_a_program_sees_its_owners_tokens_and_revokes_one_of_them():
    owner = make_member("Viewer")
    lost, _ = make_token(owner, Scope.READ)
    mine, program = make_token(owner, Scope.READ, Scope.RUN)
    strange, _ = make_token(make_member("Viewer"), Scope.READ)
    seen = program.get("/api/v1/tokens/")
    assert [(row["id"], row["is_this"], row["state"]) for row in seen.json()["results"]] == [
        (mine.pk, True, "valid"), (lost.pk, False, "valid"),
    ]
    assert lost.sha256 not in seen.content.decode()
    assert program.post(f"/api/v1/tokens/{strange.pk}/revoke/").status_code == 404
    for _ in range(2):
        assert program.post(f"/api/v1/tokens/{lost.pk}/revoke/").json()["state"] == "revoked"
    assert program.post(f"/api/v1/tokens/{mine.pk}/revoke/").status_code == 200
    assert program.get("/api/v1/tokens/").status_code == 401


def test_a_token_that_asks_too_often_is_told_when_to_come_back(monkeypatch):
    token, program = make_token(make_member("Viewer"), Scope.READ)
    monkeypatch.setattr(TokenThrottle, "THROTTLE_RATES", {"token": "2/min"})
    cache.delete(f"throttle_token_{token.pk}")
    assert [program.get(DATASETS).status_code for _ in range(3)] == [200, 200, 429]
    assert 0 < int(program.get(DATASETS)["Retry-After"]) <= 60
    cache.delete(f"throttle_token_{token.pk}")
