"""A data set or a campaign is shared with a colleague under a role; nobody sees, changes or spends more than that role says."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.urls import reverse

from access.sharing import Role
from annotation.models import Dataset, Vote
from annotation.panel import roles
from crowd import merging, releasing
from crowd.models import Campaign
from jobs import running
from modeling.models import Run
from tests import factories
from tests.programs import make_member

pytestmark = pytest.mark.django_db
ROLES = [None, *Role]


@pytest.fixture
def world():
    """Grace's finished campaign with all that came of it; Ada, who may do everything with what is hers, knows nothing of it."""
    grace, ada = make_member("Manager"), make_member("Manager")
    campaign = factories.make_voted_campaign(
        owner=grace, dataset=factories.make_dataset(owner=grace), n_pairs=5, votes=2, state="collecting"
    )
    campaign.hits.get().assignments.update(state="submitted")
    merge = running.execute(merging.start(campaign, grace, method="majority"))
    release = running.execute(releasing.start(merge, grace))
    run = Run.objects.create(name="first-run", release=release, state=Run.State.DONE, progress=1, created_by=grace)
    draft = factories.make_campaign(owner=grace, dataset=campaign.dataset, environment=campaign.environment)
    return {"grace": grace, "ada": ada, "campaign": campaign, "merge": merge, "release": release, "run": run, "draft": draft}


def share(thing, user, role: Role | None) -> None:
    if role is not None:
        thing.shares.create(user=user, role=role)


def page(name: str, *args) -> str:
    return reverse(f"admin:{name}", args=args)


def pages_of_the_campaign(world) -> list[str]:
    campaign, merge, release, run = (world[name].pk for name in ("campaign", "merge", "release", "run"))
    task = world["campaign"].hits.get().assignments.first()
    return [
        page("crowd_campaign_change", campaign), page("crowd_campaign_live", campaign), page("crowd_campaign_work", campaign),
        page("crowd_campaign_wages", campaign), page("crowd_merge_change", merge), page("crowd_merge_review", merge),
        page("crowd_merge_analysis", merge), page("crowd_release_change", release),
        page("crowd_release_file", release, "manifest.json"), page("modeling_run_change", run),
        page("crowd_worker_change", task.worker_id), page("crowd_assignment_change", task.pk),
    ]


def pages_of_the_pictures(world) -> list[str]:
    person = world["campaign"].dataset.images.first().people.first()
    return [page("annotation_dataset_change", world["campaign"].dataset_id), page("annotation_person_change", person.pk)]


def programs_pages(world) -> list[str]:
    return [
        f"/api/v1/campaigns/{world['campaign'].pk}/", f"/api/v1/merges/{world['merge'].pk}/",
        f"/api/v1/releases/{world['release'].pk}/", f"/api/v1/runs/{world['run'].pk}/",
    ]


def review(client, world):
    pair = world["merge"].consensuses.first().pair_id
    return client.post(page("crowd_merge_review", world["merge"].pk), {"pair": pair, "answer": "first"})


def merge(client, world):
    return client.post(page("crowd_campaign_merge", world["campaign"].pk), {"method": "majority"})


def release(client, world):
    return client.post(page("crowd_merge_release", world["merge"].pk), {"name": "again", "formats": []})


def train(client, world):
    return client.post(page("modeling_run_train", world["release"].pk))


def pause(client, world):
    return client.post(page("crowd_campaign_change-offer", world["campaign"].pk), {"act": "pause"})


def budget(client, world):
    return client.post(page("crowd_campaign_change-offer", world["campaign"].pk), {"act": "budget", "budget": "77.00"})


def launch(client, world):
    return client.post(page("crowd_campaign_launch", world["draft"].pk))


def bonus(client, world):
    task = world["campaign"].hits.get().assignments.first()
    return client.post(page("crowd_assignment_decide", task.pk), {"act": "bonus", "amount": "0.00", "reason": "x"})


def budget_by_program(client, world):
    url = f"/api/v1/campaigns/{world['campaign'].pk}/budget/"
    return client.post(url, {"budget_usd": "78.00"}, content_type="application/json")


