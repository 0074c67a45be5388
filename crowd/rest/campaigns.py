"""Campaigns for programs: drafted, launched, changed, ended, shared."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from django.contrib.admin.models import ADDITION, DELETION
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from access.filtering import Filters, IdFilter, Moment
from access.idempotency import Once
from access.models import Scope
from access.problems import Conflict
from access.schema import refusal
from access.sharing import Role
from access.trail import noted
from annotation.models import Dataset, Tutorial
from annotation.rest.rows import ModelRights, needing
from annotation.rest.sharing import Shared
from annotation.rights import may
from crowd import confirming, experts, life, paying, publishing, reconciling
from crowd.models import Campaign, Environment, Invitation, usd
from crowd.panel import campaign_pages, home, ways_figures, ways_pages
from crowd.rest.figures import CampaignLooks
from crowd.rest.rows import Owned, OwnedBy, said_as_problems

LONGEST_DAYS = 365
SPENDING = ["launch", "resume", "extend", "more_votes", "budget", "wage_floor", "top_up", "confirm", "replace"]


class AgreedSerializer(serializers.Serializer):
    agreed_usd = serializers.DecimalField(
        max_digits=10, decimal_places=2, min_value=Decimal(0),
        help_text="The price that was looked at; another one by now is refused.",
    )


class TimeSerializer(serializers.Serializer):
    days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, help_text="On offer so long from now.")


class VotesSerializer(serializers.Serializer):
    votes = serializers.IntegerField(min_value=1, max_value=life.MOST_VOTES, help_text="More on every pair.")


class BudgetSerializer(serializers.Serializer):
    budget_usd = serializers.DecimalField(
        max_digits=10, decimal_places=2, min_value=Decimal(0), allow_null=True, help_text="Null: no limit."
    )


class FloorSerializer(serializers.Serializer):
    wage_floor_usd = serializers.DecimalField(
        max_digits=6, decimal_places=2, min_value=Decimal("0.01"), max_value=paying.LARGEST_FLOOR_USD, allow_null=True,
        help_text="An hour. Null: none.",
    )


class EntrySerializer(serializers.Serializer):
    url = serializers.CharField(help_text="What the platform is given; … is for it to fill in.")
    completion = serializers.CharField(help_text="How a visit ends.")
    finished = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="For a decision.")


class FinishedSerializer(serializers.Serializer):
    work = serializers.IntegerField(source="row.pk")
    person = serializers.CharField(source="row.worker.worker_id", help_text="As the platform names him.")
    visit = serializers.CharField()
    code = serializers.CharField()
    finished_at = serializers.DateTimeField(source="row.task.handed_in_at")
    minutes = serializers.FloatField(help_text="At work.")
    answers = serializers.IntegerField()
    state = serializers.CharField(source="row.state")
    reward_usd = serializers.DecimalField(source="row.hit.campaign.reward_usd", max_digits=6, decimal_places=2)


class ListedSerializer(serializers.Serializer):
    listed = serializers.CharField(
        max_length=1_000_000, help_text="Codes, visits or people as the platform lists them, between blanks, commas or lines."
    )


class OutcomeSerializer(serializers.Serializer):
    confirmed = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Decided before.")
    unknown = serializers.ListField(child=serializers.CharField(), help_text="Not known here.")


class AgreementSerializer(serializers.Serializer):
    one = serializers.IntegerField(source="one.pk", help_text="An invitation.")
    other = serializers.IntegerField(source="other.pk")
    n = serializers.IntegerField(help_text="Pairs that both answered.")
    raw = serializers.FloatField(allow_null=True)
    kappa = serializers.FloatField(allow_null=True)


class WhoseSerializer(serializers.Serializer):
    invitation = OwnedBy(model=Invitation, belongs_to="campaign", allow_null=True, help_text="Null: where all agree.")


class KnownSerializer(serializers.Serializer):
    n_pairs = serializers.IntegerField(help_text="That got a known answer.")


class CampaignSerializer(serializers.ModelSerializer):
    """A campaign; the settings can be changed while it is a draft."""

    dataset = OwnedBy(model=Dataset, belongs_to="")
    environment = serializers.SlugRelatedField(slug_field="name", queryset=Environment.objects.all())
    tutorial = serializers.SlugRelatedField(
        slug_field="name", queryset=Tutorial.objects.all(), required=False, allow_null=True, help_text="Null: the shipped one."
    )
    offered = serializers.IntegerField(read_only=True, help_text="Tasks.")
    handed_in = serializers.IntegerField(read_only=True)
    to_review = serializers.IntegerField(read_only=True, help_text="Handed in and not to be verified by Nearer alone.")
    spent_usd = serializers.SerializerMethodField(help_text="Fees included.")

    class Meta:
        model = Campaign
        fields = [
            "id", "state", *campaign_pages.CampaignForm.Meta.fields, "offered", "handed_in", "to_review", "spent_usd",
            "price_usd", "created_at", "published_at", "finished_at", "archived_at", "reconciled_at", "trouble",
        ]
        read_only_fields = [
            "state", "price_usd", "created_at", "published_at", "finished_at", "archived_at", "reconciled_at", "trouble",
        ]

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_spent_usd(self, campaign: Campaign) -> str:
        return str(usd(campaign.paid))


class CampaignFilters(Filters):
    name = filters.CharFilter(lookup_expr="icontains", label="A part of it.")
    state = filters.ChoiceFilter(choices=Campaign.State.choices)
    dataset = IdFilter()
    environment = filters.CharFilter("environment__name")
    created_after = Moment("created_at", "gte")
    created_before = Moment("created_at", "lt")


def an_act(takes: type[serializers.Serializer] | None = None) -> Callable:
    """A POST that answers with the campaign as it is afterwards."""
    def dress(method: Callable) -> Callable:
        return extend_schema(request=takes, responses={200: CampaignSerializer, **refusal(502)})(
            action(detail=True, methods=["post"])(method)
        )

    return dress


class CampaignRights(ModelRights):
    """Acts ask for the right to change campaigns, as in the panel; a new one for the right to add some."""

    perms_map = ModelRights.perms_map | {"POST": ["crowd.change_campaign"]}

    def get_required_permissions(self, method, model_cls) -> list[str]:
        return [self.adds] if self.adds else super().get_required_permissions(method, model_cls)

    def has_permission(self, request, view) -> bool:
        self.adds = "crowd.add_campaign" if view.action == "create" else ""
        return super().has_permission(request, view)


RunningRights = needing("crowd.change_campaign", "crowd.change_campaign")


class CampaignViewSet(
    Once, Shared, CampaignLooks, Owned, mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin,
    viewsets.ReadOnlyModelViewSet,
):
    """Drafts are made, changed and deleted; what is launched changes by its acts alone."""

    http_method_names = ["get", "head", "options", "post", "patch", "delete"]
    scope = Scope.RUN
    scopes = dict.fromkeys(SPENDING, Scope.SPEND)
    queryset = Campaign.objects.select_related("environment", "dataset", "tutorial").order_by("-pk")
    serializer_class = CampaignSerializer
    filterset_class = CampaignFilters
    permission_classes = [CampaignRights]
    belongs_to = ""

    def get_queryset(self):
        return home.with_progress(super().get_queryset())

    # --- drafts ---

    def perform_create(self, serializer) -> None:
        campaign = serializer.save(owner=self.request.user)
        noted(self.request.user, campaign, "Drafted.", ADDITION)
        serializer.instance = self.get_queryset().get(pk=campaign.pk)

    def perform_update(self, serializer) -> None:
        self._require_draft(serializer.instance)
        noted(self.request.user, serializer.save(), f"Changed {', '.join(serializer.validated_data)}.")

    def perform_destroy(self, campaign: Campaign) -> None:
        self._require_draft(campaign)
        if campaign.hits.exists():
            raise Conflict("Its HITs are made already, so it stays.")
        noted(self.request.user, campaign, "Deleted.", DELETION)
        campaign.delete()

    @staticmethod
    def _require_draft(campaign: Campaign) -> None:
        if not campaign.is_draft:
            raise Conflict(f"This campaign is {campaign.get_state_display()}: its settings stay as workers have seen them.")

    # --- the offer ---

    @an_act(AgreedSerializer)
    def launch(self, request, pk: str) -> Response:
        """Put a draft on offer, at the price that was agreed to."""
        return self._act(
            AgreedSerializer, lambda campaign, said: publishing.publish(campaign, request.user, **said), "Launched."
        )

    @an_act()
    def pause(self, request, pk: str) -> Response:
        """Offer it to nobody else until it is resumed; who has begun may hand in and is paid."""
        return self._act(None, lambda campaign, said: life.pause(campaign, request.user), "Paused.")

    @an_act()
    def resume(self, request, pk: str) -> Response:
        """Put it on offer again."""
        return self._act(None, lambda campaign, said: life.resume(campaign, request.user), "Resumed.")

    @an_act(TimeSerializer)
    def extend(self, request, pk: str) -> Response:
        """Leave it on offer for so many days from now."""
        return self._act(
            TimeSerializer,
            lambda campaign, said: life.extend(campaign, request.user, until=timezone.now() + timedelta(days=said["days"])),
            "On offer for longer.",
        )

    @an_act(VotesSerializer)
    def more_votes(self, request, pk: str) -> Response:
        """Ask more people about every pair."""
        return self._act(
            VotesSerializer, lambda campaign, said: life.more_votes(campaign, request.user, n=said["votes"]), "More votes."
        )

    @an_act(BudgetSerializer)
    def budget(self, request, pk: str) -> Response:
        """Set the cap; one below what is open already pauses the campaign."""
        return self._act(
            BudgetSerializer, lambda campaign, said: life.set_budget(campaign, said["budget_usd"], request.user), "Budget set."
        )

    @an_act()
    def finish(self, request, pk: str) -> Response:
        """Offer it to nobody else; work that has begun is still paid."""
        return self._act(None, lambda campaign, said: life.finish(campaign, request.user), "Finished.")

    @an_act()
    def archive(self, request, pk: str) -> Response:
        """Delete its HITs at the marketplace; from then on it is only read."""
        return self._act(None, lambda campaign, said: life.archive(campaign, request.user), "Archived.")

    @an_act()
    def collect(self, request, pk: str) -> Response:
        """Ask the marketplace now instead of at the next turn of the clock."""
        return self._act(None, lambda campaign, said: reconciling.reconcile(campaign, everything=False), "Collected.")

    # --- wages ---

    @an_act(FloorSerializer)
    def wage_floor(self, request, pk: str) -> Response:
        """Set the floor; nothing is paid by that."""
        return self._act(
            FloorSerializer, lambda campaign, said: paying.set_floor(campaign, said["wage_floor_usd"]), "Wage floor set."
        )

    @an_act()
    def top_up(self, request, pk: str) -> Response:
        """Pay everybody under the floor the difference; twice is once."""
        return self._act(None, lambda campaign, said: paying.top_up(campaign, request.user), "The difference is being paid.")

    # --- people on other ways ---

    @extend_schema(responses={200: EntrySerializer, **refusal(409)})
    @action(detail=True, permission_classes=[RunningRights])
    def entry(self, request, pk: str) -> Response:
        """Where a platform sends people, and how far they are; for links and Prolific."""
        campaign = self._of_a_platform(request)
        found = {"url": ways_figures.entry_url(campaign), "completion": ways_figures.completion(campaign)}
        return Response(EntrySerializer(found | ways_figures.counts(campaign)).data)

    @extend_schema(request=ListedSerializer, responses={200: OutcomeSerializer, **refusal(502)})
    @action(detail=True, methods=["post"])
    def confirm(self, request, pk: str) -> Response:
        """Confirm the visits that a platform lists; what is confirmed counts."""
        campaign, said = self.get_object(), self._said(ListedSerializer)
        if campaign.environment.kind not in (Environment.Kind.LINK, Environment.Kind.PROLIFIC):
            raise Conflict("No platform lists the visits of this campaign.")
        with said_as_problems():
            outcome = confirming.confirm_listed(campaign, said["listed"], request.user)
        noted(request.user, campaign, f"Confirmed {outcome.confirmed} visits.")
        return Response(OutcomeSerializer(outcome).data)

    @an_act()
    def replace(self, request, pk: str) -> Response:
        """Ask Prolific for as many more people as places are open here that nobody can take there."""
        return self._act(
            None, lambda campaign, said: ways_pages.replace_missing(campaign, request.user), "Asked Prolific for more people."
        )

    @extend_schema(responses={200: FinishedSerializer(many=True), **refusal(409)})
    @action(detail=True, pagination_class=None, filterset_class=None, permission_classes=[RunningRights])
    def finished(self, request, pk: str) -> Response:
        """Who finished, by the platform's own names: what they are paid by there. For links and Prolific."""
        campaign = self._of_a_platform(request)
        rows = ways_figures.visit_rows(confirming.finished(campaign))
        noted(request.user, campaign, "Downloaded the list of who finished, with the platform's names of people.")
        return Response(FinishedSerializer(rows, many=True).data)

    @extend_schema(responses=AgreementSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def agreements(self, request, pk: str) -> Response:
        """How far each two of the invited agree."""
        return Response(AgreementSerializer(experts.agreements(self.get_object()), many=True).data)

    @extend_schema(request=WhoseSerializer, responses=KnownSerializer)
    @action(detail=True, methods=["post"], permission_classes=[needing("crowd.view_campaign", "annotation.change_pair")])
    def known_answers(self, request, pk: str) -> Response:
        """Take an invited person's answers as known ones, or those in which all agree; what is known stays."""
        campaign, said = self.get_object(), self._said(WhoseSerializer)
        row = said["invitation"]
        if row is not None and row.campaign_id != campaign.pk:
            raise serializers.ValidationError({"invitation": "It is none of this campaign."})
        count = experts.take_as_known(campaign, row)
        noted(request.user, campaign, f"Took {count} answers of {row or 'all who agree'} as known.")
        return Response({"n_pairs": count})

    def _of_a_platform(self, request) -> Campaign:
        """Where people are sent and what they are called there is for who may run the campaign."""
        campaign = self.get_object()
        if not may(request.user, campaign, "", Role.MANAGE):
            raise PermissionDenied("Where people come from is for who may run the campaign.")
        if campaign.environment.kind not in (Environment.Kind.LINK, Environment.Kind.PROLIFIC):
            raise Conflict("People come to this campaign another way.")
        return campaign

    def _said(self, takes: type[serializers.Serializer]) -> dict:
        wanted = takes(data=self.request.data, context=self.get_serializer_context())
        wanted.is_valid(raise_exception=True)
        return wanted.validated_data

    def _act(self, takes: type[serializers.Serializer] | None, do: Callable, words: str) -> Response:
        campaign, said = self.get_object(), self._said(takes) if takes else {}
        with said_as_problems():
            do(campaign, said)
        noted(self.request.user, campaign, words)
        return Response(self.get_serializer(self.get_object()).data)
