"""Releases: made on a form of their own, shown with their data card, compared, fetched file by file or whole."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from access.sharing import Role
from annotation.panel.pages import JobAdmin, moment, state_badge
from crowd import comparing, releasing
from crowd.models import Merge, Release
from crowd.releases import KINDS
from crowd.rest.releases import answered, zip_response

CARD = "README.md"


class MakeForm(forms.Form):
    """What a release is called, says of itself and consists of."""

    name = forms.SlugField(
        max_length=100, required=False, help_text="Part of file names. Empty: the campaign's name and the merge's number."
    )
    description = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text="What it is for; the data card begins with it. Empty: the data set's.",
    )
    licence = forms.CharField(
        max_length=500, required=False, widget=forms.TextInput(attrs={"class": "vTextField", "placeholder": "CC BY 4.0"}),
        help_text="Of the labels; an SPDX name or an address. Empty: the data set's.",
    )
    citation = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        help_text="How others should cite it. Empty: the data set's.",
    )
    formats = forms.MultipleChoiceField(
        choices=list(KINDS.items()), required=False, widget=forms.CheckboxSelectMultiple, initial=list(KINDS),
        help_text="Arrays for training, the data card and the manifest are always part of it.",
    )


def make(model_admin, request: HttpRequest, merge: Merge) -> HttpResponse:
    """The form, or the release that it starts."""
    if not (request.user.has_perm("crowd.add_release") and model_admin.allows(request, merge, Role.MANAGE)):
        raise PermissionDenied
    if not merge.is_done:
        messages.error(request, "Only a merge that is done can be released.")
        return redirect(model_admin.url("change", merge.pk))
    form = MakeForm(request.POST) if request.method == "POST" else MakeForm()
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        try:
            release = releasing.start(merge, request.user, **said | {"name": said["name"] or None})
        except ValueError as error:
            form.add_error("formats", str(error))
        else:
            model_admin.log_change(request, merge, f"Released as {release.name}.")
            return redirect("admin:crowd_release_change", release.pk)
    return model_admin.render(
        request, "admin/crowd/release/make.html", merge, title="Make a release", form=form, dataset=merge.campaign.dataset
    )


@admin.register(Release)
class ReleaseAdmin(JobAdmin):
    belongs_to = "campaign"
    page_template = "admin/crowd/release/page.html"
    list_display = ["name", "campaign", "merge", state_badge, "n_votes", "created_by", moment("created_at", "made")]

    def has_add_permission(self, request):
        return False  # a release is made on its merge's page

    def pages(self):
        return super().pages() | {"archive": self.archive_view, "compare": self.compare_view}

    def get_urls(self):
        view = self.admin_site.admin_view(self.file_view)
        return [path("<int:object_id>/files/<str:filename>", view, name="crowd_release_file"), *super().get_urls()]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("campaign__dataset", "merge__campaign", "created_by")

    @admin.display(description="votes")
    def n_votes(self, release):
        counts = release.figures.get("counts")
        return f"{counts['votes']:,}" if counts else "–"

    def page(self, request, thing):
        files = [
            {"name": name, **facts, "url": reverse("admin:crowd_release_file", args=[thing.pk, name])}
            for name, facts in sorted(thing.files.items())
        ]
        return super().page(request, thing) | {
            "files": files, "bytes": sum(one["bytes"] for one in files), "tiles": tiles(thing),
            "card": data_card(thing) if thing.is_done else "", "others": self._comparable(request, thing),
            "sections": self.admin_site.contributions("release", request, thing),
        }

    def _comparable(self, request, release):
        """Releases of the same pictures, the newest first."""
        rows = self.get_queryset(request).filter(campaign__dataset=release.campaign.dataset_id, state=Release.State.DONE)
        return rows.exclude(pk=release.pk).order_by("-pk")[:30]

    def file_view(self, request, object_id, filename):
        release = self.owned(request, str(object_id))
        facts = None if release is None else release.files.get(filename)
        if facts is None:
            raise Http404("There is no such release, or no such file in it.")

        def sent() -> FileResponse:
            self.log_change(request, release, f"Downloaded {filename}.")
            return FileResponse(
                releasing.open_file(release, filename), as_attachment=True, filename=f"{release.name}-{filename}"
            )

        return answered(request, facts["sha256"], sent)

    def archive_view(self, request, release):
        if releasing.MANIFEST not in release.files:
            raise Http404("This release has no files yet.")

        def sent():
            self.log_change(request, release, "Downloaded all files as one zip.")
            return zip_response(release)

        return answered(request, f"{release.files[releasing.MANIFEST]['sha256']}-zip", sent)

    def compare_view(self, request, release):
        """What changed since another release of the same pictures."""
        number = request.GET.get("with", "")
        old = self.owned(request, number) if number.isdecimal() and len(number) < 19 else None
        if old is None or not release.is_done:
            messages.info(request, "Choose a release to compare with.")
            return redirect(self.url("change", release.pk))
        try:
            found = comparing.compare(old, release)
        except ValueError as error:
            messages.error(request, str(error))
            return redirect(self.url("change", release.pk))
        return self.render(
            request, "admin/crowd/release/compare.html", release, title="What changed", old=old, found=found,
            tiles=comparison_tiles(found), others=self._comparable(request, release),
        )


def data_card(release: Release) -> SafeString:
    """The release's README as HTML. Markdown-it lets no HTML through, nor addresses that would run a script."""
    try:
        with releasing.open_file(release, CARD) as file:
            text = file.read().decode()
    except FileNotFoundError:
        return mark_safe("")  # a release made before there were cards
    text = text.partition("\n")[2].partition("\n## Files")[0]  # the page has its own heading and its own table of files
    html = MarkdownIt("js-default", {"html": False, "linkify": False}).render(text)
    return mark_safe(html.replace("<h2>", "<h3>").replace("</h2>", "</h3>"))


def tiles(release: Release) -> list[dict]:
    figures = release.figures
    if not figures:
        return []
    counts, agreement, risk = figures["counts"], figures["votes"]["agreement"], figures["risk"]
    return [
        {"label": "Pairs", "value": f"{counts['pairs']:,}", "detail": f"on {counts['people']:,} people"},
        {"label": "Votes", "value": f"{counts['votes']:,}", "detail": f"by {counts['workers']:,} workers"},
        {"label": "Two votes agree", "value": _percent(agreement), "detail": "on the same pair"},
        {"label": "Mean risk", "value": _percent(risk["mean"]), "detail": f"{_percent(risk['under_2_percent'])} under 2 %"},
    ]


def comparison_tiles(found: dict) -> list[dict]:
    return [
        {"label": "Pairs in both", "value": f"{found['in_both']:,}"},
        {"label": "Added", "value": f"{found['added']:,}", "detail": f"not in {found['old']}"},
        {"label": "Removed", "value": f"{found['removed']:,}", "detail": "no longer there"},
        {"label": "Labels changed", "value": f"{found['changed']:,}", "detail": "the likelier answer is another"},
        {
            "label": "Mean risk", "value": _percent(found["risk_new"]),
            "detail": f"was {_percent(found['risk_old'])}, of pairs in both",
        },
    ]


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
