"""A data set's owner shares it, changes what the colleague may do, and takes it back, with the mouse and on a phone."""

import pytest
from playwright.sync_api import expect

from access.sharing import Role
from tests import factories
from tests.panel.test_accessibility import barriers
from tests.programs import make_member

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_data_set_is_shared_changed_and_taken_back(open_page, log_in, site, researcher, screenshot):
    dataset = factories.make_dataset(owner=researcher, name="Dancers")
    grace = make_member("Reviewer")
    page = log_in(open_page(color_scheme="light", reduced_motion="reduce"))
    page.goto(f"{site}/panel/annotation/dataset/{dataset.pk}/")
    page.get_by_role("link", name="Share…").click()
    page.get_by_label("Colleague").select_option(grace.username)
    page.get_by_label("May", exact=True).select_option("look")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text(f"Shared with {grace.username}, who may look.")
    page.get_by_label(f"What {grace.username} may do").select_option("also answer doubtful pairs")
    page.get_by_role("button", name="Change").click()
    expect(page.locator(".messagelist")).to_contain_text("may now also answer doubtful pairs")
    assert dataset.shares.get().role == Role.REVIEW
    assert barriers(page) == []
    screenshot(page, "shared", full_page=True)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    screenshot(page, "shared", full_page=True)
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("Nobody but the owner")).to_be_visible()
    assert not dataset.shares.exists()
