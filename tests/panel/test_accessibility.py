"""axe finds no barrier in any page of the panel, light or dark; and the browser has nothing to complain about."""

from pathlib import Path

import pytest
from django.urls import reverse

from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
AXE = (Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def barriers(page) -> list[str]:
    """What axe finds in the page as it stands, and then by its colours in the dark."""
    before = len(page.errors)
    page.evaluate(AXE)
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", RULES)["violations"]
    page.emulate_media(color_scheme="dark")
    found += page.evaluate("axe.run(document, {runOnly: ['color-contrast', 'link-in-text-block']})")["violations"]
    page.emulate_media(color_scheme="light")
    del page.errors[before:]  # axe tries styles that the content security policy, rightly, does not let in
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"][:3]]


def addresses(finished) -> list[str]:
    campaign, merge, release, run, person = (finished[name] for name in ("campaign", "merge", "release", "run", "person"))
    failed = factories.make_import(state="failed", error="Something is missing.", log="12:00:00 a line\n")
    draft = factories.make_campaign(owner=campaign.owner, dataset=campaign.dataset, environment=campaign.environment)
    task = campaign.hits.get().assignments.first()
    pages = [
        ("index",), ("annotation_dataset_change", campaign.dataset_id), ("annotation_person_change", person.pk),
        ("annotation_import_add",), ("annotation_import_change", failed.pk), ("crowd_campaign_changelist",),
        ("crowd_campaign_add",), ("crowd_campaign_change", campaign.pk), ("crowd_campaign_launch", draft.pk),
        ("crowd_campaign_change", draft.pk), ("crowd_campaign_preview", draft.pk),
        ("annotation_dataset_pairs", campaign.dataset_id),
        ("crowd_merge_change", merge.pk), ("crowd_merge_review", merge.pk), ("crowd_merge_analysis", merge.pk),
        ("crowd_release_change", release.pk),
        ("modeling_run_change", run.pk), ("crowd_worker_change", task.worker_id), ("crowd_assignment_change", task.pk),
        ("annotation_vote_changelist",), ("auth_user_change", campaign.owner_id),
        ("auth_user_signing_in", campaign.owner_id), ("annotation_dataset_sharing", campaign.dataset_id), ("two_step",),
    ]
    return [reverse(f"admin:{name}", args=args) for name, *args in pages]


def test_no_page_has_a_barrier(open_page, log_in, site, finished):
    page = open_page(color_scheme="light", reduced_motion="reduce")
    page.goto(f"{site}/panel/login/")
    found = {"login": barriers(page)}
    log_in(page)
    for address in addresses(finished):
        page.goto(site + address)
        found[address] = barriers(page)
    assert {address: some for address, some in found.items() if some} == {}
