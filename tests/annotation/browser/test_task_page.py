"""The worker's whole way through a task, with every hand and on every size of screen."""

import pytest
from playwright.sync_api import expect

from annotation import lessons
from annotation.models import Choice, Consent, Task, Vote
from annotation.serving import standing_votes
from tests.annotation.browser.hands import Worker, address, barriers
from tests.annotation.people import make_drawn_pairs, write_tutorial
from tests.crowd.offers import make_campaign, make_hit

pytestmark = pytest.mark.django_db(transaction=True)

SIZES = {"phone": (360, 640), "tablet": (768, 1024), "desk": (1440, 900)}


def make_short_hit(n_images=2, pairs_per_image=2, **campaign):
    pairs = make_drawn_pairs(n_images, pairs_per_image)
    settings = {"dataset": pairs[0].person.image.dataset, "delay_ms": 0} | campaign
    return make_hit(pairs, campaign=make_campaign(**settings))


@pytest.fixture
def lesson(tmp_path):
    """Two questions whose first keypoint is the closer one, and five illustrations."""
    kinds = ("clear", "hard", "occluded", "left-right", "lean", "clear", "clear", "clear")
    return lessons.load(write_tutorial(tmp_path / "lesson", n_examples=8, kinds=kinds), "arms")


def assert_fits(page) -> None:
    """All that is needed to answer is in the window, large enough, and undo is far from it."""
    sizes = page.evaluate(
        """() => {
          const box = (selector) => document.querySelector(selector).getBoundingClientRect().toJSON();
          return {left: box('[data-side=left]'), right: box('[data-side=right]'), undo: box('[data-do=undo]'),
            picture: box('[data-picture=main]'), bottom: innerHeight, width: innerWidth,
            overflow: document.documentElement.scrollWidth - innerWidth};
        }"""
    )
    assert sizes["overflow"] <= 0
    for side in ("left", "right"):
        assert sizes[side]["height"] >= 64
        assert sizes[side]["bottom"] <= sizes["bottom"]
    assert sizes["left"]["right"] < sizes["right"]["left"]
    assert sizes["left"]["top"] - sizes["undo"]["bottom"] > 150
    assert sizes["picture"]["height"] > 0.5 * sizes["bottom"]