ACTS = {
    review: Role.REVIEW, merge: Role.MANAGE, release: Role.MANAGE, train: Role.MANAGE, pause: Role.MANAGE,
    budget: Role.SPEND, launch: Role.SPEND, bonus: Role.SPEND, budget_by_program: Role.SPEND,
}


@pytest.mark.parametrize("through", ["campaign", "dataset"])
@pytest.mark.parametrize("role", ROLES)
def test_a_colleague_sees_everything_that_is_shared_and_nothing_that_is_not(client, world, role, through):
    shared = world["campaign"] if through == "campaign" else world["campaign"].dataset
    share(shared, world["ada"], role)
    client.force_login(world["ada"])
    expected = 200 if role else 404
    for url in [*pages_of_the_campaign(world), *pages_of_the_pictures(world), *programs_pages(world)]:
        status = client.get(url).status_code
        assert status == expected or (not role and status == 302), (url, status)
    for name in ("index", "crowd_campaign_changelist", "annotation_dataset_changelist"):
        assert (world["campaign"].dataset.name in client.get(page(name)).content.decode()) is bool(role), name
    whole = through == "dataset" and role
    assert client.get(page("crowd_campaign_change", world["draft"].pk)).status_code == (200 if whole else 302), (
        "a campaign is shared by itself, a data set with its owner's campaigns"
    )


@pytest.mark.parametrize("role", ROLES)
def test_a_colleague_does_what_the_role_includes_and_nothing_beyond(client, world, role):
    share(world["campaign"].dataset, world["ada"], role)
    client.force_login(world["ada"])
    for act, least in ACTS.items():
        status = act(client, world).status_code
        if role is not None and role >= least:
            assert status in (200, 302), (act.__name__, status)
        else:
            assert status in (403, 404), (act.__name__, status)
    leasts = (Role.REVIEW, Role.MANAGE, Role.MANAGE, Role.MANAGE, Role.SPEND)
    campaign = Campaign.objects.get(pk=world["campaign"].pk)
    assert [
        campaign.dataset.images.filter(people__pairs__gold_first=True).exists(), campaign.merges.count() == 2,
        campaign.releases.count() == 2, world["release"].runs.count() == 2, campaign.budget_usd is not None,
    ] == [role is not None and role >= least for least in leasts]


@pytest.mark.parametrize("role", [Role.VIEW, Role.REVIEW, Role.MANAGE])
def test_who_may_not_spend_is_told_who_can_give_the_right(client, world, role):
    share(world["campaign"], world["ada"], role)
    client.force_login(world["ada"])
    if role == Role.MANAGE:
        words = budget(client, world).content.decode()
        assert "Its owner can share it “also launch and spend”" in words
    told = budget_by_program(client, world)
    assert told.status_code == 403
    assert "its owner can share it “also launch and spend”" in told.json()["detail"]


def test_a_share_gives_nobody_more_than_the_persons_own_role(client, world):
    viewer = make_member("Viewer")
    share(world["campaign"].dataset, viewer, Role.SPEND)
    client.force_login(viewer)
    for act in ACTS:
        assert act(client, world).status_code in (403, 404), act.__name__
    assert client.get(page("crowd_campaign_change", world["campaign"].pk)).status_code == 200


def test_programs_go_on_only_with_what_may_be_managed(client, world):
    client.force_login(world["ada"])
    ask = {"campaign": world["campaign"].pk, "method": "majority"}
    for role, status in ((None, 400), (Role.VIEW, 400), (Role.MANAGE, 201)):
        world["campaign"].shares.all().delete()
        share(world["campaign"], world["ada"], role)
        assert client.post("/api/v1/merges/", ask, content_type="application/json").status_code == status, role


