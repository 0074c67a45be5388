"""Money and offers for programs: `/api/v1/ledger/`, `publications/`, what changes an offer, and `calls/`, the outbox."""

from django.db.models import Q
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from access.filtering import Filters, IdFilter, Moment
from access.idempotency import Once
from access.models import Scope
from access.problems import Conflict
from access.schema import refusal
from access.trail import noted
from annotation.rest.rows import needing
from crowd.books import outbox
from crowd.models import Call, Payment, Publication
from crowd.rest.rows import Owned, said_as_problems
from jobs.rest import JOB_FIELDS, JobFilters, Stoppable


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


class PublicationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Publication
        fields = ["id", "campaign", "act", *JOB_FIELDS]
        read_only_fields = fields


class PublicationFilters(JobFilters):
    campaign = IdFilter()
    act = filters.ChoiceFilter(choices=Publication.Act.choices)


class PublicationViewSet(Once, Stoppable, Owned, viewsets.ReadOnlyModelViewSet):
    """Changes to what is on offer (launch, pause, payment of bonuses, ...), to be watched by their `state`."""

    scope = Scope.RUN
    permission_classes = [needing("crowd.view_publication", "crowd.change_campaign")]
    queryset = Publication.objects.order_by("-pk")
    serializer_class = PublicationSerializer
    filterset_class = PublicationFilters


class CallSerializer(serializers.ModelSerializer):
    environment = serializers.SlugRelatedField(slug_field="name", read_only=True)
    work = serializers.PrimaryKeyRelatedField(source="assignment", read_only=True, allow_null=True)
    wanted_by = serializers.CharField(
        source="wanted_by.username", read_only=True, default="", help_text="Empty: Nearer itself."
    )

    class Meta:
        model = Call
        fields = [
            "id", "kind", "state", "environment", "campaign", "work", "worker", "reason", "error", "attempts", "wanted_by",
            "created_at", "next_try_at", "ended_at",
        ]
        read_only_fields = fields


class CallFilters(Filters):
    kind = filters.ChoiceFilter(choices=Call.Kind.choices)
    state = filters.ChoiceFilter(choices=Call.State.choices)
    campaign = IdFilter()
    work = IdFilter("assignment")
    worker = IdFilter()


class CallViewSet(Once, Owned, viewsets.ReadOnlyModelViewSet):
    """Whatever was to be made, paid or decided elsewhere, and how it ended."""

    scope = Scope.SPEND
    queryset = Call.objects.select_related("environment", "wanted_by").order_by("-pk")
    serializer_class = CallSerializer
    filterset_class = CallFilters
    permission_classes = [needing("crowd.view_call", "crowd.change_campaign")]

    @extend_schema(request=None, responses={200: CallSerializer, **refusal(502)})
    @action(detail=True, methods=["post"])
    def again(self, request, pk: str) -> Response:
        """Make a refused call once more."""
        call = self.get_object()
        if call.state != Call.State.REFUSED:
            raise Conflict(f"This call is {call.get_state_display()}; only a refused one is made again.")
        with said_as_problems():
            outbox.ask_again(call)
        noted(request.user, call, "Asked again, and done.")
        return Response(self.get_serializer(self.get_object()).data)
