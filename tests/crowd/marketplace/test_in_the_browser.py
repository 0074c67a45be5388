"""The worker's way in a real browser, with the task on another origin."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from crowd.marketplace import accounts
from crowd.marketplace.models import Assignment, Message, QualificationType, Requester, Worker
from tests.crowd.marketplace.makers import html_question, question
from tests.crowd.marketplace.task_server import serve


@pytest.fixture
def task_url():
    server = serve()
    yield f"http://127.0.0.1:{server.server_port}/task?image=7"
    server.shutdown()
    server.server_close()


def sign_in(page: Page, site: str, username: str) -> None:
    page.goto(f"{site}/marketplace/")
    page.get_by_label("Name").fill(username)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="HITs for you")).to_be_visible()


def test_a_person_signs_up_previews_accepts_answers_and_goes_on_to_the_next_hit(
    page, site, mturk, make_hit, task_url, screenshot
):
    first, second = (make_hit(Question=question(task_url), MaxAssignments=1) for _ in range(2))
    [token] = accounts.invite()
    page.goto(f"{site}/marketplace/join/{token}/")
    page.get_by_label("Name for signing in").fill("ana")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_label("Country you live in").select_option("US")
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_text("Welcome!")).to_be_visible()

    page.get_by_role("link", name="Preview").click()
    frame = page.frame_locator("iframe.task")
    expect(frame.get_by_text("A preview.")).to_be_visible()
    page.get_by_role("button", name="Accept").click()
    expect(frame.get_by_text(f"Hello, {Worker.objects.get().worker_id}.")).to_be_visible()
    frame.get_by_role("button", name="left wrist").click()

    expect(page.get_by_role("heading", name="Handed in. Thank you!")).to_be_visible()
    page.get_by_role("button", name="Next HIT of this kind").click()
    frame.get_by_role("button", name="right knee").click()
    expect(page.get_by_role("heading", name="Handed in. Thank you!")).to_be_visible()
    expect(page.get_by_role("button", name="Next HIT of this kind")).to_have_count(0)

    answers = [mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"][0]["Answer"] for hit in (first, second)]
    assert ["wrist" in answers[0], "knee" in answers[1]] == [True, True]


AMAZONS_HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A question</title>
<script src="https://s3.amazonaws.com/mturk-public/externalHIT_v1.js"></script></head><body>
<form name="mturk_form" method="post" id="mturk_form" action="https://www.mturk.com/mturk/externalSubmit">
<input type="hidden" value="" name="assignmentId" id="assignmentId"/><h1>Your favourite colour?</h1>
<p><input name="colour" aria-label="Colour"/></p><p><input type="submit" id="submitButton" value="Submit"/></p></form>
<p id="origin"></p><script>turkSetAssignmentID();
document.querySelector("#origin").textContent = "origin " + self.origin;</script>
</body></html>"""


def test_html_written_for_amazon_works_and_is_a_stranger_to_the_marketplace(page, site, mturk, make_hit, settings):
    settings.MARKETPLACE_URL = f"{site}/marketplace"
    hit = make_hit(Question=html_question(AMAZONS_HTML))
    accounts.make_worker("ana", "correct horse")
    sign_in(page, site, "ana")
    page.get_by_role("link", name="Preview").click()
    frame = page.frame_locator("iframe.task")
    expect(frame.get_by_role("button", name="Accept the HIT to hand it in")).to_be_disabled()
    expect(frame.get_by_text("origin null")).to_be_visible()
    page.get_by_role("button", name="Accept").click()
    frame.get_by_label("Colour").fill("neither green nor pink")
    frame.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="Handed in. Thank you!")).to_be_visible()
    [assignment] = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
    assert "neither green nor pink" in assignment["Answer"]


