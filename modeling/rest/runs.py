"""Training runs, promotions and cadences for programs: `/api/v1/runs/`, `/api/v1/promotions/`, `/api/v1/cadences/`."""

from django.contrib.admin.models import ADDITION
from django.http import FileResponse, Http404
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from access.filtering import IdFilter
from access.idempotency import Once
from access.models import Scope
from access.problems import Conflict
from access.trail import noted
from annotation.models import Dataset
from crowd.models import Campaign, Release
from crowd.rest.rows import Owned, OwnedBy
from jobs.rest import JOB_FIELDS, JobFilters, Stoppable
from modeling import exporting, keeping, promoting, repeating, training
from modeling.models import Cadence, Promotion, Run
from modeling.panel.comparing import HEAVY
from modeling.rest.work import OfRuns, OnnxExportSerializer

RESULTS = ["n_labels", "n_votes", "spent_usd", "figures"]


class RunSerializer(serializers.ModelSerializer):
    release = OwnedBy(model=Release, belongs_to="campaign")
    started_from = OwnedBy(model=Run, belongs_to="release__campaign", required=False, allow_null=True)
    settings = serializers.JSONField(required=False, help_text="What differs from the lifter's defaults, by its names.")

    class Meta:
        model = Run
        fields = ["id", "name", "release", "seed", "settings", "started_from", "note", *RESULTS, *JOB_FIELDS]
        read_only_fields = ["name", *RESULTS, *JOB_FIELDS]

    def validate_settings(self, settings: dict) -> dict:
        try:
            return training.check_settings(settings)
        except training.CannotTrain as error:
            raise serializers.ValidationError(str(error)) from error

    def validate_release(self, release: Release) -> Release:
        if not release.is_done:
            raise serializers.ValidationError("Only a release that is done can be learnt from.")
        return release

    def validate(self, attributes: dict) -> dict:
        if (origin := attributes.get("started_from")) is not None:
            try:
                training.check_origin(origin, attributes["release"])
            except training.CannotTrain as error:
                raise serializers.ValidationError({"started_from": str(error)}) from error
        return attributes


class WholeRunSerializer(RunSerializer):
    """One run, with its evaluation and the list of its files."""

    files = serializers.SerializerMethodField(help_text="Name: bytes and sha256; fetched under files/NAME/.")

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "evaluation", "files", "log"]
        read_only_fields = [*RunSerializer.Meta.read_only_fields, "evaluation", "log"]

    def get_files(self, run: Run) -> dict:
        return keeping.shown_files(run)


class PromotionSerializer(serializers.ModelSerializer):
    dataset = OwnedBy(model=Dataset, belongs_to="")
    run = OwnedBy(model=Run, belongs_to="release__campaign", allow_null=True, required=False)

    class Meta:
        model = Promotion
        validators = []  # `promoting` says in words what the constraints guarantee
        fields = ["id", "dataset", "run", "anyway", "is_current", "figures", *JOB_FIELDS]
        read_only_fields = ["is_current", "figures", *JOB_FIELDS]


class PromoteSerializer(serializers.Serializer):
    """What a run may be promoted with."""

    dataset = OwnedBy(model=Dataset, belongs_to="", required=False, help_text="The run's own where not given.")
    anyway = serializers.BooleanField(default=False, help_text="Though it is no better than chance.")


class CadenceSerializer(serializers.ModelSerializer):
    settings = serializers.JSONField(required=False)

    class Meta:
        model = Cadence
        fields = ["campaign", "every_votes", "promotes", "settings", "seed", "set_at"]
        read_only_fields = ["campaign", "set_at"]

    validate_settings = RunSerializer.validate_settings


class RunFilters(JobFilters):
    release = IdFilter()
    campaign = IdFilter("release__campaign")
    dataset = IdFilter("release__campaign__dataset")


class PromotionFilters(JobFilters):
    dataset = IdFilter()
    run = IdFilter()
    is_current = filters.BooleanFilter()


