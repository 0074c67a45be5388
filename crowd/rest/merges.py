"""Merges and what they say, for programs: `/api/v1/merges/`, `consensus/`, `skills/`, `votes/`."""


from django_filters import rest_framework as filters
from rest_framework import mixins, serializers, viewsets

from access.filtering import Filters, IdFilter
from access.idempotency import Once
from access.models import Scope
from access.trail import noted
from annotation.models import Vote
from crowd import merging
from crowd.models import Campaign, Consensus, Merge, WorkerSkill
from crowd.rest.rows import Owned, OwnedBy
from jobs.rest import JOB_FIELDS, JobFilters, Stoppable

# --- Merges ---------------------------------------------------------------------------------------


class MergeSerializer(serializers.ModelSerializer):
    campaign = OwnedBy(model=Campaign, belongs_to="")
    method = serializers.ChoiceField(list(merging.METHODS.items()), default="nearer")

    class Meta:
        model = Merge
        fields = ["id", "campaign", "method", "seed", "settings", "figures", *JOB_FIELDS]
        read_only_fields = ["settings", "figures", *JOB_FIELDS]


class MergeFilters(JobFilters):
    campaign = IdFilter()
    method = filters.ChoiceFilter(choices=list(merging.METHODS.items()))


class MergeViewSet(Once, Stoppable, Owned, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Votes made into probabilities; a new one is started by POST and watched by its `state`."""

    scope = Scope.DATA
    queryset = Merge.objects.all()
    serializer_class = MergeSerializer
    filterset_class = MergeFilters

    def perform_create(self, serializer) -> None:
        wanted = serializer.validated_data
        serializer.instance = merging.start(
            wanted["campaign"], self.request.user, method=wanted["method"], seed=wanted.get("seed", 0)
        )
        noted(self.request.user, wanted["campaign"], f"Merged as number {serializer.instance.pk}.")


# --- What they say --------------------------------------------------------------------------------


class ConsensusSerializer(serializers.ModelSerializer):
    class Meta:
        model = Consensus
        fields = ["id", "merge", "pair", "p_first", "alone", "risk", "n_votes"]


class ConsensusFilters(Filters):
    merge = IdFilter()
    campaign = IdFilter("merge__campaign")
    pair = IdFilter()
    person = IdFilter("pair__person")
    risk_over = filters.NumberFilter("risk", "gt", label="Doubtful pairs alone: 0 to 0.5.")


class ConsensusViewSet(Owned, viewsets.ReadOnlyModelViewSet):
    """What a merge says of each pair."""

    queryset = Consensus.objects.order_by("-pk")
    serializer_class = ConsensusSerializer
    filterset_class = ConsensusFilters
    belongs_to = "merge__campaign"


class SkillSerializer(serializers.ModelSerializer):
    worker = serializers.CharField(source="annotator.pseudonym", read_only=True, help_text="The pseudonym.")
    biases = serializers.DictField(read_only=True)

    class Meta:
        model = WorkerSkill
        fields = ["id", "merge", "worker", "n_votes", "agreement", "skill", "low", "high", "kind", "biases"]
        read_only_fields = fields


class SkillFilters(Filters):
    merge = IdFilter()
    campaign = IdFilter("merge__campaign")
    worker = filters.CharFilter("annotator__pseudonym")


class SkillViewSet(Owned, viewsets.ReadOnlyModelViewSet):
    """What a merge says of each worker, under pseudonyms."""

    queryset = WorkerSkill.objects.select_related("annotator").order_by("-pk")
    serializer_class = SkillSerializer
    filterset_class = SkillFilters
    belongs_to = "merge__campaign"


class VoteSerializer(serializers.ModelSerializer):
    worker = serializers.CharField(source="annotator.pseudonym", read_only=True, help_text="The pseudonym.")
    is_verified = serializers.SerializerMethodField()

    class Meta:
        model = Vote
        fields = [
            "id", "task", "number", "comparison", "pair", "worker", "choice", "first_is_green", "first_is_left", "response_ms",
            "elapsed_ms", "given_at", "is_verified",
        ]
        read_only_fields = fields

    def get_is_verified(self, vote: Vote) -> bool:
        return vote.task.verified_at is not None


class VoteFilters(Filters):
    campaign = IdFilter("task__assignment__hit__campaign")
    pair = IdFilter()
    worker = filters.CharFilter("annotator__pseudonym")
    verified = filters.BooleanFilter("task__verified_at", lookup_expr="isnull", exclude=True)


class VoteViewSet(Owned, viewsets.ReadOnlyModelViewSet):
    """Every answer and undo as it was sent, of the caller's campaigns; the last one on a comparison counts."""

    queryset = Vote.objects.select_related("annotator", "task").order_by("-pk")
    serializer_class = VoteSerializer
    filterset_class = VoteFilters
    belongs_to = "task__assignment__hit__campaign"
