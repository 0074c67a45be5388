"""Data sets, people and votes in the researcher's panel."""

from datetime import timedelta
from itertools import chain

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Exists, OuterRef, Q, Subquery, TextField
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from annotation import loading, rights
from annotation.models import Choice, Dataset, Import, Pair, Person, Skeleton, Vote
from annotation.panel import accounts, imports, pair_pages, sharing
from annotation.panel.datasets import counts, gallery
from annotation.panel.pages import FactAdmin, OwnedAdmin, PageAdmin, moment
from annotation.panel.people import person_page
from config.panel import Act, Attention, Overview

RECENT = 5
FAILURES_FOR = timedelta(days=7)
accounts.register(admin.site)
admin.site.register(Import, imports.ImportAdmin)


def number_of(rows, path: str):
    """The count of `rows` whose `path` is the outer row, as a subquery: several counts in one query stay exact."""
    counted = rows.filter(**{path: OuterRef("pk")}).order_by().values(path).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


@admin.register(Dataset)
class DatasetAdmin(PageAdmin):
    belongs_to = ""
    list_title = "Data sets"
    page_template = "admin/annotation/dataset/page.html"
    list_display = ["name", "n_people", "n_pairs", "skeleton", "source", "owner", moment("created_at", "imported")]
    list_select_related = ["skeleton", "owner"]
    search_fields = ["name", "description"]
    fields = ["name", "description", "licence", "citation", "skeleton", "source", "seed", "owner", "created_at"]
    readonly_fields = ["skeleton", "source", "seed", "owner", "created_at"]
    actions = None

    def has_add_permission(self, request):
        return False  # a data set begins as an import

    def has_delete_permission(self, request, obj=None):
        """Shared is not given away: nobody but its owner deletes a data set."""
        return super().has_delete_permission(request, obj) and (
            obj is None or (not obj.campaigns.exists() and (request.user.is_superuser or obj.owner_id == request.user.pk))
        )

    def delete_model(self, request, obj):
        loading.remove(obj)

    def get_deleted_objects(self, objs, request):
        """Numbers instead of a list of every image, person and pair."""
        lines, total = [], {}
        for dataset in objs:
            total = {"images": dataset.images.count(), "pairs": Pair.objects.of_dataset(dataset).count()}
            lines.append(f"{dataset} with {total['images']} images and {total['pairs']} pairs")
        return lines, total, set(), []

    def get_queryset(self, request):
        rows = super().get_queryset(request).select_related("skeleton", "owner")
        if not (request.resolver_match and request.resolver_match.url_name == "annotation_dataset_changelist"):
            return rows  # a page of one counts for itself
        return rows.annotate(
            people_count=number_of(Person.objects.all(), "image__dataset"),
            pairs_count=number_of(Pair.objects.all(), "person__image__dataset"),
        )

    @admin.display(description="people", ordering="people_count")
    def n_people(self, dataset):
        return dataset.people_count

    @admin.display(description="pairs", ordering="pairs_count")
    def n_pairs(self, dataset):
        return dataset.pairs_count

    def pages(self):
        return pair_pages.pages(self) | sharing.pages(self)

    def page(self, request, thing):
        return {
            "tiles": counts(thing), **gallery(thing, request, self.admin_site.contributions("gallery", request, thing)),
            "latest_import": thing.imports.first(), "may_share": sharing.may_share(request, thing),
            "sections": self.admin_site.contributions("dataset", request, thing),
        }


@admin.register(Person)
class PersonAdmin(PageAdmin):
    belongs_to = "image__dataset"
    page_template = "admin/annotation/person/page.html"
    list_display = ["__str__", "image", "number"]
    list_select_related = ["image"]
    search_fields = ["image__name"]
    actions = None

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("image__dataset__skeleton")

    def page(self, request, thing):
        siblings = Person.objects.filter(image__dataset=thing.image.dataset_id).order_by("image__name", "number")
        here = (thing.image.name, thing.number)
        after = siblings.filter(image__name__gte=here[0]).exclude(image__name=here[0], number__lte=here[1])
        before = siblings.filter(image__name__lte=here[0]).exclude(image__name=here[0], number__gte=here[1])
        return {
            "dataset": thing.image.dataset,
            "next": after.values_list("pk", flat=True).first(),
            "previous": before.reverse().values_list("pk", flat=True).first(),
            **person_page(thing, self.admin_site.contributions("person", request, thing)),
        }


