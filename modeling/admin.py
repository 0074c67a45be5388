"""Training runs and the demonstration in the researcher's panel."""

from datetime import timedelta

from django import forms
from django.contrib import admin
from django.db.models import Value
from django.urls import reverse
from django.utils import timezone

from access.sharing import Role
from annotation.models import Dataset, Person
from annotation.panel.pages import JobAdmin, moment, state_badge
from annotation.rights import may, scoped
from config.panel import Act, Attention, Overview
from crowd.models import Campaign, Release
from crowd.panel import campaigns as crowd_figures
from modeling import promoting
from modeling.models import Cadence, Demonstration, OnnxExport, Prediction, Promotion, Round, Run
from modeling.panel import comparing, promotion_pages, run_pages, runs

__all__ = ["promotion_pages", "run_pages"]  # importing them registers their pages
RECENT = 5
FAILURES_FOR = timedelta(days=7)


class DemonstrationForm(forms.ModelForm):
    class Meta:
        model = Demonstration
        fields = ["workers", "seed"]

    def clean(self):
        from modeling import demonstration

        found = super().clean()
        if not self.errors:
            try:
                demonstration.prepare(None, workers=found["workers"], seed=found["seed"])
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
        return found


@admin.register(Demonstration)
class DemonstrationAdmin(JobAdmin):
    belongs_to = "created_by"
    page_template = "admin/modeling/demonstration/page.html"
    form = DemonstrationForm
    add_words = {
        "title": "Watch it work: simulated workers", "save_label": "Start",
        "lead": "A campaign on the mannequins is published on this server's marketplace, answered over HTTP by simulated "
        "workers who err as real ones do, paid with play money, merged, released and learnt from. It takes a few minutes.",
    }
    list_display = ["__str__", state_badge, "stage", "workers", "seed", "created_by", moment("created_at", "started")]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("campaign", "dataset", "created_by")

    def save_model(self, request, obj, form, change):
        from modeling import demonstration

        started = demonstration.start(request.user, workers=form.cleaned_data["workers"], seed=form.cleaned_data["seed"])
        obj.pk, obj._state.adding = started.pk, False

    def progress(self, job):
        """The page has more to show whenever the next stage of the loop has begun."""
        shows = [job.campaign_id or ""]
        if job.campaign_id:
            shows += [row.pk for row in (self._merge(job), self._release(job), self._run(job)) if row is not None]
        return super().progress(job) | {"shows": "-".join(map(str, shows))}

    @staticmethod
    def _merge(job):
        return job.campaign.merges.exclude(method="majority").order_by("-pk").first()

    @staticmethod
    def _release(job):
        return job.campaign.releases.order_by("-pk").first()

    @staticmethod
    def _run(job):
        return Run.objects.filter(release__campaign=job.campaign_id).order_by("-pk").first()

    def page(self, request, thing):
        campaign = thing.campaign
        live = crowd_figures.live(campaign) if campaign else {}
        return super().page(request, thing) | {
            "campaign": campaign, "live": live, "tiles": crowd_figures.tiles(live) if live else [],
            "merge": self._merge(thing) if campaign else None,
            "release": self._release(thing) if campaign else None,
            "run": self._run(thing) if campaign else None,
            "figures": runs.demonstration_figures(thing),
        }


@admin.site.contributes("home")
def runs_on_the_home_page(request, _):
    mine = scoped(Run.objects.all(), "release__campaign", request.user)
    recent = list(mine.select_related("release__campaign").defer(*comparing.HEAVY)[:RECENT])
    for run in recent:
        run.after = run.figures.get("after", {})
    overview = Overview(sections=[{
        "title": "Training runs", "template": "admin/modeling/run/home.html", "runs": recent,
        "all_url": reverse("admin:modeling_run_changelist"),
        "add_url": reverse("admin:modeling_run_add") if request.user.has_perm("modeling.add_run") else None,
    }])
    overview.attention = [*_failures(request), *_troubles(request)]
    for run in recent:
        if not run.has_ended:
            url = reverse("admin:modeling_run_change", args=[run.pk])
            overview.acts.append(Act(8, f"{run} is training", run.stage or "It waits for its turn.", url, "Watch the curve"))
    releases = scoped(Release.objects.all(), "campaign", request.user, Role.MANAGE)
    untrained = releases.filter(state=Release.State.DONE, runs=None).first()
    if untrained is not None:
        overview.acts.append(Act(
            7, f"Train on “{untrained}”", "The lifter learns 3D poses from the released labels.",
            reverse("admin:crowd_release_change", args=[untrained.pk]), "See the release",
        ))
    demo = _demonstration(request)
    if demo is not None:
        overview.acts.append(demo)
    return overview


def _demonstration(request) -> Act | None:
    """A running demonstration, or the offer of a first one."""
    newest = scoped(Demonstration.objects.all(), "created_by", request.user).first()
    if newest is not None and not newest.has_ended:
        url = reverse("admin:modeling_demonstration_change", args=[newest.pk])
        return Act(9, "Simulated workers are at work", newest.stage, url, "Watch it work")
    may_start = request.user.has_perm("modeling.add_demonstration")
    if newest is None and may_start and Dataset.objects.filter(source="demo").exists():
        return Act(
            9, "Watch it work: simulated workers",
            "The whole loop in a few minutes, over HTTP as browsers would: votes, consensus, 3D poses. No real money is spent.",
            reverse("admin:modeling_demonstration_add"), "Watch it work",
        )
    return None