@pytest.mark.parametrize("hand", ["mouse", "keyboard", "touch"])
@pytest.mark.parametrize("size", SIZES)
def test_a_newcomer_goes_the_whole_way(site, open_page, screenshot, lesson, size, hand):
    hit = make_short_hit(consent_text="We store your answers.", has_tutorial=True, tutorial=lesson, tutorial_pass_mark=0)
    width, height = SIZES[size]
    page = open_page(width=width, height=height, has_touch=hand == "touch")
    looks = {"phone": "touch", "tablet": "keyboard", "desk": "mouse"}[size] == hand  # each size is looked at once
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    handed_in = []

    def marketplace(route):
        handed_in.append(route.request)
        route.fulfill(body="<title>Thank you</title>Submitted", content_type="text/html")

    page.route("**/marketplace/mturk/externalSubmit", marketplace)

    def look(state: str) -> None:
        if looks:
            page.wait_for_timeout(150)
            screenshot(page, state)
            if size == "phone" or "comparison" in state:
                assert barriers(page) == [], state

    worker = Worker(page, hand)
    page.goto(address(site, hit, assignmentId="3ASSIGNMENT"))
    worker.at("consent")
    look("1 consent")
    worker.press('[data-do="consent"]')
    worker.at("instructions")
    expect(page.locator(".example .picture__label").first).to_be_visible()
    look("2 instructions")
    worker.press('[data-do="begin"]', "Enter")
    worker.ready()
    look("3 practice")
    worker.answer("left")
    expect(page.locator("[data-feedback-panel]")).to_be_visible()
    assert "The arm reaches forward" in page.inner_text("[data-feedback-text]")
    look("4 practice explained")
    worker.press('[data-do="next"]', "Enter")
    worker.learn()
    worker.at("marked")
    look("5 practice passed")
    worker.press('[data-do="after-tutorial"]', "Enter")

    worker.ready()
    worker.expect_place("1 of 4")
    assert page.inner_text("[data-to-go]") == "4 comparisons to go"
    assert_fits(page)
    look("6 comparison")
    worker.answer("left")
    worker.expect_place("2 of 4")
    worker.answer("right")
    worker.expect_place("3 of 4")  # the second image
    worker.ready()
    worker.press('[data-do="undo"]', "u")
    worker.expect_place("2 of 4")
    worker.ready()
    worker.press('[data-do="zoom"]', "z")
    look("7 zoom")
    worker.press('[data-do="marks"]', "c")
    expect(page.locator("[data-picture=main] .picture__marks")).to_be_hidden()
    look("8 without marks")
    worker.press('[data-do="help"]', "?")
    expect(page.locator('[data-dialog="help"]')).to_be_visible()
    look("9 help")
    worker.press('[data-do="close-help"]', "Escape")
    for side in ("left", "right", "left"):
        worker.answer(side)
    worker.at("end")
    page.locator('[name="problem"][value="no"]').press("Space")
    page.locator('[name="ease"][value="9"]').check()
    page.fill('[name="comment"]', "u1c is no key here")
    look("10 end")
    worker.press('[data-do="hand-in"]')
    expect(page.locator("body")).to_have_text("Submitted")

    task = Task.objects.get()
    votes = list(task.votes.order_by("number"))
    assert [vote.choice == Choice.UNDONE for vote in votes] == [False, False, True, False, False, False]
    assert [vote.number for vote in votes] == [1, 2, 3, 4, 5, 6]
    chosen_left = [(vote.choice == Choice.FIRST) == vote.first_is_left for vote in standing_votes(task).values()]
    assert sorted(chosen_left) == [False, True, True, True]
    assert task.feedback == {"problem": False, "ease": 9, "comment": "u1c is no key here"}
    assert task.handed_in_at
    assert Consent.objects.count() == 1
    assert Vote.objects.count() == 6
    fields = handed_in[0].post_data
    assert "assignmentId=3ASSIGNMENT" in fields
    assert f"task={task.pk}" in fields
    assert {url.split("/")[2] for url in requests if url.startswith("http")} == {site.split("/")[2]}


def test_the_preview_shows_the_task_and_takes_no_vote(site, phone, screenshot, lesson):
    hit = make_short_hit(consent_text="We store your answers.", has_tutorial=True, tutorial=lesson)
    phone.goto(f"{site}/task/{hit.token}/?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId={hit.hit_id}")
    expect(phone.locator(".example .picture__label").first).to_be_visible()
    expect(phone.locator(".example")).to_have_count(5)
    assert phone.locator("[data-side]").count() == 0
    screenshot(phone, "0 preview", full_page=True)
    assert barriers(phone) == []
    assert Task.objects.count() == 0


def test_a_failed_tutorial_may_be_tried_once_more_and_is_then_handed_in_and_paid(site, page, screenshot, lesson):
    hit = make_short_hit(has_tutorial=True, tutorial=lesson, tutorial_pass_mark=1)
    page.goto(address(site, hit))
    worker = Worker(page, "keyboard")
    worker.press('[data-do="begin"]', "Enter")
    for screen in ("marked", "tutorial_failed"):
        worker.ready()
        page.evaluate("() => document.querySelector('[data-side=left]').focus()")
        while True:  # the button whose keypoint is not the closer one, as far as that is known to the test
            first_is_left = page.evaluate(
                """() => {
                  const {tutorial, skeletons, scenes} = JSON.parse(document.getElementById('task-data').textContent);
                  const n = Number(document.querySelector('[data-place]').textContent.match(/\\d+/)[0]) - 1;
                  return tutorial.comparisons[n].first_is_left;
                }"""
            )
            worker.answer("right" if first_is_left else "left")
            expect(page.locator("[data-feedback-panel]")).to_be_visible()
            assert "Not quite" in page.inner_text("[data-feedback-verdict]")
            page.keyboard.press("Enter")
            if page.is_visible(f'[data-screen="{screen}"]'):
                break
        if screen == "marked":
            assert "try again" in page.inner_text("[data-marked-title]")
            page.keyboard.press("Enter")
    screenshot(page, "tutorial failed")
    assert barriers(page) == []
    page.route("**/marketplace/mturk/externalSubmit", lambda route: route.fulfill(body="Submitted"))
    page.click('[data-screen="tutorial_failed"] [data-do="hand-in"]')
    expect(page.locator("body")).to_have_text("Submitted")
    assert Task.objects.get().was_only_tried
    assert Vote.objects.count() == 0


