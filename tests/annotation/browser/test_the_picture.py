"""The picture: a closer look by wheel, hand and finger; and nothing to wait for when the next comparison comes."""

import pytest
from playwright.sync_api import Page, expect

from tests.annotation.browser.hands import Worker, address
from tests.annotation.people import make_mannequin_pairs
from tests.crowd.offers import make_campaign, make_hit

pytestmark = pytest.mark.django_db(transaction=True)

WATCH_SIZES = """() => {
  window.asked = [];
  const watch = (prototype, name) => {
    const known = Object.getOwnPropertyDescriptor(prototype, name);
    const note = (from) => function (...given) { window.asked.push(name); return from.apply(this, given); };
    Object.defineProperty(prototype, name, known.get ? {...known, get: note(known.get)} : {...known, value: note(known.value)});
  };
  for (const name of ['offsetWidth', 'offsetHeight', 'offsetTop', 'offsetLeft']) watch(HTMLElement.prototype, name);
  for (const name of ['clientWidth', 'clientHeight', 'scrollHeight', 'scrollTop', 'getBoundingClientRect', 'getClientRects'])
    watch(Element.prototype, name);
  watch(window, 'getComputedStyle');
}"""


def start(page: Page, site: str, n_images: int = 1, pairs_per_image: int = 2) -> Worker:
    pairs = make_mannequin_pairs(n_images, pairs_per_image)
    page.goto(address(site, make_hit(pairs, campaign=make_campaign(dataset=pairs[0].person.image.dataset, delay_ms=0))))
    page.click('[data-do="begin"]')
    worker = Worker(page)
    worker.ready()
    return worker


def shown(page: Page) -> dict:
    """Where the image lies, and the stage, in pixels of the window."""
    image, stage = (page.locator(f"[data-picture=main]{part}").bounding_box() for part in (" img", ""))
    return {"image": image, "stage": stage}


def is_pressed(page: Page) -> bool:
    return page.get_attribute('[data-do="zoom"]', "aria-pressed") == "true"


def at(page: Page, across: float, down: float) -> tuple[float, float]:
    stage = shown(page)["stage"]
    return stage["x"] + across * stage["width"], stage["y"] + down * stage["height"]


def test_the_wheel_looks_closer_at_the_point_under_it_and_a_drag_moves_the_picture(site, page):
    worker = start(page, site)
    whole = shown(page)["image"]
    x, y = at(page, 0.5, 0.4)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -600)
    width = "document.querySelector('[data-picture=main] img').getBoundingClientRect().width"
    page.wait_for_function(f"whole => {width} > 1.5 * whole", arg=whole["width"])
    closer = shown(page)["image"]
    for axis, size, place in (("x", "width", x), ("y", "height", y)):  # the same point of the image is under the pointer
        before, after = ((place - box[axis]) / box[size] for box in (whole, closer))
        assert after == pytest.approx(before, abs=0.02)
    assert is_pressed(page)
    page.mouse.down()
    page.mouse.move(x + 40, y + 25, steps=4)
    page.mouse.up()
    dragged = shown(page)["image"]
    assert (dragged["x"] - closer["x"], dragged["y"] - closer["y"]) == pytest.approx((40, 25), abs=2)
    for _ in range(6):
        page.mouse.wheel(0, 900)
    page.wait_for_function("() => document.querySelector('[data-do=zoom]').ariaPressed === 'false'")
    assert shown(page)["image"] == whole
    worker.expect_place("1 of 2")  # no answer was given by any of it


def test_two_taps_look_closer_and_two_more_go_back(site, page):
    worker = start(page, site)
    whole = shown(page)["image"]
    page.mouse.dblclick(*at(page, 0.5, 0.5))
    assert shown(page)["image"]["width"] == pytest.approx(2.5 * whole["width"], rel=0.02)
    page.mouse.dblclick(*at(page, 0.5, 0.5))
    assert shown(page)["image"] == whole
    page.keyboard.press("z")
    assert is_pressed(page)
    labels = page.locator("[data-picture=main] .picture__label")
    expect(labels.nth(0)).to_be_visible()
    expect(labels.nth(1)).to_be_visible()
    worker.answer()
    worker.expect_place("2 of 2")
    worker.ready()
    assert not is_pressed(page)  # every comparison begins with the whole person
    assert shown(page)["image"]["width"] < 1.5 * whole["width"]


def test_two_fingers_pinch_and_one_still_scrolls(site, phone):
    start(phone, site)
    whole = shown(phone)["image"]
    assert phone.eval_on_selector("[data-picture=main]", "stage => getComputedStyle(stage).touchAction") == "pan-y"
    x, y = at(phone, 0.5, 0.5)
    fingers = phone.context.new_cdp_session(phone)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        spots = [{"x": px, "y": py, "id": number} for number, (px, py) in enumerate(points)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    touch("touchStart", (x - 30, y))
    touch("touchStart", (x - 30, y), (x + 30, y))
    for spread in range(35, 95, 10):
        touch("touchMove", (x - spread, y), (x + spread, y))
    touch("touchEnd")
    phone.wait_for_function("() => document.querySelector('[data-do=zoom]').ariaPressed === 'true'")
    assert shown(phone)["image"]["width"] > 2 * whole["width"]
    assert phone.evaluate("visualViewport.scale") == 1  # the picture has grown, the page has not
    phone.tap('[data-do="zoom"]')
    assert shown(phone)["image"] == whole


def test_an_answer_needs_no_layout_no_decoding_and_no_network_before_the_next_picture(site, page):
    worker = start(page, site, n_images=3)
    page.wait_for_timeout(500)  # what is prefetched has come
    requested = []
    page.on("request", lambda request: requested.append(request.url) if "/images/" in request.url else None)
    page.evaluate(WATCH_SIZES)
    for number in range(2, 7):
        worker.ready()
        page.keyboard.press("ArrowLeft")
        worker.expect_place(f"{number} of 6")
        assert page.eval_on_selector("[data-picture=main] img", "image => image.complete && image.naturalWidth > 0")
    assert page.evaluate("window.asked") == []
    assert requested == []
