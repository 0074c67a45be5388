"""One release for all tests of the loader: written once, copied for whoever wants to break it."""

import shutil
from pathlib import Path

import pytest
from django.db import transaction
from django.test import override_settings

from crowd import releasing
from tests.crowd.releases.make import make_known_campaign, merged, released, unpack


@pytest.fixture(scope="session")
def shipped(tmp_path_factory, django_db_setup, django_db_blocker) -> Path:
    """A folder with the release `known/` and its zip `known.zip`; leave it as it is."""
    place = tmp_path_factory.mktemp("shipped")
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": place / "storage"}}
    storages = {"default": storage, "private": storage}
    with override_settings(STORAGES=storages), django_db_blocker.unblock(), transaction.atomic():
        release = released(merged(make_known_campaign()), name="known", pseudonym_key="5eed" * 16)
        unpack(release, place / "known")
        (place / "known.zip").write_bytes(b"".join(releasing.zipped(release)))
        transaction.set_rollback(True)
    return place


@pytest.fixture
def folder(shipped, tmp_path) -> Path:
    """The release in a folder of its own, to be changed."""
    return Path(shutil.copytree(shipped / "known", tmp_path / "known"))
