"""Data sets, imports and skeletons for programs: `/api/v1/datasets/`, `imports/`, `skeletons/`."""

from django.contrib.admin.models import ADDITION, DELETION
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from access.filtering import Filters, IdFilter, Moment
from access.idempotency import Once
from access.models import Scope
from access.parsing import BoundedJSONParser, BoundedMultiPartParser
from access.problems import BadQuery, Conflict
from access.schema import refusal
from access.trail import noted
from annotation import loading, more_pairs, rights, skeletons, sources, uploading
from annotation.admin import number_of
from annotation.importers import FORMATS
from annotation.importers.skeletons import BadSkeleton, checked
from annotation.models import Dataset, Image, Import, Pair, Person, Skeleton
from annotation.rest.rows import ModelRights
from annotation.rest.sharing import Shared
from jobs import running
from jobs.rest import JobFilters


class DatasetSerializer(serializers.ModelSerializer):
    skeleton = serializers.SlugRelatedField(slug_field="name", read_only=True)
    images = serializers.IntegerField(source="images_count", read_only=True)
    people = serializers.IntegerField(source="people_count", read_only=True)
    pairs = serializers.IntegerField(source="pairs_count", read_only=True)

    class Meta:
        model = Dataset
        fields = [
            "id", "name", "skeleton", "source", "description", "licence", "citation", "seed", "created_at",
            "images", "people", "pairs",
        ]
        read_only_fields = ["source", "seed", "created_at"]

    def validate_name(self, name: str) -> str:
        if Dataset.everything.filter(name=name).exclude(pk=self.instance.pk if self.instance else None).exists():
            raise serializers.ValidationError(f"There is a data set “{name}” already. Choose another name.")
        return name


class FurtherPairsSerializer(serializers.Serializer):
    strategy = serializers.ChoiceField([])
    count = serializers.IntegerField(min_value=1, max_value=1000, default=5, help_text="For each person, where it counts.")
    most = serializers.IntegerField(min_value=1, max_value=more_pairs.MOST_AT_ONCE, default=10_000, help_text="In all.")
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=1)

    def get_fields(self) -> dict:
        """With the strategies of all apps; they are not there yet when this module is read."""
        fields = super().get_fields()
        fields["strategy"].choices = [(slug, strategy.words) for slug, strategy in more_pairs.STRATEGIES.items()]
        return fields


class PreviewSerializer(serializers.Serializer):
    n_pairs = serializers.IntegerField()
    n_people = serializers.IntegerField()
    is_cut = serializers.BooleanField(help_text="One go does not add all of them.")


class AddedSerializer(serializers.Serializer):
    n_pairs = serializers.IntegerField()


class DatasetFilters(Filters):
    name = filters.CharFilter(lookup_expr="icontains", label="A part of it.")
    skeleton = filters.CharFilter("skeleton__name")
    created_after = Moment("created_at", "gte")
    created_before = Moment("created_at", "lt")


class ImportFilters(JobFilters):
    format = filters.ChoiceFilter(choices=list(FORMATS.items()))
    dataset = IdFilter()
    dry_run = filters.BooleanFilter()


class DatasetRights(ModelRights):
    """Whoever may change a data set may add pairs to it."""

    perms_map = ModelRights.perms_map | {"POST": ["annotation.change_dataset"]}


