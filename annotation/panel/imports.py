"""Imports in the panel: a form that looks first, a page that follows, resumes and discards."""

from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from annotation import loading, skeletons, sources, uploading
from annotation.importers import FORMATS
from annotation.models import Dataset, Import, Skeleton, Upload
from annotation.panel import previewing
from annotation.panel.pages import JobAdmin, moment, state_badge

OPTIONS = ("skeleton", "every", "frames", "min_confidence")


def skeleton_choices() -> list[tuple[str, str]]:
    names = {*skeletons.SHIPPED, *Skeleton.objects.values_list("name", flat=True)}
    return [("", "as the format says"), *((name, name) for name in sorted(names))]


class ImportForm(forms.ModelForm):
    format = forms.ChoiceField(choices=list(FORMATS.items()), widget=forms.RadioSelect, initial=next(iter(FORMATS)))
    file = forms.FileField(
        required=False, label="Upload a file",
        help_text="Annotations alone, or one zip with annotations and images.",
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(uploading.ENDINGS)}),
    )
    upload = forms.ModelChoiceField(Upload.objects.none(), required=False, widget=forms.HiddenInput)
    skeleton = forms.ChoiceField(
        required=False, help_text="Tables: the joints that they name. OpenPose: hand the keypoints over to these joints."
    )
    every = forms.IntegerField(
        required=False, min_value=1, max_value=100_000, label="Every so many-th frame",
        help_text="Human3.6M: empty takes every 50th, one a second. Motion capture: empty takes all.",
    )
    frames = forms.CharField(
        required=False, max_length=200, label="Pictures of frames",
        help_text="Human3.6M: where its pictures are, e.g. {subject}/{action}.{camera}/{frame:06d}.jpg. Empty: stick "
        "figures are drawn.",
    )
    min_confidence = forms.FloatField(
        required=False, min_value=0, max_value=1, label="Least confidence",
        help_text="OpenPose: a keypoint below it is missing (0.05).",
    )

    class Meta:
        model = Import
        fields = ["format", "path", "images_path", "name", "limit", "pairs_per_person", "seed", "strict"]
        labels = {
            "path": "Folder on the server", "images_path": "Images elsewhere", "name": "Name of the new data set",
            "limit": "At most so many images", "pairs_per_person": "Random pairs per person",
            "seed": "Seed of the random pairs", "strict": "End at any warning",
        }
        help_texts = {
            "images_path": "Only where they are not beside the annotations: a folder, a zip, s3://... or https://...",
            "name": "Another data set must not have it.",
            "limit": "Empty: all of them. A few are enough for a first look.",
            "pairs_per_person": "Each is a question for the crowd. The paper asked 5 per person.",
            "seed": "The same seed draws the same pairs again.",
            "strict": "",
        }

    user = None  # set on the class that a request gets
    is_dry_run = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        roots = ", ".join(str(root) for root in settings.IMPORT_ROOTS[:-1])
        self.fields["path"].help_text = (
            f"Or a file or zip, s3://bucket/prefix, or https://... On the server, this may be read: {roots or 'nothing'}."
        )
        self.fields["skeleton"].choices = skeleton_choices()
        self.fields["upload"].queryset = self.user.uploads.exclude(file="")
        self.uploaded = self.fields["upload"].queryset.filter(pk=_number(self["upload"].value())).first()
        if self.uploaded:
            self.fields["file"].label = "Upload another file"
            self.fields["file"].help_text = f"{self.uploaded.name} ({size(self.uploaded.n_bytes)}) is here and will be taken."
        self.fields["name"].required = not self.is_dry_run

    def clean_name(self):
        name = self.cleaned_data["name"].strip()
        if self.is_dry_run:
            return name
        taken = Dataset.everything.filter(name=name).first()
        if taken and taken.is_whole:
            raise forms.ValidationError(f"There is a data set called “{name}” already. Choose another name.")
        if taken:
            raise forms.ValidationError(f"An import of “{name}” is under way, or has stopped. Choose another name.")
        return name

    def clean_file(self):
        """The file is kept at once, so that it need not be sent again where another field is wrong."""
        file = self.cleaned_data.get("file")
        if file:
            try:
                self.uploaded = uploading.keep(self.user, file)
            except uploading.BadUpload as error:
                raise forms.ValidationError(str(error)) from error
            self.data = self.data.copy()
            self.data[self.add_prefix("upload")] = str(self.uploaded.pk)
        return file

    def clean(self):
        found = super().clean()
        if self.uploaded:
            found["upload"], found["path"] = self.uploaded, ""
        elif not found.get("path") and "file" not in self.errors:
            raise forms.ValidationError("Upload a file, or say where on the server or the web the data set is.")
        return found

    def unsaved(self) -> Import:
        """The import as the form says; its addresses are looked at.

        Raises: sources.BadSource.
        """
        said = dict(self.cleaned_data)
        said.pop("file", None)
        options = {name: said.pop(name) for name in OPTIONS if name in said}
        said["options"] = {name: value for name, value in options.items() if value}
        return loading.prepare(user=self.user, dry_run=self.is_dry_run, **said)

    def _post_clean(self):
        super()._post_clean()
        if not self.errors:
            try:
                self.unsaved()
            except sources.BadSource as error:
                self.add_error("path", str(error))


def _number(said: object) -> int | None:
    return int(said) if str(said or "").isdecimal() else None


def size(n_bytes: int) -> str:
    return f"{n_bytes / 1_000_000:,.1f} MB" if n_bytes >= 100_000 else f"{n_bytes / 1000:,.1f} kB"


