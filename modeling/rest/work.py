"""What comes with runs, for programs: `/api/v1/onnx-exports/`, `rounds/`, and `demonstrations/`."""

from django.contrib.admin.models import ADDITION
from django_filters import rest_framework as filters
from rest_framework import mixins, serializers, viewsets

from access.filtering import Filters, IdFilter
from access.idempotency import Once
from access.models import Scope
from access.trail import noted
from annotation.rest.rows import ModelRights, needing
from crowd.rest.rows import Owned
from jobs.rest import JOB_FIELDS, JobFilters, Stoppable
from modeling import demonstration
from modeling.models import Demonstration, OnnxExport, Round

OfRuns = needing("modeling.view_run", "modeling.add_run")


class OnnxExportSerializer(serializers.ModelSerializer):
    class Meta:
        model = OnnxExport
        fields = ["id", "run", *JOB_FIELDS]
        read_only_fields = fields


class OnnxExportFilters(JobFilters):
    run = IdFilter()


class OnnxExportViewSet(Once, Stoppable, Owned, viewsets.ReadOnlyModelViewSet):
    """ONNX files that were asked for; a file that is done is among its run's files."""

    scope = Scope.LEARN
    queryset = OnnxExport.objects.all()
    serializer_class = OnnxExportSerializer
    filterset_class = OnnxExportFilters
    permission_classes = [OfRuns]
    belongs_to = "run__release__campaign"


class RoundSerializer(serializers.ModelSerializer):
    class Meta:
        model = Round
        fields = [
            "id", "campaign", "state", "n_new_votes", "counted_until", "merge", "release", "run", "promotion", "error",
            "created_at", "ended_at",
        ]
        read_only_fields = fields


class RoundFilters(Filters):
    campaign = IdFilter()
    state = filters.ChoiceFilter(choices=Round.State.choices)


class RoundViewSet(Owned, viewsets.ReadOnlyModelViewSet):
    """Turns of the loop that campaigns with a cadence made by themselves."""

    queryset = Round.objects.order_by("-pk")
    serializer_class = RoundSerializer
    filterset_class = RoundFilters
    permission_classes = [OfRuns]


class DemonstrationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Demonstration
        fields = ["id", "workers", "seed", "dataset", "campaign", "figures", *JOB_FIELDS]
        read_only_fields = ["dataset", "campaign", "figures", *JOB_FIELDS]


class DemonstrationViewSet(Once, Stoppable, Owned, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """The whole loop on the mannequins with simulated workers and play money; started by POST, watched by its `state`."""

    scope = Scope.RUN
    queryset = Demonstration.objects.all()
    serializer_class = DemonstrationSerializer
    filterset_class = JobFilters
    permission_classes = [ModelRights]
    belongs_to = "created_by"

    def perform_create(self, serializer) -> None:
        try:
            job = demonstration.start(self.request.user, **serializer.validated_data)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error
        noted(self.request.user, job, "Started.", ADDITION)
        serializer.instance = job