def test_the_help_repeats_the_tutorial_and_comes_back(site, page, lesson):
    hit = make_short_hit(has_tutorial=True, tutorial=lesson, tutorial_pass_mark=0)
    page.goto(address(site, hit))
    worker = Worker(page)
    page.click('[data-do="begin"]')
    worker.learn()
    page.click('[data-do="after-tutorial"]')
    worker.answer()
    worker.expect_place("2 of 4")
    page.click('[data-do="help"]')
    page.click('[data-do="practise"]')
    worker.learn()
    assert "right." in page.inner_text("[data-marked-title]")
    page.click('[data-do="after-tutorial"]')
    worker.expect_place("2 of 4")
    worker.saved()
    assert Vote.objects.count() == 1


def test_visible_gold_praises_and_corrects(site, page, screenshot):
    known = make_drawn_pairs(1, 4, gold_first=True)
    dataset = known[0].person.image.dataset
    hit = make_hit(make_drawn_pairs(1, 4), campaign=make_campaign(dataset=dataset, gold_share=0.5, delay_ms=0))
    page.goto(address(site, hit))
    worker = Worker(page)
    page.click('[data-do="begin"]')
    worker.ready()
    rows = {row.position: row for row in Task.objects.get().comparisons.all()}
    wrong, corrections, praises = True, 0, 0
    for position in range(8):
        worker.expect_place(f"{position + 1} of 8")
        row = rows[position]
        right_side = "left" if row.first_is_left else "right"
        if not row.is_gold:
            worker.answer("left")
            continue
        worker.answer(right_side if not wrong else {"left": "right", "right": "left"}[right_side])
        if wrong:
            expect(page.locator('[data-dialog="gold"]')).to_be_visible()
            assert "is closer" in page.inner_text("[data-gold-text]")
            if not corrections:
                page.wait_for_timeout(150)
                screenshot(page, "gold")
                assert barriers(page) == []
            page.click('[data-do="close-gold"]')
            corrections += 1
        else:
            expect(page.locator("[data-saved-text]")).to_contain_text("Right.")
            praises += 1
        wrong = not wrong
    worker.at("end")
    assert (corrections, praises) == (2, 2)


def test_letter_keys_can_be_switched_off_and_arrows_stay(site, page):
    page.goto(address(site, make_short_hit()))
    worker = Worker(page, "keyboard")
    worker.press('[data-do="begin"]', "Enter")
    worker.ready()
    page.keyboard.press("f")
    worker.expect_place("2 of 4")
    page.keyboard.press("?")
    page.uncheck("[data-letter-keys]")
    page.keyboard.press("Escape")
    worker.ready()
    page.keyboard.press("f")
    page.keyboard.press("1")
    page.wait_for_timeout(100)
    worker.expect_place("2 of 4")
    page.keyboard.press("ArrowRight")
    worker.expect_place("3 of 4")


def test_from_right_to_left_the_buttons_stay_where_the_data_say(site, page, screenshot):
    page.goto(address(site, make_short_hit()))
    page.evaluate("() => { document.documentElement.dir = 'rtl'; }")
    page.click('[data-do="begin"]')
    Worker(page).ready()
    assert_fits(page)
    screenshot(page, "right to left")
    assert barriers(page) == []
    left, right = (page.locator(f'[data-side="{side}"]').bounding_box()["x"] for side in ("left", "right"))
    assert left < right