def test_on_a_shared_data_set_a_colleague_makes_campaigns_that_stay_his_own(client, world):
    dataset, grace, ada = world["campaign"].dataset, world["grace"], world["ada"]
    share(dataset, ada, Role.MANAGE)
    client.force_login(ada)
    assert f'value="{dataset.pk}"' in client.get(page("crowd_campaign_add")).content.decode()
    hers = factories.make_campaign(owner=ada, dataset=dataset, environment=world["campaign"].environment)
    someone = make_member("Viewer")
    share(dataset, someone, Role.VIEW)
    assert set(Campaign.objects.open_to(someone)) == {world["campaign"], world["draft"]}
    assert hers not in Campaign.objects.open_to(grace)
    client.force_login(grace)
    assert hers.name not in client.get(page("annotation_dataset_change", dataset.pk)).content.decode()


def test_a_viewer_changes_and_deletes_nothing_of_a_data_set(client, world):
    dataset = world["campaign"].dataset
    for role, status in ((Role.VIEW, 403), (Role.MANAGE, 200)):
        dataset.shares.all().delete()
        share(dataset, world["ada"], role)
        client.force_login(world["ada"])
        assert client.get(page("annotation_dataset_pairs", dataset.pk)).status_code == status
    world["draft"].delete()
    untouched = factories.make_dataset(owner=world["grace"])
    share(untouched, world["ada"], Role.SPEND)
    assert client.post(page("annotation_dataset_delete", untouched.pk), {"post": "yes"}).status_code == 403
    assert Dataset.objects.filter(pk=untouched.pk).exists(), "only its owner deletes it"


def test_its_owner_shares_changes_and_takes_back_and_the_trail_has_a_line_of_each(client, world):
    ada, campaign = world["ada"], world["campaign"]
    client.force_login(world["grace"])
    url = page("crowd_campaign_sharing", campaign.pk)
    assert "Nobody but the owner" in client.get(url).content.decode()
    client.post(url, {"act": "add", "colleague": ada.pk, "role": 1})
    row = campaign.shares.get()
    assert (row.user, row.role, row.shared_by) == (ada, Role.VIEW, world["grace"])
    client.post(url, {"act": "change", "share": row.pk, "role": 4})
    assert campaign.shares.get().role == Role.SPEND
    client.post(url, {"act": "change", "share": row.pk, "role": 9})
    assert campaign.shares.get().role == Role.SPEND
    assert ada.username in client.get(url).content.decode()
    client.post(url, {"act": "remove", "share": row.pk})
    assert not campaign.shares.exists()
    said = list(LogEntry.objects.filter(user=world["grace"], object_id=str(campaign.pk)).order_by("pk"))
    assert [line.change_message for line in said[-3:]] == [
        f"Shared with {ada}, who may look.", f"{ada} may now also launch and spend.", f"No longer shared with {ada}.",
    ]


def test_nobody_shares_what_is_not_his(client, world):
    share(world["campaign"], world["ada"], Role.SPEND)
    client.force_login(world["ada"])
    form = {"act": "add", "colleague": make_member("Viewer").pk, "role": 4}
    assert client.post(page("crowd_campaign_sharing", world["campaign"].pk), form).status_code == 403
    assert client.post(page("annotation_dataset_sharing", world["campaign"].dataset_id), form).status_code == 403
    assert world["campaign"].shares.count() == 1


def test_votes_are_seen_with_their_pictures(client, world):
    client.force_login(world["ada"])
    votes = page("annotation_vote_changelist")
    assert "0 votes" in client.get(votes).content.decode()
    share(world["campaign"], world["ada"], Role.VIEW)
    assert f"{Vote.objects.count()} votes" in client.get(votes).content.decode()


def test_a_role_on_everything_is_still_asked_for(client, world):
    """Who has no role at all sees nothing of what is shared with him."""
    nobody = factories.make_user(is_superuser=False)
    share(world["campaign"], nobody, Role.SPEND)
    client.force_login(nobody)
    assert client.get(page("crowd_campaign_change", world["campaign"].pk)).status_code == 403
    roles.ensure()
    nobody.groups.add(Group.objects.get(name="Viewer"))
    assert client.get(page("crowd_campaign_change", world["campaign"].pk)).status_code == 200
