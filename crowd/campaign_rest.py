"""A campaign's acts for programs: the price, and everything that its pages launch, stop and change."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from access.models import Scope
from access.problems import Conflict, MarketplaceFailed
from access.schema import refusal
from access.trail import noted
from annotation.rest import ModelRights
from crowd import life, publishing, reconciling
from crowd.models import Campaign
from crowd.publishing import CannotPublish
from crowd.rest import CampaignSerializer, Owned
from crowd.ways.base import GatewayError

LONGEST_DAYS = 365


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


class PriceSerializer(serializers.Serializer):
    n_pairs = serializers.IntegerField()
    n_hits = serializers.IntegerField()
    n_votes = serializers.IntegerField()
    reward_usd = serializers.DecimalField(max_digits=12, decimal_places=2)
    fee_usd = serializers.DecimalField(max_digits=12, decimal_places=2)
    total_usd = serializers.DecimalField(max_digits=12, decimal_places=2)


def an_act(takes: type[serializers.Serializer] | None = None) -> Callable:
    """A POST that answers with the campaign as it is afterwards."""
    def dress(method: Callable) -> Callable:
        return extend_schema(request=takes, responses={200: CampaignSerializer, **refusal(502)})(
            action(detail=True, methods=["post"])(method)
        )

    return dress


class CampaignRights(ModelRights):
    """Acts ask for the right to change campaigns, as in the panel."""

    perms_map = ModelRights.perms_map | {"POST": ["crowd.change_campaign"]}


class CampaignViewSet(Owned, viewsets.ReadOnlyModelViewSet):
    scope = Scope.SPEND
    queryset = Campaign.objects.select_related("environment", "dataset")
    serializer_class = CampaignSerializer
    permission_classes = [CampaignRights]
    belongs_to = ""

    @extend_schema(responses=PriceSerializer)
    @action(detail=True)
    def price(self, request, pk: str) -> Response:
        """What all votes would cost, fees included."""
        return Response(PriceSerializer(publishing.price(self.get_object())).data)

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

    def _act(self, takes: type[serializers.Serializer] | None, do: Callable, words: str) -> Response:
        campaign, said = self.get_object(), {}
        if takes is not None:
            wanted = takes(data=self.request.data)
            wanted.is_valid(raise_exception=True)
            said = wanted.validated_data
        try:
            do(campaign, said)
        except CannotPublish as error:
            raise Conflict(str(error)) from error
        except GatewayError as error:
            raise MarketplaceFailed(f"The marketplace did not answer as it should: {error}") from error
        noted(self.request.user, campaign, words)
        return Response(self.get_serializer(self.get_object()).data)
