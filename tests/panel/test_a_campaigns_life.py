"""A researcher runs a whole campaign with the mouse, from a draft to the archive, and the money adds up."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from annotation.models import Task
from crowd import reconciling
from crowd.books import auditing
from crowd.marketplace import assignments
from crowd.marketplace import models as market
from crowd.models import Assignment, Campaign, Payment, Publication, Worker
from jobs import running
from tests import factories
from tests.crowd.handwork import Hand
from tests.panel.test_accessibility import barriers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def panel(open_page, log_in):
    """Without motion, so that axe sees colours at rest."""
    return log_in(open_page(color_scheme="light", reduced_motion="reduce"))


@pytest.fixture
def check(panel, screenshot):
    """`check("name")`: the page has no barrier and nothing runs over its side; a picture is kept."""

    def look(name: str) -> None:
        assert barriers(panel) == [], name
        assert panel.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        screenshot(panel, name, full_page=True)

    return look


def run_job() -> None:
    """What a worker process would do meanwhile."""
    for job in Publication.objects.exclude(state__in=Publication.ENDED):
        assert running.execute(job).is_done, Publication.objects.get(pk=job.pk).error


def offer(panel, button: str) -> None:
    panel.get_by_role("link", name="Offer…").click()
    panel.get_by_role("button", name=button, exact=True).click()


@pytest.mark.long
def test_a_campaign_from_draft_to_archive(panel, site, mannequins, marketplace, check):
    panel.goto(f"{site}/panel/crowd/campaign/add/?dataset={mannequins.pk}")
    panel.get_by_label("Name", exact=True).fill("A whole life")
    panel.get_by_label("Votes for each pair", exact=True).fill("4")
    panel.get_by_label("Images in a HIT", exact=True).fill("6")
    panel.get_by_text("How workers are prepared and checked").click()
    panel.get_by_label("Begin with a tutorial").uncheck()
    panel.get_by_label("Consent text", exact=True).fill("")
    for field in ("Approval rate, at least (%)", "Approved HITs, at least", "Countries"):
        expect(panel.get_by_label(field)).not_to_have_value("")
    check("draft")
    panel.get_by_role("button", name="Save the draft").first.click()
    panel.get_by_role("link", name="Launch…").click()
    panel.get_by_role("button", name=re.compile("Launch for")).click()
    run_job()
    campaign = Campaign.objects.get()
    hit = campaign.hits.get()

    offer(panel, "Pause")
    run_job()
    expect(panel.locator(".badge.paused").first).to_be_visible()
    panel.get_by_role("link", name="Offer…").click()
    check("offer-paused")
    panel.get_by_role("button", name="Resume").click()
    run_job()

    good, lost, lazy = Hand(), Hand(), Hand()
    good.do(hit, response_ms=3000)
    given_up = lost.accept(hit)
    lost.answer(hit, given_up)
    assignments.give_back(given_up)  # as the page would not let go of it
    empty = lazy.accept(hit)
    lazy.submit(empty, lazy.answer(hit, empty, n=2))
    Task.objects.update(expires_at="2026-01-01T00:00Z")
    panel.goto(site + reverse("admin:crowd_campaign_work", args=[campaign.pk]))
    panel.get_by_role("button", name="Compare everything now").click()
    check("work-saved-here")
    panel.get_by_role("button", name=re.compile(r"^Pay \$0\.10")).click()  # a HIT of its own, as nothing was ever handed in
    expect(panel.locator(".messagelist")).to_contain_text("only this worker can see")
    panel.get_by_role("link", name=re.compile("Submitted there, not saved here")).click()
    check("work-submitted-there")
    panel.get_by_role("link", name=re.compile("Look, or reject")).click()
    panel.get_by_label("Reject, because (the worker reads exactly this)").fill("Two of 30 comparisons were answered.")
    check("task-to-decide")
    panel.get_by_role("button", name="Reject").click()
    assert lazy.row.messages.get().text.endswith("Two of 30 comparisons were answered.")
    panel.get_by_label("Reverse the rejection, because (the worker reads this)").fill("The page had stuck. Sorry.")
    check("task-rejected")
    panel.get_by_role("button", name="Pay after all").click()
    expect(panel.locator(".badge.approved")).to_be_visible()

    thanks = campaign.hits.get(compensates__isnull=False)
    taken = lost.accept(thanks)
    lost.submit(taken)
    reconciling.reconcile(campaign)

    panel.goto(site + reverse("admin:crowd_campaign_wages", args=[campaign.pk]))
    panel.get_by_label("Floor (USD an hour)").fill("15")
    panel.get_by_role("button", name="Set the floor").click()
    check("wages")
    panel.get_by_role("button", name=re.compile(r"^Pay \$")).click()
    run_job()
    panel.reload()
    expect(panel.get_by_text("Everybody has earned the floor.")).to_be_visible()

    panel.get_by_role("link", name="Accounts").click()
    expect(panel.get_by_text("agrees to the cent")).to_be_visible()
    check("accounts")
    panel.get_by_role("link", name="Ledger").first.click()
    check("ledger")

    panel.goto(site + reverse("admin:crowd_campaign_change", args=[campaign.pk]))
    offer(panel, "Ask for more votes")
    run_job()
    assert market.Hit.objects.get(hit_id=hit.hit_id).max_assignments == 5
    panel.get_by_role("link", name="Offer…").click()
    panel.get_by_role("link", name="Finish…").click()
    panel.get_by_role("button", name="Finish it").click()
    run_job()
    panel.get_by_role("link", name="Offer…").click()
    check("offer-finished")
    panel.get_by_role("button", name="Archive it").click()
    run_job()
    panel.reload()
    expect(panel.get_by_text("it is only read")).to_be_visible()
    check("archived")
    assert set(market.Hit.objects.values_list("status", flat=True)) == {"Disposed"}
    assert auditing.audit(marketplace).agrees
    assert set(Payment.objects.values_list("kind", flat=True)) == {"opening", "reward", "bonus", "rejection", "reversal"}


def test_a_worker_is_written_to_excluded_and_blocked_with_the_mouse(panel, site, researcher, marketplace, check):
    from crowd import publishing

    campaign = factories.make_campaign(
        owner=researcher, environment=marketplace, dataset=factories.make_dataset(owner=researcher), votes_per_pair=2
    )
    factories.make_pairs(5, campaign.dataset)
    running.execute(publishing.publish(campaign, researcher))
    hand = Hand()
    hand.do(campaign.hits.get())
    reconciling.reconcile(campaign)
    worker = Worker.objects.get()
    panel.goto(site + reverse("admin:crowd_worker_change", args=[worker.pk]))
    panel.get_by_label("Subject").fill("Thank you")
    panel.get_by_label("Message", exact=True).fill("That was careful work.")
    panel.get_by_role("button", name="Send…").click()
    check("worker-confirm")
    panel.get_by_role("button", name="Send", exact=True).click()
    expect(panel.locator(".messagelist .success")).to_contain_text("The message is sent.")
    assert hand.row.messages.get(subject="Thank you").text == "That was careful work."
    panel.get_by_label("Why (the worker does not see it)").fill("Answers at random.")
    panel.get_by_role("button", name="Give no further task…").click()
    panel.get_by_role("button", name="Give no further task", exact=True).click()
    expect(panel.get_by_role("cell", name="Answers at random.")).to_be_visible()
    panel.get_by_label("Why it is fraud").fill("Fraud.")
    panel.get_by_label(re.compile("To confirm")).fill("yes")
    panel.get_by_role("button", name="Block…").click()
    expect(panel.locator(".messagelist .error")).to_contain_text("Type the worker's pseudonym")
    panel.get_by_label("Why it is fraud").fill("Fraud.")
    panel.get_by_label(re.compile("To confirm")).fill(str(worker))
    panel.get_by_role("button", name="Block…").click()
    panel.get_by_role("button", name="Block", exact=True).click()
    expect(panel.get_by_role("button", name="Lift the block…")).to_be_visible()
    check("worker-blocked")
    assert market.WorkerBlock.objects.count() == 1


def test_a_viewer_sees_the_pages_and_can_spend_nothing(client):
    from django.contrib.auth.models import Group

    from annotation.panel import roles

    roles.ensure()
    user = factories.make_user(is_superuser=False)
    user.groups.add(Group.objects.get(name="Viewer"))
    campaign = factories.make_voted_campaign(owner=user, dataset=factories.make_dataset(owner=user), n_pairs=5)
    Campaign.objects.update(state="collecting", wage_floor_usd="15.00")
    assignment = Assignment.objects.first()
    Assignment.objects.update(state="submitted")
    client.force_login(user)
    for name, pk in (("crowd_campaign_work", campaign.pk), ("crowd_campaign_wages", campaign.pk)):
        assert client.get(reverse(f"admin:{name}", args=[pk])).status_code == 200
    acts = [
        ("crowd_campaign_change-offer", campaign.pk, {"act": "pause"}),
        ("crowd_campaign_work", campaign.pk, {"act": "approve", "assignment": assignment.pk}),
        ("crowd_campaign_wages", campaign.pk, {"act": "top-up"}),
        ("crowd_assignment_decide", assignment.pk, {"act": "reject", "reason": "No."}),
        ("crowd_worker_block", assignment.worker_id, {"reason": "x", "typed": str(assignment.worker)}),
        ("crowd_worker_letter", assignment.worker_id, {"subject": "x", "text": "y"}),
    ]
    for name, pk, body in acts:
        assert client.post(reverse(f"admin:{name}", args=[pk]), body).status_code == 403, name
    assert client.post(reverse("admin:accounts"), {"amount": "5"}).status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == "collecting" and not Payment.objects.exists()
