"""In the browser: two-step sign-in is switched on, and asked for at the door; who guesses passwords waits."""

import re

import pytest
from django.contrib.auth import get_user_model
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import expect

from tests.panel.conftest import PASSWORD
from tests.panel.test_accessibility import barriers

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_switched_on_and_then_asked_for_on_a_phone_with_the_keyboard(open_page, log_in, site, screenshot):
    page = log_in(open_page(width=360, height=740, color_scheme="light", reduced_motion="reduce"))
    page.goto(f"{site}/panel/two-step/")
    assert barriers(page) == []
    screenshot(page, "switch on", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    key = page.locator(".key").inner_text().replace(" ", "")
    device = TOTPDevice.objects.get()
    assert len(key) == 32
    page.get_by_label("Code").focus()
    page.keyboard.type(f"{totp(device.bin_key):06d}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert page.locator(".recovery-codes li").count() == 10
    assert barriers(page) == []
    screenshot(page, "recovery codes", full_page=True)

    page.locator(".menu-fold > summary").press("Enter")
    page.get_by_role("button", name="Log out").press("Enter")
    page.goto(f"{site}/panel/crowd/campaign/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    assert barriers(page) == []
    screenshot(page, "code")
    expect(page.get_by_label("Code")).to_be_focused()
    page.keyboard.type("12345")
    page.keyboard.press("Enter")
    expect(page.locator(".errorlist")).to_contain_text("This code does not fit")
    assert barriers(page) == []
    screenshot(page, "wrong code")
    TOTPDevice.objects.update(last_t=-1, drift=0, throttling_failure_count=0)  # some time has passed
    page.get_by_label("Code").fill(f"{totp(device.bin_key):06d}")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/panel/crowd/campaign/$"))


def test_five_wrong_passwords_end_on_a_page_that_says_how_long(open_page, site, researcher, screenshot):
    page = open_page(color_scheme="light", reduced_motion="reduce")
    page.expected_errors.append("429")
    page.goto(f"{site}/panel/")
    for _ in range(5):
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill("guess")
        page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Too many attempts")).to_be_visible()
    expect(page.get_by_text("15 minutes")).to_be_visible()
    assert barriers(page) == []
    screenshot(page, "too many attempts")
    assert get_user_model().objects.get().last_login is None