FAILING = (  # kind of job; what failed, in words; whose it is; what it is about; its name
    (Run, "Training {}", "release__campaign", "release", "name"),
    (OnnxExport, "The ONNX file of {}", "run__release__campaign", "run", "run__name"),
    (Demonstration, "The demonstration on “{}”", "created_by", "dataset", "dataset__name"),
)


def _failures(request) -> list[Attention]:
    """Jobs that failed lately and were not followed by one on the same that did not; all kinds in one query."""
    since, kinds = timezone.now() - FAILURES_FOR, []
    for number, (model, _, whose, about, name) in enumerate(FAILING):
        rows = scoped(model.objects.filter(created_at__gt=since), whose, request.user).order_by()
        kinds.append(rows.annotate(kind=Value(number)).values_list("kind", f"{about}_id", "pk", name, "state", "error"))
    newest = {}
    for kind, about, *row in sorted(kinds[0].union(*kinds[1:], all=True), key=lambda row: row[2]):
        newest[kind, about] = row
    found = []
    for (kind, _), (pk, name, state, error) in newest.items():
        if state == Run.State.FAILED:
            model, words = FAILING[kind][:2]
            url = reverse(f"admin:modeling_{model._meta.model_name}_change", args=[pk])
            found.append(Attention(f"{words.format(name)} failed", error, url, "See why", "danger"))
    return found


def _troubles(request) -> list[Attention]:
    """The newest round of each campaign, and the newest promotion of each data set, where it failed lately."""
    since = timezone.now() - FAILURES_FOR
    rounds = scoped(Round.objects.filter(created_at__gt=since), "campaign", request.user)
    promotions = scoped(Promotion.objects.filter(created_at__gt=since), "dataset", request.user)
    found = []
    for row in _newest(rounds.select_related("campaign"), "campaign_id"):
        url = reverse("admin:modeling_cadence", args=[row.campaign_id])
        found.append(Attention(f"“{row.campaign}” could not train by itself", row.error, url, "See the rounds", "danger"))
    by_rounds = set(rounds.exclude(promotion=None).values_list("promotion", flat=True))
    for row in _newest(promotions.select_related("dataset", "run").defer("run__curve"), "dataset_id"):
        if row.pk not in by_rounds:
            url = reverse("admin:modeling_promotion_change", args=[row.pk])
            found.append(Attention(f"The {row} failed", row.error, url, "See why", "danger"))
    return found


def _newest(rows, key: str) -> list:
    """Those that failed, of the newest of each."""
    newest = {}
    for row in rows.order_by("pk"):
        newest[getattr(row, key)] = row
    return [row for row in newest.values() if row.state == "failed"]


@admin.site.contributes("person")
def poses_of_a_person(request, person: Person):
    """The 3D pose by the newest run that has seen this person, and where the priors of the pairs come from."""
    seen = Prediction.objects.filter(person=person, run__state=Run.State.DONE)
    seen = scoped(seen, "run__release__campaign", request.user)
    newest = seen.select_related("run").defer("run__curve", "run__evaluation", "run__log").order_by("-run_id").first()
    promotion = promoting.current(person.image.dataset)
    notes = []
    if promotion is not None and promotion.run is not None:
        notes = [f"Before any vote, each pair has a prior from {promotion.run}, by a lifter that had not seen its answer."]
    if newest is None:
        return {"notes": notes}
    title = f"Predicted by {newest.run}"
    return {"notes": notes, "poses": [{"name": f"run{newest.run_id}", "title": title, "pose_mm": newest.pose_mm}]}


@admin.site.contributes("release")
def runs_of_a_release(request, release: Release):
    return {
        "template": "admin/modeling/run/of_release.html",
        "act_template": "admin/modeling/run/train.html" if _may_train(request, release, "campaign") else None,
        "release": release, "runs": list(release.runs.defer(*comparing.HEAVY)),
        "url": reverse("admin:modeling_run_train", args=[release.pk]),
    }


@admin.site.contributes("dataset")
def lifter_of_a_dataset(request, dataset: Dataset):
    """Which run gives the priors, and the newest runs on the data set's releases."""
    if not request.user.has_perm("modeling.view_run"):
        return None
    promotion = promoting.current(dataset)
    found = list(comparing.comparable(scoped(Run.objects.all(), "release__campaign", request.user), dataset)[:RECENT])
    if promotion is None and not found:
        return None
    return {
        "template": "admin/modeling/dataset.html", "promotion": promotion, "runs": found, "dataset": dataset,
        "under_way": promoting.under_way(dataset), "may_train": _may_train(request, dataset),
        "compare": f"{reverse('admin:modeling_run_compare')}?dataset={dataset.pk}",
    }


@admin.site.contributes("campaign")
def runs_of_a_campaign(request, campaign: Campaign):
    if not request.user.has_perm("modeling.view_run"):
        return None
    found = Run.objects.filter(release__campaign=campaign).defer(*comparing.HEAVY)
    found = list(found.select_related("release__campaign__cadence")[:RECENT])
    cadence = (
        getattr(found[0].release.campaign, "cadence", None) if found else Cadence.objects.filter(campaign=campaign).first()
    )
    return {
        "template": "admin/modeling/campaign.html", "runs": found, "campaign": campaign, "cadence": cadence,
        "may_train": _may_train(request, campaign),
    }


def _may_train(request, thing, path: str = "") -> bool:
    return request.user.has_perm("modeling.add_run") and may(request.user, thing, path, Role.MANAGE)


@admin.site.contributes("trail")
def what_others_did_with_ones_runs(request, _):
    return [Run.objects.filter(release__campaign__in=request.user.campaigns.all())]
