"""What the environment turns the settings into."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import broker
from config.databases import database

ROOT = Path(__file__).resolve().parent.parent.parent
ASK = """
import json, sys
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def settings_with(folder: Path, *names: str, **environment: str) -> dict:
    """The named settings in a process that knows nothing but `environment`."""
    env = {"PATH": os.environ["PATH"], "NEARER_VAR": str(folder), "ENV_FILE": os.devnull,
           "DJANGO_SETTINGS_MODULE": "config.settings", **environment}
    done = subprocess.run([sys.executable, "-c", ASK, *names], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_without_a_variable_everything_is_in_one_folder(tmp_path):
    found = settings_with(tmp_path, "DATABASES", "REDIS_URL", "MEDIA_ROOT", "STATIC_ROOT", "PUBLIC_URL", "DEBUG")
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "nearer.sqlite3")
    assert found["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert found["REDIS_URL"] == f"redis+socket://{tmp_path}/redis/redis.sock"
    assert found["MEDIA_ROOT"] == str(tmp_path / "media")
    assert found["STATIC_ROOT"] == str(tmp_path / "static")
    assert (found["PUBLIC_URL"], found["DEBUG"]) == ("http://127.0.0.1:8000", False)


def test_a_command_beside_the_site_knows_where_it_answers(tmp_path):
    (tmp_path / "site-url").write_text("http://127.0.0.1:8123")
    assert settings_with(tmp_path, "PUBLIC_URL") == {"PUBLIC_URL": "http://127.0.0.1:8123"}
    given = settings_with(tmp_path, "PUBLIC_URL", PUBLIC_URL="https://nearer.example")
    assert given == {"PUBLIC_URL": "https://nearer.example"}


def test_a_variable_replaces_one_default(tmp_path):
    found = settings_with(
        tmp_path, "DATABASES", "REDIS_URL", "CELERY_BROKER_TRANSPORT_OPTIONS", "STORAGES",
        DATABASE_URL="postgres://me:secret@database.example:5433/labels", REDIS_URL="redis://queue.example/2",
        QUEUE_PREFIX="lab-", AWS_STORAGE_BUCKET_NAME="our-images",
    )
    default = found["DATABASES"]["default"]
    assert (default["HOST"], default["PORT"], default["NAME"]) == ("database.example", 5433, "labels")
    assert default["CONN_MAX_AGE"] is None
    assert found["REDIS_URL"] == "redis://queue.example/2"
    assert found["CELERY_BROKER_TRANSPORT_OPTIONS"]["global_keyprefix"] == "lab-"
    assert found["STORAGES"]["default"]["BACKEND"].startswith("storages.backends.s3")


def test_variables_are_read_from_a_file_too_and_the_environment_wins(tmp_path):
    file = tmp_path / "settings.env"
    file.write_text("PUBLIC_URL=https://nearer.example/\nTIME_ZONE=Europe/Berlin\n")
    found = settings_with(tmp_path, "PUBLIC_URL", "TIME_ZONE", ENV_FILE=str(file), TIME_ZONE="Asia/Tokyo")
    assert found == {"PUBLIC_URL": "https://nearer.example", "TIME_ZONE": "Asia/Tokyo"}


def test_one_variable_says_where_the_site_lives(tmp_path):
    found = settings_with(
        tmp_path, "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "MARKETPLACE_URL", "SESSION_COOKIE_SECURE",
        PUBLIC_URL="https://nearer.example",
    )
    assert "nearer.example" in found["ALLOWED_HOSTS"]
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://nearer.example"]
    assert found["MARKETPLACE_URL"] == "https://nearer.example/marketplace"
    assert found["SESSION_COOKIE_SECURE"] is True


def test_the_secret_key_is_made_once_and_is_nobody_elses(tmp_path):
    start = [sys.executable, "-c", ASK, "SECRET_KEY"]
    env = {"PATH": os.environ["PATH"], "NEARER_VAR": str(tmp_path), "ENV_FILE": os.devnull,
           "DJANGO_SETTINGS_MODULE": "config.settings"}
    together = [subprocess.Popen(start, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    keys = {json.loads(process.communicate()[0])["SECRET_KEY"] for process in together}
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.glob("secret-key*")] == ["secret-key"]


def test_commands_find_the_queue_of_the_site_that_runs_from_their_folder(tmp_path):
    (tmp_path / "broker-url").write_text("redis+socket:///tmp/elsewhere/redis.sock\n")
    assert broker.default_url(tmp_path) == "redis+socket:///tmp/elsewhere/redis.sock"


def test_a_queue_in_files_has_its_folders(tmp_path):
    options = broker.transport_options("filesystem://", tmp_path, "")
    assert Path(options["data_folder_in"]).is_dir()
    assert options["data_folder_in"] == options["data_folder_out"]


@pytest.mark.parametrize("url", ["sqlite:////tmp/x.sqlite3", "postgres://me@host/db"])
def test_either_database_gets_what_many_small_writes_need(url):
    found = database(url)
    if "sqlite" in url:
        assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]
        assert found["OPTIONS"]["timeout"] >= 10
    else:
        assert found["CONN_HEALTH_CHECKS"] is True
