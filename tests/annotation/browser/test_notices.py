"""Every page that ends or interrupts a task: says what happened and what to do, to everybody who can read or hear it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotation import lessons
from annotation.models import Task, TutorialAttempt
from crowd.models import Assignment, Campaign, Worker
from tests.annotation.browser.hands import Worker as Hand
from tests.annotation.browser.hands import address, barriers
from tests.annotation.people import make_drawn_pairs, write_tutorial
from tests.crowd.offers import accept, make_campaign, make_hit, visit

pytestmark = pytest.mark.django_db(transaction=True)


def make_short_hit(**campaign):
    pairs = make_drawn_pairs(1, 2)
    return make_hit(pairs, campaign=make_campaign(dataset=pairs[0].person.image.dataset, delay_ms=0, **campaign))


def assert_readable(page: Page, screenshot, name: str) -> None:
    """The main heading is there, the contact too where there is a campaign, nothing runs out of the window, axe is silent."""
    screenshot(page, name)
    assert page.locator("h1:visible").count() == 1, name
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
    assert barriers(page) == [], name


def test_whoever_gets_no_task_reads_why(site, phone, screenshot, tmp_path):
    lesson = lessons.load(write_tutorial(tmp_path / "lesson"), "arms")
    hit = make_short_hit(has_tutorial=True, tutorial=lesson)
    plain = make_short_hit()
    phone.expected_errors += ["Failed to load resource"]  # 404 for an address that is not known

    def turned_away(why: str, hit=plain, **query: str) -> str:
        phone.goto(address(site, hit, **query))
        assert phone.get_attribute("main", "data-why") == why
        assert "someone@example.org" in phone.inner_text("main")
        assert_readable(phone, screenshot, why)
        return phone.inner_text("main")

    phone.goto(f"{site}/task/guessed/?assignmentId=3A&workerId=A1")
    assert_readable(phone, screenshot, "unknown address")
    turned_away("bad_address", assignmentId="3<b>")
    turned_away("foreign_marketplace", turkSubmitTo="https://evil.example")

    accept(plain, workerId="ASEEN")
    turned_away("seen_all", make_hit(list(plain.pairs.all()), campaign=plain.campaign), workerId="ASEEN")
    Worker.objects.filter(worker_id="ASEEN").update(excluded_at=timezone.now())
    assert "is paid" in turned_away("excluded", make_short_hit(environment=plain.campaign.environment), workerId="ASEEN")

    _, task = accept(hit, workerId="ATRIED")
    for number in (1, 2):
        TutorialAttempt.objects.create(annotator=task.annotator, tutorial="arms", number=number, answers=[False], passed=False)
    assert "is paid" in turned_away("tutorial_failed", make_short_hit(
        has_tutorial=True, tutorial=lesson, environment=hit.campaign.environment), workerId="ATRIED")

    held = visit(plain)
    assignment, task = accept(plain, **held)
    Task.objects.filter(pk=task.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    assert "are stored" in turned_away("expired", **held)
    for state, why in (("unsubmitted", "returned"), ("approved", "submitted")):
        Assignment.objects.filter(pk=assignment.pk).update(state=state)
        assert "are stored" in turned_away(why, **held)
    Campaign.objects.filter(pk=plain.campaign_id).update(state=Campaign.State.FINISHED)
    assert "will be paid" in turned_away("ended")


def test_a_marketplace_that_does_not_answer_leaves_a_button_to_tell_it_again(site, phone, screenshot):
    phone.goto(address(site, make_short_hit()))
    phone.tap('[data-do="begin"]')
    hand = Hand(phone, "touch")
    for _ in range(2):
        hand.answer()
    hand.at("end")
    phone.route("**/externalSubmit", lambda route: route.fulfill(status=204))
    phone.tap('[data-do="hand-in"]')
    hand.at("handed_in")
    assert_readable(phone, screenshot, "handed in")
    asked = []
    phone.unroute("**/externalSubmit")

    def answer(route):
        asked.append(route.request.post_data)
        route.fulfill(body="Submitted")

    phone.route("**/externalSubmit", answer)
    phone.tap("[data-submit] button")
    expect(phone.locator("body")).to_have_text("Submitted")
    assert len(asked) == 1


def test_a_full_storage_is_no_trouble_while_the_page_lives(site, phone):
    phone.add_init_script(
        """Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };
           IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };"""
    )
    phone.expected_errors += ["Failed to load resource"]
    phone.goto(address(site, make_short_hit()))
    phone.tap('[data-do="begin"]')
    hand = Hand(phone, "touch")
    phone.context.set_offline(True)
    hand.answer()
    hand.ready()
    phone.context.set_offline(False)
    hand.saved()
    hand.answer()
    hand.at("end")
    hand.saved()
    phone.wait_for_load_state("networkidle")
    assert Task.objects.get().votes.count() == 2
