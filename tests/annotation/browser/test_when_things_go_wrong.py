"""The network fails, the page is loaded again, a second tab opens: no answer is lost, none is doubled."""

import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from annotation.models import Choice, Task, Vote
from annotation.serving import standing_votes
from tests.annotation.browser.hands import Worker, address, barriers
from tests.annotation.people import make_drawn_pairs
from tests.crowd.offers import make_campaign, make_hit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hit():
    """Six comparisons on two images, without consent and tutorial, and buttons that hardly wait."""
    pairs = make_drawn_pairs(2, 3)
    return make_hit(pairs, campaign=make_campaign(dataset=pairs[0].person.image.dataset, delay_ms=0))


@pytest.fixture
def elsewhere():
    """A page of another site, on a server of its own: `elsewhere(html)` gives its address."""
    servers = []

    def serve(html: str) -> str:
        class Page(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b'<!doctype html><link rel="icon" href="data:,">' + html.encode())

            def log_message(self, *args):
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def start(page, url, hand="mouse") -> Worker:
    page.expected_errors += ["Failed to load resource"]  # the browser reports every failed call that a test provokes
    page.goto(url)
    page.click('[data-do="begin"]')
    worker = Worker(page, hand)
    worker.ready()
    return worker


def wait_for_votes(n: int) -> list[Vote]:
    until = time.monotonic() + 10
    while time.monotonic() < until and Vote.objects.count() < n:
        time.sleep(0.05)
    votes = list(Vote.objects.order_by("number"))
    assert len(votes) == n
    return votes


def test_without_network_the_work_goes_on_and_is_sent_later(site, page, hit, screenshot):
    worker = start(page, address(site, hit))
    page.wait_for_timeout(300)  # the next image is fetched
    page.context.set_offline(True)
    for _ in range(5):
        worker.answer()
    expect(page.locator('[data-saved][data-state="trouble"]')).to_be_visible()
    worker.expect_place("6 of 6")
    screenshot(page, "offline")
    assert barriers(page) == []
    worker.ready()
    page.click('[data-do="undo"]')
    for _ in range(2):
        worker.answer("right")
    worker.at("end")
    page.click('[data-do="hand-in"]')
    page.wait_for_timeout(300)
    assert Task.objects.get().handed_in_at is None
    assert Vote.objects.count() == 0
    page.route("**/externalSubmit", lambda route: route.fulfill(body="Submitted"))
    page.context.set_offline(False)
    expect(page.locator("body")).to_have_text("Submitted")
    votes = wait_for_votes(8)
    assert [vote.number for vote in votes] == list(range(1, 9))
    assert Task.objects.get().handed_in_at


def test_what_was_not_sent_survives_a_reload(site, page, hit):
    worker = start(page, address(site, hit))
    worker.answer()
    wait_for_votes(1)
    page.route("**/task/api/answers/*", lambda route: route.abort())
    worker.answer()
    worker.answer("right")
    worker.expect_place("4 of 6")
    page.unroute("**/task/api/answers/*")
    page.reload()
    worker.ready()
    worker.expect_place("4 of 6")
    votes = wait_for_votes(3)
    assert [vote.comparison.position for vote in votes] == [0, 1, 2]


def test_an_answer_whose_acknowledgement_got_lost_is_stored_once(site, page, hit):
    worker = start(page, address(site, hit))
    lost = []

    def lose(route):
        if len(lost) < 2:
            lost.append(route.fetch().status)  # the server has stored it, the page does not hear of it
            route.abort()
        else:
            route.continue_()

    page.route("**/task/api/answers/*", lose)
    worker.answer()
    worker.answer()
    worker.saved()
    worker.expect_place("3 of 6")
    assert [vote.number for vote in wait_for_votes(2)] == [1, 2]
    assert lost == [200, 200]


