"""What a data set holds, for programs: `/api/v1/images/`, `people/`, `pairs/`; and who did what: `audit/`."""

from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, serializers, viewsets

from access.filtering import Filters, IdFilter, Moment
from access.models import Scope
from access.sharing import Role
from access.trail import noted
from annotation.models import Image, Pair, Person
from annotation.rest.rows import ModelRights, OwnedRows, needing


class ImageSerializer(serializers.ModelSerializer):
    url = serializers.CharField(read_only=True, help_text="Of the picture, on this site.")

    class Meta:
        model = Image
        fields = ["id", "dataset", "name", "sha256", "width", "height", "url"]


class ImageFilters(Filters):
    dataset = IdFilter()
    name = filters.CharFilter(lookup_expr="icontains", label="A part of it.")


class ImageViewSet(OwnedRows, viewsets.ReadOnlyModelViewSet):
    """Pictures of data sets; the picture itself is at `url`."""

    queryset = Image.objects.order_by("-pk")
    serializer_class = ImageSerializer
    filterset_class = ImageFilters
    permission_classes = [ModelRights]
    belongs_to = "dataset"


@extend_schema_field({
    "type": "array", "items": {"type": "array", "items": {"type": "number"}, "nullable": True}, "nullable": True,
})
class Points(serializers.JSONField):
    """Coordinates of each joint."""


@extend_schema_field({"type": "array", "items": {"type": "boolean"}})
class Flags(serializers.JSONField):
    """True or false of each joint."""


class PersonSerializer(serializers.ModelSerializer):
    keypoints = Points(read_only=True, help_text="[x, y] in pixels for each joint, or null.")
    occluded = Flags(read_only=True)
    truth_mm = Points(read_only=True, help_text="[x, y, z] in mm for each joint, where known.")

    class Meta:
        model = Person
        fields = ["id", "image", "number", "keypoints", "occluded", "truth_mm"]


class PersonFilters(Filters):
    dataset = IdFilter("image__dataset")
    image = IdFilter()
    has_truth = filters.BooleanFilter("truth_mm", lookup_expr="isnull", exclude=True)


class PersonViewSet(OwnedRows, viewsets.ReadOnlyModelViewSet):
    """People with their keypoints, in the order of the skeleton's joints."""

    queryset = Person.objects.order_by("-pk")
    serializer_class = PersonSerializer
    filterset_class = PersonFilters
    permission_classes = [ModelRights]
    belongs_to = "image__dataset"


class PairSerializer(serializers.ModelSerializer):
    image = serializers.IntegerField(source="person.image_id", read_only=True)
    first_joint = serializers.SerializerMethodField()
    second_joint = serializers.SerializerMethodField()
    gold_first = serializers.BooleanField(
        allow_null=True, required=False, help_text="Known answer: is the first closer? Null: none is known."
    )

    class Meta:
        model = Pair
        fields = [
            "id", "person", "image", "first", "second", "first_joint", "second_joint", "strategy", "prior", "prior_source",
            "gold_first",
        ]
        read_only_fields = [name for name in fields if name != "gold_first"]

    def get_first_joint(self, pair: Pair) -> str:
        return pair.person.image.dataset.skeleton.joints[pair.first]

    def get_second_joint(self, pair: Pair) -> str:
        return pair.person.image.dataset.skeleton.joints[pair.second]


class PairFilters(Filters):
    dataset = IdFilter("person__image__dataset")
    image = IdFilter("person__image")
    person = IdFilter()
    strategy = filters.CharFilter()
    has_gold = filters.BooleanFilter("gold_first", lookup_expr="isnull", exclude=True)
    has_prior = filters.BooleanFilter("prior", lookup_expr="isnull", exclude=True)


class PairViewSet(OwnedRows, mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet):
    """What is asked. PATCH stores an expert's answer, as the panel's review does, or takes it back with null."""

    http_method_names = ["get", "head", "options", "patch"]
    scope = Scope.DATA
    queryset = Pair.objects.select_related("person__image__dataset__skeleton")
    serializer_class = PairSerializer
    filterset_class = PairFilters
    permission_classes = [needing("annotation.view_pair", "annotation.change_pair")]
    belongs_to = "person__image__dataset"
    role = Role.REVIEW

    def perform_update(self, serializer) -> None:
        pair = serializer.save()
        noted(self.request.user, pair, f"Known answer: {pair.gold_first}.")


class AuditSerializer(serializers.ModelSerializer):
    at = serializers.DateTimeField(source="action_time", read_only=True)
    user = serializers.CharField(source="user.username", read_only=True)
    thing = serializers.SerializerMethodField(help_text="Its kind.")
    thing_id = serializers.CharField(source="object_id", read_only=True, allow_null=True)
    name = serializers.CharField(source="object_repr", read_only=True)
    did = serializers.SerializerMethodField()

    class Meta:
        model = LogEntry
        fields = ["id", "at", "user", "thing", "thing_id", "name", "did"]

    def get_thing(self, entry: LogEntry) -> str:
        return entry.content_type.model if entry.content_type else ""

    @extend_schema_field(OpenApiTypes.STR)
    def get_did(self, entry: LogEntry) -> str:
        return str(entry.get_change_message() or entry.get_action_flag_display())


class AuditFilters(Filters):
    thing = filters.CharFilter("content_type__model", label="A kind, such as campaign.")
    thing_id = filters.CharFilter("object_id")
    after = Moment("action_time", "gte")
    before = Moment("action_time", "lt")


class AuditViewSet(viewsets.ReadOnlyModelViewSet):
    """What the caller did with data, people and money, and others with what is the caller's; as on the panel's page."""

    queryset = LogEntry.objects.all()
    serializer_class = AuditSerializer
    filterset_class = AuditFilters
    permission_classes = [ModelRights]

    def get_queryset(self):
        rows = site.get_model_admin(LogEntry).get_queryset(self.request)
        return rows.select_related("user", "content_type").order_by("-pk")
