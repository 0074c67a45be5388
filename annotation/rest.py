"""Data sets for programs: `/api/v1/datasets/`."""

from rest_framework import permissions, serializers, viewsets

from annotation.models import Dataset, Pair, Person


class ModelRights(permissions.DjangoModelPermissions):
    """The panel's rights: to view, to add; for staff only."""

    perms_map = permissions.DjangoModelPermissions.perms_map | {
        method: ["%(app_label)s.view_%(model_name)s"] for method in ("GET", "HEAD", "OPTIONS")
    }

    def has_permission(self, request, view) -> bool:
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
        return Dataset.objects.owned_by(self.request.user).select_related("skeleton")