class DatasetViewSet(Once, Shared, mixins.UpdateModelMixin, mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet):
    """Data sets that the caller owns; administrators see all. Each begins as an import."""

    http_method_names = ["get", "head", "options", "post", "patch", "delete"]
    scope = Scope.DATA
    belongs_to = ""
    queryset = Dataset.objects.none()
    serializer_class = DatasetSerializer
    filterset_class = DatasetFilters
    permission_classes = [DatasetRights]

    def get_queryset(self):
        return Dataset.objects.open_to(self.request.user).select_related("skeleton").annotate(
            images_count=number_of(Image.objects.all(), "dataset"),
            people_count=number_of(Person.objects.all(), "image__dataset"),
            pairs_count=number_of(Pair.objects.all(), "person__image__dataset"),
        )

    def perform_update(self, serializer) -> None:
        noted(self.request.user, serializer.save(), f"Changed {', '.join(serializer.validated_data)}.")

    def perform_destroy(self, dataset: Dataset) -> None:
        if not (self.request.user.is_superuser or dataset.owner_id == self.request.user.pk):
            raise PermissionDenied("Nobody but its owner deletes a data set.")
        if dataset.campaigns.exists():
            raise Conflict("Campaigns were made of this data set, so it stays.")
        noted(self.request.user, dataset, "Deleted.", DELETION)
        loading.remove(dataset)

    @extend_schema(
        parameters=[FurtherPairsSerializer], responses={200: PreviewSerializer, **refusal(400)},
    )
    @action(detail=True, url_path="further-pairs")
    def further_pairs(self, request, pk: str) -> Response:
        """How many pairs a strategy would add; nothing is added."""
        wanted = FurtherPairsSerializer(data=request.query_params)
        if not wanted.is_valid():
            raise BadQuery(wanted.errors)
        try:
            return Response(more_pairs.preview(self.get_object(), **wanted.validated_data))
        except ValueError as error:
            raise BadQuery({"strategy": str(error)}) from error

    @extend_schema(request=FurtherPairsSerializer, responses={201: AddedSerializer})
    @further_pairs.mapping.post
    def add_further_pairs(self, request, pk: str) -> Response:
        """Add them, all or none."""
        wanted = FurtherPairsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        dataset = self.get_object()
        try:
            n = more_pairs.add(dataset, **wanted.validated_data)
        except ValueError as error:
            raise serializers.ValidationError({"strategy": str(error)}) from error
        noted(request.user, dataset, f"Added {n} pairs: {wanted.validated_data['strategy']}.")
        return Response({"n_pairs": n}, status=201)


class ImportSerializer(serializers.ModelSerializer):
    format = serializers.ChoiceField(list(FORMATS.items()))
    name = serializers.CharField(max_length=100, required=False, allow_blank=True, help_text="Needed unless it is a dry run.")
    path = serializers.CharField(
        max_length=1000, required=False, allow_blank=True,
        help_text="Folder, file or zip on the server in an allowed folder, s3://bucket/prefix, or https://...",
    )
    file = serializers.FileField(write_only=True, required=False, help_text="Instead of a path; as multipart/form-data.")
    limit = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False, allow_null=True)
    pairs_per_person = serializers.IntegerField(min_value=0, max_value=1000, default=5)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    skeleton = serializers.CharField(write_only=True, required=False, allow_blank=True, max_length=50)
    every = serializers.IntegerField(write_only=True, min_value=1, max_value=100_000, required=False)
    frames = serializers.CharField(write_only=True, required=False, allow_blank=True, max_length=200)
    min_confidence = serializers.FloatField(write_only=True, min_value=0, max_value=1, required=False)
    can_resume = serializers.BooleanField(read_only=True, help_text="It stopped with images stored: resume or discard it.")

    class Meta:
        model = Import
        fields = [
            "id", "format", "name", "path", "file", "images_path", "limit", "pairs_per_person", "seed", "strict", "dry_run",
            "skeleton", "every", "frames", "min_confidence", "options", "dataset", "cursor", "counts", "warnings", "n_warnings",
            "can_resume", "state", "progress", "stage", "log", "error", "created_at", "started_at", "ended_at",
        ]
        read_only_fields = [
            "options", "dataset", "cursor", "counts", "warnings", "n_warnings", "state", "progress", "stage", "log", "error",
            "created_at", "started_at", "ended_at",
        ]

    def validate(self, said: dict) -> dict:
        if bool(said.get("file")) == bool(said.get("path")):
            raise serializers.ValidationError({"path": "Give a path, or send a file, and not both."})
        if not said.get("name") and not said.get("dry_run"):
            raise serializers.ValidationError({"name": "How is the data set to be called? Or ask for a dry_run."})
        return said

    def create(self, said: dict) -> Import:
        """Queued; a path that may not be read and a file that is not taken are the caller's error."""
        user = self.context["request"].user
        options = {name: said.pop(name) for name in ("skeleton", "every", "frames", "min_confidence") if name in said}
        said["options"] = {name: value for name, value in options.items() if value}
        file = said.pop("file", None)
        try:
            job = loading.prepare(user=user, **said)
            if file:
                job.upload = uploading.keep(user, file)
        except sources.BadSource as error:
            raise serializers.ValidationError({"path": [str(error)]}) from error
        except uploading.BadUpload as error:
            raise serializers.ValidationError({"file": [str(error)]}) from error
        return running.start(job)


