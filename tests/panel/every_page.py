"""Every address of the panel, read from its own table of addresses and filled in with a world that has a row of each kind."""

from collections.abc import Iterator
from decimal import Decimal

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone

from access.models import Token
from access.trail import noted
from annotation.models import Pair, Person, Vote
from annotation.panel import roles
from crowd import merging, releasing
from crowd.models import Call, Environment, Invitation, Payment, Publication, Standing, VoteImport, Worker
from jobs import running
from modeling.models import Demonstration, OnnxExport, Prediction, Promotion, Run
from tests import factories

OF_NOBODY = {"jsi18n", "autocomplete", "view_on_site", "app_list"}  # Django's own, which no page of the panel leads to
OF_A_DRAFT = {"settings", "launch", "preview", "instructions", "question", "delete"}
SETTINGS = (
    "protocol=fixed&votes_per_pair=5&images_per_hit=5&pairs_per_image=5&target_risk=0.05&most_votes=7&least_votes=1"
    "&exploration_share=0.05&reward_usd=0.10&delay_ms=750&gold_share=0&lifetime_s=604800&dataset={annotation_dataset}"
)
ASKED = {  # addresses that say little or lead elsewhere where nothing is asked
    "crowd_campaign_expect": SETTINGS, "crowd_campaign_price": SETTINGS, "crowd_campaign_work": "show=both",
    "annotation_dataset_pairs": "strategy=all&count=1&seed=1", "crowd_release_compare": "with={older release}",
}
OF_A_LINK, OF_INVITATIONS = {"visits", "visits-csv"}, {"invitations", "answers-csv"}


def routes() -> Iterator[tuple[str, list[str]]]:
    """Name and parameters of each address of the panel, once."""
    seen = set()
    for pattern in _flat(admin.site.urls[0]):
        name = pattern.name
        if name and name not in seen and name not in OF_NOBODY:
            seen.add(name)
            yield name, list(pattern.pattern.converters)


def _flat(patterns) -> Iterator[URLPattern]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _flat(one.url_patterns)
        else:
            yield one


def model_of(name: str) -> str:
    """`app_model` of an address's name, "" where it is about no one model."""
    models = [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]
    return max((one for one in models if name.startswith(f"{one}_")), key=len, default="")


def addresses(world: dict) -> dict[str, str]:
    """Every address by its name, about the rows of `world`; those of a model without a row in it are left out."""
    found = {}
    for name, parameters in routes():
        model = model_of(name)
        row = row_of(world, model, name.removeprefix(f"{model}_"))
        values = {
            "object_id": row, "id": row, "release_id": world["crowd_release"], "campaign_id": world["crowd_campaign"],
            "dataset_id": world["annotation_dataset"], "filename": "manifest.json", "name": "weights.safetensors",
        }
        said = [getattr(value := values[one], "pk", value) for one in parameters]
        if None not in said:
            query = ASKED.get(name, "").format_map({key: getattr(thing, "pk", None) for key, thing in world.items()})
            found[name] = reverse(f"admin:{name}", args=said) + (f"?{query}" if query else "")
    return found | {
        "annotation_dataset_change, doubtful": f"{found['annotation_dataset_change']}?show=doubtful",
        "crowd_campaign_change, lean": reverse("admin:crowd_campaign_change", args=[world["lean"].pk]),
        "crowd_campaign_change, draft": reverse("admin:crowd_campaign_change", args=[world["draft"].pk]),
    }


def row_of(world: dict, model: str, route: str):
    if model == "crowd_campaign":
        for kind, wanted in (("draft", OF_A_DRAFT), ("by link", OF_A_LINK), ("by invitation", OF_INVITATIONS)):
            if route in wanted:
                return world[kind]
    return world.get(model)


# --- The world ------------------------------------------------------------------------------------


