"""The overview says what needs attention, each one click from its cure: money, deadlines, failed jobs, work to review."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from crowd import funds
from crowd.ways.base import Balance
from tests import factories
from tests.panel import every_page
from tests.programs import make_member

pytestmark = pytest.mark.django_db


def home(client) -> str:
    return client.get(reverse("admin:index")).content.decode()


@pytest.fixture
def lean(admin_user):
    """A lean campaign with four HITs of five places each planned, one of each on offer: 16 are still to come."""
    campaign = factories.make_campaign(
        owner=admin_user, dataset=factories.make_dataset(owner=admin_user), protocol="lean", state="collecting"
    )
    for _ in range(4):
        factories.make_hit(campaign=campaign, max_assignments=1)
    return campaign


def test_an_account_that_will_run_dry_is_told_of_until_it_is_filled(admin_client, lean):
    assert "running low" not in home(admin_client), "nobody has asked the account yet"
    funds.note(lean.environment, Balance(Decimal("1.00"), Decimal("0.48")))
    page = home(admin_client)
    assert f"Money is running low at “{lean.environment}”" in page
    assert "holds $1.00; the campaigns that run on it may still ask for $1.92. Deposit $0.92" in page  # 16 at 12 cents
    assert f'href="{reverse("admin:accounts")}"' in page
    funds.note(lean.environment, Balance(Decimal("1.92"), Decimal("0.48")))
    assert "running low" not in home(admin_client)


def test_a_budget_limits_what_is_still_to_come(lean):
    funds.note(lean.environment, Balance(Decimal("1.00"), Decimal(0)))
    lean.budget_usd = Decimal("0.90")
    lean.save()
    lean.environment.refresh_from_db()
    assert funds.shortages([lean.environment]) == []


def test_what_is_on_offer_is_set_aside_already_and_everybodys_campaigns_on_an_account_count(lean):
    others = factories.make_campaign(environment=lean.environment, state="publishing")
    factories.make_hit(campaign=others, max_assignments=5)
    factories.make_hit(campaign=others, max_assignments=5, hit_id="")
    funds.note(lean.environment, Balance(Decimal("2.00"), Decimal(0)))
    lean.environment.refresh_from_db()
    [shortage] = funds.shortages([lean.environment])
    assert (shortage.n_campaigns, shortage.needed_usd, shortage.missing_usd) == (2, Decimal("2.52"), Decimal("0.52"))


def test_every_kind_of_failed_job_is_one_click_from_why(admin_client, admin_user):
    world = every_page.make_world(admin_user)
    world["modeling_run"].followers.model.objects.filter(pk=world["modeling_run"].pk).update(state="failed", error="No memory.")
    world["crowd_merge"].__class__.objects.filter(pk=world["crowd_merge"].pk).update(state="failed", error="A merge stopped.")
    world["crowd_release"].__class__.objects.filter(pk=world["crowd_release"].pk).update(state="failed", error="Disk full.")
    page = home(admin_client)
    for model, error in (
        ("annotation_import", "Something is missing."), ("crowd_merge", "A merge stopped."), ("crowd_release", "Disk full."),
        ("crowd_voteimport", "Nothing in it."), ("modeling_run", "No memory."), ("modeling_onnxexport", "No room."),
    ):
        assert error in page, model
        assert f'href="{reverse(f"admin:{model}_change", args=[world[model].pk])}"' in page, model
    assert "The publication of" in page and "Stopped." in page


def test_work_that_waits_is_told_of_with_its_deadline_however_old_its_campaign_is(client):
    owner = make_member("Manager")
    campaign = factories.make_campaign(owner=owner, dataset=factories.make_dataset(owner=owner), state="finished")
    factories.make_assignment(
        hit=factories.make_hit(campaign=campaign), state="submitted",
        auto_approval_at=timezone.now() + timedelta(hours=3, minutes=5),
    )
    for _ in range(6):
        factories.make_campaign(owner=owner, dataset=campaign.dataset)
    client.force_login(owner)
    page = home(client)
    assert f"Tasks of “{campaign}” that wait for your word: 1" in page
    assert "pays the first of them by itself in 3 h" in page
    assert f"hit__campaign__id__exact={campaign.pk}" in page