class ImportAdmin(JobAdmin):
    belongs_to = "created_by"
    page_template = "admin/annotation/import/page.html"
    form = ImportForm
    fieldsets = [
        (None, {"fields": ["format"]}),
        ("Where it is", {"fields": ["file", "upload", "path", "images_path"]}),
        ("What becomes of it", {"fields": ["name", "limit", "pairs_per_person", "seed", "strict"]}),
        ("What only some formats need", {"classes": ["collapse"], "fields": OPTIONS}),
    ]
    add_words = {
        "title": "Import a data set", "save_label": "Import it",
        "lead": "Images with 2D keypoints are read and checked row by row. Choose a folder of yours: its format is recognised. "
        "Look first, check all of it, then import it: whole or not at all.",
    }
    list_display = ["what", "format", state_badge, "progress_percent", "created_by", moment("created_at", "started")]
    list_select_related = ["created_by", "upload"]
    list_filter = ["state"]
    search_fields = ["name", "path"]

    @admin.display(description="import", ordering="name")
    def what(self, job):
        return f"Check of {job.name or job.upload or job.path}" if job.dry_run else job.name

    @admin.display(description="progress", ordering="progress")
    def progress_percent(self, job):
        return f"{job.progress:.0%}"

    def get_urls(self):
        view = self.admin_site.admin_view(self.preview_view)
        return [path("add/preview/", view, name="annotation_import_preview"), *super().get_urls()]

    def pages(self):
        return super().pages() | {"resume": self.resume_view, "discard": self.discard_view, "repeat": self.repeat_view}

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change, **kwargs)
        form.user, form.is_dry_run = request.user, "_dry_run" in request.POST
        return form

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Back to the form as it was filled in, with a look at what is there; a file that was sent is kept for that."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        filled = {name: value for name in self.form.base_fields if (value := request.POST.get(name))}
        if file := request.FILES.get("file"):
            try:
                filled["upload"] = uploading.keep(request.user, file).pk
            except uploading.BadUpload as error:
                messages.error(request, str(error))
                return redirect(f"{self.url('add')}?{urlencode(filled)}")
        return redirect(f"{self.url('add')}?{urlencode(filled | {'preview': 1})}#preview")

    def add_view(self, request, form_url="", extra_context=None):
        context = {"preview_url": self.url("preview"), "dry_run_label": "Check all of it"}
        if request.method == "GET" and request.GET.get("preview") and self.has_add_permission(request):
            context["preview"] = self._preview(request)
        return super().add_view(request, form_url, context | (extra_context or {}))

    def _preview(self, request: HttpRequest) -> previewing.Preview:
        form_class = self.get_form(request)
        form_class.is_dry_run = True  # a look needs no name
        form = form_class({"pairs_per_person": 5, "seed": 0} | request.GET.dict())
        if not form.is_valid():
            return previewing.Preview(error=" ".join(error for errors in form.errors.values() for error in errors))
        return previewing.look(form.unsaved())

    def save_model(self, request, obj, form, change):
        job = form.unsaved()
        loading.running.start(job)
        obj.pk, obj._state.adding = job.pk, False

    def resume_view(self, request: HttpRequest, job: Import) -> HttpResponse:
        if request.method == "POST":
            self._may_act(request, job)
            if loading.resume(job):
                self.log_change(request, job, "Resumed.")
                messages.info(request, "The import goes on behind the images that are stored already.")
        return redirect(self.url("change", job.pk))

    def discard_view(self, request: HttpRequest, job: Import) -> HttpResponse:
        if request.method == "POST":
            self._may_act(request, job)
            if loading.discard(job):
                self.log_change(request, job, "Discarded: what it had stored is gone.")
                messages.info(request, "What the import had stored is gone.")
        return redirect(self.url("change", job.pk))

    def repeat_view(self, request: HttpRequest, job: Import) -> HttpResponse:
        """The form, filled in as for this import."""
        said = {name: getattr(job, name) for name in ImportForm.Meta.fields} | {"upload": job.upload_id} | job.options
        filled = {name: value for name, value in said.items() if value not in (None, "", False)}
        return redirect(f"{self.url('add')}?{urlencode(filled)}")

    def _may_act(self, request: HttpRequest, job: Import) -> None:
        if not self.has_add_permission(request) or not (request.user.is_superuser or job.created_by_id == request.user.pk):
            raise PermissionDenied

    def page(self, request, thing):
        shown = super().page(request, thing) | {"settings": asked_for(thing), "facts": outcome(thing)}
        if thing.sample and (bones := _bones_of(thing)):
            shown["drawings"] = previewing.drawings(thing.sample, previewing.as_row(bones))
        return shown


def _bones_of(job: Import):
    try:
        return skeletons.checked(job.counts.get("skeleton"), "the sample")
    except ValueError:
        return None


def asked_for(job: Import) -> list[tuple[str, object]]:
    where = f"{job.upload.name}, uploaded" if job.upload else job.path
    rows = [("Format", FORMATS.get(job.format, job.format)), ("From", where)]
    if job.images_path:
        rows.append(("Images", job.images_path))
    rows += [
        ("At most", f"{job.limit:,} images" if job.limit else "all images"),
        ("Random pairs per person", job.pairs_per_person), ("Seed", job.seed),
    ]
    fields = ImportForm.base_fields
    return rows + [(fields[name].label or name.capitalize(), value) for name, value in job.options.items() if name in fields]


def outcome(job: Import) -> list[tuple[str, str]]:
    """What was counted, for the page."""
    words = {
        "images": "Images", "people": "People", "with_truth": "with 3D ground truth", "pairs": "Pairs",
        "joints_missing": "Joints missing", "drawn": "Stick figures drawn",
    }
    rows = [(words[key], f"{job.counts[key]:,}") for key in words if job.counts.get(key)]
    return rows + [(f"Left out: {what}", f"{number:,}") for what, number in sorted(job.counts.get("skipped", {}).items())]
