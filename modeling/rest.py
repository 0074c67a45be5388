"""Training runs for programs: `/api/v1/runs/`."""

from rest_framework import mixins, serializers, viewsets

from crowd.models import Release
from crowd.rest import JOB_FIELDS, Owned, OwnedBy
from modeling import training
from modeling.models import Run


class RunSerializer(serializers.ModelSerializer):
    release = OwnedBy(model=Release, owner="campaign__owner")

    class Meta:
        model = Run
        fields = ["id", "name", "release", "seed", "settings", "figures", *JOB_FIELDS]
        read_only_fields = ["name", "settings", "figures", *JOB_FIELDS]

    def validate_release(self, release: Release) -> Release:
        if not release.is_done:
            raise serializers.ValidationError("Only a release that is done can be learnt from.")
        return release


class RunViewSet(Owned, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Lifters trained on a release; a new one is started by POST and watched by its `state`."""

    queryset = Run.objects.all()
    serializer_class = RunSerializer
    owner = "release__campaign__owner"

    def perform_create(self, serializer) -> None:
        wanted = serializer.validated_data
        serializer.instance = training.start(wanted["release"], self.request.user, seed=wanted.get("seed", 0))
