"""Every address of the panel that takes a form leaves a line in the audit trail, or changes nothing; none is left out."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.models import Dataset
from crowd import reconciling
from crowd.models import Assignment, Call, Campaign, Merge, Publication
from jobs import running
from modeling import setting_up
from modeling.models import Demonstration, OnnxExport, Promotion, Run
from tests import factories
from tests.config.test_every_act_by_program import BY_HAND, BY_PROGRAM
from tests.panel import every_page

EXCEPTIONS = {
    "annotation_import_preview": "a look: what it reads is shown and forgotten", "annotation_import_repeat": "opens the form",
    "crowd_campaign_visits:replace": "needs Prolific: tests/crowd/ways/test_panel.py looks at its line",
    "crowd_campaign_finish": "another button for the act finish of the offer, with its line",
}
NO_LINE = {  # what even an empty form writes
    "logout": "ends a session", "crowd_campaign_question": "what is shown is taken back before it is shown",
    "two_step": "makes the key that is shown, which opens nothing before it is switched on",
    "modeling_run_promote": "a second promotion beside one that is under way is taken back",
}
WRITES = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM) "(?!django_session|django_admin_log)')


def lines_of(user, before: int) -> list[str]:
    return [row.get_change_message() for row in LogEntry.objects.filter(user=user, pk__gt=before)]


def newest_line() -> int:
    return LogEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def asked() -> set[str]:
    """What the table of acts by program knows of the panel's acts, without what is only read."""
    return {name for name, act in BY_PROGRAM.items() if not act.startswith("get ")} | set(BY_HAND)


def walk(client, user, todo: list) -> str:
    """Do all of it; what left no line of this person's with these words comes back."""
    missing = []
    for name, thing, form, words in todo:
        route, _, _ = name.partition(":")
        before = newest_line()
        answer = client.post(reverse(f"admin:{route}", args=[] if thing is None else [thing.pk]), form)
        if not any(words in line for line in lines_of(user, before)):
            missing.append((name, answer.status_code, words, lines_of(user, before), _complaints(client, answer)))
        if name.startswith("crowd_campaign_change-offer"):
            for job in Publication.objects.filter(campaign=thing, state="waiting"):
                running.execute(job)
    return "\n".join(map(str, missing))


def _complaints(client, answer) -> list[str]:
    """What the page says went wrong, to be read where the test fails."""
    page = client.get(answer["Location"]) if answer.status_code == 302 else answer
    return re.findall(r'<li class="error">(.*?)</li>|class="errorlist".*?<li>(.*?)</li>', page.content.decode(), re.S)[:3]


# --- Acts that need no marketplace ------------------------------------------------------------------


def made(world) -> dict:
    """Rows that some acts are about: jobs that wait, people, a place."""
    user = world["auth_user"]
    waiting = {"state": "waiting", "created_by": user}
    return {
        "annotation_import_cancel": factories.make_import(**waiting), "crowd_merge_cancel": Merge.objects.create(
            campaign=world["crowd_campaign"], method="majority", **waiting
        ),
        "crowd_publication_cancel": Publication.objects.create(campaign=world["by link"], **waiting),
        "crowd_release_cancel": _copy(world["older release"], name="waits", **waiting),
        "crowd_voteimport_cancel": _copy(world["crowd_voteimport"], **waiting),
        "modeling_promotion_cancel": Promotion.objects.create(dataset=world["by invitation"].dataset, **waiting),
        "modeling_onnxexport_cancel": OnnxExport.objects.create(run=world["modeling_run"], **waiting),
        "modeling_run_cancel": Run.objects.create(name="waits", release=world["crowd_release"], **waiting),
        "modeling_demonstration_cancel": Demonstration.objects.create(dataset=world["annotation_dataset"], **waiting),
        "stopped": [_stopped_import(user) for _ in range(2)],
        "member": factories.make_user(is_superuser=False), "leaver": factories.make_user(is_superuser=False),
        "unused": factories.make_environment(), "empty": factories.make_dataset(owner=user),
        "unwanted": factories.make_campaign(
            owner=user, dataset=world["annotation_dataset"], environment=world["crowd_environment"]
        ),
        "invited draft": factories.make_campaign(
            owner=user, dataset=world["by invitation"].dataset, environment=world["by invitation"].environment, reward_usd=0
        ),
    }


