"""A researcher makes a token, gives it to a program, and takes it back."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.panel.test_accessibility import barriers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def panel(open_page, log_in):
    """The browser on the home page, nothing moving, so that axe sees colours as they stay."""
    return log_in(open_page(color_scheme="light", reduced_motion="reduce"))


def test_a_token_is_made_shown_once_used_and_revoked(panel, site, screenshot):
    panel.get_by_role("link", name="Access tokens").click()
    panel.get_by_role("link", name=re.compile("Add", re.IGNORECASE)).first.click()
    panel.get_by_label("Name").fill("Nightly export")
    assert barriers(panel) == []
    screenshot(panel, "new token")
    panel.get_by_role("button", name="Save", exact=True).click()
    told = panel.locator(".messagelist")
    expect(told).to_contain_text("it is not shown again")
    secret = re.search(r"nearer_\S+", told.inner_text())[0]
    assert all(secret not in cookie["value"] for cookie in panel.context.cookies())
    program = httpx.Client(base_url=f"{site}/api/v1", headers={"Authorization": f"Bearer {secret}"}, timeout=30)
    assert program.get("/datasets/").status_code == 200
    assert program.post("/merges/", json={"campaign": 1}).status_code == 403, "it may only read"
    assert barriers(panel) == []
    screenshot(panel, "tokens")
    panel.reload()
    expect(panel.get_by_text(secret)).to_have_count(0)

    panel.locator("input.action-select").check()
    panel.get_by_label("Action:").select_option("Revoke")
    panel.get_by_role("button", name="Go").click()
    expect(panel.locator(".messagelist")).to_contain_text("Revoked")
    assert program.get("/datasets/").status_code == 401
