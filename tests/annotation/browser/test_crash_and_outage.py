"""The browser is killed, the network is away for minutes: what was answered arrives all the same, once."""

import os
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import BrowserType, expect

from annotation.models import Task, Vote
from tests.annotation.browser.hands import Worker, address
from tests.annotation.people import make_drawn_pairs
from tests.crowd.offers import make_campaign, make_hit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hit():
    """Six comparisons on two images, without consent and tutorial, and buttons that hardly wait."""
    pairs = make_drawn_pairs(2, 3)
    return make_hit(pairs, campaign=make_campaign(dataset=pairs[0].person.image.dataset, delay_ms=0))


def processes_of(profile: Path) -> list[int]:
    """The browser's that was started with this profile."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"--user-data-dir={profile}".encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def wait_for_votes(n: int, within_s: float = 20) -> list[Vote]:
    until = time.monotonic() + within_s
    while time.monotonic() < until and Vote.objects.count() < n:
        time.sleep(0.05)
    votes = list(Vote.objects.order_by("number"))
    assert len(votes) == n
    return votes


def test_a_killed_browser_that_comes_back_sends_what_was_not_acknowledged(
    site, hit, browser_type: BrowserType, browser_type_launch_args, tmp_path
):
    profile = tmp_path / "profile"
    url = address(site, hit)
    first = browser_type.launch_persistent_context(profile, **browser_type_launch_args)
    page = first.pages[0]
    page.goto(url)
    page.click('[data-do="begin"]')
    worker = Worker(page)
    worker.answer()
    wait_for_votes(1)
    first.route("**/task/api/answers/*", lambda route: route.abort())
    for side in ("left", "right", "left"):
        worker.answer(side)
    worker.ready()
    for process in processes_of(profile):
        os.kill(process, signal.SIGKILL)
    until = time.monotonic() + 10
    while processes_of(profile):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert Vote.objects.count() == 1
    second = browser_type.launch_persistent_context(profile, **browser_type_launch_args)
    try:
        page = second.pages[0]
        page.goto(url)
        worker = Worker(page)
        worker.ready()
        worker.expect_place("5 of 6")
        votes = wait_for_votes(4)
        assert [vote.number for vote in votes] == [1, 2, 3, 4]
        assert [vote.comparison.position for vote in votes] == [0, 1, 2, 3]
    finally:
        second.close()


def test_seven_minutes_without_the_server_are_waited_out_with_few_calls(site, page, hit):
    page.expected_errors += ["Failed to load resource"]
    page.clock.install()
    page.goto(address(site, hit))
    page.click('[data-do="begin"]')
    worker = Worker(page)
    worker.ready()
    page.wait_for_timeout(300)  # the next image is fetched
    tried = []

    def refuse(route):
        tried.append(route.request.url)
        route.abort()

    page.route("**/task/api/**", refuse)
    for side in ("left", "right", "left", "left"):
        worker.answer(side)
    for _ in range(28):  # seven minutes, as the page's own clock has it
        page.clock.run_for(15_000)
        page.wait_for_timeout(30)
    assert 12 <= len(tried) <= 40, len(tried)
    expect(page.locator('[data-saved][data-state="trouble"]')).to_be_visible()
    worker.expect_place("5 of 6")
    worker.answer("right")  # and one can go on all the time
    assert Vote.objects.count() == 0
    page.unroute("**/task/api/**")
    page.clock.resume()
    page.clock.fast_forward(31_000)  # from here on the page's clock goes as the server's does
    votes = wait_for_votes(5)
    assert [vote.number for vote in votes] == [1, 2, 3, 4, 5]
    worker.saved()
    worker.answer()
    worker.at("end")
    page.route("**/externalSubmit", lambda route: route.fulfill(body="Submitted"))
    page.click('[data-do="hand-in"]')
    expect(page.locator("body")).to_have_text("Submitted")
    assert Task.objects.get().handed_in_at
