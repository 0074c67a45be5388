"""Imports in the panel: uploaded or on the server, looked at, checked whole, imported, resumed; within one's rights."""

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from playwright.sync_api import expect

from annotation.models import Dataset, Import, Upload
from annotation.panel import roles
from jobs import running
from tests import factories
from tests.annotation.importers import makers
from tests.panel.test_accessibility import barriers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"
    settings.IMPORT_ROOTS = [str(tmp_path / "allowed"), str(tmp_path / "demo")]


@pytest.fixture
def panel(open_page, log_in):
    """The browser on the home page, nothing moving, so that axe sees colours as they stay."""
    return log_in(open_page(color_scheme="light", reduced_motion="reduce"))


def test_a_zip_is_uploaded_looked_at_checked_and_imported(panel, site, tmp_path, screenshot):
    def far_out(content):
        content["annotations"][0]["keypoints"][:3] = [700, 5, 2]

    archive = makers.zipped(makers.write_coco(tmp_path / "set", 3, edits=[far_out]), tmp_path / "street.zip")
    panel.goto(f"{site}/panel/annotation/import/add/")
    panel.get_by_label("COCO keypoints").check()
    panel.get_by_label("Upload a file").set_input_files(archive)
    panel.get_by_role("button", name="Look first").click()
    preview = panel.get_by_role("region", name="What was understood")
    expect(preview.locator("svg")).to_have_count(6)
    expect(panel.get_by_text("street.zip (")).to_be_visible()
    screenshot(panel, "looked at", full_page=True)
    assert barriers(panel) == []
    panel.get_by_role("button", name="Check all of it").click()
    expect(panel.get_by_role("heading", level=1)).to_have_text("Check of street")
    running.execute(Import.objects.get())
    said = panel.get_by_role("cell", name="lies at (700.0, 5.0), outside the 80 x 60 pixels")
    expect(said).to_contain_text("person_keypoints_test.json, image id 30, person 1: joint 1")  # the page draws itself anew
    assert str(tmp_path) not in said.inner_text()
    expect(panel.get_by_role("region", name="The first people").locator("svg")).to_have_count(6)
    screenshot(panel, "checked", full_page=True)
    assert barriers(panel) == []
    assert not Dataset.everything.exists()
    panel.get_by_role("link", name="Import it").click()
    panel.get_by_label("Name of the new data set").fill("Street")
    panel.get_by_role("button", name="Import it").click()
    expect(panel.locator("[data-job-state]")).to_have_text("waiting")
    running.execute(Import.objects.get(dry_run=False))
    panel.get_by_role("link", name="See the data set").click()
    expect(panel.locator(".gallery li")).to_have_count(6)


def test_a_form_that_is_wrong_keeps_the_file_that_was_sent(panel, site, tmp_path):
    archive = makers.zipped(makers.write_nearer(tmp_path / "set"), tmp_path / "set.zip")
    panel.goto(f"{site}/panel/annotation/import/add/")
    panel.get_by_label("Nearer's own JSON").check()
    panel.get_by_label("Upload a file").set_input_files(archive)
    expect(panel.get_by_label("Name of the new data set")).to_have_value("set")
    panel.get_by_label("Name of the new data set").fill(" ")
    panel.get_by_role("button", name="Import it").click()
    expect(panel.locator(".errorlist")).to_contain_text("This field is required")
    panel.get_by_label("Name of the new data set").fill("Sent once")
    panel.get_by_role("button", name="Import it").click()
    expect(panel.get_by_role("heading", level=1)).to_have_text("Import of Sent once")
    assert Upload.objects.count() == 1 and running.execute(Import.objects.get()).is_done


def test_a_folder_that_may_not_be_read_is_refused_by_the_form(panel, site):
    panel.goto(f"{site}/panel/annotation/import/add/")
    for path in ("/etc", "/no/such/folder"):
        panel.get_by_label("Folder on the server").fill(path)
        panel.get_by_label("Name of the new data set").fill("Secrets")
        panel.get_by_role("button", name="Import it").click()
        expect(panel.locator(".errorlist")).to_contain_text(f"{path} is not in a folder that may be read here")
    panel.get_by_role("button", name="Look first").click()
    expect(panel.locator(".note.danger")).to_contain_text("is not in a folder that may be read here")
    assert not Import.objects.exists()


def test_what_stopped_on_its_way_is_resumed_or_discarded(panel, site, researcher, screenshot):
    half = factories.make_dataset(owner=researcher, is_whole=False, name="Half")
    fields = {"created_by": researcher, "dataset": half, "cursor": 200, "name": "Half", "state": "failed"}
    job = factories.make_import(**fields, error="https://example.org/7.jpg answers 503. Resume the import when it can.")
    page = f"{site}/panel/annotation/import/{job.pk}/change/"
    panel.goto(page)
    screenshot(panel, "stopped")
    assert barriers(panel) == []
    panel.get_by_role("button", name="Resume it").click()
    expect(panel.locator(".messagelist")).to_contain_text("goes on behind the images")
    expect(panel.locator("[data-job-state]")).to_have_text("waiting")
    Import.objects.update(state="failed")
    panel.goto(page)
    panel.get_by_role("button", name="Discard it").click()
    expect(panel.locator(".messagelist")).to_contain_text("What the import had stored is gone")
    assert not Dataset.everything.exists()


def member(role: str):
    roles.ensure()
    user = factories.make_user(is_superuser=False)
    user.groups.add(Group.objects.get(name=role))
    return user


def test_only_who_may_change_data_imports_and_only_his_own_imports_are_touched(client, tmp_path):
    job = factories.make_import(
        created_by=member("Manager"), state="failed", cursor=2, dataset=factories.make_dataset(is_whole=False)
    )
    client.force_login(member("Viewer"))
    assert client.get(reverse("admin:annotation_import_add")).status_code == 403
    archive = makers.zipped(makers.write_nearer(tmp_path / "set"), tmp_path / "set.zip")
    with archive.open("rb") as file:
        assert client.post(reverse("admin:annotation_import_preview"), {"file": file}).status_code == 403
    client.force_login(member("Manager"))
    for name in ("resume", "discard", "cancel", "repeat"):
        assert client.post(reverse(f"admin:annotation_import_{name}", args=[job.pk])).status_code == 404
    upload = Upload.objects.create(owner=job.created_by, name="x.zip", file="uploads/x", n_bytes=5)
    answer = client.post(reverse("admin:annotation_import_add"), {
        "format": "nearer", "upload": upload.pk, "name": "stolen", "pairs_per_person": 5, "seed": 0,
    })
    assert answer.status_code == 200 and Import.objects.count() == 1  # another's upload is no choice
    job.refresh_from_db()
    assert job.can_resume and not Upload.objects.exclude(pk=upload.pk).exists()


def test_a_data_set_of_drawn_figures_says_so(panel, site, researcher):
    drawn = factories.make_dataset(owner=researcher, is_drawn=True)
    panel.goto(f"{site}/panel/annotation/dataset/{drawn.pk}/change/")
    expect(panel.get_by_text("these are stick figures")).to_be_visible()
