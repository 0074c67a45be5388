"""Merges for programs, and how campaigns are shown to them: `/api/v1/`."""

from rest_framework import mixins, serializers, viewsets

from access.models import Scope
from annotation.rest import ModelRights
from crowd import merging, publishing
from crowd.models import Campaign, Merge

JOB_FIELDS = ["state", "progress", "stage", "error", "created_at", "started_at", "ended_at"]


class OwnedBy(serializers.PrimaryKeyRelatedField):
    """A row that the caller owns; others' do not exist for him."""

    def __init__(self, *, model, owner: str, **options):
        self._model, self._owner = model, owner
        super().__init__(queryset=model.objects.none(), **options)

    def get_queryset(self):
        user = self.context["request"].user
        rows = self._model.objects.all()
        return rows if user.is_superuser else rows.filter(**{self._owner: user})


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
    campaign = OwnedBy(model=Campaign, owner="owner")
    method = serializers.ChoiceField(list(merging.METHODS.items()), default="nearer")

    class Meta:
        model = Merge
        fields = ["id", "campaign", "method", "seed", "settings", "figures", *JOB_FIELDS]
        read_only_fields = ["settings", "figures", *JOB_FIELDS]


class Owned:
    """Rows whose campaign is the caller's; administrators see all."""

    owner = "campaign__owner"
    permission_classes = [ModelRights]

    def get_queryset(self):
        rows, user = self.queryset.all(), self.request.user
        return rows if user.is_superuser else rows.filter(**{self.owner: user})


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
