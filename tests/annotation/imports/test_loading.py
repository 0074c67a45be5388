"""Batches become rows: whole or not at all, again from where it stopped, once however often it is asked for."""

import io
import ipaddress
import json
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import TestCase

from annotation import loading, opening, uploading
from annotation.models import Dataset, Image, Import, Pair, Person, Upload
from jobs import running
from tests.annotation.importers import makers
from tests.annotation.sources.servers import Files, serving
from tests.factories import make_import, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(loading, "BATCH", 2)
    settings.IMPORT_ROOTS = [str(tmp_path)]
    settings.VAR_DIR = tmp_path / "var"


def stored(settings) -> list[Path]:
    return [file for file in Path(settings.MEDIA_ROOT).rglob("*") if file.is_file()]


def run(path, **fields) -> Import:
    return running.execute(make_import(path=str(path), **fields))


@pytest.fixture
def far(tmp_path, settings):
    """A folder whose five images are on a server that a test can stop at one of them."""
    settings.IMPORT_PRIVATE_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    folder = makers.write_nearer(tmp_path / "far", 5)
    files = {f"/{file.name}": file.read_bytes() for file in (folder / "images").iterdir()}
    with serving(Files, files=files) as server:
        content = json.loads((folder / "dataset.json").read_text())
        for image in content["images"]:
            image["file"] = f"{server.url}/{Path(image['file']).name}"
        (folder / "dataset.json").write_text(json.dumps(content))
        server.folder = folder
        yield server


@pytest.fixture
def impatient(monkeypatch):
    whole = opening.rules_of
    monkeypatch.setattr(opening, "rules_of", lambda job, **_: replace(whole(job), waits_s=()))


def test_what_cannot_be_reached_stops_the_import_and_it_goes_on_behind_what_is_stored(far, impatient):
    gone = far.files.pop("/0004.jpg")
    far.files["/0004.jpg"] = lambda handler: handler.answer(503, b"")
    job = run(far.folder, name="far")
    assert job.state == "failed" and "answers 503" in job.error and job.can_resume and job.cursor == 2
    assert not Dataset.objects.exists() and Dataset.everything.get().images.count() == 2  # hidden until it is whole
    far.files["/0004.jpg"] = gone
    far.asked.clear()
    assert loading.resume(job)
    job = running.execute(Import.objects.get())
    assert job.state == "done" and job.counts["images"] == 5
    assert sorted(path for path, _ in far.asked) == ["/0003.jpg", "/0004.jpg", "/0005.jpg"]
    assert Dataset.objects.get().images.count() == 5 and Person.objects.count() == 5
    assert Pair.objects.count() == job.counts["pairs"] == 25


def test_a_stopped_import_holds_its_name_until_it_is_discarded(far, impatient, settings):
    far.files["/0004.jpg"] = lambda handler: handler.answer(503, b"")
    job = run(far.folder, name="far")
    other = run(makers.write_nearer(far.folder.parent / "near"), name="far")
    assert other.state == "failed" and "resume or discard it" in other.error
    assert loading.discard(Import.objects.get(pk=job.pk))
    assert not Dataset.everything.exists() and not Image.objects.exists() and not stored(settings)
    assert not loading.resume(Import.objects.get(pk=job.pk))
    assert run(far.folder.parent / "near", name="far").is_done


def test_nothing_is_kept_of_an_import_that_cannot_be_reached_at_all(far, impatient):
    far.files["/0001.jpg"] = lambda handler: handler.answer(503, b"")
    job = run(far.folder, name="far")
    assert job.state == "failed" and not job.can_resume and not Dataset.everything.exists()


def test_annotations_that_changed_meanwhile_are_not_gone_on_with(far, impatient):
    far.files["/0004.jpg"] = lambda handler: handler.answer(503, b"")
    job = run(far.folder, name="far")
    file = far.folder / "dataset.json"
    file.write_text(file.read_text() + " ")
    loading.resume(job)
    job = running.execute(Import.objects.get())
    assert job.state == "failed" and "have changed since this import began" in job.error
    assert not Dataset.everything.exists()


def test_a_mistake_in_a_late_batch_takes_everything_away(tmp_path, settings):
    folder = makers.write_nearer(tmp_path / "set", 5)
    (folder / "images" / "0005.jpg").write_text("no picture")
    job = run(folder, name="set")
    assert job.state == "failed" and "image 5: images/0005.jpg is not a readable JPEG" in job.error
    assert not Dataset.everything.exists() and not Image.objects.exists() and not stored(settings)
    assert not list((tmp_path / "var" / "work").iterdir())