class RunViewSet(Once, Stoppable, Owned, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Lifters trained on a release; a new one is started by POST and watched by its `state`."""

    scope = Scope.LEARN
    queryset = Run.objects.all()
    serializer_class = RunSerializer
    filterset_class = RunFilters
    belongs_to = "release__campaign"

    def get_queryset(self):
        rows = super().get_queryset()
        return rows.defer(*HEAVY) if self.action == "list" else rows

    def get_serializer_class(self):
        return WholeRunSerializer if self.action in ("retrieve", "cancel") else RunSerializer

    def perform_create(self, serializer) -> None:
        wanted = serializer.validated_data
        run = training.start(
            wanted["release"], self.request.user, settings=wanted.get("settings"), seed=wanted.get("seed", 0),
            started_from=wanted.get("started_from"), note=wanted.get("note", ""),
        )
        noted(self.request.user, run, f"Started on {run.release}.", ADDITION)
        serializer.instance = run

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    @action(detail=True)
    def curve(self, request, pk: str) -> Response:
        """One entry per epoch, as far as the training has come."""
        run = self.get_object()
        return Response({"state": run.state, "progress": run.progress, "curve": run.curve})

    @extend_schema(request=PromoteSerializer, responses={201: PromotionSerializer})
    @action(detail=True, methods=["post"])
    def promote(self, request, pk: str) -> Response:
        """Let the run give the priors of a data set's pairs."""
        run = self.get_object()
        wanted = PromoteSerializer(data=request.data, context=self.get_serializer_context())
        wanted.is_valid(raise_exception=True)
        dataset = wanted.validated_data.get("dataset") or run.release.campaign.dataset
        return promoted(self, run, dataset, wanted.validated_data["anyway"])

    @extend_schema(request=None, responses={202: OnnxExportSerializer})
    @action(detail=True, methods=["post"])
    def onnx(self, request, pk: str) -> Response:
        """Write an ONNX file; it is among the files once the export is done."""
        try:
            job = exporting.start(self.get_object(), request.user)
        except exporting.CannotExport as error:
            raise Conflict(str(error)) from error
        noted(request.user, job.run, "Asked for an ONNX file.")
        return Response(OnnxExportSerializer(job).data, status=202)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, url_path=r"files/(?P<filename>[\w./-]+?)")
    def file(self, request, pk: str, filename: str) -> FileResponse:
        """One of the run's files."""
        run = self.get_object()
        try:
            content = keeping.open_file(run, filename)
        except FileNotFoundError as error:
            raise Http404(str(error)) from error
        noted(request.user, run, f"Downloaded {filename}.")
        return FileResponse(
            content, as_attachment=True, filename=filename.rpartition("/")[2], content_type="application/octet-stream"
        )


def promoted(view, run: Run | None, dataset: Dataset, anyway: bool) -> Response:
    """Start a promotion; what speaks against it is the caller's to mend."""
    try:
        job = promoting.start(run, dataset, view.request.user, anyway=anyway)
    except promoting.NoBetterThanChance as error:
        raise ValidationError({"anyway": f"{error} Say anyway = true if you mean it."}) from error
    except promoting.CannotPromote as error:
        raise Conflict(str(error)) from error
    user = view.request.user
    if run is None:
        noted(user, job, f"Withdrew the priors of {dataset}.", ADDITION)
    else:
        noted(user, run, f"Promoted: gives the priors of {dataset}.")
    return Response(PromotionSerializer(job, context=view.get_serializer_context()).data, status=201)


class PromotionViewSet(Once, Stoppable, Owned, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Which run gives a data set's priors; POST without a run withdraws them."""

    scope = Scope.LEARN
    queryset = Promotion.objects.all()
    serializer_class = PromotionSerializer
    filterset_class = PromotionFilters
    permission_classes = [OfRuns]
    belongs_to = "dataset"

    def create(self, request, *args, **kwargs) -> Response:
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        return promoted(self, values.get("run"), values["dataset"], values.get("anyway", False))


class CadenceViewSet(viewsets.GenericViewSet):
    """How often a campaign trains by itself; addressed by the campaign's number, read by GET and set by PUT."""

    scope = Scope.LEARN
    belongs_to = ""
    queryset = Campaign.objects.all()
    serializer_class = CadenceSerializer
    permission_classes = [OfRuns]

    def get_queryset(self):
        return Campaign.objects.open_to(self.request.user)

    def retrieve(self, request, pk: str) -> Response:
        """Never, where nobody has set it."""
        campaign = self.get_object()
        cadence = Cadence.objects.filter(campaign=campaign).first() or Cadence(campaign=campaign)
        return Response(self.get_serializer(cadence).data)

    def update(self, request, pk: str) -> Response:
        campaign = self.get_object()
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = {"every_votes": None} | wanted.validated_data
        cadence = repeating.set_cadence(campaign, request.user, **values)
        noted(request.user, campaign, f"Trains by itself: {cadence}.")
        return Response(self.get_serializer(cadence).data)