def _stopped_import(user):
    dataset = factories.make_dataset(owner=user)
    Dataset.everything.filter(pk=dataset.pk).update(is_whole=False)
    return factories.make_import(created_by=user, state="failed", dataset=dataset, name=dataset.name)


def _copy(row, **overrides):
    row = type(row).objects.get(pk=row.pk)
    row.pk, row._state.adding = None, True
    for name, value in overrides.items():
        setattr(row, name, value)
    row.save()
    return row


def acts(world, rows) -> list[tuple[str, object, dict, str]]:
    """Name of the address (and act), the row that it is about, the form, and words of the line."""
    campaign, invited, by_link, dataset = (
        world[one] for one in ("crowd_campaign", "by invitation", "by link", "annotation_dataset")
    )
    tasks = by_link.hits.get().assignments.order_by("pk").select_related("worker")
    visits, named = [task.pk for task in tasks], tasks[3].worker.worker_id
    invitation = {"invitation": invited.invitations.first().pk}
    pair = world["crowd_merge"].consensuses.first().pair_id
    stopped = [(name, rows[name], {}, "Stopped.") for name in rows if name.endswith("_cancel")]
    place = {"name": "Elsewhere", "kind": "link", "worker_parameter": "who", "session_parameter": "", "requests_per_s": "0"}
    person = {"username": "newcomer", "password1": "correct horse battery", "password2": "correct horse battery"}
    draft = {name: getattr(world["draft"], name) for name in (
        "protocol", "target_risk", "most_votes", "most_out", "least_votes", "further_pairs", "least_open_share",
        "exploration_share", "merge_every", "votes_per_pair", "images_per_hit", "pairs_per_image", "delay_ms", "seed", "title",
        "description", "keywords", "duration_s", "lifetime_s", "auto_approval_s", "frame_height",
        "consent_version", "tutorial_pass_mark", "gold_share", "consent_text", "reward_usd",
    )} | {"dataset": dataset.pk, "environment": campaign.environment_id}
    return [
        ("annotation_import_add", None, {
            "format": "nearer", "path": str(setting_up.MANNEQUINS), "name": "From a form", "pairs_per_person": 5, "seed": 0,
        }, "Added"),
        ("annotation_import_resume", rows["stopped"][0], {}, "Resumed."),
        ("annotation_import_discard", rows["stopped"][1], {}, "Discarded"),
        ("annotation_dataset_settings", dataset, {"name": dataset.name, "description": "New."}, "Changed Description"),
        ("annotation_dataset_pairs", dataset, {"strategy": "all", "count": 1, "most": 9, "seed": 1}, "Added 5 pairs"),
        ("annotation_dataset_sharing", dataset, {"act": "add", "colleague": rows["member"].pk, "role": 1}, "Shared with"),
        ("annotation_dataset_delete", rows["empty"], {"post": "yes"}, ""),
        ("crowd_campaign_add", None, draft | {"name": "By form"}, "Added"),
        ("crowd_campaign_settings", world["draft"], draft | {"name": "Renamed"}, "Changed"),
        ("crowd_campaign_delete", rows["unwanted"], {"post": "yes"}, ""),
        ("crowd_campaign_launch", rows["invited draft"], {"agreed": "0.00"}, "Launched."),
        ("crowd_campaign_merge", campaign, {"method": "majority"}, "Merged as number"),
        ("crowd_campaign_collect", invited, {}, "Collected"),
        ("crowd_campaign_sharing", campaign, {"act": "add", "colleague": rows["member"].pk, "role": 2}, "Shared with"),
        ("crowd_campaign_wages", campaign, {"act": "floor", "floor": "9"}, "The wage floor is 9"),
        ("crowd_campaign_change-offer:budget", campaign, {"act": "budget", "budget": "50"}, "The budget is 50"),
        ("crowd_campaign_visits:confirm", by_link, {"act": "confirm", "visit": visits[0]}, "Confirmed 1 visit"),
        ("crowd_campaign_visits:reject", by_link, {
            "act": "reject", "visit": visits[1], "reason": "Nothing was looked at."
        }, "Rejected"),
        ("crowd_campaign_visits:approve", by_link, {"act": "approve", "visit": visits[2]}, "by hand"),
        ("crowd_campaign_visits:confirm-listed", by_link, {"act": "confirm-listed", "listed": named}, "Confirmed 1"),
        ("crowd_campaign_visits:confirm-all", by_link, {"act": "confirm-all"}, "Confirmed 1 visit"),
        ("crowd_campaign_invitations", invited, {"act": "invite", "people": "Kim"}, "Invited 1 person"),
        ("crowd_campaign_invitations:renew", invited, {"act": "renew", **invitation}, "Made a new link"),
        ("crowd_campaign_invitations:send", invited, {"act": "send", **invitation}, "Sent the link"),
        ("crowd_campaign_invitations:known", invited, {"act": "known", "whose": invitation["invitation"]}, "answers of"),
        ("crowd_campaign_invitations:revoke", invited, {"act": "revoke", **invitation}, "Revoked"),
        ("crowd_campaign_invitations:forget", invited, {"act": "forget", **invitation}, "Deleted name and address"),
        ("crowd_merge_review", world["crowd_merge"], {"pair": pair, "answer": "first"}, "An expert's answer"),
        ("crowd_merge_release", world["crowd_merge"], {"name": "by-form"}, "Released as"),
        ("crowd_voteimport_add", None, {
            "dataset": dataset.pk, "name": "Older votes", "format": "auto",
            "file": SimpleUploadedFile("votes.csv", b"image,worker,first,second,answer\n"),
        }, "votes.csv"),
        ("accounts", None, {"environment": campaign.environment_id, "amount": "5", "key": "one-form-only"}, "Noted a deposit"),
        ("crowd_environment_add", None, place, "Added"),
        ("crowd_environment_change", rows["unused"], place | {"name": "Other"}, "Changed"),
        ("crowd_environment_delete", rows["unused"], {"post": "yes"}, ""),
        ("modeling_promotion_withdraw", dataset, {}, "Withdrew the priors"),
        ("modeling_run_add", None, {
            "release": world["crowd_release"].pk, "seed": 1, "settings": "{}", "preset": "nearer"
        }, "Added"),
        ("modeling_run_train", world["crowd_release"], {}, "Started on"),
        ("modeling_cadence", campaign, {"every_votes": "100", "settings": "{}"}, "Trains by itself"),
        ("modeling_run_promote", world["modeling_run"], {"dataset": by_link.dataset_id, "anyway": "1"}, "Promoted"),
        ("modeling_run_onnx", world["modeling_run"], {}, "Asked for an ONNX file"),
        ("modeling_demonstration_add", None, {"workers": "5", "seed": "1"}, "Added"),
        ("access_token_add", None, {"name": "a program", "scopes": ["read"], "days": 9}, "Added"),
        ("auth_user_add", None, person, "Added"),
        ("auth_user_change", rows["member"], {"username": rows["member"].username, "is_active": "on"}, "Changed"),
        ("auth_user_password_change", rows["member"], {
            "password1": "correct horse battery", "password2": "correct horse battery", "usable_password": "true",
        }, "Changed password"),
        ("auth_user_signing_in", rows["member"], {"act": "let_in"}, "Let in again"),
        ("auth_user_delete", rows["leaver"], {"post": "yes"}, ""),
        ("auth_group_add", None, {"name": "Guests"}, "Added"),
        ("auth_group_change", world["auth_group"], {"name": "Lookers"}, "Changed"),
        ("auth_group_delete", world["auth_group"], {"post": "yes"}, ""),
        *stopped,
    ]