class ImportViewSet(Once, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Data sets being read; a new import is started by POST and watched by its `state`. Administrators see all."""

    scope = Scope.DATA
    queryset = Import.objects.none()
    serializer_class = ImportSerializer
    filterset_class = ImportFilters
    permission_classes = [ModelRights]
    parser_classes = [BoundedJSONParser, BoundedMultiPartParser]

    def get_queryset(self):
        rows = Import.objects.select_related("dataset", "upload")
        return rights.scoped(rows, "created_by", self.request.user)

    @extend_schema(request=None, responses=ImportSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request, pk: str) -> Response:
        """Let an import that stopped go on behind the images that are stored already."""
        return self._done(loading.resume(self.get_object()), "nothing to go on with", "Resumed.")

    @extend_schema(request=None, responses=ImportSerializer)
    @action(detail=True, methods=["post"])
    def discard(self, request, pk: str) -> Response:
        """Take away what an import that stopped has stored."""
        return self._done(loading.discard(self.get_object()), "nothing to take away", "Discarded: what it had stored is gone.")

    @extend_schema(request=None, responses=ImportSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk: str) -> Response:
        """Stop an import; what it has stored is taken away."""
        job = self.get_object()
        is_open = not job.has_ended
        running.cancel(job)
        return self._done(is_open, "nothing to stop", "Stopped.")

    def perform_create(self, serializer) -> None:
        noted(self.request.user, serializer.save(), "Started.", ADDITION)

    def _done(self, is_done: bool, otherwise: str, words: str) -> Response:
        job = self.get_object()
        if not is_done:
            raise Conflict(f"There is {otherwise}: the import is {job.get_state_display()}.")
        noted(self.request.user, job, words)
        return Response(self.get_serializer(job).data)


class SkeletonSerializer(serializers.ModelSerializer):
    name = serializers.CharField(max_length=50)
    title = serializers.CharField(max_length=100, required=False)
    joints = serializers.ListField(child=serializers.CharField(max_length=60))
    bones = serializers.ListField(child=serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2))
    mirror = serializers.ListField(child=serializers.IntegerField())
    root = serializers.IntegerField()
    figure = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2), required=False
    )

    class Meta:
        model = Skeleton
        fields = ["name", "title", "joints", "bones", "mirror", "root", "figure"]

    def create(self, said: dict) -> Skeleton:
        try:
            return skeletons.keep(checked(said, "skeleton"))
        except (BadSkeleton, skeletons.SkeletonDiffers) as error:
            raise serializers.ValidationError({"detail": str(error)}) from error


class SkeletonRights(ModelRights):
    """Whoever may import may bring the skeleton for it."""

    perms_map = ModelRights.perms_map | {"POST": ["annotation.add_import"]}


class SkeletonViewSet(Once, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Which joints people have: those that data sets have used. Another is made known by POST; the same again does nothing."""

    scope = Scope.DATA
    queryset = Skeleton.objects.all()
    serializer_class = SkeletonSerializer
    permission_classes = [SkeletonRights]
    lookup_field = "name"