def test_a_failing_and_slow_server_never_holds_the_worker_up(site, page, hit):
    start(page, address(site, hit))
    failures = []

    def fail(route):
        if len(failures) < 2:
            failures.append(1)
            route.fulfill(status=503, body="down")
        else:
            time.sleep(0.2)
            route.continue_()

    page.wait_for_timeout(300)
    page.route("**/task/api/answers/*", fail)
    waits = page.evaluate(
        """async () => {
          const waits = [];
          for (let n = 0; n < 5; n += 1) {
            while (document.querySelector('.answers').dataset.state !== 'open') await new Promise((r) => setTimeout(r, 5));
            const before = document.querySelector('[data-place]').textContent;
            const from = performance.now();
            document.querySelector('[data-side=left]').click();
            while (document.querySelector('[data-place]').textContent === before
              || document.querySelector('.answers').dataset.state !== 'waiting') await new Promise(requestAnimationFrame);
            waits.push(performance.now() - from);
          }
          return waits;
        }"""
    )
    expect(page.locator('[data-saved][data-state="saved"]')).to_have_count(1)
    assert sorted(waits)[2] < 100, waits  # painted and timed; the middle one, as this machine may be busy
    assert [vote.comparison.position for vote in wait_for_votes(5)] == [0, 1, 2, 3, 4]


def test_a_double_click_and_a_held_key_answer_once(site, page, hit):
    worker = start(page, address(site, hit))
    page.dblclick('[data-side="left"]')
    worker.expect_place("2 of 6")
    worker.ready()
    for _ in range(8):
        page.keyboard.down("ArrowLeft")  # without a key-up in between these are repeats
        page.wait_for_timeout(60)
    page.keyboard.up("ArrowLeft")
    worker.expect_place("3 of 6")
    worker.ready()
    page.focus('[data-side="left"]')
    for _ in range(8):
        page.keyboard.down("Enter")
        page.wait_for_timeout(60)
    page.keyboard.up("Enter")
    worker.expect_place("4 of 6")
    wait_for_votes(3)


def test_the_buttons_wait_for_the_campaigns_delay_after_the_picture_is_painted(site, page):
    pairs = make_drawn_pairs(1, 2)
    hit = make_hit(pairs, campaign=make_campaign(dataset=pairs[0].person.image.dataset, delay_ms=750))
    worker = start(page, address(site, hit))
    worker.answer()
    worker.expect_place("2 of 2")
    page.keyboard.press("ArrowLeft")
    page.click('[data-side="left"]', force=True)
    worker.expect_place("2 of 2")
    worker.answer()
    worker.at("end")
    assert all(vote.response_ms >= 750 for vote in wait_for_votes(2))


def test_the_newest_tab_wins_and_the_older_one_says_so_at_once(site, page, hit, screenshot):
    url = address(site, hit)
    worker = start(page, url)
    worker.answer()
    wait_for_votes(1)
    second = page.context.new_page()
    second.goto(url)
    newer = Worker(second)
    newer.ready()
    newer.expect_place("2 of 6")
    worker.at("elsewhere")
    screenshot(page, "elsewhere")
    assert barriers(page) == []
    newer.answer()
    wait_for_votes(2)
    page.click('[data-screen="elsewhere"] [data-do="reload"]')
    worker.ready()
    worker.expect_place("3 of 6")
    newer.at("elsewhere")


def test_another_device_takes_over_and_the_first_hears_it_with_its_next_answer(site, open_page, hit):
    url = address(site, hit)
    desk, phone = open_page(), open_page(width=360, height=740, has_touch=True)
    worker = start(desk, url)
    worker.answer()
    wait_for_votes(1)
    phone.goto(url)
    other = Worker(phone, "touch")
    other.ready()
    other.expect_place("2 of 6")
    other.answer("right")
    wait_for_votes(2)
    worker.answer("left")
    worker.at("elsewhere")
    votes = standing_votes(Task.objects.get())
    assert sorted(votes) == [0, 1]
    assert (votes[1].choice == Choice.FIRST) != votes[1].first_is_left  # the phone's answer, on the right


def test_storage_that_throws_falls_back_to_memory(site, page, hit):
    page.add_init_script(
        """for (const name of ['getItem', 'setItem', 'removeItem'])
             Storage.prototype[name] = () => { throw new DOMException('denied', 'SecurityError'); };
           IDBFactory.prototype.open = () => { throw new DOMException('denied', 'SecurityError'); };
           delete globalThis.BroadcastChannel;"""
    )
    worker = start(page, address(site, hit))
    page.context.set_offline(True)
    worker.answer()
    worker.answer()
    page.context.set_offline(False)
    worker.saved()
    wait_for_votes(2)


