"""Is it alive, is it ready, and if not, what is missing?"""

import pytest
from django.db import DatabaseError, connection

from config.services import probe
from tests.workers import point_celery_at


def test_a_process_that_answers_is_alive_whatever_else_is_down(client):
    assert client.get("/healthz").content == b"alive\n"


def test_a_site_with_database_queue_worker_and_storage_is_ready(client, worker):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "ok", "broker": "ok", "worker": "ok", "storage": "ok"}


def test_without_a_worker_only_the_worker_is_named(client, broker, db):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    states = answer.json()
    assert states.pop("worker").startswith("not ready")
    assert states == {"ready": False, "database": "ok", "broker": "ok", "storage": "ok"}


def test_a_worker_that_was_killed_is_missed(client, worker):
    worker.kill()
    assert client.get("/readyz").json()["worker"].startswith("not ready")


def test_without_a_queue_broker_and_worker_are_named(client, broker, db, tmp_path):
    point_celery_at(f"redis+socket://{tmp_path / 'nobody-listens.sock'}", {})
    states = client.get("/readyz").json()
    assert states["broker"].startswith("not ready")
    assert states["worker"].startswith("not ready")
    assert states["database"] == states["storage"] == "ok"


def test_without_a_database_the_database_is_named(client, worker, monkeypatch):
    def refused(*_args, **_kwargs):
        raise DatabaseError("connection refused")

    with monkeypatch.context() as without:
        without.setattr(connection, "cursor", refused)
        answer = client.get("/readyz")
    assert answer.status_code == 503
    states = answer.json()
    assert states["database"] == "not ready (DatabaseError)"
    assert states["worker"] == states["broker"] == states["storage"] == "ok"


def test_without_a_folder_to_write_to_the_storage_is_named(client, broker, db, settings, tmp_path):
    blocked = tmp_path / "a-file"
    blocked.write_text("where a folder should be")
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": blocked}}
    }
    states = client.get("/readyz").json()
    assert states["storage"].startswith("not ready")
    assert states["database"] == states["broker"] == "ok"


def test_a_stranger_learns_no_details_of_a_failure(client, broker, db, tmp_path):
    point_celery_at(f"redis+socket://{tmp_path / 'secret-place.sock'}", {})
    assert "secret-place" not in client.get("/readyz").content.decode()


def test_the_probe_says_what_a_site_is_missing():
    text = '{"ready": false, "database": "ok", "worker": "not ready (RuntimeError)"}'
    assert probe.missing(text) == "worker: not ready (RuntimeError)"


@pytest.mark.django_db
def test_the_probe_reaches_a_site_that_knows_itself_by_another_name(live_server, settings):
    settings.ALLOWED_HOSTS = ["nearer.example"]
    host, port = live_server.url.removeprefix("http://").split(":")
    assert probe.ask("healthz", host=host, port=int(port), public_url="https://nearer.example") == (True, "alive\n")
    assert not probe.ask("healthz", host=host, port=int(port), public_url="https://other.example")[0]