def test_a_cancelled_import_leaves_nothing(tmp_path, settings, monkeypatch):
    folder = makers.write_nearer(tmp_path / "set", 5)
    job = make_import(path=str(folder), name="set")
    whole = loading.storing.keep

    def keep(picture):
        if Image.objects.count() >= 2:
            running.cancel(job)
        return whole(picture)

    monkeypatch.setattr(loading.storing, "keep", keep)
    monkeypatch.setattr(loading, "THREADS", 1)
    monkeypatch.setattr(loading, "ThreadPoolExecutor", AtOnce)
    job = running.execute(job)
    assert job.state == "cancelled" and not Dataset.everything.exists() and not stored(settings)


class AtOnce:
    """A pool that works in the caller's thread, so that a test's rows are seen from there."""

    def __init__(self, _):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, *arguments):
        from concurrent.futures import Future

        future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def test_the_same_annotations_again_are_said_to_be_there_and_add_nothing(tmp_path):
    user = make_user()
    folder = makers.write_nearer(tmp_path / "set")
    first, again = (run(folder, name="set", created_by=user) for _ in range(2))
    assert again.is_done and again.dataset == first.dataset and "already; nothing was added" in again.log
    assert Image.objects.count() == 2 and Dataset.objects.count() == 1
    other = run(folder, name="other", created_by=user)
    assert "are the data set 'set' already; its pictures are not stored twice" in " ".join(other.warnings)
    assert Image.objects.count() == 4 and len(set(Image.objects.values_list("file", flat=True))) == 2
    changed = run(folder, name="set", created_by=user, seed=7)
    assert changed.state == "failed" and "Choose another name" in changed.error


def test_a_picture_that_a_dead_process_left_half_written_is_written_again(tmp_path, settings):
    folder = makers.write_nearer(tmp_path / "set")
    run(folder, name="one")
    file = Path(settings.MEDIA_ROOT, Image.objects.first().file.name)
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    run(folder, name="two")
    assert file.read_bytes() == whole and len(stored(settings)) == 2


def test_a_dry_run_counts_warns_and_shows_people_and_stores_nothing(tmp_path, settings):
    def far_out(content):
        content["images"][1]["people"][0]["keypoints"][0] = [999, 5, 1]
        content["images"][1]["people"][0]["keypoints"][1] = [0, 0, 0]

    job = run(makers.write_nearer(tmp_path / "set", 3, edits=[far_out]), dry_run=True, name="")
    assert job.is_done and job.counts["images"] == job.counts["people"] == 3 and job.counts["joints_missing"] == 1
    assert job.counts["pairs"] == 5 + 3 + 5  # three joints are left of the second person
    assert any("image 2: joint 1 lies at (999.0, 5.0), outside the 80 x 60" in warning for warning in job.warnings)
    assert len(job.sample) == 3 and job.sample[0]["url"].startswith("data:image/jpeg;base64,")
    assert not Dataset.everything.exists() and not Image.objects.exists() and not stored(settings)


def test_a_dry_run_meets_the_same_mistakes(tmp_path):
    folder = makers.write_nearer(tmp_path / "set", 3)
    (folder / "images" / "0003.jpg").unlink()
    job = run(folder, dry_run=True, name="")
    assert job.state == "failed" and "image 3:" in job.error and "0003.jpg is missing" in job.error


def test_an_image_that_occurs_twice_is_refused_also_across_batches(tmp_path):
    for first in (3, 4):
        folder = makers.write_nearer(tmp_path / f"set{first}", 4)
        content = json.loads((folder / "dataset.json").read_text())
        content["images"][3]["file"] = content["images"][first - 3]["file"]
        (folder / "dataset.json").write_text(json.dumps(content))
        job = run(folder, name="set")
        assert "image 4: the image images/000" in job.error and "occurs twice" in job.error
        assert not Dataset.everything.exists()


def test_another_number_of_joints_than_the_skeletons_is_refused_with_the_person(tmp_path):
    def spoil(content):
        content["images"][1]["people"][0] = {"keypoints": [[1, 2, 1]] * 4}

    job = run(makers.write_nearer(tmp_path / "set", edits=[spoil]), name="set")
    assert "image 2: 4 keypoints, but the skeleton arm-5 has 5" in job.error


def test_a_skeleton_that_contradicts_one_that_is_known_is_refused(tmp_path):
    run(makers.write_nearer(tmp_path / "one"), name="one")
    folder = makers.write_nearer(tmp_path / "two", edits=[lambda content: content["skeleton"].update(root=2)])
    job = run(folder, name="two")
    assert job.state == "failed" and "'arm-5' already, with other root" in job.error


