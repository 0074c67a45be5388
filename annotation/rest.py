"""Data sets, imports and skeletons for programs: `/api/v1/datasets/`, `imports/`, `skeletons/`."""

from django.contrib.admin.models import ADDITION
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from access.authentication import require_scope
from access.models import Scope
from access.parsing import BoundedJSONParser, BoundedMultiPartParser
from access.problems import Conflict
from access.sharing import Role
from access.trail import noted
from annotation import loading, rights, skeletons, sources, uploading
from annotation.importers import FORMATS
from annotation.importers.skeletons import BadSkeleton, checked
from annotation.models import Dataset, Import, Pair, Person, Skeleton
from jobs import running


class ModelRights(permissions.DjangoModelPermissions):
    """The panel's rights: to view, to add; for staff only."""

    perms_map = permissions.DjangoModelPermissions.perms_map | {
        method: ["%(app_label)s.view_%(model_name)s"] for method in ("GET", "HEAD", "OPTIONS")
    }

    def has_object_permission(self, request, view, obj) -> bool:
        """What is shared to be looked at is not changed, and what is shared to be managed spends nothing.

        Raises: PermissionDenied with a sentence that names the remedy.
        """
        path = getattr(view, "belongs_to", None)
        if path is None or request.method in permissions.SAFE_METHODS:
            return True
        needed = Role.SPEND if getattr(view, "scope", None) == Scope.SPEND else Role.MANAGE
        if not rights.may(request.user, obj, path, needed):
            words = "This is shared with you without the right to do that; its owner can share it"
            raise PermissionDenied(f"{words} “{needed.label}”.")
        return True

    def has_permission(self, request, view) -> bool:
        require_scope(request, view)
        return bool(request.user and request.user.is_staff) and super().has_permission(request, view)


class DatasetSerializer(serializers.ModelSerializer):
    skeleton = serializers.SlugRelatedField(slug_field="name", read_only=True)
    images = serializers.SerializerMethodField()
    people = serializers.SerializerMethodField()
    pairs = serializers.SerializerMethodField()

    class Meta:
        model = Dataset
        fields = [
            "id", "name", "skeleton", "source", "description", "licence", "citation", "seed", "created_at",
            "images", "people", "pairs",
        ]

    def get_images(self, dataset: Dataset) -> int:
        return dataset.images.count()

    def get_people(self, dataset: Dataset) -> int:
        return Person.objects.filter(image__dataset=dataset).count()

    def get_pairs(self, dataset: Dataset) -> int:
        return Pair.objects.of_dataset(dataset).count()


class DatasetViewSet(viewsets.ReadOnlyModelViewSet):
    """Data sets that the caller owns; administrators see all."""

    queryset = Dataset.objects.none()
    serializer_class = DatasetSerializer
    permission_classes = [ModelRights]

    def get_queryset(self):
        return Dataset.objects.open_to(self.request.user).select_related("skeleton")


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


class ImportViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Data sets being read; a new import is started by POST and watched by its `state`. Administrators see all."""

    scope = Scope.DATA
    queryset = Import.objects.none()
    serializer_class = ImportSerializer
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


class SkeletonViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Which joints people have: those that data sets have used. Another is made known by POST; the same again does nothing."""

    scope = Scope.DATA
    queryset = Skeleton.objects.all()
    serializer_class = SkeletonSerializer
    permission_classes = [SkeletonRights]
    lookup_field = "name"
