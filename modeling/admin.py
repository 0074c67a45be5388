"""Training runs and the demonstration in the researcher's panel."""

from datetime import timedelta

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.storage import storages
from django.http import FileResponse, Http404
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone

from annotation.models import Dataset, Person
from annotation.panel.pages import JobAdmin, moment, state_badge
from config.panel import Act, Attention, Overview
from crowd.models import Campaign, Release
from crowd.panel import campaigns as crowd_figures
from modeling import training
from modeling.models import Demonstration, Prediction, Run
from modeling.panel import runs

RECENT = 5
WEIGHTS = "weights.safetensors"
FAILURES_FOR = timedelta(days=7)


class RunForm(forms.ModelForm):
    class Meta:
        model = Run
        fields = ["release", "settings", "seed"]
        labels = {"settings": "Settings that differ from the defaults", "seed": "Seed"}
        help_texts = {
            "settings": 'As JSON, for instance {"epochs": 60}. Empty braces: the lifter chooses from the size of the data.',
        }


@admin.register(Run)
class RunAdmin(JobAdmin):
    owner_path = "release__campaign__owner"
    page_template = "admin/modeling/run/page.html"
    list_title = "Training runs"
    form = RunForm
    add_words = {
        "title": "Train a lifter", "save_label": "Start training",
        "lead": "The lifter learns 3D poses from a release's labels alone, and then predicts everybody's pose.",
    }
    list_display = ["name", "release", state_badge, "pa_mpjpe", "order", "created_by", moment("created_at", "started")]
    list_select_related = ["release", "created_by"]
    list_filter = ["state"]
    search_fields = ["name"]

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("train/<int:release_id>/", view(self.train_view), name="modeling_run_train"),
            *super().get_urls(),
        ]

    def pages(self):
        return super().pages() | {"weights": self.weights_view}

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("release__campaign__dataset__skeleton")

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "release":
            field.queryset = field.queryset.filter(state=Release.State.DONE)
        return field

    @admin.display(description="PA-MPJPE")
    def pa_mpjpe(self, run):
        error = run.figures.get("after", {}).get("pa_mpjpe_mm")
        return f"{error:.1f} mm" if error is not None else "–"

    @admin.display(description="right order")
    def order(self, run):
        share = run.figures.get("after", {}).get("order_accuracy")
        return f"{100 * share:.1f} %" if share is not None else "–"

    def save_model(self, request, obj, form, change):
        started = training.start(
            obj.release, request.user, settings=form.cleaned_data["settings"] or {}, seed=form.cleaned_data["seed"] or 0
        )
        obj.pk, obj.name, obj._state.adding = started.pk, started.name, False

    def progress(self, job):
        return super().progress(job) | {"charts": {"curve": runs.curve_rows(job)}}

    def page(self, request, thing):
        context = super().page(request, thing) | {
            "curve": runs.curve_chart(thing), "settings": sorted(thing.settings.items()),
        }
        if not thing.is_done:
            return context
        return context | {
            "tiles": runs.tiles(thing), "figures": runs.before_and_after(thing), **runs.gallery(thing, request),
            "weights": storages["private"].exists(f"{thing.folder}/{WEIGHTS}"),
        }

    def train_view(self, request, release_id):
        """Start a run with the lifter's own defaults on a release."""
        releases = Release.objects.all() if request.user.is_superuser else Release.objects.filter(campaign__owner=request.user)
        release = releases.filter(pk=release_id).first()
        if release is None:
            raise Http404("There is no such release.")
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return redirect("admin:crowd_release_change", release.pk)
        try:
            run = training.start(release, request.user)
        except ValueError as error:
            messages.error(request, str(error))
            return redirect("admin:crowd_release_change", release.pk)
        self.log_addition(request, run, f"Started on {release}.")
        return redirect(self.url("change", run.pk))

    def weights_view(self, request, run):
        name = f"{run.folder}/{WEIGHTS}"
        if not storages["private"].exists(name):
            raise Http404("This run has no weights.")
        return FileResponse(storages["private"].open(name), as_attachment=True, filename=f"{run.name}.safetensors")


class DemonstrationForm(forms.ModelForm):
    class Meta:
        model = Demonstration
        fields = ["workers", "seed"]


@admin.register(Demonstration)
class DemonstrationAdmin(JobAdmin):
    owner_path = "created_by"
    page_template = "admin/modeling/demonstration/page.html"
    form = DemonstrationForm
    add_words = {
        "title": "Watch it work: simulated workers", "save_label": "Start",
        "lead": "A campaign on the mannequins is published on this server's marketplace, answered over HTTP by simulated "
        "workers who err as real ones do, paid with play money, merged, released and learnt from. It takes a few minutes.",
    }
    list_display = ["__str__", state_badge, "stage", "workers", "seed", "created_by", moment("created_at", "started")]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("campaign", "dataset")

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
    mine = {} if request.user.is_superuser else {"release__campaign__owner": request.user}
    recent = list(Run.objects.filter(**mine).select_related("release__campaign")[:RECENT])
    for run in recent:
        run.after = run.figures.get("after", {})
    overview = Overview(sections=[{
        "title": "Training runs", "template": "admin/modeling/run/home.html", "runs": recent,
        "all_url": reverse("admin:modeling_run_changelist"),
        "add_url": reverse("admin:modeling_run_add") if request.user.has_perm("modeling.add_run") else None,
    }])
    since = timezone.now() - FAILURES_FOR
    failed = [run for run in recent if run.state == Run.State.FAILED and run.created_at > since]
    overview.attention = [
        Attention(f"Training {run} failed", run.error, reverse("admin:modeling_run_change", args=[run.pk]), "See why", "danger")
        for run in failed
    ]
    for run in recent:
        if not run.has_ended:
            url = reverse("admin:modeling_run_change", args=[run.pk])
            overview.acts.append(Act(8, f"{run} is training", run.stage or "It waits for its turn.", url, "Watch the curve"))
    owned = {} if request.user.is_superuser else {"campaign__owner": request.user}
    untrained = Release.objects.filter(state=Release.State.DONE, runs=None, **owned).first()
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
    mine = {} if request.user.is_superuser else {"created_by": request.user}
    newest = Demonstration.objects.filter(**mine).first()
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


@admin.site.contributes("person")
def poses_of_a_person(request, person: Person):
    """The 3D pose by the newest run that has seen this person."""
    seen = Prediction.objects.filter(person=person, run__state=Run.State.DONE)
    newest = seen.select_related("run").order_by("-run_id").first()
    if newest is None:
        return None
    return {"poses": [{"name": f"run{newest.run_id}", "title": f"Predicted by {newest.run}", "pose_mm": newest.pose_mm}]}


@admin.site.contributes("release")
def runs_of_a_release(request, release: Release):
    return {
        "template": "admin/modeling/run/of_release.html", "act_template": "admin/modeling/run/train.html",
        "release": release, "runs": list(release.runs.all()),
        "url": reverse("admin:modeling_run_train", args=[release.pk]),
    }


@admin.site.contributes("campaign")
def runs_of_a_campaign(request, campaign: Campaign):
    found = list(Run.objects.filter(release__campaign=campaign).select_related("release"))
    return {"title": "Training runs", "template": "admin/modeling/run/of_release.html" if found else None, "runs": found}