@admin.register(Vote)
class VoteAdmin(FactAdmin):
    belongs_to = "pair__person__image__dataset"
    list_display = [
        "id", "person", "what", "annotator", "side_and_colour", "seconds", moment("given_at", "given"),
    ]
    list_display_links = None
    list_select_related = ["pair__person__image", "annotator"]
    list_filter = ["choice", "first_is_green", "first_is_left"]
    date_hierarchy = None
    ordering = ["-pk"]

    @admin.display(description="says", ordering="choice")
    def what(self, vote):
        return {Choice.FIRST: "first", Choice.SECOND: "second"}.get(vote.choice, "taken back")

    @admin.display(description="person")
    def person(self, vote):
        url = reverse("admin:annotation_person_change", args=[vote.pair.person_id])
        return format_html('<a href="{}">{}</a>', url, vote.pair.person)

    @admin.display(description="seconds", ordering="response_ms")
    def seconds(self, vote):
        return f"{vote.response_ms / 1000:.1f}"

    @admin.display(description="first keypoint shown")
    def side_and_colour(self, vote):
        return f"{'green' if vote.first_is_green else 'pink'}, {'left' if vote.first_is_left else 'right'} button"


@admin.register(Skeleton)
class SkeletonAdmin(FactAdmin, OwnedAdmin):
    list_display = ["title", "name", "n_joints"]

    @admin.display(description="joints")
    def n_joints(self, skeleton):
        return len(skeleton.joints)


@admin.register(LogEntry)
class AuditAdmin(FactAdmin):
    """Who did what with money and data: one's own acts, and everybody's with what is one's own."""

    list_title = "Audit trail"
    list_display = [moment("action_time", "when"), "user", "what", "of_what", "which"]
    list_display_links = None
    list_select_related = ["user", "content_type"]
    list_filter = [("user", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["object_repr", "change_message"]

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        mine = Q(user=request.user)
        for things in [request.user.datasets.all(), *chain(*self.admin_site.contributions("trail", request))]:
            keys = things.order_by().annotate(key=Cast("pk", TextField())).values("key")
            mine |= Q(content_type=ContentType.objects.get_for_model(things.model), object_id__in=keys)
        return rows.filter(mine)

    @admin.display(description="did")
    def what(self, entry):
        return entry.get_change_message() or entry.get_action_flag_display()

    @admin.display(description="with")
    def of_what(self, entry):
        return entry.content_type.name if entry.content_type else None

    @admin.display(description="which one", ordering="object_repr")
    def which(self, entry):
        return entry.object_repr


@admin.site.contributes("home")
def datasets_on_the_home_page(request: HttpRequest, _) -> Overview:
    datasets = Dataset.objects.open_to(request.user)
    add_url = reverse("admin:annotation_import_add") if request.user.has_perm("annotation.add_import") else None
    recent = list(
        datasets.select_related("skeleton").annotate(
            people_count=number_of(Person.objects.all(), "image__dataset"),
            pairs_count=number_of(Pair.objects.all(), "person__image__dataset"),
            campaign_count=Count("campaigns"),
        )[:RECENT]
    )
    overview = Overview(sections=[{
        "title": "Data sets", "template": "admin/annotation/dataset/home.html", "datasets": recent,
        "all_url": reverse("admin:annotation_dataset_changelist"), "add_url": add_url, "add_label": "Import a data set",
    }])
    for job in _open_imports(request):
        url = reverse("admin:annotation_import_change", args=[job.pk])
        if job.state == Import.State.FAILED:
            overview.attention.append(Attention(f"Import of “{job.name}” failed", job.error, url, "See why", "danger"))
        else:
            overview.acts.append(Act(1, f"“{job.name}” is being imported", job.stage, url, "Watch it"))
    if not recent and add_url:
        words = "A folder with images and their 2D keypoints becomes a data set."
        overview.acts.append(Act(0, "Bring in your images", words, add_url, "Import a data set"))
    return overview


def _open_imports(request: HttpRequest):
    """Imports under way, and those that failed lately and were not made good since."""
    imports = Import.objects.exclude(state__in=(Import.State.DONE, Import.State.CANCELLED)).exclude(dry_run=True)
    imports = rights.scoped(imports, "created_by", request.user)
    made_good = Exists(Dataset.objects.filter(name=OuterRef("name")))
    old = Q(state=Import.State.FAILED) & (Q(created_at__lt=timezone.now() - FAILURES_FOR) | made_good)
    return imports.exclude(old).order_by("-created_at")[:RECENT]
