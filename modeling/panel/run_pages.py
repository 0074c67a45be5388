"""Training runs: started, watched, compared, promoted, taken away as files."""

import json
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404
from django.shortcuts import redirect
from django.urls import path
from django.utils.html import format_html

from access.sharing import Role
from annotation import rights
from annotation.models import Dataset, Pair
from annotation.panel.pages import JobAdmin, moment, state_badge, watch_row
from crowd.models import Campaign, Release
from modeling import exporting, keeping, measuring, promoting, training
from modeling.models import Cadence, OnnxExport, Run
from modeling.panel import cadences, comparing, evaluation, runs
from modeling.panel.run_forms import RunForm, initial_of


@admin.register(Run)
class RunAdmin(JobAdmin):
    belongs_to = "release__campaign"
    page_template = "admin/modeling/run/page.html"
    list_title = "Training runs"
    form = RunForm
    add_words = {
        "title": "Train a lifter", "save_label": "Start training",
        "lead": "The lifter learns 3D poses from a release's labels alone, and then predicts everybody's pose. Every field "
        "but the release may stay as it is.",
    }
    fieldsets = [
        (None, {"fields": ["release", "note", "preset", "started_from", "seed"]}),
        ("How it learns", {
            "description": "Empty: chosen from the size of the data.",
            "fields": ["epochs", "width", "batch", "learning_rate", "dropout", "held_out", "patience"],
        }),
        ("Where it learns", {"fields": ["device", "precision", "compile", "tensorboard"]}),
        ("Everything else", {"fields": ["settings"]}),
    ]
    list_display = [
        "name", "release", state_badge, "pa_mpjpe", "order", "promoted", "note", "created_by", moment("created_at", "started"),
    ]
    list_filter = ["state"]
    search_fields = ["name", "note"]

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("train/<int:release_id>/", view(self.train_view), name="modeling_run_train"),
            path("compare/", view(self.compare_view), name="modeling_run_compare"),
            path("cadence/<int:campaign_id>/", view(self.cadence_view), name="modeling_cadence"),
            path("<int:object_id>/files/<path:name>", view(self.file_view), name="modeling_run_file"),
            *super().get_urls(),
        ]

    def pages(self):
        return super().pages() | {
            "weights": self.weights_view, "promote": self.promote_view, "onnx": self.onnx_view,
        }

    def get_queryset(self, request):
        rows = super().get_queryset(request).select_related(
            "release__campaign__dataset__skeleton", "started_from", "created_by"
        )
        if request.resolver_match and request.resolver_match.url_name == "modeling_run_changelist":
            return rows.defer(*comparing.HEAVY).prefetch_related("promotions")
        return rows

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name in ("release", "started_from"):
            field.queryset = field.queryset.filter(state=Release.State.DONE)
        if db_field.name == "started_from":
            field.queryset = field.queryset.defer(*comparing.HEAVY)
        return field

    def get_changeform_initial_data(self, request):
        """Values for the form from the address, so that a run can be repeated with a change."""
        initial = super().get_changeform_initial_data(request)
        if "release" not in initial:
            field = self.formfield_for_foreignkey(Run._meta.get_field("release"), request)
            initial["release"] = field.queryset.order_by("-pk").values_list("pk", flat=True).first()
        if "settings" in request.GET:
            try:
                initial["settings"] = json.loads(request.GET["settings"])
            except ValueError:
                del initial["settings"]
        return initial

    @admin.display(description="PA-MPJPE")
    def pa_mpjpe(self, run):
        error = run.figures.get("after", {}).get("pa_mpjpe_mm")
        return f"{error:.1f} mm" if error is not None else "–"

    @admin.display(description="right order")
    def order(self, run):
        share = run.figures.get("after", {}).get("order_accuracy")
        return f"{100 * share:.1f} %" if share is not None else "–"

    @admin.display(description="priors")
    def promoted(self, run):
        if any(promotion.is_current for promotion in run.promotions.all()):
            return format_html('<span class="badge good">{}</span>', "gives them")
        return ""

    def save_model(self, request, obj, form, change):
        values = form.cleaned_data
        started = training.start(
            obj.release, request.user, settings=values["settings"], seed=values["seed"] or 0,
            started_from=values["started_from"], note=values["note"] or "",
        )
        obj.pk, obj.name, obj._state.adding = started.pk, started.name, False

    def progress(self, job):
        return super().progress(job) | {"charts": {"curve": runs.curve_rows(job)}}

    def may_train(self, request, thing, path: str | None = None) -> bool:
        """Training on, promoting and exporting this run, or what is at the end of a path, ask for the same right."""
        path = self.belongs_to if path is None else path
        return self.has_add_permission(request) and rights.may(request.user, thing, path, Role.MANAGE)

    def page(self, request, thing):
        may_train = self.may_train(request, thing)
        context = super().page(request, thing) | {
            "curve": runs.curve_chart(thing), "settings": sorted(thing.settings.items()), "may_train": may_train,
            "again": f"{self.url('add')}?{_query(initial_of(thing))}" if may_train else "",
        }
        if not thing.is_done:
            return context
        return context | {
            "tiles": runs.tiles(thing), "figures": runs.before_and_after(thing), **runs.gallery(thing, request),
            "facts": evaluation.facts(thing), "charts": evaluation.charts(thing),
            "files": [
                {"name": name, **facts, "url": self.url("file", thing.pk, name)}
                for name, facts in sorted(keeping.shown_files(thing).items())
            ],
            "has_onnx": keeping.ONNX in thing.files,
            "onnx": watch_row(self.admin_site, OnnxExport.objects.filter(run=thing).select_related("run").first()),
            "promotions": list(thing.promotions.select_related("dataset", "created_by", "run")[:10]),
            "all_settings": sorted(thing.figures.get("settings", {}).items()),
            "compare": f"{self.url('compare')}?dataset={thing.release.campaign.dataset_id}",
            "weights": keeping.WEIGHTS in keeping.files_of(thing),
        }

    def train_view(self, request, release_id):
        """Start a run with the lifter's own defaults on a release."""
        release = rights.scoped(Release.objects.all(), "campaign", request.user).filter(pk=release_id).first()
        if release is None:
            raise Http404("There is no such release.")
        if not self.may_train(request, release, "campaign"):
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

    def compare_view(self, request):
        """The runs of a data set in a table, and their error against what they cost."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        datasets = list(
            Dataset.objects.open_to(request.user).filter(campaigns__releases__runs__state=Run.State.DONE).distinct()
        )
        wanted = request.GET.get("dataset", "")
        dataset = next((one for one in datasets if str(one.pk) == wanted), datasets[0] if datasets and not wanted else None)
        if wanted and dataset is None:
            raise Http404("There is no such data set with runs.")
        context = {"datasets": datasets, "dataset": dataset, "rows": []}
        if dataset is not None:
            found = list(comparing.comparable(self.get_queryset(request), dataset)[:comparing.MOST])
            chosen = set(request.GET.getlist("run"))
            some = [run for run in found if str(run.pk) in chosen] if chosen else found
            context |= comparing.table(some, dataset) | {
                "others": [run for run in found if run not in some], "is_choice": bool(chosen), "most": comparing.MOST,
            }
        return self.render(request, "admin/modeling/run/compare.html", None, **context | {"title": "Compare runs"})

    def cadence_view(self, request, campaign_id):
        """How often a campaign trains by itself."""
        campaign = Campaign.objects.open_to(request.user).filter(pk=campaign_id).first()
        if campaign is None:
            raise Http404("There is no such campaign.")
        may_train = self.may_train(request, campaign, "")
        if not self.has_view_permission(request) or (request.method == "POST" and not may_train):
            raise PermissionDenied
        cadence = Cadence.objects.filter(campaign=campaign).first() or Cadence(campaign=campaign)
        form = cadences.CadenceForm(request.POST or None, instance=cadence)
        if form.is_valid():
            cadences.save(request, form, campaign)
            return redirect(request.path)
        return self.render(
            request, "admin/modeling/cadence.html", None, campaign=campaign, title="Training by itself",
            form=form if may_train else None, **cadences.of_campaign(campaign),
        )

    def promote_view(self, request, run):
        """What a promotion does, said before it is done."""
        if not self.may_train(request, run):
            raise PermissionDenied
        skeleton = run.release.campaign.dataset.skeleton_id
        datasets = list(Dataset.objects.open_to(request.user, Role.MANAGE).filter(skeleton=skeleton).order_by("name"))
        wanted = request.POST.get("dataset") or request.GET.get("dataset") or str(run.release.campaign.dataset_id)
        dataset = next((one for one in datasets if str(one.pk) == wanted), None)
        if dataset is None:
            raise Http404("There is no such data set with this run's joints.")
        if request.method == "POST":
            try:
                job = promoting.start(run, dataset, request.user, anyway=bool(request.POST.get("anyway")))
            except promoting.CannotPromote as error:
                messages.error(request, str(error))
            else:
                self.log_change(request, run, f"Promoted: gives the priors of {dataset}.")
                return redirect("admin:modeling_promotion_change", job.pk)
        return self.render(
            request, "admin/modeling/run/promote.html", run, title=f"Promote {run}", datasets=datasets, dataset=dataset,
            current=promoting.current(dataset), under_way=promoting.under_way(dataset),
            n_pairs=Pair.objects.of_dataset(dataset).count(), warning=measuring.worse_than_chance(run),
            has_folds=any(name.startswith(f"{keeping.FOLDS}/") for name in run.files),
        )

    def onnx_view(self, request, run):
        if request.method == "POST":
            if not self.may_train(request, run):
                raise PermissionDenied
            try:
                exporting.start(run, request.user)
            except exporting.CannotExport as error:
                messages.error(request, str(error))
            else:
                self.log_change(request, run, "Asked for an ONNX file.")
        return redirect(f"{self.url('change', run.pk)}#files")

    def weights_view(self, request, run):
        """The address that the weights always had."""
        return self._file(request, run, keeping.WEIGHTS, f"{run.name}.safetensors")

    def file_view(self, request, object_id, name):
        run = self.owned(request, str(object_id))
        if run is None:
            raise Http404("There is no such run.")
        return self._file(request, run, name, f"{run.name}-{name.rpartition('/')[2]}")

    def _file(self, request, run, name, filename):
        try:
            content = keeping.open_file(run, name)
        except FileNotFoundError as error:
            raise Http404(str(error)) from error
        self.log_change(request, run, f"Downloaded {name}.")
        return FileResponse(content, as_attachment=True, filename=filename)


def _query(initial: dict) -> str:
    return urlencode({
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in initial.items() if value not in ("", False)
    })
