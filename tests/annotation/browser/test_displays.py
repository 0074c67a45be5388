"""From a small phone to a 4K screen, in forced colours, with more contrast and without motion: one can always answer."""

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Task
from tests.annotation.browser.hands import Worker, address, barriers
from tests.annotation.people import make_mannequin_pairs
from tests.crowd.offers import make_campaign, make_hit

pytestmark = pytest.mark.django_db(transaction=True)

DISPLAYS = {
    "small phone": {"width": 360, "height": 640, "has_touch": True},
    "phone on its side": {"width": 640, "height": 360, "has_touch": True},
    "4K": {"width": 3840, "height": 2160},
    "forced colours": {"width": 1280, "height": 800, "forced_colors": "active", "color_scheme": "dark"},
    "more contrast": {"width": 1280, "height": 800, "contrast": "more"},
    "reduced motion": {"width": 1280, "height": 800, "reduced_motion": "reduce"},
}
NEEDED = (
    "[data-side=left]", "[data-side=right]", "[data-picture=main]", "[data-question]", "[data-place]", "[data-saved]",
    "[data-do=undo]", "[data-do=marks]", "[data-do=zoom]", "[data-do=help]",
)  # fmt: skip


def out_of_sight(page: Page) -> list[str]:
    """Of what is needed to answer, that which is not wholly in the window or lies under something else."""
    return page.evaluate(
        """selectors => selectors.filter((selector) => {
          const element = document.querySelector(selector);
          const {left, top, right, bottom, width, height} = element.getBoundingClientRect();
          const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
          return !width || !height || left < 0 || top < 0 || right > innerWidth || bottom > innerHeight
            || !(element.contains(hit) || hit?.contains(element));
        })""",
        list(NEEDED),
    )


@pytest.mark.parametrize("name", DISPLAYS)
def test_all_that_is_needed_is_in_sight_and_told_apart(site, open_page, screenshot, name):
    pairs = make_mannequin_pairs(1, 2)
    campaign = make_campaign(dataset=pairs[0].person.image.dataset, delay_ms=0, has_tutorial=True)
    page = open_page(**DISPLAYS[name])

    def look(state: str) -> None:
        screenshot(page, f"{name} {state}")
        assert barriers(page) == [], state

    page.goto(address(site, make_hit(pairs, campaign=campaign), assignmentId="3A", workerId="AONE"))
    worker = Worker(page, "keyboard")
    expect(page.locator(".example .picture__label").first).to_be_visible()
    if name != "4K":
        look("1 instructions")
    page.keyboard.press("Enter")
    worker.answer("left")
    expect(page.locator("[data-feedback-panel]")).to_be_visible()
    assert out_of_sight(page) == []
    look("2 explained")
    Task.objects.update(needs_tutorial=False)
    page.reload()
    worker.ready()
    assert out_of_sight(page) == []
    look("3 comparison")
    if name == "reduced motion":
        page.click('[data-side="left"]')
        assert page.evaluate("document.getAnimations().length") == 0
        return
    if "phone" in name:
        page.keyboard.press("?")
        expect(page.locator('[data-dialog="help"]')).to_be_visible()
        look("4 help")
        page.keyboard.press("Escape")
    for _ in range(2):
        worker.answer("left")
    worker.at("end")
    look("5 end")


def test_forced_colours_leave_the_marks_their_own(site, open_page):
    pairs = make_mannequin_pairs(1, 1)
    page = open_page(forced_colors="active", color_scheme="dark")
    page.goto(address(site, make_hit(pairs, campaign=make_campaign(dataset=pairs[0].person.image.dataset, delay_ms=0))))
    page.click('[data-do="begin"]')
    Worker(page).ready()
    strokes = page.eval_on_selector_all(
        ".answers .mark__colour, [data-picture=main] .mark__colour",
        "marks => marks.map((mark) => getComputedStyle(mark).stroke)",
    )
    assert sorted(strokes) == ["rgb(0, 255, 0)"] * 3 + ["rgb(255, 51, 255)"] * 3
    page.click('[data-do="zoom"]')
    background = "tool => getComputedStyle(tool).backgroundColor"
    pressed, plain = (page.eval_on_selector(f"[data-do={name}]", background) for name in ("zoom", "help"))
    assert pressed != plain
