"""What all tests share: a private folder for files, a fast password hasher, no network."""

import sys

import pytest

pytest_plugins = ["tests.browser", "tests.emptying", "tests.workers"]


@pytest.fixture(autouse=True)
def _forget_merges():
    """The numbers of rows come again in the next test; what is kept of a merge by its number must not."""
    yield
    if (standing := sys.modules.get("crowd.lean.standing")) is not None:
        standing._of_merge.cache_clear()


@pytest.fixture(autouse=True)
def _private_files(settings, tmp_path):
    """Every test writes its files into a folder of its own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "private": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "private"},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
