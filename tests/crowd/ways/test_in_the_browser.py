"""Each way to people from the first page to the last, in a real browser, on a desk and on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Task, Vote
from crowd import publishing, reconciling
from crowd.models import Assignment, Invitation, Payment
from crowd.visits import completing
from crowd.ways import invitation as invitations
from jobs import running
from tests.annotation.browser.hands import Worker, barriers
from tests.annotation.people import make_drawn_pairs
from tests.crowd.offers import make_campaign
from tests.crowd.ways.people import Kind, address, finish_visits, make_open_campaign, make_way
from tests.factories import make_user
from tests.panel.test_accessibility import barriers as panel_barriers

pytestmark = pytest.mark.django_db(transaction=True)
SIZES = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 360, "height": 640, "has_touch": True, "is_mobile": True}}
CONSENT = "We store your answers under a pseudonym."


@pytest.fixture(params=SIZES)
def visitor(request, open_page) -> Page:
    """A person's browser; of either size."""
    return open_page(permissions=["clipboard-read", "clipboard-write"], **SIZES[request.param])


@pytest.fixture
def look(visitor, screenshot):
    """`look("name")` keeps a picture and holds the page to the rules of accessibility."""

    def act(name: str, page: Page | None = None) -> None:
        page = page or visitor
        screenshot(page, name, full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        assert barriers(page) == [], name

    return act


def answer_all(page: Page, n: int) -> None:
    """From the instructions to the end's button, and hand in."""
    worker = Worker(page)
    page.wait_for_selector("#task-data", state="attached")
    stage = page.evaluate("JSON.parse(document.getElementById('task-data').textContent).stage")
    if stage == "consent":
        worker.press('[data-do="consent"]')
    worker.press('[data-do="begin"]')
    for place in range(1, n + 1):
        worker.expect_place(f"{place} of {n}")
        worker.answer("left")
    worker.at("end")
    worker.press('[data-do="hand-in"]')


@pytest.fixture
def researcher(client):
    user = make_user(username="lab")
    client.force_login(user)
    return client


# --- A link ---------------------------------------------------------------------------------------


def test_by_a_link_to_a_code_that_is_copied_and_confirmed(site, visitor, look, researcher):
    campaign = make_open_campaign(1, places=2, consent_text=CONSENT, contact="lab@example.org")
    visitor.goto(address(campaign, site))
    expect(visitor.get_by_text("This is a preview")).to_be_visible()
    look("link 1 preview")
    visitor.goto(address(campaign, site, pid="person-7", visit="v1"))
    Worker(visitor).at("consent")
    look("link 2 consent")
    answer_all(visitor, 2)
    expect(visitor.get_by_role("heading", name="Done – thank you")).to_be_visible()
    code = completing.code_of(Assignment.objects.get())
    expect(visitor.locator("[data-code]")).to_have_text(code)
    visitor.get_by_role("button", name="Copy the code").click()
    expect(visitor.get_by_text("Copied.")).to_be_visible()
    assert visitor.evaluate("navigator.clipboard.readText()") == code
    look("link 3 code")
    visitor.goto(address(campaign, site, pid="person-7", visit="v1"))  # once more: the code again, not another task
    expect(visitor.locator("[data-code]")).to_have_text(code)
    visitor.goto(address(campaign, site, pid="no person", visit="v1"))
    look("link 4 turned away")
    assert Task.objects.count() == 1 and not Vote.objects.verified().exists()
    researcher.post(f"/panel/crowd/campaign/{campaign.pk}/visits/", {"act": "confirm-listed", "listed": code})
    assert Vote.objects.verified().count() == 2
    assert Payment.objects.get().decided_by.username == "lab"


def test_by_a_link_and_back_to_the_platform_with_code_and_names(site, phone):
    visitor = phone
    environment = make_way(completion_url=f"{site}/?code={{code}}&person={{worker}}&visit={{session}}&study={{study}}")
    campaign = make_open_campaign(1, environment=environment, completion_code="C0DE", study_id="77")
    visitor.goto(address(campaign, site, pid="p+1", visit="v~2"))
    answer_all(visitor, 2)
    visitor.wait_for_url(f"{site}/?code=C0DE&person=p%2B1&visit=v~2&study=77")
    visitor.goto(address(campaign, site, pid="p+1", visit="v~2"))  # once more: back again
    visitor.wait_for_url(f"{site}/?code=C0DE&person=p%2B1&visit=v~2&study=77")


# --- Prolific ---------------------------------------------------------------------------------------


def test_by_prolific_there_and_back_and_paid(site, stand_in, prolific, visitor, look):
    dataset = make_drawn_pairs(1, 2)[0].person.image.dataset
    campaign = make_campaign(
        dataset=dataset, environment=prolific, state="draft", votes_per_pair=1, reward_usd="0.40", delay_ms=0,
        consent_text=CONSENT, title="Which is closer?",
    )
    campaign.refresh_from_db()
    assert running.execute(publishing.publish(campaign, campaign.owner)).is_done
    campaign.refresh_from_db()
    visitor.goto(stand_in.url)
    look("prolific 1 studies")
    visitor.get_by_role("button", name="Take part").click()
    with visitor.context.expect_page() as opened:
        visitor.get_by_role("link", name="Open study").click()
    task = opened.value
    Worker(task).at("consent")
    look("prolific 2 consent", task)
    answer_all(task, 2)
    task.wait_for_url(re.compile(r"/submissions/[0-9a-f]{24}$"))
    expect(task.locator("[data-status]")).to_have_attribute("data-status", "AWAITING REVIEW")
    look("prolific 3 back", task)
    reconciling.reconcile(campaign)
    task.reload()
    expect(task.locator("[data-status]")).to_have_attribute("data-status", "APPROVED")
    assert Vote.objects.verified().count() == 2
    line = Payment.objects.get(kind="reward")
    assert stand_in.account.balance_cents == 100_000 - 100 * (line.amount_usd + line.fee_usd)
    task.goto(stand_in.account.address(next(iter(stand_in.account.submissions.values()))))  # a second time: back again
    expect(task.locator("[data-status]")).to_have_attribute("data-status", "APPROVED")


# --- Invitation -------------------------------------------------------------------------------------


def test_by_invitation_through_all_tasks_with_a_break(site, visitor, look, open_page):
    campaign = make_open_campaign(2, kind=Kind.INVITATION, consent_text=CONSENT, contact="lab@example.org")
    ada = invitations.invite(campaign, name="Ada Lovelace")
    visitor.goto(invitations.link_of(ada))
    expect(visitor.get_by_role("heading", name="Welcome, Ada Lovelace")).to_be_visible()
    look("invitation 1 welcome")
    visitor.get_by_role("link", name="Begin").click()
    answer_all(visitor, 2)
    expect(visitor.get_by_text("1 of 2 tasks done")).to_be_visible()
    look("invitation 2 between")
    visitor.get_by_role("link", name="Next task").click()
    worker = Worker(visitor)
    worker.expect_place("1 of 2")  # the instructions are known by now
    worker.answer("left")
    worker.saved()
    other = open_page(width=768, height=1024)  # another device goes on where this one was
    other.goto(invitations.link_of(ada))
    other.get_by_role("link", name="Go on where you were").click()
    there = Worker(other)
    there.expect_place("2 of 2")
    there.answer("right")
    there.press('[data-do="hand-in"]')
    expect(other.get_by_role("heading", name="All tasks are done")).to_be_visible()
    visitor.goto(invitations.link_of(ada))
    look("invitation 3 done")
    reconciling.reconcile(campaign)
    assert Vote.objects.verified().count() == 4
    invitations.revoke(ada)
    visitor.expected_errors.append("410")
    visitor.goto(invitations.link_of(ada))
    look("invitation 4 revoked")


def test_a_researcher_invites_sees_agreement_and_takes_answers_as_known(site, open_page, screenshot):
    campaign = make_open_campaign(1, kind=Kind.INVITATION)
    make_user(username="lab", password="correct horse")
    looks = {"color_scheme": "light", "reduced_motion": "reduce"}
    page = open_page(width=1280, height=900, permissions=["clipboard-read", "clipboard-write"], **looks)
    page.goto(f"{site}/panel/crowd/campaign/{campaign.pk}/invitations/")
    page.get_by_label("Username").fill("lab")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Whom").fill("Ada Lovelace <ada@example.org>\nBob")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("2 people invited")).to_be_visible()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_text("Copied.").first).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == invitations.link_of(Invitation.objects.first())
    for link in [invitations.link_of(row) for row in Invitation.objects.all()]:
        expert = open_page(width=1280, height=800)
        expert.goto(link)
        expert.get_by_role("link", name="Begin").click()
        answer_all(expert, 2)
        expert.wait_for_selector("[data-invited]")
    reconciling.reconcile(campaign)
    page.reload()
    expect(page.get_by_role("row", name=re.compile("Ada Lovelace and Bob 2 "))).to_be_visible()
    page.get_by_text("Take answers as known…").click()
    screenshot(page, "panel invitations", full_page=True)
    assert panel_barriers(page) == []
    page.set_viewport_size({"width": 768, "height": 1024})
    screenshot(page, "panel invitations", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("button", name="Take as known").click()
    expect(page.get_by_text("got a known answer")).to_be_visible()


def test_a_researcher_confirms_visits(site, open_page, screenshot, client):
    campaign = make_open_campaign(2, places=2)
    finish_visits(client, campaign, "ada", "bob", "eve")
    make_user(username="lab", password="correct horse")
    page = open_page(width=1280, height=900, color_scheme="light", reduced_motion="reduce")
    page.goto(f"{site}/panel/crowd/campaign/{campaign.pk}/change/")
    page.get_by_label("Username").fill("lab")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Who finished…").click()
    page.get_by_label("Codes, visits or people").fill("v-ada\nnobody-knows")
    page.get_by_role("button", name="Confirm these").click()
    expect(page.get_by_text("1 visit confirmed")).to_be_visible()
    page.get_by_text("Reject the chosen…").click()
    screenshot(page, "panel visits", full_page=True)
    assert panel_barriers(page) == []
    page.get_by_label("Visit v-bob").check()
    page.get_by_label("Reason, as they will read it").fill("The platform does not know this visit.")
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.get_by_text("1 task rejected")).to_be_visible()
    page.get_by_role("button", name="Confirm all 1 that wait").click()
    assert sorted(Assignment.objects.values_list("state", flat=True)) == ["approved", "approved", "rejected"]
