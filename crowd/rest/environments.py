"""Ways to people for programs: `/api/v1/environments/`, with the accounts behind them."""

from decimal import Decimal

from django.contrib.admin import site
from django.contrib.admin.models import ADDITION, DELETION
from django.forms import model_to_dict
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from access.filtering import Filters
from access.idempotency import Once, key_of
from access.models import Scope
from access.problems import Conflict
from access.schema import refusal
from access.trail import noted
from annotation.rest.rows import ModelRights, needing
from crowd.books import auditing
from crowd.models import Environment
from crowd.rest.money import LineSerializer
from crowd.rest.rows import said_as_problems


def usd(**options) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=14, decimal_places=2, read_only=True, **options)


class EnvironmentSerializer(serializers.ModelSerializer):
    """A way to people. Which fields its kind needs is said by the panel's own form, and so is what is wrong with them."""

    token = serializers.CharField(
        max_length=1000, write_only=True, required=False, allow_blank=True,
        help_text="For Prolific; kept in a file that only the server reads, and never told.",
    )

    class Meta:
        model = Environment
        fields = [
            "id", "name", "kind", "endpoint_url", "worker_url", "credentials", "requests_per_s", "asks_requirements",
            "topic_arn", "token", "workspace", "project", "worker_parameter", "session_parameter", "completion_url",
        ]

    def save(self, **_) -> Environment:
        place = self.instance or Environment()
        said = model_to_dict(place) | self.validated_data
        form = site.get_model_admin(Environment).get_form(self.context["request"], self.instance)(said, instance=place)
        if not form.is_valid():
            raise serializers.ValidationError(form.errors)
        self.instance = form.save()
        return self.instance


class EnvironmentFilters(Filters):
    kind = filters.ChoiceFilter(choices=Environment.Kind.choices)
    name = filters.CharFilter()


class AccountSerializer(serializers.Serializer):
    """What the account says of itself, beside the ledger."""

    available_usd, held_usd, opening_usd, deposits_usd = usd(), usd(), usd(), usd()
    rewards_usd, bonuses_usd, fees_usd = usd(), usd(), usd()
    difference_usd = usd(help_text="What the account holds beyond what the ledger knows of.")
    agrees = serializers.BooleanField(read_only=True)
    n_waiting = serializers.IntegerField(read_only=True, help_text="Calls that move money and are not confirmed yet.")


class DepositSerializer(serializers.Serializer):
    amount_usd = serializers.DecimalField(max_digits=9, decimal_places=2, help_text="Negative: money that was taken out.")
    note = serializers.CharField(max_length=500, required=False, default="")


class EnvironmentViewSet(Once, viewsets.ModelViewSet):
    """Ways to people, shared by all researchers; keys are not told. Who changes one says where money goes."""

    http_method_names = ["get", "head", "options", "post", "patch", "delete"]
    scope = Scope.SPEND
    scopes = {"deposits": Scope.RUN}
    queryset = Environment.objects.order_by("-pk")
    serializer_class = EnvironmentSerializer
    filterset_class = EnvironmentFilters
    permission_classes = [ModelRights]

    def perform_create(self, serializer) -> None:
        noted(self.request.user, serializer.save(), "Made.", ADDITION)

    def perform_update(self, serializer) -> None:
        changed = ", ".join(serializer.validated_data)
        noted(self.request.user, serializer.save(), f"Changed {changed}.")

    def perform_destroy(self, place: Environment) -> None:
        if place.campaigns.exists():
            raise Conflict("Campaigns were made for it, so it stays.")
        noted(self.request.user, place, "Deleted.", DELETION)
        place.delete()

    @extend_schema(responses={200: AccountSerializer, **refusal(409), **refusal(502)})
    @action(detail=True, permission_classes=[needing("crowd.view_payment", "crowd.change_environment")])
    def account(self, request, pk: str) -> Response:
        """Asked now: what it holds, and whether that is what the ledger says."""
        place = self.get_object()
        with said_as_problems():
            try:
                return Response(AccountSerializer(auditing.audit(place)).data)
            except auditing.NothingToAudit as error:
                raise Conflict(str(error)) from error

    @extend_schema(request=DepositSerializer, responses={201: LineSerializer})
    @action(detail=True, methods=["post"], permission_classes=[needing("crowd.view_environment", "crowd.change_environment")])
    def deposits(self, request, pk: str) -> Response:
        """Note money that was paid into the account: the protocol does not tell of it."""
        place = self.get_object()
        wanted = DepositSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        amount = wanted.validated_data["amount_usd"]
        if amount == Decimal(0):
            raise serializers.ValidationError({"amount_usd": "Give an amount that is not zero."})
        line = auditing.deposit(place, amount, wanted.validated_data["note"], request.user, key=key_of(request, place))
        noted(request.user, line, f"Noted a deposit of {line.amount_usd} USD.")
        return Response(LineSerializer(line).data, status=201)
