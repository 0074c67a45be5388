"""Money for programs: `/api/v1/ledger/`, `environments/` with their accounts, and `publications/`, what changes an offer."""

import hashlib
import secrets
from decimal import Decimal

from django.db.models import Q
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from access.filtering import Filters, IdFilter, Moment
from access.idempotency import HEADER, Once
from access.models import Scope
from access.problems import Conflict
from access.schema import refusal
from access.trail import noted
from annotation.rest import ModelRights, needing
from crowd.books import auditing
from crowd.models import Environment, Payment, Publication
from crowd.rest import Owned, said_as_problems
from jobs.rest import JOB_FIELDS, JobFilters


def usd(**options) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=14, decimal_places=2, read_only=True, **options)


class LineSerializer(serializers.ModelSerializer):
    environment = serializers.SlugRelatedField(slug_field="name", read_only=True)
    decided_by = serializers.CharField(
        source="decided_by.username", read_only=True, default="", help_text="Empty: Nearer itself."
    )

    class Meta:
        model = Payment
        fields = [
            "id", "at", "kind", "amount_usd", "fee_usd", "environment", "campaign", "assignment", "worker", "reason",
            "decided_by",
        ]
        read_only_fields = fields


class LineFilters(Filters):
    kind = filters.ChoiceFilter(choices=Payment.Kind.choices)
    campaign = IdFilter()
    work = IdFilter("assignment")
    worker = IdFilter()
    after = Moment("at", "gte")
    before = Moment("at", "lt")


class LedgerViewSet(Owned, viewsets.ReadOnlyModelViewSet):
    """Every cent of the caller's campaigns, and decisions about people; lines are added and never changed."""

    queryset = Payment.objects.select_related("environment", "decided_by").order_by("-pk")
    serializer_class = LineSerializer
    filterset_class = LineFilters

    def get_queryset(self):
        about_people = Q(campaign=None, worker__isnull=False, decided_by=self.request.user)
        return super().get_queryset() | self.queryset.filter(about_people)


class EnvironmentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Environment
        fields = ["id", "name", "kind", "endpoint_url", "worker_url", "completion_url", "asks_requirements"]
        read_only_fields = fields


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


class EnvironmentRights(ModelRights):
    """Accounts are looked at by whoever sees the ledger, and deposits noted by whoever may change the place."""

    perms_map = ModelRights.perms_map | {"POST": ["crowd.change_environment"]}


class EnvironmentViewSet(Once, viewsets.ReadOnlyModelViewSet):
    """Ways to people, shared by all researchers; keys are not told."""

    scope = Scope.RUN
    queryset = Environment.objects.order_by("-pk")
    serializer_class = EnvironmentSerializer
    filterset_class = EnvironmentFilters
    permission_classes = [EnvironmentRights]

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
    @action(detail=True, methods=["post"])
    def deposits(self, request, pk: str) -> Response:
        """Note money that was paid into the account: the protocol does not tell of it."""
        place = self.get_object()
        wanted = DepositSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        amount, given = wanted.validated_data["amount_usd"], request.headers.get(HEADER)
        if amount == Decimal(0):
            raise serializers.ValidationError({"amount_usd": "Give an amount that is not zero."})
        key = hashlib.sha256(f"{request.user.pk} {place.pk} {given}".encode()).hexdigest() if given else secrets.token_hex(12)
        line = auditing.deposit(place, amount, wanted.validated_data["note"], request.user, key=key[:24])
        noted(request.user, line, f"Noted a deposit of {line.amount_usd} USD.")
        return Response(LineSerializer(line).data, status=201)


class PublicationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Publication
        fields = ["id", "campaign", "act", *JOB_FIELDS]
        read_only_fields = fields


class PublicationFilters(JobFilters):
    campaign = IdFilter()
    act = filters.ChoiceFilter(choices=Publication.Act.choices)


class PublicationViewSet(Owned, viewsets.ReadOnlyModelViewSet):
    """Changes to what is on offer (launch, pause, payment of bonuses, ...), to be watched by their `state`."""

    queryset = Publication.objects.order_by("-pk")
    serializer_class = PublicationSerializer
    filterset_class = PublicationFilters
