"""Ways to people made and changed by programs: by the panel's own form, and no key is ever told."""

import pytest

from access.models import Scope
from crowd.models import Environment
from crowd.prolific import credentials
from tests.access.test_tokens import make_token
from tests.factories import make_campaign
from tests.programs import client_of, errors_of, make_member

pytestmark = pytest.mark.django_db
PLACES = "/api/v1/environments/"
LINK = {"name": "our lab", "kind": "link", "completion_url": "https://lab.example/done?code={code}"}


@pytest.fixture
def manager(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return make_member("Manager")


def test_a_link_is_made_and_changed(manager):
    client = client_of(manager)
    made = client.post(PLACES, LINK, format="json")
    assert made.status_code == 201, made.content
    place = f"{PLACES}{made.json()['id']}/"
    assert (made.json()["worker_parameter"], made.json()["requests_per_s"]) == ("worker", 3)
    assert client.patch(place, {"worker_parameter": "pid"}, format="json").json()["worker_parameter"] == "pid"
    assert Environment.objects.get().completion_url == LINK["completion_url"]
    refused = client.patch(place, {"session_parameter": "pid"}, format="json")
    assert "need a parameter each" in errors_of(refused)["session_parameter"][0]


def test_prolifics_token_is_kept_in_a_file_and_told_nobody(manager):
    wanted = {"name": "Prolific", "kind": "prolific"}
    refused = client_of(manager).post(PLACES, wanted, format="json")
    assert "Give the token" in errors_of(refused)["token"][0] and not Environment.objects.exists()
    made = client_of(manager).post(PLACES, wanted | {"token": "very-secret"}, format="json")
    assert made.status_code == 201 and "very-secret" not in made.content.decode()
    assert made.json()["endpoint_url"].startswith("https://api.prolific.com")
    assert credentials.load(made.json()["credentials"]) == "very-secret"
    assert "very-secret" not in client_of(manager).get(PLACES).content.decode()


def test_mechanical_turk_needs_its_addresses(manager):
    refused = client_of(manager).post(PLACES, {"name": "MTurk", "kind": "mturk"}, format="json")
    assert set(errors_of(refused)) == {"endpoint_url", "worker_url"}


def test_a_place_with_campaigns_is_neither_deleted_nor_another_one(manager):
    campaign = make_campaign(owner=manager)
    place, boss = f"{PLACES}{campaign.environment_id}/", client_of(make_member("Manager"))
    assert boss.delete(place).status_code == 403  # a manager makes places and does not delete them
    refused = boss.patch(place, {"kind": "link"}, format="json")
    assert refused.status_code == 400 and "kind" in errors_of(refused)
    manager.is_superuser = True
    manager.save()
    assert client_of(manager).delete(place).status_code == 409
    campaign.delete()
    assert client_of(manager).delete(place).status_code == 204


def test_who_says_where_money_goes_needs_the_right_and_the_scope_to_spend(manager):
    assert make_token(manager, Scope.RUN)[1].post(PLACES, LINK, format="json").status_code == 403
    assert client_of(make_member("Viewer")).post(PLACES, LINK, format="json").status_code == 403
    assert make_token(manager, Scope.SPEND)[1].post(PLACES, LINK, format="json").status_code == 201
