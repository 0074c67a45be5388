"""A researcher's ways through the panel, with the mouse, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from annotation.models import Choice, Dataset, Import, Pair, Task, Vote
from crowd import publishing
from crowd.marketplace import accounts
from crowd.marketplace.models import Assignment as MarketplaceAssignment
from crowd.models import Campaign, Merge, Publication, Release, Worker
from crowd.simulation.browser import Browser, Form
from jobs import running
from modeling import setting_up
from modeling.models import Demonstration, Run
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_folder_of_images_becomes_a_data_set(panel, screenshot):
    panel.get_by_role("link", name="Import a data set").first.click()
    panel.get_by_label("Nearer's own JSON").check()
    panel.get_by_label("Folder on the server").fill(str(setting_up.MANNEQUINS))
    panel.get_by_label("Name of the new data set").fill("My people")
    panel.get_by_label("At most so many images").fill("6")
    screenshot(panel, "import")
    panel.get_by_role("button", name="Import it").click()
    expect(panel.locator("[data-job-state]")).to_have_text("waiting")
    running.execute(Import.objects.get())  # what a worker process would do meanwhile
    panel.get_by_role("link", name="See the data set").click()  # the page draws itself anew
    expect(panel.get_by_role("heading", level=1)).to_have_text("My people")
    expect(panel.locator(".gallery li")).to_have_count(6)
    assert panel.locator(".gallery .joint").count() > 6 * 10
    screenshot(panel, "data-set")


def test_an_import_that_fails_says_why_and_can_be_tried_again(panel, site):
    nowhere = str(setting_up.MANNEQUINS / "nowhere")
    panel.goto(f"{site}/panel/annotation/import/add/")
    panel.get_by_label("Folder on the server").fill(nowhere)
    panel.get_by_label("Name of the new data set").fill("Lost")
    panel.get_by_role("button", name="Import it").click()
    running.execute(Import.objects.get())
    expect(panel.locator("[data-job-error]")).to_contain_text(nowhere)
    panel.goto(f"{site}/panel/")
    expect(panel.locator(".attention")).to_contain_text("Import of “Lost” failed")
    panel.get_by_role("link", name="See why").click()
    panel.get_by_role("link", name="Try again").click()
    expect(panel.get_by_label("Folder on the server")).to_have_value(nowhere)


def test_a_campaign_is_priced_drafted_and_launched_for_what_it_said(panel, mannequins, marketplace, screenshot):
    panel.reload()
    panel.get_by_role("link", name="Make a campaign").click()
    panel.get_by_label("Name", exact=True).fill("First crowd")
    price = panel.get_by_role("complementary", name="What it will cost")
    # 30 pairs in 2 HITs of 25 at most, 5 assignments each, 10 cents and a fee of 2 cents
    expect(price).to_contain_text("$1.20")
    expect(price).to_contain_text("Under the federal minimum wage")
    panel.get_by_label("Reward for a HIT (USD)").fill("0.40")
    expect(price).to_contain_text("$4.80")
    expect(price.get_by_text("Under the federal minimum wage")).to_be_hidden()
    expect(price).to_contain_text("with 10 people at work at any time")  # nothing is known of this crowd's pace yet
    screenshot(panel, "campaign-form")
    panel.get_by_role("button", name="Save the draft").first.click()
    expect(panel.get_by_text("of the merged answers")).to_contain_text("%")
    panel.get_by_role("link", name="As workers will see it").click()
    for title in ("The question on a desktop", "The question on a phone"):
        asked = panel.frame_locator(f"iframe[title='{title}']")
        expect(asked.locator("[data-screen='compare']")).to_be_visible()  # with one's own image, before any HIT is made
    screenshot(panel, "draft-as-workers-see-it", full_page=True)
    assert not Task.objects.exists()
    panel.get_by_role("link", name="Launch…").click()
    checks = panel.get_by_role("region", name="Looked at before the launch")
    expect(checks).to_contain_text("The account holds $1,000.00; $995.20 will be left.")
    expect(checks.locator("li.good", has_text="Images")).to_be_visible()
    expect(checks.locator("li.warn", has_text="https")).to_contain_text("this machine")
    screenshot(panel, "launch")
    panel.get_by_role("button", name="Launch for $4.80").click()
    campaign = Campaign.objects.get()
    assert campaign.state == Campaign.State.PUBLISHING
    running.execute(Publication.objects.get())
    expect(panel.locator(".badge.collecting")).to_be_visible()
    expect(panel.get_by_text("0 of 10", exact=True)).to_be_visible()
    assert campaign.hits.exclude(hit_id="").count() == 2


def test_a_campaign_that_the_account_does_not_cover_is_not_launched(panel, site, mannequins, marketplace, researcher):
    campaign = factories.make_campaign(
        owner=researcher, dataset=mannequins, environment=marketplace, reward_usd="500.00", name="Too dear"
    )
    panel.goto(f"{site}/panel/crowd/campaign/{campaign.pk}/launch/")
    expect(panel.locator(".checks .bad")).to_contain_text("does not cover it. Deposit at least")
    expect(panel.get_by_role("button", name=re.compile("Launch for"))).to_be_disabled()
    assert not Publication.objects.exists()
    campaign.refresh_from_db()
    assert campaign.is_draft


def test_votes_arrive_on_the_campaigns_page_while_it_is_looked_at(panel, site, researcher, screenshot):
    campaign = factories.make_voted_campaign(owner=researcher, state="collecting", n_pairs=10)
    panel.goto(f"{site}/panel/crowd/campaign/{campaign.pk}/change/")
    share = panel.locator("[data-live='share_percent']")
    expect(share).to_have_text("0 %")
    assignment = campaign.hits.get().assignments.first()
    assignment.state = "approved"
    assignment.save()
    expect(share).to_have_text("20 %")
    expect(panel.get_by_text("1 of 5", exact=True)).to_be_visible()


def test_what_votes_and_workers_say_follows_by_itself_and_leaves_an_open_table_alone(panel, site, researcher):
    campaign = factories.make_voted_campaign(owner=researcher, state="collecting", n_pairs=5, votes=3)
    panel.clock.install()
    panel.goto(f"{site}/panel/crowd/campaign/{campaign.pk}/change/")
    votes = panel.locator("[data-part$='/votes/']")
    expect(votes).to_contain_text("15 on 5 pairs, by 3 workers")
    expect(panel.get_by_role("region", name="What the labels are worth")).to_contain_text("of the 5 labels are right")
    hit = campaign.hits.get()
    factories.answer(factories.make_assignment(hit=hit).task, lambda pair: True)
    votes.get_by_text("As a table").first.click()
    panel.clock.run_for(20_000)
    panel.wait_for_load_state("networkidle")
    expect(votes).to_contain_text("15 on 5 pairs, by 3 workers")
    votes.get_by_text("As a table").first.click()
    panel.evaluate("document.activeElement.blur()")
    panel.clock.run_for(20_000)
    expect(votes).to_contain_text("20 on 5 pairs, by 4 workers")


def test_votes_become_a_consensus_a_release_and_a_run_with_the_mouse(panel, site, researcher, screenshot):
    campaign = factories.make_voted_campaign(owner=researcher, state="collecting", n_pairs=15)
    panel.goto(f"{site}/panel/crowd/campaign/{campaign.pk}/change/")
    screenshot(panel, "campaign", full_page=True)
    panel.get_by_label("Method").select_option("majority")
    panel.get_by_role("button", name="Merge the votes").click()
    running.execute(Merge.objects.get())
    expect(panel.get_by_text("Consensus right")).to_be_visible()
    expect(panel.locator("[data-chart='accuracy-by-gap'] canvas")).to_be_visible()
    screenshot(panel, "merge", full_page=True)
    panel.get_by_role("link", name="Make a release").click()
    panel.get_by_role("button", name="Write it").click()
    running.execute(Release.objects.get())
    with panel.expect_download() as download:
        panel.get_by_role("link", name="pairs.csv").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 16
    assert lines[0].startswith("image,person,first,second")
    screenshot(panel, "release")
    panel.get_by_role("button", name="Train a lifter on it").click()
    expect(panel.locator("[data-job-state]")).to_have_text("waiting")
    panel.get_by_role("button", name="Stop it").click()
    expect(panel.locator("[data-job-state]")).to_have_text("cancelled")
    assert Run.objects.get().state == "cancelled"


def test_a_persons_votes_consensus_and_pose_stand_beside_the_picture(panel, site, finished, screenshot):
    person = finished["person"]
    panel.goto(f"{site}/panel/annotation/person/{person.pk}/change/")
    row = panel.locator("[data-pair]").first
    n_votes = Vote.objects.filter(pair_id=int(row.get_attribute("data-pair"))).exclude(choice=Choice.UNDONE).count()
    expect(row.locator(".vote")).to_have_count(n_votes)
    mark = panel.locator(f"[data-pair-mark='{row.get_attribute('data-pair')}']")
    row.hover()
    expect(mark).to_have_class(re.compile("shown"))
    button = row.get_by_role("button")
    button.focus()
    panel.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    panel.get_by_role("heading", level=1).hover()
    expect(mark).to_have_class(re.compile("shown"))  # it was kept
    stage = panel.locator("[data-pose-stage]")
    expect(stage.locator("canvas, .apology")).to_have_count(1)
    panel.get_by_text("As a table: depth of each joint").click()
    expect(panel.get_by_role("columnheader", name="Ground truth")).to_be_visible()
    expect(panel.get_by_role("columnheader", name="Predicted by first-run")).to_be_visible()
    screenshot(panel, "person", full_page=True)


def test_the_pose_turns_by_itself_and_by_keys_and_rests_when_told(panel, site, finished):
    panel.goto(f"{site}/panel/annotation/person/{finished['person'].pk}/change/")
    canvas = panel.locator("[data-pose-stage] canvas")
    picture = canvas.evaluate_handle("node => () => node.toDataURL()")
    canvas.wait_for()
    turn = panel.locator("[data-pose-turn]")
    expect(turn).to_have_text("Pause")
    before = picture.evaluate("take => take()")
    panel.wait_for_timeout(400)
    assert picture.evaluate("take => take()") != before
    turn.click()
    expect(turn).to_have_text("Turn")
    panel.wait_for_timeout(100)
    resting = picture.evaluate("take => take()")
    panel.wait_for_timeout(400)
    assert picture.evaluate("take => take()") == resting
    canvas.focus()
    panel.keyboard.press("ArrowRight")
    panel.wait_for_timeout(200)
    assert picture.evaluate("take => take()") != resting


def test_a_runs_curve_grows_while_it_is_looked_at(panel, site, finished, screenshot):
    run = finished["run"]
    Run.objects.filter(pk=run.pk).update(state="running", curve=run.curve[:3], progress=0.3)
    panel.goto(f"{site}/panel/modeling/run/{run.pk}/change/")
    rows = panel.locator("[data-chart-rows] tr")
    expect(rows).to_have_count(3)
    Run.objects.filter(pk=run.pk).update(curve=run.curve, progress=0.9)
    expect(rows).to_have_count(10)
    Run.objects.filter(pk=run.pk).update(state="done", progress=1)
    expect(panel.get_by_role("heading", name="Before and after")).to_be_visible()
    expect(panel.get_by_text("82.5")).to_be_visible()
    expect(panel.locator(".gallery li")).to_have_count(3)
    screenshot(panel, "run", full_page=True)
    with panel.expect_download() as download:
        panel.get_by_role("link", name="Download the weights").click()
    assert download.value.path().read_bytes() == b"weights"


def test_the_demonstration_is_one_button_away(panel, mannequins, marketplace, screenshot):
    panel.reload()
    screenshot(panel, "home", full_page=True)
    panel.get_by_role("link", name="Watch it work").first.click()
    panel.get_by_role("button", name="Start").click()
    expect(panel.locator("[data-job-state]")).to_have_text("waiting")
    assert Demonstration.objects.get().dataset == Dataset.objects.get()
    panel.get_by_role("button", name="Stop it").click()
    expect(panel.locator("[data-job-state]")).to_have_text("cancelled")


def test_on_a_small_screen_the_menu_folds_and_nothing_is_cut_off(open_page, log_in, site, finished, screenshot):
    page = log_in(open_page(width=768, height=1024))
    expect(page.get_by_role("link", name="Campaigns", exact=True)).to_be_hidden()
    page.get_by_text("Menu").click()
    page.get_by_role("link", name="Campaigns", exact=True).click()
    page.get_by_role("link", name=finished["campaign"].name).click()
    screenshot(page, "campaign", full_page=True)
    for path in (
        "", f"annotation/person/{finished['person'].pk}/change/", f"crowd/merge/{finished['merge'].pk}/change/",
        f"modeling/run/{finished['run'].pk}/change/", "crowd/campaign/add/",
    ):
        page.goto(f"{site}/panel/{path}")
        too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert too_wide <= 0, path
    page.set_viewport_size({"width": 360, "height": 740})  # the form's cards cut off what is wider than they are
    beyond = page.locator("#content :is(input, select, textarea, .help):visible").evaluate_all(
        "all => all.filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.id)"
    )
    assert beyond == []


def test_doubtful_pairs_are_reviewed_and_an_experts_answer_is_kept(panel, finished, screenshot):
    panel.get_by_role("link", name="Review", exact=True).click()
    risks = [float(words.split("risk")[1].strip(" %\n")) for words in panel.locator(".review p").all_inner_texts()]
    assert risks == sorted(risks, reverse=True)
    card = panel.locator(".review > li").first
    pair = Pair.objects.get(pk=int(card.get_attribute("id").removeprefix("pair-")))
    screenshot(panel, "review", full_page=True)
    card.locator("button[value=second]").click()
    expect(panel.locator(f"#pair-{pair.pk}")).to_have_count(0)  # it is in doubt no longer
    pair.refresh_from_db()
    assert pair.gold_first is False
    panel.get_by_role("link", name="With an expert's answer").click()
    expect(panel.locator(f"#pair-{pair.pk} button[aria-pressed=true]")).to_have_count(1)
    panel.get_by_role("button", name="Take it back").click()
    expect(panel.locator(".empty")).to_be_visible()
    pair.refresh_from_db()
    assert pair.gold_first is None


def test_a_worker_is_looked_at_and_gets_no_further_task(panel, site, finished, screenshot):
    panel.goto(f"{site}/panel/crowd/merge/{finished['merge'].pk}/change/")
    link = panel.locator("table code").first
    pseudonym = link.inner_text()
    link.click()
    expect(panel.get_by_role("heading", level=1)).to_have_text(pseudonym)
    expect(panel.locator(".gallery li")).to_have_count(15)
    screenshot(panel, "worker", full_page=True)
    panel.get_by_role("link", name="Approve, pay, write, exclude…").click()
    panel.get_by_label("Why (the worker does not see it)").fill("Presses without looking.")
    panel.get_by_role("button", name="Give no further task…").click()
    panel.get_by_role("button", name="Give no further task", exact=True).click()
    expect(panel.locator(".note.warning")).to_contain_text("Gets no further task since")
    worker = Worker.objects.get(annotator__pseudonym=pseudonym)
    assert worker.excluded_at is not None
    panel.get_by_role("button", name="Readmit…").click()
    panel.get_by_role("button", name="Readmit", exact=True).click()
    expect(panel.get_by_role("button", name="Give no further task…")).to_be_visible()
    panel.get_by_role("link", name="Audit trail").click()
    expect(panel.get_by_role("cell", name="Presses without looking.")).to_be_visible()


def test_work_that_arrived_without_answers_is_approved_by_hand(panel, site, mannequins, marketplace, researcher):
    campaign = factories.make_campaign(owner=researcher, dataset=mannequins, environment=marketplace)
    running.execute(publishing.publish(campaign, researcher))
    hit = campaign.hits.first()
    someone = Browser()
    (invitation,) = accounts.invite(1)
    form = someone.get(f"{site}/marketplace/join/{invitation}/").form("join")
    someone.submit(form, username="worker1", password="a long password", country="DE")
    someone.submit(someone.get(f"{site}/marketplace/hits/{hit.hit_id}/preview/").form("accept"))
    assignment_id = MarketplaceAssignment.objects.get().assignment_id
    hand_in = Form(f"{site}/marketplace/mturk/externalSubmit", "post", {"assignmentId": assignment_id, "answer": "none"})
    assert someone.submit(hand_in).status == 200
    someone.close()
    panel.goto(f"{site}/panel/crowd/campaign/{campaign.pk}/change/")
    panel.get_by_role("button", name="Collect now").click()
    expect(panel.locator(".messagelist")).to_contain_text("has been collected")
    panel.goto(f"{site}/panel/")
    panel.get_by_role("link", name="Review them").click()
    panel.get_by_role("link", name=assignment_id).click()
    expect(panel.locator(".note.warning")).to_contain_text("no answer ever arrived here")
    panel.get_by_role("button", name="Approve and pay $0.10").click()
    expect(panel.locator(".messagelist")).to_contain_text("Approved and paid.")
    expect(panel.get_by_text("$0.10 and $0.02 fee.")).to_be_visible()
    assert campaign.payments.count() == 1


def test_an_import_is_looked_at_before_it_is_made(panel, site, screenshot):
    panel.goto(f"{site}/panel/annotation/import/add/")
    panel.get_by_label("Nearer's own JSON").check()
    panel.get_by_label("Folder on the server").fill(str(setting_up.MANNEQUINS))
    panel.get_by_label("Name of the new data set").fill("Looked at")
    panel.get_by_role("button", name="Look first").click()
    preview = panel.get_by_role("region", name="What was understood")
    expect(preview.locator("svg")).to_have_count(6)
    assert preview.locator("svg image").first.evaluate("node => node.getBoundingClientRect().width") > 50
    screenshot(panel, "preview", full_page=True)
    assert Dataset.objects.count() == Import.objects.count() == 0
    expect(panel.get_by_label("Name of the new data set")).to_have_value("Looked at")
    panel.get_by_label("Folder on the server").fill("/no/such/folder")
    panel.get_by_role("button", name="Look first").click()
    expect(preview.locator(".note.danger")).to_contain_text("/no/such/folder")


def test_a_campaign_is_seen_as_workers_see_it(panel, site, finished, screenshot):
    panel.goto(f"{site}/panel/crowd/campaign/{finished['campaign'].pk}/change/")
    panel.get_by_role("link", name="As workers see it", exact=True).click()
    for title in ("The task on a desktop", "The task on a phone"):
        expect(panel.frame_locator(f"iframe[title='{title}']").get_by_role("heading").first).to_be_visible()
    screenshot(panel, "as-workers-see-it", full_page=True)
    assert finished["campaign"].hits.get().assignments.count() == 5  # looking takes no assignment


def test_further_pairs_are_counted_before_they_are_added(panel, site, mannequins, screenshot):
    panel.goto(f"{site}/panel/annotation/dataset/{mannequins.pk}/change/")
    panel.get_by_role("link", name="More pairs…").click()
    panel.get_by_role("radio", name=re.compile("^Left against right")).check()
    panel.get_by_role("button", name="How many would that be?").click()
    added = panel.get_by_role("region", name="What would be added")
    expect(added).to_contain_text(re.compile(r"\d+ pairs"))
    n_pairs = int(re.search(r"(\d+) pairs", added.inner_text())[1])
    assert 6 <= n_pairs <= 36 and Pair.objects.count() == 30
    screenshot(panel, "more-pairs")
    panel.get_by_role("button", name=f"Add {n_pairs} pairs").click()
    expect(panel.locator(".messagelist")).to_contain_text(f"{n_pairs} pairs are added")
    assert Pair.objects.filter(strategy="sides").count() == n_pairs
    panel.get_by_role("link", name="With missing keypoints").click()
    expect(panel.get_by_text("Nobody here matches.")).to_be_visible()


def test_a_campaign_says_what_its_labels_are_worth_and_what_more_would_buy(panel, site, finished, screenshot):
    campaign = finished["campaign"]
    panel.goto(f"{site}/panel/crowd/campaign/{campaign.pk}/change/")
    worth = panel.get_by_role("region", name="What the labels are worth")
    expect(worth).to_contain_text(re.compile(r"more votes, \$\d+\.\d\d, about|More votes are not needed"))
    expect(worth).to_contain_text(re.compile(r"\d\.\d\d for a dollar"))
    expect(panel.locator("[data-chart='agreement'] canvas")).to_be_visible()
    screenshot(panel, "worth", full_page=True)
    panel.goto(f"{site}/panel/annotation/dataset/{campaign.dataset_id}/change/?show=doubtful")
    expect(panel.locator(".gallery li")).to_have_count(3)


def test_a_page_that_is_being_left_does_not_call_one_back(panel, site, mannequins):
    campaign = factories.make_campaign(dataset=mannequins, owner=mannequins.owner)
    merge = Merge.objects.create(campaign=campaign, method="majority")
    panel.goto(f"{site}/panel/crowd/merge/{merge.pk}/change/")
    expect(panel.locator("[data-job-state]")).to_have_text("waiting")
    panel.route("**/panel/crowd/campaign/", lambda route: (panel.wait_for_timeout(5_000), route.continue_()))  # a slow answer
    Merge.objects.filter(pk=merge.pk).update(state=Merge.State.CANCELLED)
    panel.get_by_role("link", name="Campaigns", exact=True).first.click()
    expect(panel.get_by_role("heading", level=1)).to_have_text("Campaigns")
