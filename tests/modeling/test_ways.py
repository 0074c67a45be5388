"""A researcher trains, compares, promotes and takes away a run with the mouse, in a real browser."""

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import expect

from jobs import running
from modeling import training
from modeling.models import Cadence, OnnxExport, Promotion, Run
from tests.modeling import runs
from tests.panel.test_accessibility import barriers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager(settings, tmp_path, transactional_db):
    settings.VAR_DIR = tmp_path
    return runs.make_researcher()


@pytest.fixture
def panel(page, site, client, manager):
    """The browser, signed in."""
    client.force_login(manager)
    page.context.add_cookies([
        {"name": "sessionid", "value": client.cookies[django_settings.SESSION_COOKIE_NAME].value, "url": site}
    ])
    return page


def test_a_run_is_trained_compared_and_promoted_without_a_shell(panel, site, manager, screenshot):
    release = runs.make_release(runs.make_labelled_campaign(n_people=12, per_person=3, owner=manager))
    earlier = runs.make_bare_run(release)
    panel.goto(f"{site}/panel/modeling/run/add/")
    panel.get_by_label("Epochs").fill("3")
    panel.get_by_label("Width").fill("16")
    panel.get_by_label("Note").fill("a small one")
    panel.get_by_label("Further settings").fill('{"speed": 3}')
    panel.get_by_role("button", name="Start training").click()
    expect(panel.get_by_text("unknown setting speed")).to_be_visible()
    screenshot(panel, "refused", full_page=True)
    panel.get_by_label("Further settings").fill("{}")
    panel.get_by_role("button", name="Start training").click()
    expect(panel.locator("[data-job-state]")).to_have_text("waiting")
    run = Run.objects.exclude(pk=earlier.pk).get()
    running.execute(run)  # what a worker process would do meanwhile
    expect(panel.get_by_role("heading", name="By the paper's protocols")).to_be_visible()
    expect(panel.locator("[data-chart='joints'] canvas")).to_be_visible()
    expect(panel.locator("[data-job][data-ended]")).to_have_count(1)  # drawn anew for the last time
    panel.get_by_role("button", name="Make an ONNX file").click()
    expect(panel.locator("#files [data-job-state]")).to_have_text("waiting")
    OnnxExport.objects.update(state="cancelled")
    with panel.expect_download() as download:
        panel.get_by_role("link", name="run.json").click()
    assert download.value.suggested_filename == f"{run.name}-run.json"
    panel.get_by_role("link", name="Compare", exact=True).click()
    expect(panel.get_by_role("row").filter(has_text="a small one")).to_contain_text("36")
    expect(panel.locator("[data-chart='against-dollars'] canvas")).to_be_visible()
    screenshot(panel, "compare", full_page=True)
    panel.get_by_label(f"Compare {earlier.name}").check()
    panel.get_by_role("button", name="Compare those ticked").click()
    expect(panel.get_by_text("not compared")).to_have_count(1)
    panel.get_by_role("link", name=earlier.name).click()
    panel.get_by_role("link", name="Promote…").click()
    panel.get_by_role("button", name=f"Promote {earlier.name}").click()
    expect(panel.locator("[data-job-state]")).to_have_text("waiting")
    Promotion.objects.update(state="done", is_current=True, figures={"pairs": 36, "cross_fitted": 30, "parts": 5, "labels": 36})
    expect(panel.get_by_text("30, in 5 parts")).to_be_visible()
    panel.goto(f"{site}/panel/annotation/dataset/{release.campaign.dataset_id}/change/")
    panel.get_by_role("button", name="Withdraw the priors").click()
    expect(panel.get_by_role("heading", name="Withdrawal of priors")).to_be_visible()
    running.execute(Promotion.objects.get(run=None))
    expect(panel.locator("[data-job-state]")).to_have_text("done")


def test_a_page_is_not_drawn_anew_between_pressing_and_letting_go(panel, site, manager):
    release = runs.make_release(runs.make_labelled_campaign(n_people=12, per_person=3, owner=manager))
    run = training.start(release, manager, settings=runs.QUICK)
    panel.goto(f"{site}/panel/modeling/run/{run.pk}/change/")
    panel.locator("h1").hover()
    panel.mouse.down()
    running.execute(run)
    expect(panel.locator("[data-job-state]")).to_have_text("done")
    panel.wait_for_timeout(500)
    expect(panel.locator("[data-job][data-ended]")).to_have_count(0)  # as it was: a click would not be lost
    panel.mouse.up()
    expect(panel.locator("[data-job][data-ended]")).to_have_count(1)


def test_the_pages_of_learning_have_no_barrier_and_fit_a_small_screen(panel, site, manager):
    release = runs.make_release(runs.make_labelled_campaign(n_people=6, per_person=2, owner=manager))
    run = runs.make_bare_run(release)
    Cadence.objects.create(campaign=release.campaign, every_votes=5)
    job = Promotion.objects.create(dataset=release.campaign.dataset, run=run, state="done", is_current=True)
    found = {}
    panel.set_viewport_size({"width": 768, "height": 1000})
    panel.emulate_media(color_scheme="light", reduced_motion="reduce")
    for path in (
        f"run/{run.pk}/change/", "run/add/", "run/compare/", f"run/{run.pk}/promote/", f"promotion/{job.pk}/change/",
        "promotion/", f"run/cadence/{release.campaign_id}/",
    ):
        panel.goto(f"{site}/panel/modeling/{path}")
        too_wide = panel.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found[path] = barriers(panel) + ([f"{too_wide} px too wide"] if too_wide > 0 else [])
    assert {path: some for path, some in found.items() if some} == {}
