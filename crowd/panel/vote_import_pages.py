"""Votes from elsewhere: a form to send a file, and the page of its reading."""

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect

from access.sharing import Role
from annotation.models import Dataset
from annotation.panel.pages import JobAdmin, moment, state_badge
from crowd.models import Campaign, VoteImport
from crowd.vote_files import FORMATS
from crowd.vote_imports import importing


class SendForm(forms.Form):
    dataset = forms.ModelChoiceField(Dataset.objects.none(), label="Data set", help_text="Whose pictures the votes are about.")
    file = forms.FileField(
        label="File", help_text="A CSV (item,worker,label; or image, first, second, worker and an answer), Mechanical Turk's "
        "results, or the paper's pickle, which is read as data and never run.",
    )
    name = forms.CharField(
        label="Name of the campaign to be", max_length=100, widget=forms.TextInput(attrs={"class": "vTextField"})
    )
    format = forms.ChoiceField(choices=[("auto", "Told by the content"), *FORMATS.items()], initial="auto")
    first_means = forms.ChoiceField(
        label="The label that says “the first is closer”", required=False, help_text="Only for a CSV with a column label.",
        choices=[("", "1, as the aggregator has it"), ("0", "0, as the paper has it")],
    )
    joints = forms.CharField(
        label="Joints in the file's order", required=False, widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Names with commas, where the file counts joints differently from the data set's skeleton.",
    )
    image_names = forms.CharField(
        label="File names from numbers", required=False, max_length=100,
        help_text="Such as im%04d.jpg, where the file has numbers only.",
    )
    answer = forms.CharField(
        label="Column with the answer", required=False, max_length=100,
        help_text="Mechanical Turk's results with several answers.",
    )
    skip_unknown = forms.BooleanField(
        label="Leave votes out on pictures that the data set does not have", required=False, help_text="Else they are an error."
    )
    dry_run = forms.BooleanField(label="Only look: count and show, and keep nothing", required=False)

    def __init__(self, *args, user, **options):
        super().__init__(*args, label_suffix="", **options)
        self.fields["dataset"].queryset = Dataset.objects.open_to(user, Role.MANAGE)

    def settings(self) -> dict:
        said = self.cleaned_data
        found = {name: said[name] for name in ("image_names", "answer", "skip_unknown") if said[name]}
        if said["first_means"]:
            found["first_means"] = int(said["first_means"])
        if said["joints"]:
            found["joints"] = [name.strip() for name in said["joints"].split(",")]
        return found


@admin.register(VoteImport)
class VoteImportAdmin(JobAdmin):
    belongs_to = "dataset"
    page_template = "admin/crowd/voteimport/page.html"
    list_title = "Votes from elsewhere"
    list_display = ["filename", "dataset", "campaign", state_badge, "n_votes", "created_by", moment("created_at", "started")]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("dataset", "campaign", "created_by")

    @admin.display(description="votes")
    def n_votes(self, job):
        return f"{job.figures['votes']:,}" if job.figures else "–"

    def add_view(self, request, form_url="", extra_context=None):
        if not self.has_add_permission(request):
            raise PermissionDenied
        first = {"dataset": request.GET.get("dataset")}
        form = SendForm(request.POST, request.FILES, user=request.user) if request.method == "POST" else SendForm(
            user=request.user, initial=first
        )
        if form.is_bound and form.is_valid():
            said = form.cleaned_data
            try:
                job = importing.start(
                    said["dataset"], request.user, said["file"], said["file"].name, name=said["name"], format=said["format"],
                    settings=form.settings(), dry_run=said["dry_run"],
                )
            except importing.BadRequest as error:
                form.add_error(None, str(error))
            else:
                self.log_addition(request, job, f"Votes of {job.filename} for {job.dataset}.")
                return redirect(self.url("change", job.pk))
        return self.render(request, "admin/crowd/voteimport/send.html", None, title="Import votes", form=form)

    def page(self, request, thing):
        figures = thing.figures
        return super().page(request, thing) | {"figures": figures, "tiles": [
            {"label": "Votes", "value": f"{figures['votes']:,}"},
            {"label": "People who voted", "value": f"{figures['workers']:,}"},
            {"label": "Pairs", "value": f"{figures['pairs']:,}", "detail": f"persons in pictures: {figures['people']:,}"},
        ] if figures else []}


@admin.site.contributes("campaign")
def where_a_campaigns_votes_are_from(request, campaign: Campaign) -> dict | None:
    """A word on the page of a campaign whose votes were read from a file: much of that page is about asking people."""
    if not getattr(campaign, "has_vote_import", True):
        return None
    job = campaign.vote_imports.filter(state=VoteImport.State.DONE).order_by("pk").first()
    return job and {"template": "admin/crowd/voteimport/of_campaign.html", "job": job}
