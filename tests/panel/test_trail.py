"""Every act with money or data, by a page or by a program, leaves a line that says who did what."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.urls import reverse
from django.utils import timezone

from access.sharing import Role
from crowd import merging, releasing
from crowd.models import Environment, Merge
from jobs import running
from modeling.models import Run
from tests import factories
from tests.programs import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(client, admin_user):
    """A finished campaign by personal invitations, which ask no marketplace, with all that came of it."""
    place = factories.make_environment(kind=Environment.Kind.INVITATION, endpoint_url="", worker_url="")
    campaign = factories.make_voted_campaign(
        owner=admin_user, environment=place, n_pairs=5, votes=2, state="collecting", reward_usd=Decimal(0),
        dataset=factories.make_dataset(owner=admin_user),
    )
    merge = running.execute(merging.start(campaign, admin_user, method="majority"))
    release = running.execute(releasing.start(merge, admin_user))
    run = Run.objects.create(name="first-run", release=release, state=Run.State.DONE, progress=1, created_by=admin_user)
    storages["private"].save(f"{run.folder}/weights.safetensors", ContentFile(b"weights"))
    client.force_login(admin_user)
    return {"campaign": campaign, "merge": merge, "release": release, "run": run, "user": admin_user}


def page(name: str, *args) -> str:
    return reverse(f"admin:{name}", args=args)


def walk(client, world) -> list[tuple[str, str, dict | None]]:
    """What the line says, and the act: its address, and its form; None where it is a download."""
    campaign, merge, release, run = (world[name] for name in ("campaign", "merge", "release", "run"))
    offer = page("crowd_campaign_change-offer", campaign.pk)
    waiting = Merge.objects.create(campaign=campaign, method="majority", created_by=world["user"])
    stopped = factories.make_import(created_by=world["user"])
    pair = merge.consensuses.first().pair_id
    manifest = page("crowd_release_file", release.pk, "manifest.json")
    return [
        ("The budget is 50", offer, {"act": "budget", "budget": "50"}),
        ("The wage floor is 9", page("crowd_campaign_wages", campaign.pk), {"act": "floor", "floor": "9"}),
        ("Collected", page("crowd_campaign_collect", campaign.pk), {}),
        ("Shared with", page("crowd_campaign_sharing", campaign.pk), {
            "act": "add", "colleague": make_member("Viewer").pk, "role": 1,
        }),
        ("Shared with", page("annotation_dataset_sharing", campaign.dataset_id), {
            "act": "add", "colleague": make_member("Viewer").pk, "role": 1,
        }),
        ("An expert's answer", page("crowd_merge_review", merge.pk), {"pair": pair, "answer": "first"}),
        ("Merged as number", page("crowd_campaign_merge", campaign.pk), {"method": "majority"}),
        ("Released as", page("crowd_merge_release", merge.pk), {"name": "again"}),
        ("Stopped.", page("crowd_merge_cancel", waiting.pk), {}),
        ("Stopped.", page("annotation_import_cancel", stopped.pk), {}),
        ("Downloaded manifest.json", manifest, None),
        ("Downloaded all files", page("crowd_release_archive", release.pk), None),
        ("Downloaded weights.safetensors", page("modeling_run_weights", run.pk), None),
        ("Downloaded everybody's answers", page("crowd_campaign_answers-csv", campaign.pk), None),
        ("Started on", page("modeling_run_train", release.pk), {}),
        ("Trains by itself", page("modeling_cadence", campaign.pk), {"every_votes": "100"}),
        ("Invited 1 person", page("crowd_campaign_invitations", campaign.pk), {"act": "invite", "people": "Lin"}),
        ("Added ", page("annotation_dataset_pairs", campaign.dataset_id), {
            "strategy": "random", "count": "1", "most": "5", "seed": "1",
        }),
        ("Changed Description", page("annotation_dataset_settings", campaign.dataset_id), {
            "name": campaign.dataset.name, "description": "Five joints.", "licence": "", "citation": "",
        }),
        ("Paused", offer, {"act": "pause"}),
    ]


def test_every_act_of_the_panel_leaves_a_line_with_its_name_and_person(client, world):
    missing = []
    for words, url, form in walk(client, world):
        before = set(LogEntry.objects.values_list("pk", flat=True))
        answer = client.get(url) if form is None else client.post(url, form)
        b"".join(answer.streaming_content) if answer.streaming else answer.content
        said = [row.get_change_message() for row in LogEntry.objects.exclude(pk__in=before).filter(user=world["user"])]
        if len(said) != 1 or words not in said[0]:
            missing.append((words, url, answer.status_code, said))
    assert missing == []


def test_what_is_decided_about_a_persons_work_leaves_a_line(client, world):
    task = factories.make_assignment(
        hit=world["campaign"].hits.get(), state="submitted", submitted_at=timezone.now() - timedelta(minutes=5)
    )
    client.post(page("crowd_assignment_decide", task.pk), {"act": "reject", "reason": "Nothing was answered at all."})
    client.post(page("crowd_worker_exclude", task.worker_id), {"reason": "Asked for it.", "sure": "yes"})
    client.post(page("crowd_worker_readmit", task.worker_id), {"sure": "yes"})
    said = " ".join(row.change_message for row in LogEntry.objects.all())
    for words in ("Rejected", "gets no further task. What was done is paid. Asked for it.", "may take tasks again"):
        assert words in said, words


def test_programs_leave_the_same_lines(client, world):
    campaign, merge, release, run = (world[name] for name in ("campaign", "merge", "release", "run"))
    acts = [
        ("Budget set.", f"campaigns/{campaign.pk}/budget/", {"budget_usd": "20.00"}),
        ("Merged as number", "merges/", {"campaign": campaign.pk, "method": "majority"}),
        ("Released as", "releases/", {"merge": merge.pk, "name": "by-program"}),
        ("Downloaded manifest.json", f"releases/{release.pk}/files/manifest.json", None),
        ("Downloaded all files", f"releases/{release.pk}/archive/", None),
        ("Started on", "runs/", {"release": release.pk}),
        ("Downloaded weights.safetensors", f"runs/{run.pk}/files/weights.safetensors", None),
    ]
    missing = []
    for words, url, sent in acts:
        before = set(LogEntry.objects.values_list("pk", flat=True))
        url = f"/api/v1/{url}" if url.endswith("/") else f"/api/v1/{url}/"
        answer = client.get(url) if sent is None else client.post(url, sent, content_type="application/json")
        said = [row.change_message for row in LogEntry.objects.exclude(pk__in=before).filter(user=world["user"])]
        if len(said) != 1 or words not in said[0]:
            missing.append((words, url, answer.status_code, said))
    assert missing == []


def test_a_file_that_the_caller_has_already_is_not_a_download(client, world):
    url = page("crowd_release_file", world["release"].pk, "manifest.json")
    etag = client.get(url)["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
    assert LogEntry.objects.filter(change_message="Downloaded manifest.json.").count() == 1


def test_an_owner_reads_what_a_colleague_did_with_his_campaign_and_strangers_do_not(client):
    grace, ada, stranger = make_member("Manager"), make_member("Manager"), make_member("Manager")
    campaign = factories.make_campaign(owner=grace, dataset=factories.make_dataset(owner=grace), state="collecting")
    campaign.shares.create(user=ada, role=Role.SPEND)
    client.force_login(ada)
    client.post(page("crowd_campaign_change-offer", campaign.pk), {"act": "budget", "budget": "12"})
    trail = page("admin_logentry_changelist")
    for user, sees in ((ada, True), (grace, True), (stranger, False)):
        client.force_login(user)
        assert ("The budget is 12" in client.get(trail).content.decode()) is sees, user