def test_a_path_outside_the_allowed_folders_is_refused_at_the_start_and_again_at_work(tmp_path):
    with pytest.raises(loading.sources.BadSource, match="IMPORT_ROOTS"):
        loading.start_import(user=make_user(), format="nearer", path="/etc", name="x")
    job = run("/etc", name="x")
    assert job.state == "failed" and "IMPORT_ROOTS" in job.error


def send(content: bytes, name: str) -> Upload:
    file = io.BytesIO(content)
    file.name, file.size = name, len(content)
    return uploading.keep(make_user(), loading_file(file))


def loading_file(file):
    from django.core.files.base import File

    return File(file, file.name)


def test_an_upload_is_imported_and_then_forgotten(tmp_path, settings):
    archive = makers.zipped(makers.write_nearer(tmp_path / "set"), tmp_path / "set.zip")
    upload = send(archive.read_bytes(), "C:\\pictures\\set.zip")
    assert upload.name == "set.zip"
    look = run("", upload=upload, dry_run=True, name="")
    assert look.is_done and look.counts["images"] == 2, look.error
    assert run("", upload=upload, name="set").is_done
    upload.refresh_from_db()
    assert upload.file == "" and not list((tmp_path / "private").rglob("uploads/*"))
    again = run("", upload=upload, name="again")
    assert "the upload is gone" in again.error


@pytest.mark.parametrize(("name", "size", "message"), [
    ("set.rar", 5, "is none of"), ("set.zip", 0, "is empty"), ("set.zip", 2000, "has 2,000 bytes; at most 1,000"),
])
def test_what_is_no_upload_is_refused(settings, name, size, message):
    settings.IMPORT_UPLOAD_BYTES = 1000
    with pytest.raises(uploading.BadUpload, match=message):
        send(bytes(size), name)


def test_the_command_resumes_an_import_and_says_how(far, impatient, capsys):
    owner = make_user()
    far.files["/0004.jpg"], gone = (lambda handler: handler.answer(503, b"")), far.files["/0004.jpg"]
    with pytest.raises(CommandError, match=r"answers 503.* --resume \d+"):
        call_command("import_dataset", str(far.folder), format="nearer", name="far", owner=owner.username)
    far.files["/0004.jpg"] = gone
    number = Import.objects.get().pk
    call_command("import_dataset", resume=number)
    assert "Imported 5 images, 5 people, 25 pairs as 'far'" in capsys.readouterr().out
    with pytest.raises(CommandError, match="has nothing to go on with"):
        call_command("import_dataset", resume=number)


def test_the_command_looks_first(tmp_path, capsys):
    make_user()
    folder = makers.write_csv(tmp_path / "set")
    call_command("import_dataset", str(folder), format="csv", dry_run=True)
    assert "Would import 2 images, 3 people, 3 pairs; 1 warning." in capsys.readouterr().out
    with pytest.raises(CommandError, match="--name is missing"):
        call_command("import_dataset", str(folder), format="csv")


def test_a_data_set_being_imported_cannot_be_named_by_another(far, impatient):
    far.files["/0004.jpg"] = lambda handler: handler.answer(503, b"")
    run(far.folder, name="far")
    whole = run(makers.write_nearer(far.folder.parent / "near"), name="near").dataset
    whole.name = "far"
    with pytest.raises(Exception, match="is being imported"):
        whole.full_clean()


def test_a_data_set_is_removed_with_its_pictures_but_for_those_that_another_shows(tmp_path, settings):
    one = run(makers.write_nearer(tmp_path / "one", 3), name="one").dataset
    run(tmp_path / "one", name="two", limit=1)
    with_files = len(stored(settings))
    with TestCase.captureOnCommitCallbacks(execute=True):
        loading.remove(one)
    assert (with_files, len(stored(settings))) == (3, 1)
    assert Image.objects.count() == Person.objects.count() == 1 and not Dataset.objects.filter(name="one").exists()


def test_more_people_than_a_picture_can_hold_are_refused(tmp_path):
    def crowd(content):
        content["images"][0]["people"] *= 1001

    job = run(makers.write_nearer(tmp_path / "set", edits=[crowd]), name="set")
    assert "image 1: 1001 people; at most 1000" in job.error


@pytest.mark.parametrize("letters", ["a\\u0000b.jpg", "a\\ud800b.jpg", "x" * 280 + ".jpg"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, letters):
    folder = makers.write_nearer(tmp_path / "set")
    file = folder / "dataset.json"
    file.write_text(file.read_text().replace("images/0002.jpg", letters))
    assert "image 2: " in run(folder, name="set").error
