"""Every format comes in by the panel, by the command and by the programming interface, and is the same data set by each."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from annotation.importers import FORMATS
from annotation.models import Dataset, Import, Pair, Person
from jobs import running
from tests.annotation.importers import makers
from tests.annotation.importers.test_round_trips import WRITERS
from tests.programs import client_of, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.IMPORT_ROOTS = [str(tmp_path)]
    settings.VAR_DIR = tmp_path / "var"


def content(name: str) -> list:
    dataset = Dataset.objects.get(name=name)
    people = Person.objects.filter(image__dataset=dataset).order_by("image__name", "number")
    pairs = Pair.objects.of_dataset(dataset).order_by("person__image__name", "person__number", "first", "second")
    return [
        dataset.skeleton.name, dataset.licence, dataset.citation,
        *people.values_list("image__name", "image__sha256", "number", "keypoints", "occluded", "truth_mm"),
        *pairs.values_list("person__image__name", "person__number", "first", "second"),
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_panel_command_and_interface_make_the_same_data_set(client, tmp_path, format):
    owner = make_member("Manager")
    folder = WRITERS[format](tmp_path / "set")
    sent = makers.zipped(folder, tmp_path / "set.zip").read_bytes()

    def file():
        return SimpleUploadedFile("set.zip", sent)

    settings = {"format": format, "limit": 4, "pairs_per_person": 5, "seed": 3}
    call_command("import_dataset", str(folder), format=format, limit=4, seed=3, name="by command", owner=owner.username)
    answer = client_of(owner).post("/api/v1/imports/", settings | {"name": "by program", "file": file()}, format="multipart")
    assert answer.status_code == 201, answer.json()
    client.force_login(owner)
    answer = client.post(reverse("admin:annotation_import_add"), settings | {"name": "by hand", "file": file()})
    assert answer.status_code == 302, answer.content
    for job in Import.objects.filter(state=Import.State.WAITING):
        done = running.execute(job)
        assert done.is_done, done.error
    assert content("by command") == content("by program") == content("by hand")
    assert len(content("by hand")) > 5


@pytest.mark.parametrize("format", FORMATS)
def test_a_dry_run_of_every_format_reports_and_keeps_nothing(client, tmp_path, capsys, format):
    owner = make_member("Manager")
    folder = WRITERS[format](tmp_path / "set")
    call_command("import_dataset", str(folder), format=format, limit=2, dry_run=True, owner=owner.username)
    assert "Would import 2 images, " in capsys.readouterr().out
    client.force_login(owner)
    said = {"format": format, "limit": 2, "pairs_per_person": 5, "seed": 0, "path": str(folder), "_dry_run": "1"}
    assert client.post(reverse("admin:annotation_import_add"), said).status_code == 302
    done = running.execute(Import.objects.get(state=Import.State.WAITING))
    assert done.is_done and done.counts["images"] == 2 and done.sample, done.error
    assert not Dataset.everything.exists()
