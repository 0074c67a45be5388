"""Somebody who has never seen Nearer gets from a folder of images to a launched campaign, with the mouse alone."""

import shutil

import pytest
from playwright.sync_api import expect

from annotation.models import Dataset, Import
from crowd.marketplace import models as market
from crowd.models import Campaign, Publication
from jobs import running
from modeling import setting_up

pytestmark = pytest.mark.django_db(transaction=True)
MOST_CLICKS = 10


@pytest.fixture
def folder(tmp_path):
    """What lies on somebody's disk: six images and their keypoints, and what a computer leaves about."""
    place = tmp_path / "My dancers"
    (place / "images").mkdir(parents=True)
    shutil.copy(setting_up.MANNEQUINS / "dataset.json", place)
    for image in (setting_up.MANNEQUINS / "images").iterdir():
        shutil.copy(image, place / "images")
    (place / ".DS_Store").write_bytes(b"\x00\x01")
    return place


def test_a_folder_of_ones_own_is_on_the_marketplace_after_nine_clicks(panel, folder, marketplace, screenshot):
    clicks = []

    def click(role: str, name: str) -> None:
        clicks.append(name)
        panel.get_by_role(role, name=name).first.click()

    click("link", "Import a data set")
    clicks.append("the folder")
    panel.get_by_label("Or a whole folder of yours").set_input_files(folder)
    expect(panel.get_by_text("files of “My dancers” will be sent")).to_contain_text("Nearer's own JSON")
    expect(panel.get_by_label("Name of the new data set")).to_have_value("My dancers")
    click("button", "Look first")
    expect(panel.get_by_role("region", name="What was understood").locator("svg")).to_have_count(6)
    click("button", "Import it")
    assert running.execute(Import.objects.get()).is_done  # what a worker process does meanwhile
    click("link", "See the data set")
    click("link", "Ask a crowd about it")
    click("button", "Save the draft")
    click("link", "Launch…")
    click("button", "Launch for")
    assert running.execute(Publication.objects.get()).is_done
    expect(panel.locator(".badge.collecting")).to_be_visible()

    campaign = Campaign.objects.get()
    assert campaign.name == "My dancers, campaign 1"
    assert market.Hit.objects.filter(status="Assignable").count() == campaign.hits.count() == 20
    assert Dataset.objects.get().images.count() == 96
    screenshot(panel, "launched")
    assert len(clicks) <= MOST_CLICKS, clicks
