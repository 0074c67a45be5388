"""A simulated worker at a task page: does over HTTP what the page's script does in a browser (`docs/task-page.md`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin

from crowd.simulation.browser import Browser, Lost, Page


@dataclass(frozen=True)
class Shown:
    """One comparison as it is put before somebody.

    Attributes:
        image: address of the picture; it ends in the hash of its content.
        keypoints: of the person, (x, y) in pixels or None.
        first, second: joints. first_is_green, first_is_left: how they are shown.
    """

    image: str
    keypoints: list
    first: int
    second: int
    first_is_green: bool
    first_is_left: bool


@dataclass(frozen=True)
class Answer:
    """What somebody says of a comparison, and after how long."""

    chose_first: bool
    response_ms: int


Judge = Callable[[Shown], Answer]


def work(browser: Browser, frame_url: str, judge: Judge, *, ease: int | None = None) -> Page:
    """Do a whole task: agree, pass the tutorial, answer, hand in, tell the marketplace; returns its last page.

    Raises: Lost where the page does not offer a task.
    """
    page = browser.get(frame_url)
    if "task-data" not in page.data:
        raise Lost(f"{page.url} ({page.status}) offers no task: {page.text[:300]}")
    task: dict = page.data["task-data"]
    token, urls = task["token"], {name: urljoin(page.url, url) for name, url in task["urls"].items()}
    stage = task["stage"]
    if stage == "consent":
        stage = browser.call("POST", urls["consent"], token)["stage"]
    if stage == "tutorial":
        _learn(browser, task, urls["tutorial"], token, judge)
    number = task["answers"]["last"]
    done = {answer["position"] for answer in task["answers"]["standing"]}
    for comparison in task["comparisons"]:
        if comparison["position"] in done:
            continue
        answer = judge(_shown(task, comparison))
        number += 1
        body = {
            "position": comparison["position"],
            "choice": "first" if answer.chose_first else "second",
            "response_ms": answer.response_ms,
            "elapsed_ms": answer.response_ms,
            "epoch": task["epoch"],
        }
        browser.call("PUT", f"{urls['answers']}{number}", token, body)
    feedback = {"problem": False, "ease": ease, "comment": ""}
    browser.call("POST", urls["hand_in"], token, {"feedback": feedback, "epoch": task["epoch"]})
    return browser.submit(page.form("externalSubmit"))


def _learn(browser: Browser, task: dict, url: str, token: str, judge: Judge) -> None:
    """Pass the tutorial: who errs in the first attempt has been told the answers for the second."""
    lesson = task["tutorial"]
    known: dict[int, bool] = {}
    for attempt in range(lesson["attempt"], lesson["tries"] + 1):
        for question in lesson["comparisons"]:
            position = question["position"]
            chose_first = known.get(position)
            if chose_first is None:
                chose_first = judge(_shown(task, question)).chose_first
            body = {"choice": "first" if chose_first else "second"}
            marking = browser.call("PUT", f"{url}{attempt}/{position}", token, body)
            known[position] = marking["closer"] == "first"
        if marking["passed"]:
            return
    raise Lost("The tutorial was failed twice.")


def _shown(task: dict, comparison: dict) -> Shown:
    scene = task["scenes"][comparison["scene"]]
    return Shown(
        image=scene["image"],
        keypoints=scene["keypoints"],
        first=comparison["first"],
        second=comparison["second"],
        first_is_green=comparison["first_is_green"],
        first_is_left=comparison["first_is_left"],
    )