def test_the_response_clock_stops_while_the_page_is_out_of_sight(site, page, hit):
    worker = start(page, address(site, hit))
    hide = """state => {
      Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(hide, "hidden")
    page.wait_for_timeout(700)
    page.evaluate(hide, "visible")
    worker.answer()
    vote = wait_for_votes(1)[0]
    assert vote.elapsed_ms - vote.response_ms >= 650
    assert vote.response_ms > 0


@pytest.mark.parametrize(
    ("change", "screen"),
    [
        ({"withdrawn_at": timezone.now()}, "withdrawn"),
        ({"expires_at": timezone.now() - timedelta(hours=1)}, "expired"),
    ],
)
def test_a_task_that_ends_under_the_workers_hands_says_so_politely(site, page, hit, screenshot, change, screen):
    worker = start(page, address(site, hit))
    worker.answer()
    wait_for_votes(1)
    Task.objects.update(**change)
    worker.answer()
    worker.at(screen)
    screenshot(page, screen)
    assert barriers(page) == []
    assert "are stored" in page.inner_text(f'[data-screen="{screen}"]')
    assert Vote.objects.count() == 1


def test_a_tampered_token_is_told_politely(site, page, hit, screenshot):
    page.route("**/task/*/?*", lambda route: route.fulfill(body=route.fetch().text().replace('"token": "', '"token": "x')))
    worker = start(page, address(site, hit))
    worker.answer()
    worker.at("bad_token")
    screenshot(page, "bad token")
    assert barriers(page) == []
    assert Vote.objects.count() == 0


def test_who_comes_too_late_reads_why(site, page, hit, screenshot):
    hit.campaign.state = "finished"
    hit.campaign.save()
    page.goto(address(site, hit))
    assert "This study has ended" in page.inner_text("h1")
    screenshot(page, "ended")
    assert barriers(page) == []


def test_a_picture_that_does_not_load_is_asked_for_again(site, page, hit):
    refused = []

    def refuse(route):
        if not refused:
            refused.append(1)
            route.abort()
        else:
            route.continue_()

    page.route("**/images/*", refuse)
    page.expected_errors += ["Failed to load resource"]
    page.goto(address(site, hit))
    page.click('[data-do="begin"]')
    expect(page.locator("[data-picture-note]")).to_be_visible()
    expect(page.locator(".answers")).to_have_attribute("data-state", "closed")
    Worker(page).answer()
    wait_for_votes(1)


def test_in_a_foreign_frame_higher_than_the_window_the_buttons_are_in_sight(
    site, page, hit, settings, screenshot, elsewhere
):
    url = address(site, hit)
    market = elsewhere(f'<body style="margin:0"><h1>Market</h1><iframe src="{url}" width="100%" height="1000"></iframe>')
    settings.TASK_FRAME_ANCESTORS = [market]
    page.goto(market)
    inside = page.frame_locator("iframe")
    inside.locator('[data-do="begin"]').click()
    expect(inside.locator('.answers[data-state="open"]')).to_be_visible()
    page.evaluate("scrollTo(0, document.querySelector('iframe').offsetTop)")
    page.wait_for_timeout(300)
    screenshot(page, "framed")
    for side in ("left", "right"):
        box = inside.locator(f'[data-side="{side}"]').bounding_box()
        assert box["y"] + box["height"] <= page.viewport_size["height"]
    inside.locator('[data-side="left"]').click()
    expect(inside.locator("[data-place]")).to_have_text("2 of 6")
    wait_for_votes(1)


def test_a_place_that_is_not_allowed_cannot_frame_the_task(site, page, hit, elsewhere):
    page.expected_errors += ["frame-ancestors"]
    page.goto(elsewhere(f'<iframe src="{address(site, hit)}"></iframe>'))
    page.wait_for_timeout(500)
    assert page.frame_locator("iframe").locator("[data-screen]").count() == 0
    assert any("frame-ancestors" in error for error in page.errors)
