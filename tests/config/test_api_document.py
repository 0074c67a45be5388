"""docs/api.md: its program is run over HTTP, word by word, and what it names is there."""

import os
import re
import time
from pathlib import Path

import pytest

from access.models import Scope
from annotation.models import Dataset, Import
from config.api import router
from crowd.models import Hit, Merge, Publication, Release
from jobs import running
from tests import factories
from tests.access.test_tokens import make_token
from tests.annotation.importers import makers
from tests.programs import make_member

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()


def test_every_place_in_the_document_is_one_of_the_interface_and_the_other_way_round():
    table = DOCUMENT.split("## What there is")[1].split("##")[0]
    assert set(re.findall(r"`([a-z-]+)/`", table)) == {prefix for prefix, _, _ in router.registry}


def test_every_scope_is_explained():
    assert re.findall(r"^\| `(\w+)` \|", DOCUMENT.split("##")[1], re.M) == Scope.values


@pytest.mark.long
def test_the_program_of_the_document_makes_a_release_of_a_zip(site, transactional_db, settings, tmp_path, monkeypatch, capsys):
    settings.VAR_DIR, settings.IMPORT_ROOTS = tmp_path / "var", [str(tmp_path)]
    owner = make_member("Manager")
    factories.make_environment(name="our platform", kind="link", endpoint_url="")
    makers.zipped(makers.write_nearer(tmp_path / "set"), tmp_path / "street.zip")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "sleep", lambda _: work_on())
    monkeypatch.setitem(os.environ, "TOKEN", make_token(owner, *Scope.values)[1]._credentials["HTTP_AUTHORIZATION"][7:])
    program, names = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.M | re.S), {}
    for block in program:
        if "/merges/" in block:
            vote()
        exec(compile(block.replace("https://nearer.example", site), "docs/api.md", "exec"), names)
    said = capsys.readouterr().out
    assert "of the labels will be right" in said and "labels are doubtful" in said
    assert (tmp_path / "pairs.csv").read_text().startswith("image,person,first,second")
    assert Release.objects.get().campaign.owner == owner and Dataset.objects.get().name == "street"


def work_on() -> None:
    """What a worker process would do meanwhile."""
    for kind in (Import, Publication, Merge, Release):
        for job in kind.objects.exclude(state__in=kind.ENDED):
            running.execute(job)


def vote() -> None:
    for hit in Hit.objects.all():
        for _ in range(3):
            factories.answer(factories.make_assignment(hit=hit).task, lambda pair: pair.first < pair.second)