def acts_at_a_marketplace(campaign, worker, done, waiting, call) -> list[tuple[str, object, dict, str]]:
    """Likewise, of a campaign that is on offer at a marketplace; `waiting` are tasks that wait for a word."""
    sure = {"sure": "yes"}
    first, second = waiting
    return [
        ("crowd_worker_approve:approve", worker, sure | {"task": first.pk, "feedback": ""}, "Approved and paid: 1 task"),
        ("crowd_worker_bonus:bonus", worker, sure | {
            "amount": "0.50", "reason": "Careful.", "through": done.pk, "key": "0123456789ab",
        }, "A bonus of 0.50 USD is paid."),
        ("crowd_worker_letter:letter", worker, sure | {
            "subject": "Thanks", "text": "Well done.", "key": "0123456789ac",
        }, "is sent"),
        ("crowd_assignment_approve", second, {}, "Approved."),
        ("crowd_assignment_decide", done, {"act": "bonus", "amount": "0.10", "reason": "x", "key": "0123456789ad"}, "A bonus"),
        ("crowd_call_again", call, {}, "Asked again"),
        ("crowd_worker_exclude:exclude", worker, sure | {"reason": "Asked for it."}, "gets no further task"),
        ("crowd_worker_readmit:readmit", worker, sure, "may take tasks again"),
        ("crowd_worker_block:block", worker, sure | {"reason": "Asked for it.", "typed": str(worker)}, "is blocked"),
        ("crowd_worker_unblock:unblock", worker, sure, "The block is lifted"),
        *((f"crowd_campaign_change-offer:{act}", campaign, {"act": act} | form, words) for act, form, words in (
            ("pause", {}, "Paused"), ("resume", {}, "Resumed"), ("time", {"days": "3"}, "On offer for 3 days"),
            ("votes", {"votes": "1"}, "1 more vote"), ("finish", {}, "Finished"), ("archive", {}, "Being archived"),
        )),
    ]


