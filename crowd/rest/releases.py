"""Releases and votes from elsewhere for programs: `/api/v1/releases/`, `/api/v1/vote-imports/`."""

import hashlib
from collections.abc import Callable

from django.contrib.admin.models import ADDITION
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from access import problems
from access.filtering import IdFilter
from access.idempotency import Once
from access.models import Scope
from access.parsing import BoundedMultiPartParser, check
from access.problems import BadQuery
from access.schema import refusal
from access.trail import noted
from annotation.models import Dataset
from crowd import comparing, releasing
from crowd.models import Merge, Release, VoteImport
from crowd.releases import KINDS
from crowd.rest.rows import Owned, OwnedBy
from crowd.vote_files import FORMATS
from crowd.vote_imports import importing
from jobs.rest import JOB_FIELDS, JobFilters, Stoppable

NOT_CHANGED = OpenApiResponse(description="It is what If-None-Match names.")
NO_FILE = refusal(404, "There is no such release or file, or it is not written yet.")
CHANGED = refusal(412)
COMPARISON = inline_serializer("Comparison", {
    "old": serializers.CharField(), "new": serializers.CharField(), "in_both": serializers.IntegerField(),
    "added": serializers.IntegerField(), "removed": serializers.IntegerField(), "changed": serializers.IntegerField(),
    "moved_mean": serializers.FloatField(allow_null=True), "risk_old": serializers.FloatField(allow_null=True),
    "risk_new": serializers.FloatField(allow_null=True), "pairs": serializers.ListField(child=serializers.DictField()),
})  # fmt: skip


class ReleaseSerializer(serializers.ModelSerializer):
    merge = OwnedBy(model=Merge, belongs_to="campaign")
    name = serializers.SlugField(max_length=100, required=False)
    formats = serializers.MultipleChoiceField(choices=list(KINDS.items()), required=False, help_text="Empty: all of them.")

    class Meta:
        model = Release
        fields = [
            "id", "name", "campaign", "merge", "description", "licence", "citation", "formats", "figures", "files", *JOB_FIELDS,
        ]
        read_only_fields = ["campaign", "figures", "files", *JOB_FIELDS]

    def validate_merge(self, merge: Merge) -> Merge:
        if not merge.is_done:
            raise serializers.ValidationError("Only a merge that is done can be released.")
        return merge

    def to_representation(self, release: Release) -> dict:
        return super().to_representation(release) | {"formats": [kind for kind in KINDS if kind in release.formats]}


