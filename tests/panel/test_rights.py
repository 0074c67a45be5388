"""Everybody sees and touches only what is theirs, and facts are touched by nobody."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from annotation.models import Dataset, Vote
from annotation.panel import roles
from crowd import merging, releasing
from crowd.books import ledger
from crowd.models import Campaign, Merge, Payment
from jobs import running
from tests import factories

pytestmark = pytest.mark.django_db


def make_researcher():
    """Staff with every right of the three apps, and no superuser."""
    user = factories.make_user(is_superuser=False)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label__in=("annotation", "crowd", "modeling")))
    return user


@pytest.fixture
def worlds(client):
    """A finished campaign of one researcher, while another one is logged in."""
    owner, other = make_researcher(), make_researcher()
    campaign = factories.make_voted_campaign(owner=owner, dataset=factories.make_dataset(owner=owner))
    merge = running.execute(merging.start(campaign, owner))
    release = running.execute(releasing.start(merge, owner))
    client.force_login(other)
    return owner, other, campaign, merge, release


def pages_of(campaign, merge, release):
    person = campaign.dataset.images.first().people.first()
    return [
        reverse("admin:annotation_dataset_change", args=[campaign.dataset_id]),
        reverse("admin:annotation_person_change", args=[person.pk]),
        reverse("admin:crowd_campaign_change", args=[campaign.pk]),
        reverse("admin:crowd_campaign_settings", args=[campaign.pk]),
        reverse("admin:crowd_campaign_launch", args=[campaign.pk]),
        reverse("admin:crowd_campaign_finish", args=[campaign.pk]),
        reverse("admin:crowd_merge_change", args=[merge.pk]),
        reverse("admin:crowd_release_change", args=[release.pk]),
    ]


def test_what_belongs_to_somebody_else_is_not_there(client, worlds):
    _, _, *things = worlds
    for url in pages_of(*things):
        assert client.get(url).status_code in (302, 404), url
    campaign, _, release = things
    assert client.get(reverse("admin:crowd_campaign_live", args=[campaign.pk])).status_code == 404
    assert client.get(reverse("admin:crowd_release_file", args=[release.pk, "pairs.csv"])).status_code == 404


def test_the_owner_sees_every_page_of_it(client, worlds):
    owner, _, *things = worlds
    client.force_login(owner)
    for url in pages_of(*things):
        assert client.get(url).status_code == 200, url


def test_lists_and_home_show_ones_own_rows_only(client, worlds):
    owner, _, campaign, *_ = worlds
    for user, expected in ((None, False), (owner, True)):
        if user:
            client.force_login(user)
        for name in ("index", "crowd_campaign_changelist", "annotation_dataset_changelist"):
            assert (campaign.dataset.name in client.get(reverse(f"admin:{name}")).content.decode()) is expected, name


def test_of_a_worker_whom_two_researchers_share_each_sees_his_own_figures(client, worlds):
    owner, other, campaign, *_ = worlds
    worker = campaign.hits.get().assignments.first().worker
    worker.assignments.update(state="approved")
    ledger.about_worker(worker, Payment.Kind.EXCLUSION, "Guesses, we think.", owner)
    theirs = factories.make_campaign(owner=other, environment=campaign.environment)
    for _ in range(2):
        factories.make_assignment(hit=factories.make_hit(campaign=theirs), worker=worker, state="approved")
    page = reverse("admin:crowd_worker_change", args=[worker.pk])

    def figures(user) -> tuple[int, bool, bool]:
        client.force_login(user)
        answer = client.get(page)
        row = answer.context["object"]
        return row.n_tasks, row.skill is not None, "Guesses, we think." in answer.content.decode()

    assert figures(other) == (2, False, False)
    assert figures(owner) == (1, True, True)
    assert figures(factories.make_user()) == (3, True, True), "an administrator sees all"


def test_another_researcher_can_merge_release_or_train_nothing(client, worlds):
    _, _, campaign, merge, release = worlds
    client.post(reverse("admin:crowd_campaign_merge", args=[campaign.pk]), {"method": "majority"})
    client.post(reverse("admin:crowd_merge_release", args=[merge.pk]))
    client.post(reverse("admin:modeling_run_train", args=[release.pk]))
    assert Merge.objects.count() == 1
    assert campaign.releases.count() == 1
    assert release.runs.count() == 0


def test_a_viewer_may_look_and_not_spend(client):
    user = factories.make_user(is_superuser=False)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    campaign = factories.make_campaign(owner=user, dataset=factories.make_dataset(owner=user))
    client.force_login(user)
    page = client.get(reverse("admin:crowd_campaign_change", args=[campaign.pk]))
    assert page.status_code == 200
    assert "Launch" not in page.content.decode()
    assert client.get(reverse("admin:crowd_campaign_launch", args=[campaign.pk])).status_code == 403
    assert client.post(reverse("admin:crowd_campaign_launch", args=[campaign.pk])).status_code == 403
    campaign.refresh_from_db()
    assert campaign.is_draft


def test_nobody_is_let_in_without_logging_in(client):
    campaign = factories.make_campaign()
    for name, *args in (("index",), ("crowd_campaign_change", campaign.pk), ("crowd_campaign_price",)):
        answer = client.get(reverse(f"admin:{name}", args=args))
        assert answer.status_code == 302
        assert reverse("admin:login") in answer["Location"]


@pytest.mark.parametrize("model", ["annotation_vote", "crowd_payment", "crowd_hit", "crowd_assignment", "crowd_worker"])
def test_facts_cannot_be_added_changed_or_deleted(admin_client, model):
    factories.make_voted_campaign(n_pairs=5)
    assert admin_client.get(reverse(f"admin:{model}_add")).status_code == 403
    row = {"annotation_vote": Vote, "crowd_payment": Payment}.get(model)
    if row is not None and row.objects.exists():
        pk = row.objects.first().pk
        assert admin_client.post(reverse(f"admin:{model}_change", args=[pk]), {"choice": 2}).status_code == 403
        assert admin_client.post(reverse(f"admin:{model}_delete", args=[pk]), {"post": "yes"}).status_code == 403


def test_a_launched_campaign_stays_as_it_was_offered(admin_client):
    campaign = factories.make_campaign(state=Campaign.State.COLLECTING)
    url = reverse("admin:crowd_campaign_settings", args=[campaign.pk])
    assert admin_client.post(url, {"reward_usd": "0.01"}).status_code == 403
    campaign.refresh_from_db()
    assert str(campaign.reward_usd) != "0.01"


@pytest.mark.parametrize(
    ("role", "may_launch", "may_answer"), [("Viewer", False, False), ("Reviewer", False, True), ("Manager", True, True)]
)
def test_a_role_gives_the_rights_that_it_names(client, role, may_launch, may_answer):
    roles.ensure()
    user = factories.make_user(is_superuser=False)
    user.groups.add(Group.objects.get(name=role))
    campaign = factories.make_voted_campaign(owner=user, dataset=factories.make_dataset(owner=user), n_pairs=5)
    merge = running.execute(merging.start(campaign, user))
    client.force_login(user)
    launch = client.get(reverse("admin:crowd_campaign_launch", args=[campaign.pk]))
    assert (launch.status_code == 200) is may_launch
    review = reverse("admin:crowd_merge_review", args=[merge.pk])
    pair = merge.consensuses.first().pair
    client.post(review, {"pair": pair.pk, "answer": "first"})
    pair.refresh_from_db()
    assert (pair.gold_first is True) is may_answer


def test_users_are_given_roles_by_ticking_them(admin_client):
    user = factories.make_user(is_superuser=False)
    url = reverse("admin:auth_user_change", args=[user.pk])
    assert "may also answer doubtful pairs" in admin_client.get(url).content.decode()
    group = Group.objects.get(name="Reviewer")
    admin_client.post(url, {"username": user.username, "is_active": "on", "is_staff": "on", "groups": [group.pk]})
    assert list(user.groups.all()) == [group]


def test_a_data_set_that_nobody_was_asked_about_can_be_deleted(admin_client, admin_user):
    dataset = factories.make_dataset(owner=admin_user)
    factories.make_pairs(5, dataset)
    url = reverse("admin:annotation_dataset_delete", args=[dataset.pk])
    assert "with 1 images and 5 pairs" in admin_client.get(url).content.decode()
    admin_client.post(url, {"post": "yes"})
    assert not Dataset.objects.filter(pk=dataset.pk).exists()


def test_a_data_set_with_a_campaign_cannot_be_deleted(admin_client, admin_user):
    campaign = factories.make_campaign(dataset=factories.make_dataset(owner=admin_user))
    url = reverse("admin:annotation_dataset_delete", args=[campaign.dataset_id])
    assert admin_client.post(url, {"post": "yes"}).status_code == 403
