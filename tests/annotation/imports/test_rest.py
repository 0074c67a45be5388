"""Imports and skeletons for programs: the panel's rights, the same steps."""


import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from annotation.models import Dataset, Import, Skeleton
from jobs import running
from tests.annotation.importers import makers
from tests.factories import make_dataset, make_import, make_user
from tests.programs import client_of, errors_of, make_member

pytestmark = pytest.mark.django_db
IMPORTS = "/api/v1/imports/"


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.IMPORT_ROOTS = [str(tmp_path)]
    settings.VAR_DIR = tmp_path / "var"


@pytest.fixture
def client():
    return client_of(make_member("Manager"))


def post(client, **fields):
    return client.post(IMPORTS, fields, format="json")


def test_a_folder_is_imported_and_watched(client, tmp_path):
    folder = makers.write_nearer(tmp_path / "set")
    started = post(client, format="nearer", path=str(folder), name="people", pairs_per_person=3)
    assert started.status_code == 201 and started.json()["state"] == "waiting", started.json()
    running.execute(Import.objects.get())
    seen = client.get(f"{IMPORTS}{started.json()['id']}/").json()
    assert seen["state"] == "done" and seen["counts"]["pairs"] == 6 and seen["dataset"] == Dataset.objects.get().pk
    assert len(client.get("/api/v1/datasets/").json()["results"]) == 1


def test_a_file_is_sent_and_checked_without_being_stored(client, tmp_path):
    archive = makers.zipped(makers.write_csv(tmp_path / "set"), tmp_path / "set.zip")
    file = SimpleUploadedFile("set.zip", archive.read_bytes())
    started = client.post(IMPORTS, {"format": "csv", "file": file, "dry_run": "true"}, format="multipart")
    assert started.status_code == 201, started.json()
    running.execute(Import.objects.get())
    seen = client.get(f"{IMPORTS}{started.json()['id']}/").json()
    assert (seen["state"], seen["counts"]["images"], seen["dataset"]) == ("done", 2, None), seen["error"]
    assert not Dataset.everything.exists()


def test_options_of_a_format_are_passed_on(client, tmp_path):
    folder = makers.write_openpose(tmp_path / "set")
    post(client, format="openpose", path=str(folder), name="street", skeleton="coco-17", min_confidence=0.3)
    assert running.execute(Import.objects.get()).is_done
    assert Dataset.objects.get().skeleton.name == "coco-17"


@pytest.mark.parametrize(("fields", "place", "message"), [
    ({"path": "/etc"}, "path", "is not in a folder that may be read here"),
    ({"path": "s3://private/x"}, "path", "IMPORT_S3_BUCKETS"), ({"path": "ftp://x/y"}, "path", "neither a path nor"),
    ({"images_path": "/etc"}, "path", "is not in a folder"), ({"path": ""}, "path", "Give a path, or send a file"),
    ({"name": ""}, "name", "How is the data set to be called"), ({"format": "vhs"}, "format", "is not a valid choice"),
    ({"limit": 0}, "limit", "greater than or equal to 1"), ({"pairs_per_person": -1}, "pairs_per_person", "greater than"),
    ({"seed": 10**30}, "seed", "less than or equal"), ({"name": "x" * 101}, "name", "no more than 100"),
])
def test_what_cannot_be_imported_is_said_at_once_with_the_field(client, tmp_path, fields, place, message):
    answer = post(client, **{"format": "nearer", "path": str(tmp_path), "name": "people"} | fields)
    assert answer.status_code == 400 and message in " ".join(errors_of(answer)[place])
    assert not Import.objects.exists()


def test_a_file_of_another_kind_is_refused(client):
    said = {"format": "csv", "name": "x", "file": SimpleUploadedFile("a.exe", b"MZ")}
    answer = client.post(IMPORTS, said, format="multipart")
    assert answer.status_code == 400 and "is none of" in errors_of(answer)["file"][0]


def test_nobody_without_the_right_starts_an_import_or_sees_anothers():
    viewer = client_of(make_member("Viewer"))
    assert post(viewer, format="nearer", path="/x", name="y").status_code == 403
    job = make_import(created_by=make_member("Manager"))
    for method, place in (("get", ""), ("post", "resume/"), ("post", "discard/"), ("post", "cancel/")):
        assert getattr(client_of(make_member("Manager")), method)(f"{IMPORTS}{job.pk}/{place}").status_code == 404
    assert client_of(make_user()).get(f"{IMPORTS}{job.pk}/").status_code == 200
    assert APIClient().get(IMPORTS).status_code in (401, 403)


def test_a_stopped_import_is_resumed_or_discarded_and_one_that_runs_is_cancelled():
    owner = make_member("Manager")
    client = client_of(owner)
    half = make_dataset(owner=owner, is_whole=False)
    job = make_import(created_by=owner, state="failed", dataset=half, cursor=2)
    assert client.get(f"{IMPORTS}{job.pk}/").json()["can_resume"] is True
    assert client.post(f"{IMPORTS}{job.pk}/resume/").json()["state"] == "waiting"
    assert client.post(f"{IMPORTS}{job.pk}/resume/").status_code == 409
    assert client.post(f"{IMPORTS}{job.pk}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"{IMPORTS}{job.pk}/cancel/").status_code == 409
    assert client.post(f"{IMPORTS}{job.pk}/discard/").json()["dataset"] is None
    assert not Dataset.everything.exists()


def test_a_skeleton_is_made_known_once_and_named_by_an_import(client):
    assert client.post("/api/v1/skeletons/", makers.ARM, format="json").status_code == 201
    assert client.post("/api/v1/skeletons/", makers.ARM, format="json").status_code == 201
    assert Skeleton.objects.count() == 1
    assert client.get("/api/v1/skeletons/arm-5/").json()["bones"] == makers.ARM["bones"]
    wrong = client.post("/api/v1/skeletons/", makers.ARM | {"root": 9}, format="json")
    assert wrong.status_code == 400 and '"root" is 9' in wrong.json()["detail"]
    other = client.post("/api/v1/skeletons/", makers.ARM | {"mirror": [0, 1, 2, 3, 4]}, format="json")
    assert other.status_code == 400 and "with other mirror" in other.json()["detail"]
    assert client_of(make_member("Viewer")).post("/api/v1/skeletons/", makers.ARM, format="json").status_code == 403