# --- Tests ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_act_leaves_its_line(client, admin_user, settings, mailoutbox):
    settings.SENDS_EMAIL = True
    world = every_page.make_world(admin_user)
    client.force_login(admin_user)
    too_early = client.post(reverse("admin:modeling_demonstration_add"), {"workers": "5", "seed": "1"})
    assert "The mannequins are not loaded" in too_early.content.decode()
    Dataset.objects.filter(pk=world["by link"].dataset_id).update(source="demo")
    todo = acts(world, made(world))
    assert not (missing := walk(client, admin_user, todo)), missing
    campaign = world["crowd_campaign"]
    walked = {name for name, *_ in todo} | {name for name, *_ in acts_at_a_marketplace(*[campaign] * 3, (campaign,) * 2, None)}
    assert asked() - walked - set(EXCEPTIONS) == set(), "acts of the panel that nobody looks at"


@pytest.mark.django_db
def test_an_empty_form_changes_nothing_anywhere_or_leaves_a_line(client, admin_user):
    world = every_page.make_world(admin_user)
    silent = {}
    for name, url in every_page.addresses(world).items():
        client.force_login(admin_user)
        before = newest_line()
        with CaptureQueriesContext(connection) as found:
            client.post(url)
        written = [one["sql"][:80] for one in found.captured_queries if WRITES.match(one["sql"])]
        if written and not lines_of(admin_user, before) and name not in NO_LINE:
            silent[name] = written
    assert silent == {}


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_every_act_at_a_marketplace_leaves_its_line(client, hired, researcher):
    campaign = Campaign.objects.get()
    third = campaign.hits.order_by("number")[2]
    accepted = hired.accept(third)
    hired.submit(accepted, hired.answer(third, accepted, n=2))
    reconciling.reconcile(campaign)
    done, waiting = Assignment.objects.get(state="approved"), Assignment.objects.filter(state="submitted")
    call = Call.objects.create(
        environment=campaign.environment, kind="bonus", token="refused-once", campaign=campaign, assignment=done,
        worker=done.worker, state="refused", payload={"amount_usd": "0.05"}, reason="Careful.", wanted_by=researcher,
    )
    todo = acts_at_a_marketplace(campaign, done.worker, done, tuple(waiting), call)
    assert not (missing := walk(client, researcher, todo)), missing