def make_world(owner, *, n_pairs: int = 5, **overrides) -> dict:
    """By `app_model` a row of each kind that a researcher's page can be about; `draft`, `by link` and `by invitation` too."""
    roles.ensure()
    campaign = factories.make_voted_campaign(
        owner=owner, dataset=factories.make_dataset(owner=owner), n_pairs=n_pairs, votes=5, state="collecting", **overrides
    )
    dataset, place, now = campaign.dataset, campaign.environment, timezone.now()
    tasks = list(campaign.hits.get().assignments.select_related("task", "worker"))
    for task in tasks[1:]:
        task.state, task.submitted_at = "submitted", now
        task.task.feedback = {"problem": "", "comment": "Nice pictures."}
        task.task.save()
        task.save()
    lines = [
        Payment.objects.create(
            environment=place, campaign=campaign, assignment=task, worker=task.worker, kind="reward",
            token=f"{campaign.pk}-{n}", amount_usd=Decimal("0.10"), fee_usd=Decimal("0.02"), reason="It was verified.",
        )
        for n, task in enumerate(tasks)
    ]
    calls = [
        Call.objects.create(
            environment=place, kind="bonus", token=f"call-{task.pk}", payload={"amount_usd": "0.05"}, campaign=campaign,
            assignment=task, worker=task.worker, state="refused", error="It was refused.", ended_at=now, wanted_by=owner,
        )
        for task in tasks
    ]
    merge = running.execute(merging.start(campaign, owner))
    older, release = (running.execute(releasing.start(merge, owner, name=f"r{merge.pk}-{n}", formats=[])) for n in (1, 2))
    return {
        "annotation_dataset": dataset, "annotation_skeleton": dataset.skeleton,
        "annotation_person": Person.objects.filter(image__dataset=dataset).first(),
        "annotation_vote": Vote.objects.filter(pair__person__image__dataset=dataset).first(),
        "annotation_import": factories.make_import(created_by=owner, state="failed", error="Something is missing."),
        "auth_user": owner, "auth_group": Group.objects.first(),
        "admin_logentry": _line(owner, dataset),
        "access_token": Token.objects.create(
            name="a program", owner=owner, scopes=["read"], expires_at=now, sha256=f"{campaign.pk:064x}"
        ),
        "crowd_campaign": campaign, "crowd_environment": place, "crowd_merge": merge, "crowd_release": release,
        "crowd_publication": Publication.objects.create(campaign=campaign, created_by=owner, state="failed", error="Stopped."),
        "crowd_payment": lines[0], "crowd_call": calls[0], "crowd_worker": tasks[0].worker, "crowd_hit": campaign.hits.get(),
        "crowd_assignment": tasks[1], "older release": older,
        "crowd_voteimport": VoteImport.objects.create(
            dataset=dataset, name="votes", filename="votes.csv", stored="nowhere", sha256="0" * 64, created_by=owner,
            state="failed", error="Nothing in it.", settings={}, figures={}, warnings=[],
        ),
        **_learnt(release, owner, n_pairs), **_other_campaigns(campaign, owner),
    }


def _line(user, thing) -> LogEntry:
    noted(user, thing, "Looked at it.")
    return LogEntry.objects.order_by("-pk").first()


def _learnt(release, owner, n_epochs: int) -> dict:
    run = Run.objects.create(
        name=f"run-{release.pk}", release=release, state=Run.State.DONE, progress=1, created_by=owner, n_labels=5, n_votes=25,
        spent_usd=Decimal("3.00"), curve=[{"epoch": n, "loss": 2 / n} for n in range(1, n_epochs + 1)],
        figures={"before": {"pa_mpjpe_mm": 200.0}, "after": {"pa_mpjpe_mm": 90.0, "mpjpe_mm": 101.0, "order_accuracy": 0.83}},
    )
    storages["private"].save(f"{run.folder}/weights.safetensors", ContentFile(b"weights"))
    people = Person.objects.filter(image__dataset=release.campaign.dataset_id)
    Prediction.objects.bulk_create(Prediction(run=run, person=one, pose_mm=one.truth_mm) for one in people)
    done = {"state": "done", "created_by": owner}
    return {
        "modeling_run": run,
        "modeling_promotion": Promotion.objects.create(dataset=release.campaign.dataset, run=run, is_current=True, **done),
        "modeling_onnxexport": OnnxExport.objects.create(run=run, state="failed", error="No room.", created_by=owner),
        "modeling_demonstration": Demonstration.objects.create(
            dataset=release.campaign.dataset, campaign=release.campaign, **done
        ),
    }


def _other_campaigns(campaign, owner) -> dict:
    same = {"owner": owner, "dataset": campaign.dataset}
    lean = factories.make_campaign(environment=campaign.environment, protocol="lean", state="collecting", **same)
    pairs = Pair.objects.of_dataset(campaign.dataset).values_list("pk", "person__image_id")
    Standing.objects.bulk_create(Standing(campaign=lean, pair_id=pk, image_id=image) for pk, image in pairs)
    by_link = factories.make_voted_campaign(
        n_pairs=5, votes=5, state="collecting", environment=_place(Environment.Kind.LINK), owner=owner,
        dataset=factories.make_dataset(owner=owner, skeleton=campaign.dataset.skeleton),
    )
    by_link.hits.get().assignments.update(state="submitted", submitted_at=timezone.now())
    invited = factories.make_voted_campaign(
        n_pairs=5, votes=2, state="collecting", environment=_place(Environment.Kind.INVITATION), owner=owner,
        dataset=factories.make_dataset(owner=owner), reward_usd=Decimal(0),
    )
    for worker in Worker.objects.filter(environment=invited.environment):
        Invitation.objects.create(campaign=invited, worker=worker, name="Lin", email="lin@example.org")
    return {
        "draft": factories.make_campaign(environment=campaign.environment, **same), "lean": lean, "by link": by_link,
        "by invitation": invited,
    }


def _place(kind) -> Environment:
    return factories.make_environment(kind=kind, endpoint_url="", worker_url="")

