"""A worker in a real browser: opens a task and answers with mouse, keys or fingers."""

from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, expect

from crowd.models import Hit
from tests.crowd.offers import visit

AXE = (Path(__file__).resolve().parents[2] / "vendor" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def address(site: str, hit: Hit, **query: str) -> str:
    return f"{site}/task/{hit.token}/?{urlencode(visit(hit, turkSubmitTo=f'{site}/marketplace') | query)}"


def barriers(page: Page) -> list[str]:
    """What axe objects to in the page as it stands."""
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES)
    return [f"{rule['id']}: {rule['help']} {[node['html'][:160] for node in rule['nodes']]}" for rule in found["violations"]]


class Worker:
    """Does what a person would do; every step waits for what the page shows."""

    def __init__(self, page: Page, hand: str = "mouse"):
        self.page = page
        self.hand = hand

    def at(self, screen: str) -> None:
        expect(self.page.locator(f'[data-screen="{screen}"]')).to_be_visible()

    def press(self, selector: str, key: str = "") -> None:
        selector += ":visible"
        self.page.wait_for_selector(selector)
        if self.hand == "keyboard" and key:
            self.page.keyboard.press(key)
        elif self.hand == "touch":
            self.page.tap(selector)
        elif self.hand == "keyboard":
            self.page.focus(selector)
            self.page.keyboard.press("Enter")
        else:
            self.page.click(selector)

    def ready(self) -> None:
        """Waits until the buttons answer."""
        self.page.wait_for_selector('.answers[data-state="open"]')

    def answer(self, side: str = "left") -> None:
        self.ready()
        self.press(f'[data-side="{side}"]', "ArrowLeft" if side == "left" else "ArrowRight")

    def saved(self) -> None:
        expect(self.page.locator('[data-saved][data-state="saved"]')).to_have_count(1)

    def place(self) -> str:
        return self.page.inner_text("[data-place]")

    def expect_place(self, text: str) -> None:
        expect(self.page.locator("[data-place]")).to_have_text(text)

    def learn(self) -> list[bool]:
        """One try of the tutorial, left every time; which answers were right."""
        outcomes = []
        while True:
            self.answer("left")
            expect(self.page.locator("[data-feedback-panel]")).to_be_visible()
            outcomes.append("feedback--wrong" not in self.page.get_attribute("[data-feedback-panel]", "class"))
            self.press('[data-do="next"]', "Enter")
            self.page.wait_for_function(
                "() => document.querySelector('[data-screen=marked]:not([hidden])') "
                "|| document.querySelector('[data-feedback-panel]').hidden"
            )
            if self.page.is_visible('[data-screen="marked"]') or self.page.is_visible('[data-screen="tutorial_failed"]'):
                return outcomes
