"""From a researcher's launch to his seeing the votes, with a person, two browsers and a real Celery worker in between."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from annotation import lessons
from annotation.models import Choice, Dataset, Task, Vote
from crowd import tasks
from crowd.marketplace import accounts
from crowd.marketplace import models as market
from crowd.models import Assignment, Campaign
from jobs import running
from modeling import setting_up
from tests.annotation.browser import hands
from tests.factories import make_import, make_user

PASSWORD = "correct horse"


@pytest.fixture
def mannequins(site, settings, tmp_path, transactional_db) -> Dataset:
    """Two people of those that ship, a marketplace with money, a researcher called ada."""
    settings.VAR_DIR = tmp_path
    owner = make_user(username="ada", password=PASSWORD)
    assert running.execute(
        make_import(path=str(setting_up.MANNEQUINS), name="Mannequins", limit=2, created_by=owner)
    ).is_done
    setting_up.marketplace()
    return Dataset.objects.get()


def test_a_campaign_is_launched_answered_paid_and_seen(site, mannequins, open_page, start_worker, eventually, screenshot):
    start_worker(MARKETPLACE_URL=f"{site}/marketplace")
    researcher = open_page()
    launch(researcher, site)
    eventually(lambda: market.Hit.objects.exists(), within_s=40)

    person = open_page(height=900)
    join(person, site)
    person.get_by_role("button", name="Accept").first.click()
    frame = person.wait_for_selector("iframe").content_frame()
    worker = hands.Worker(frame)
    worker.at("consent")
    worker.press('[data-do="consent"]')
    worker.at("instructions")
    worker.press('[data-do="begin"]:visible')
    pass_the_tutorial(worker)
    worker.press('[data-do="after-tutorial"]')
    answer_with_a_change_of_mind(worker)
    screenshot(person, "work")
    finish(worker)
    expect(person.get_by_text("handed in", exact=False).first).to_be_visible()
    screenshot(person, "handed in")

    votes = list(Vote.objects.order_by("number").values_list("choice", flat=True))
    assert len(votes) == 12 and votes.count(Choice.UNDONE) == 1 and Vote.objects.standing().count() == 10
    assert not Vote.objects.verified().exists()

    tasks.reconcile_all.delay()
    eventually(lambda: Assignment.objects.filter(state=Assignment.State.APPROVED).exists())
    assert Vote.objects.verified().count() == 12
    assert Campaign.objects.get().spent_usd == Decimal("0.12")
    person.goto(f"{site}/marketplace/earnings/")
    expect(person.get_by_text("$0.10").first).to_be_visible()

    researcher.goto(f"{site}/panel/annotation/person/{mannequins.images.first().people.get().pk}/change/")
    expect(researcher.get_by_text("5 votes on 5 pairs", exact=False)).to_be_visible()
    screenshot(researcher, "votes", full_page=True)


def launch(page, site: str) -> None:
    page.goto(f"{site}/panel/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Make a campaign").click()
    page.get_by_label("Name", exact=True).fill("Two people")
    page.get_by_role("button", name="Save the draft").first.click()
    page.get_by_role("link", name="Launch…").click()
    page.get_by_role("button", name=re.compile("Launch for")).click()
    expect(page.get_by_text("collecting votes").first).to_be_visible(timeout=40_000)


def join(page, site: str) -> None:
    (token,) = accounts.invite()
    page.goto(f"{site}/marketplace/join/{token}/")
    page.fill("[name=username]", "bea")
    page.fill("[name=password]", "a long password 77")
    page.select_option("[name=country]", "US")
    page.click("form:has([name=username]) button")
    expect(page.get_by_text("Guess the Closest Part of a Person!").first).to_be_visible()


def pass_the_tutorial(worker: hands.Worker) -> None:
    """Answer every question as its ground truth has it."""
    shown = worker.page.evaluate("JSON.parse(document.getElementById('task-data').textContent).tutorial.comparisons")
    for comparison, question in zip(shown, lessons.lesson(lessons.SHIPPED).questions, strict=True):
        worker.answer("left" if question.first_is_closer == comparison["first_is_left"] else "right")
        expect(worker.page.locator("[data-feedback-panel]")).to_be_visible()
        worker.press('[data-do="next"]')
    worker.at("marked")


def answer_with_a_change_of_mind(worker: hands.Worker) -> None:
    worker.answer("left")
    worker.answer("left")
    worker.ready()
    worker.press('[data-do="undo"]')
    worker.answer("right")
    for _ in range(7):
        worker.answer("left")
    worker.ready()


def finish(worker: hands.Worker) -> None:
    worker.answer("left")
    worker.at("end")
    assert not Task.objects.get().handed_in_at
    worker.page.check('input[name="ease"][value="8"]')
    worker.press('[data-do="hand-in"]')
