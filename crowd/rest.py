"""Merges for programs, and how campaigns are shown to them: `/api/v1/`."""

from rest_framework import mixins, serializers, viewsets

from access.models import Scope
from access.sharing import Role
from access.trail import noted
from annotation import rights
from annotation.rest import ModelRights
from crowd import merging, publishing
from crowd.models import Campaign, Merge

JOB_FIELDS = ["state", "progress", "stage", "error", "created_at", "started_at", "ended_at"]


class OwnedBy(serializers.PrimaryKeyRelatedField):
    """A row to go on with: the caller's, or shared to be managed; others do not exist for him.

    Args:
        belongs_to: the path from the model to its data set or campaign; "" for these themselves.
    """

    def __init__(self, *, model, belongs_to: str, **options):
        self._model, self._belongs_to = model, belongs_to
        super().__init__(queryset=model.objects.none(), **options)

    def get_queryset(self):
        return rights.scoped(self._model.objects.all(), self._belongs_to, self.context["request"].user, Role.MANAGE)


class CampaignSerializer(serializers.ModelSerializer):
    environment = serializers.SlugRelatedField(slug_field="name", read_only=True)
    spent_usd = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True)
    price_usd = serializers.SerializerMethodField(help_text="Of all votes, fees included.")

    class Meta:
        model = Campaign
        fields = [
            "id", "name", "dataset", "environment", "state", "votes_per_pair", "images_per_hit", "pairs_per_image",
            "delay_ms", "title", "reward_usd", "budget_usd", "price_usd", "spent_usd", "created_at", "published_at",
            "finished_at", "reconciled_at", "trouble",
        ]

    def get_price_usd(self, campaign: Campaign) -> str:
        return str(publishing.price(campaign).total_usd)


class MergeSerializer(serializers.ModelSerializer):
    campaign = OwnedBy(model=Campaign, belongs_to="")
    method = serializers.ChoiceField(list(merging.METHODS.items()), default="nearer")

    class Meta:
        model = Merge
        fields = ["id", "campaign", "method", "seed", "settings", "figures", *JOB_FIELDS]
        read_only_fields = ["settings", "figures", *JOB_FIELDS]


class Owned:
    """Rows whose campaign, or whatever they belong to, is the caller's or shared; administrators see all."""

    belongs_to = "campaign"
    permission_classes = [ModelRights]

    def get_queryset(self):
        return rights.scoped(self.queryset.all(), self.belongs_to, self.request.user)


class MergeViewSet(Owned, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Votes made into probabilities; a new one is started by POST and watched by its `state`."""

    scope = Scope.DATA
    queryset = Merge.objects.all()
    serializer_class = MergeSerializer

    def perform_create(self, serializer) -> None:
        wanted = serializer.validated_data
        serializer.instance = merging.start(
            wanted["campaign"], self.request.user, method=wanted["method"], seed=wanted.get("seed", 0)
        )
        noted(self.request.user, wanted["campaign"], f"Merged as number {serializer.instance.pk}.")
