"""Releases and votes from elsewhere in the panel, in a real browser."""

import zipfile

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import expect

from crowd.models import Campaign, Release, VoteImport
from jobs import running
from tests import factories
from tests.crowd.releases.make import make_known_campaign, merged, released
from tests.panel.test_accessibility import barriers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def panel(panel):
    """Without motion, so that colours are what they are when they are looked at."""
    panel.emulate_media(reduced_motion="reduce")
    return panel


def test_a_release_is_described_written_read_and_fetched(panel, site, researcher, screenshot, tmp_path):
    merge = merged(make_known_campaign(owner=researcher))
    panel.goto(f"{site}/panel/crowd/merge/{merge.pk}/change/")
    panel.get_by_role("link", name="Make a release").click()
    panel.get_by_label("Name").fill("shown")
    panel.get_by_label("Description").fill("For a test. <script>alert(1)</script> [x](javascript:alert(1))")
    panel.get_by_label("Licence").fill("CC0-1.0")
    panel.get_by_label("COCO").uncheck()
    screenshot(panel, "release-form", full_page=True)
    assert not barriers(panel)
    panel.get_by_role("button", name="Write it").click()
    running.execute(Release.objects.get())
    expect(panel.get_by_role("heading", name="Data card")).to_be_visible()
    expect(panel.get_by_text("Labels: CC0-1.0.", exact=True)).to_be_visible()
    expect(panel.get_by_text("<script>alert(1)</script>").first).to_be_visible()
    assert not panel.locator("section.prose a[href^=javascript], section.prose script").count()
    expect(panel.get_by_role("link", name="coco_keypoints.json")).to_have_count(0)
    screenshot(panel, "release", full_page=True)
    assert not barriers(panel)
    with panel.expect_download() as download:
        panel.get_by_role("link", name="All files (zip)").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None and "shown/manifest.json" in archive.namelist()


def test_what_changed_between_two_releases_is_shown(panel, site, researcher, screenshot):
    campaign = make_known_campaign(owner=researcher)
    old = released(merged(campaign, method="majority"), name="old")
    new = released(merged(campaign), name="new")
    panel.goto(f"{site}/panel/crowd/release/{new.pk}/change/")
    panel.get_by_label("Since the release").select_option(str(old.pk))
    panel.get_by_role("button", name="Compare").click()
    expect(panel.get_by_role("heading", level=1, name="What changed")).to_be_visible()
    expect(panel.get_by_text("Labels changed")).to_be_visible()
    assert panel.locator("table tbody tr").count() == 18
    screenshot(panel, "release-comparison", full_page=True)
    assert not barriers(panel)


def test_votes_from_elsewhere_are_sent_looked_at_and_become_a_campaign(panel, site, researcher, screenshot, tmp_path):
    dataset = factories.make_dataset(owner=researcher, name="my people")
    factories.make_person(image=factories.make_image(dataset=dataset, name="im1.png"))
    path = tmp_path / "votes.csv"
    path.write_text('item,worker,label\n"im1.png_0,1",AMZN1,1\n"im1.png_3,4",AMZN2,0\n"im2.png_3,4",AMZN2,0\n')
    panel.goto(f"{site}/panel/crowd/voteimport/add/")

    def send(name: str, *, look: bool, skip: bool) -> None:
        panel.get_by_label("Data set", exact=True).select_option("my people")
        panel.get_by_label("File", exact=True).set_input_files(path)
        panel.get_by_label("Name of the campaign to be").fill(name)
        panel.get_by_label("Only look").set_checked(look)
        panel.get_by_label("Leave votes out").set_checked(skip)
        panel.get_by_role("button", name="Read it").click()
        running.execute(VoteImport.objects.order_by("-pk").first())

    screenshot(panel, "votes-form", full_page=True)
    assert not barriers(panel)
    send("theirs", look=True, skip=False)
    expect(panel.locator("[data-job-error]")).to_contain_text("row 4: The data set “my people” has no picture 'im2.png'")
    panel.get_by_role("link", name="Send a file").click()
    send("theirs", look=True, skip=True)
    expect(panel.get_by_text("This was only a look")).to_be_visible()
    expect(panel.get_by_text("1 left out")).to_be_visible()
    screenshot(panel, "votes-looked-at", full_page=True)
    assert not barriers(panel)
    panel.get_by_role("link", name="Send a file").click()
    send("theirs", look=False, skip=True)
    panel.get_by_role("link", name="See the campaign").click()
    expect(panel.get_by_role("heading", level=1)).to_contain_text("theirs")
    expect(panel.get_by_text("Nearer asked and paid nobody")).to_be_visible()
    screenshot(panel, "votes-campaign", full_page=True)
    assert Campaign.objects.get().owner == researcher
    panel.goto(f"{site}/panel/crowd/voteimport/add/")
    panel.get_by_label("Data set", exact=True).select_option("my people")
    panel.get_by_label("Name of the campaign to be").fill("theirs")
    panel.get_by_label("File", exact=True).set_input_files(
        {"name": "other.csv", "mimeType": "text/csv", "buffer": b'item,worker,label\n"im1.png_0,1",B,1\n'}
    )
    panel.get_by_role("button", name="Read it").click()
    expect(panel.get_by_text("There is a campaign called “theirs”; choose another name.")).to_be_visible()


def test_no_page_asks_the_database_too_often(client, researcher, django_assert_max_num_queries):
    campaign = make_known_campaign(owner=researcher)
    old = released(merged(campaign, method="majority"), name="old")
    new = released(merged(campaign), name="new")
    client.force_login(researcher)
    for address in (
        f"release/{new.pk}/change/", f"release/{new.pk}/compare/?with={old.pk}", "release/", f"merge/{new.merge_id}/release/",
        "voteimport/", "voteimport/add/",
    ):  # fmt: skip
        with django_assert_max_num_queries(20):
            assert client.get(f"/panel/crowd/{address}").status_code == 200, address


def test_somebody_elses_releases_and_files_of_votes_are_not_there(client, researcher):
    release = released(merged(make_known_campaign(owner=researcher)))
    other = factories.make_user(is_superuser=False)
    other.user_permissions.set(Permission.objects.filter(content_type__app_label="crowd"))
    client.force_login(other)
    for address in ("change/", "archive/", "files/pairs.csv", f"compare/?with={release.pk}"):
        assert client.get(f"/panel/crowd/release/{release.pk}/{address}").status_code in (302, 404), address
    assert client.get(f"/panel/crowd/merge/{release.merge_id}/release/").status_code == 404
    assert "known people" not in client.get("/panel/crowd/voteimport/add/").content.decode()