def test_returning_a_hit_is_asked_back_first_and_the_time_is_counted_down(page, site, mturk, make_hit, task_url, screenshot):
    hit = make_hit(Question=question(task_url), MaxAssignments=1, AssignmentDurationInSeconds=3700)
    accounts.make_worker("ana", "correct horse")
    sign_in(page, site, "ana")
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".clock")).to_have_text(re.compile(r"^1:01:\d\d$"))
    page.get_by_role("button", name="Return…").click()
    screenshot(page, "return")
    page.get_by_role("button", name="Keep working").click()
    expect(page.get_by_role("button", name="Return it")).to_be_hidden()
    page.get_by_role("button", name="Return…").click()
    page.get_by_role("button", name="Return it").click()
    expect(page.get_by_text("You returned")).to_be_visible()
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["NumberOfAssignmentsAvailable"] == 1


def test_the_page_moves_on_when_the_time_is_over(page, site, mturk, make_hit, task_url):
    hit = make_hit(Question=question(task_url))
    ana = accounts.make_worker("ana", "correct horse")
    sign_in(page, site, "ana")
    page.get_by_role("button", name="Accept").click()
    expect(page.frame_locator("iframe.task").get_by_text("Hello")).to_be_visible()
    Assignment.objects.filter(worker=ana).update(deadline=timezone.now())
    expect(page.get_by_role("heading", name="Time ran out")).to_be_visible(timeout=15_000)
    assert hit["HITId"] in page.url


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, {"width": 360, "height": 740, "has_touch": True}])
def test_every_page_fits_a_desktop_and_a_phone(open_page, site, mturk, make_hit, task_url, screenshot, size):
    page = open_page(**size)
    requester = Requester.objects.get(name="a lab")
    ana = accounts.make_worker("ana", "correct horse")
    hits = [make_hit(Question=question(task_url), Title=title, Reward=reward) for title, reward in TITLES]
    make_hit(
        Question=question(task_url),
        Title="Only for the certified",
        QualificationRequirements=[
            {"QualificationTypeId": "00000000000000000040", "Comparator": "GreaterThanOrEqualTo", "IntegerValues": [100]}
        ],
    )
    QualificationType.objects.create(
        requester=requester, name="Careful annotator", description="For those who did our tutorial.", status="Active"
    )
    Message.objects.create(
        worker=ana, requester=requester, subject="About your last HIT", text="Thank you for the careful work.\nMore is coming."
    )
    screens = []

    def keep(name: str, path: str) -> None:
        page.goto(f"{site}{path}")
        screenshot(page, name)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        screens.append((name, overflow))

    keep("home", "/")
    keep("join", f"/marketplace/join/{accounts.invite()[0]}/")
    page.expected_errors.append("403")
    keep("by-invitation", "/marketplace/join/")
    keep("sign-in", "/marketplace/signin/")
    sign_in(page, site, "ana")
    keep("preview", f"/marketplace/hits/{hits[0]['HITId']}/preview/")
    page.get_by_role("button", name="Accept").click()
    expect(page.frame_locator("iframe.task").get_by_text("Hello")).to_be_visible()
    keep("work", f"/marketplace/hits/{hits[0]['HITId']}/work/")
    keep("list", "/marketplace/")
    keep("not-for-you", f"/marketplace/hits/{mturk.list_hits()['HITs'][0]['HITId']}/preview/")
    page.goto(f"{site}/marketplace/hits/{hits[0]['HITId']}/work/")
    page.frame_locator("iframe.task").get_by_role("button", name="left wrist").click()
    expect(page.get_by_role("heading", name="Handed in. Thank you!")).to_be_visible()
    keep("done", f"/marketplace/hits/{hits[0]['HITId']}/done/")
    [assignment] = Assignment.objects.all()
    mturk.approve_assignment(AssignmentId=assignment.assignment_id)
    mturk.send_bonus(
        WorkerId=ana.worker_id, AssignmentId=assignment.assignment_id, BonusAmount="0.35", Reason="You were very careful."
    )
    page.goto(f"{site}/marketplace/groups/{hits[1]['HITGroupId']}/preview/")
    page.get_by_role("button", name="Accept").click()
    for name in ["mine", "earnings", "messages", "qualifications", "account"]:
        keep(name, f"/marketplace/{name}/")
    assert [screen for screen in screens if screen[1] > 0] == []


TITLES = [
    ("Guess the Closest Part of a Person!", "0.40"),
    ("Say which of two body parts is closer to the camera, for a study of human poses in sports", "0.10"),
    ("A short questionnaire", "1.25"),
]
