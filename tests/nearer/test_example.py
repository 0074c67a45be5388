"""What the documents show is what happens."""

import doctest
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.django_db
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def test_the_example_of_reading_a_release_runs_as_it_is_written(shipped, tmp_path, monkeypatch):
    shutil.copytree(shipped / "known", tmp_path / "my-release")
    shutil.copy(shipped / "known.zip", tmp_path / "my-release.zip")
    monkeypatch.chdir(tmp_path)
    found = doctest.testfile(str(EXAMPLES / "reading_a_release.md"), module_relative=False)
    assert found.attempted > 25 and found.failed == 0