def answered(request, etag: str, make: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer with its ETag, or 304 where the caller has it already (412 where If-Match names another)."""
    etag = quote_etag(etag)
    response = get_conditional_response(request, etag=etag) or make()
    if response.status_code == 412:
        response = problems.page(request, 412)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"  # kept, and asked about each time: rights may have changed
    return response


class ReleaseFilters(JobFilters):
    campaign = IdFilter()
    merge = IdFilter()
    name = filters.CharFilter()


class ReleaseViewSet(Once, Stoppable, Owned, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Merges written out as files; a new one is started by POST and watched by its `state`.

    Files never change once they are there: each has its SHA-256 as ETag, and is not sent again to whoever has it.
    """

    scope = Scope.DATA
    queryset = Release.objects.select_related("campaign", "merge")
    serializer_class = ReleaseSerializer
    filterset_class = ReleaseFilters

    def perform_content_negotiation(self, request, force=False):
        """A file is of its own kind, whatever the caller says it takes."""
        return super().perform_content_negotiation(request, force or self.action in ("file", "manifest", "archive"))

    def perform_create(self, serializer) -> None:
        wanted = dict(serializer.validated_data)
        try:
            serializer.instance = releasing.start(
                wanted.pop("merge"), self.request.user, name=wanted.pop("name", None),
                formats=sorted(wanted.pop("formats", ())), **wanted,
            )
        except ValueError as error:
            raise serializers.ValidationError({"formats": [str(error)]}) from error
        noted(self.request.user, serializer.instance.merge, f"Released as {serializer.instance.name}.")

    @extend_schema(responses={200: ReleaseSerializer, 304: NOT_CHANGED, **NO_FILE, **CHANGED})
    def retrieve(self, request, *args, **kwargs) -> HttpResponse:
        """One release; with If-None-Match only when it has moved on since."""
        said = self.get_serializer(self.get_object()).data
        etag = hashlib.sha256(JSONRenderer().render(said)).hexdigest()
        return answered(request, etag, lambda: Response(said))

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 304: NOT_CHANGED, **NO_FILE, **CHANGED})
    @action(detail=True, url_path=r"files/(?P<filename>[\w.-]+)")
    def file(self, request, pk: str, filename: str) -> HttpResponse:
        """One of the release's files."""
        release = self.get_object()
        facts = release.files.get(filename)
        if facts is None:
            raise Http404(f"The release {release.name} has no file {filename}.")

        def opened() -> HttpResponse:
            noted(request.user, release, f"Downloaded {filename}.")
            return FileResponse(
                releasing.open_file(release, filename), as_attachment=True, filename=filename,
                content_type="application/octet-stream",
            )

        return answered(request, facts["sha256"], opened)

    @extend_schema(responses={200: OpenApiTypes.OBJECT, 304: NOT_CHANGED, **NO_FILE, **CHANGED})
    @action(detail=True)
    def manifest(self, request, pk: str) -> HttpResponse:
        """What the release says of itself: settings, counts, checksums."""
        release = self._written()

        def opened() -> HttpResponse:
            with releasing.open_file(release, releasing.MANIFEST) as file:
                return HttpResponse(file.read(), content_type="application/json")

        return answered(request, release.files[releasing.MANIFEST]["sha256"], opened)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY, 304: NOT_CHANGED, **NO_FILE, **CHANGED})
    @action(detail=True)
    def archive(self, request, pk: str) -> HttpResponse:
        """All files in one zip, packed while it is sent."""
        release = self._written()

        def packed() -> HttpResponse:
            noted(request.user, release, "Downloaded all files as one zip.")
            return zip_response(release)

        return answered(request, f"{release.files[releasing.MANIFEST]['sha256']}-zip", packed)

    @extend_schema(
        parameters=[OpenApiParameter("with", int, required=True, description="The release to compare with: the older one.")],
        responses={200: COMPARISON, **refusal(400, "They cannot be compared; `detail` says why."), **NO_FILE},
    )
    @action(detail=True)
    def comparison(self, request, pk: str) -> Response:
        """What changed from another release to this one: pairs added and removed, labels changed, risk."""
        number = request.query_params.get("with", "")
        old = self.get_queryset().filter(pk=int(number)).first() if number.isdecimal() and len(number) < 19 else None
        if old is None:
            raise BadQuery({"with": "Name the release to compare with: ?with=ID."})
        try:
            return Response(comparing.compare(old, self.get_object()))
        except ValueError as error:
            raise BadQuery({"with": str(error)}) from error

    def _written(self) -> Release:
        release = self.get_object()
        if releasing.MANIFEST not in release.files:
            raise Http404(f"The release {release.name} is {release.get_state_display()}; its files are not there.")
        return release


def zip_response(release: Release) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{release.name}.zip"'}
    return StreamingHttpResponse(releasing.zipped(release), content_type="application/zip", headers=headers)


class VoteImportSerializer(serializers.ModelSerializer):
    dataset = OwnedBy(model=Dataset, belongs_to="")
    file = serializers.FileField(write_only=True, help_text="; ".join(f"{key}: {title}" for key, title in FORMATS.items()))
    format = serializers.ChoiceField([("auto", "told by the content"), *FORMATS.items()], default="auto")
    settings = serializers.JSONField(required=False, help_text=", ".join(importing.SETTINGS))
    campaign = serializers.PrimaryKeyRelatedField(read_only=True, allow_null=True)

    class Meta:
        model = VoteImport
        fields = [
            "id", "dataset", "name", "format", "file", "filename", "sha256", "settings", "dry_run", "campaign", "knows_colour",
            "knows_side", "figures", "warnings", *JOB_FIELDS,
        ]
        read_only_fields = ["filename", "sha256", "knows_colour", "knows_side", "figures", "warnings", *JOB_FIELDS]

    def validate_settings(self, settings) -> dict:
        if not isinstance(settings, dict):
            raise serializers.ValidationError("Settings are an object of names and values.")
        check(settings)
        return settings


class VoteImportFilters(JobFilters):
    dataset = IdFilter()
    campaign = IdFilter()
    dry_run = filters.BooleanFilter()


class VoteImportViewSet(Once, Stoppable, Owned, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Votes that exist already, read from an uploaded file into a campaign of their own; watched by `state`.

    The same file with the same settings is one campaign, however often it is sent; `dry_run` only looks.
    """

    scope = Scope.DATA
    queryset = VoteImport.objects.select_related("dataset", "campaign")
    serializer_class = VoteImportSerializer
    filterset_class = VoteImportFilters
    belongs_to = "dataset"
    parser_classes = [BoundedMultiPartParser]

    def perform_create(self, serializer) -> None:
        wanted = dict(serializer.validated_data)
        file = wanted.pop("file")
        try:
            serializer.instance = importing.start(wanted.pop("dataset"), self.request.user, file, file.name, **wanted)
        except importing.BadRequest as error:
            raise serializers.ValidationError({"detail": str(error)}) from error
        job = serializer.instance
        noted(self.request.user, job, f"Votes of {job.filename} for {job.dataset}.", ADDITION)
