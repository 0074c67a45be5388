"""Work and those who did it, for programs: `/api/v1/work/`, `workers/`, `invitations/`."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from smtplib import SMTPException

from django.conf import settings
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from access.filtering import Filters, IdFilter, Moment
from access.idempotency import Once, key_of
from access.models import Scope
from access.problems import Conflict, MarketplaceFailed
from access.schema import refusal
from access.sharing import Role
from access.trail import noted
from annotation.rest.rows import needing
from annotation.rights import scoped
from crowd import compensating, confirming, deciding, paying
from crowd.books import outbox
from crowd.models import Assignment, Call, Campaign, Environment, Invitation, Worker
from crowd.panel import workers
from crowd.rest.rows import Owned, OwnedBy, said_as_problems
from crowd.ways import invitation as invitations
from crowd.ways.base import GatewayError
from crowd.ways.prolific import CATEGORIES

# --- Work -----------------------------------------------------------------------------------------


class WorkSerializer(serializers.ModelSerializer):
    campaign = serializers.IntegerField(source="hit.campaign_id", read_only=True)
    pseudonym = serializers.CharField(source="worker.annotator.pseudonym", read_only=True)
    handed_in_at = serializers.DateTimeField(source="task.handed_in_at", read_only=True, allow_null=True, default=None)
    report = serializers.DictField(
        source="task.feedback", read_only=True, allow_null=True, default=None, help_text="problem, ease 0 to 10, comment."
    )
    can_be_reversed_until = serializers.SerializerMethodField(help_text="Of a rejection.")

    class Meta:
        model = Assignment
        fields = [
            "id", "campaign", "hit", "assignment_id", "worker", "pseudonym", "state", "note", "feedback", "report",
            "accepted_at", "handed_in_at", "submitted_at", "decided_at", "auto_approval_at", "can_be_reversed_until",
        ]
        read_only_fields = fields

    def get_can_be_reversed_until(self, work: Assignment) -> datetime | None:
        return deciding.reversible_until(work)


class WorkFilters(Filters):
    campaign = IdFilter("hit__campaign")
    worker = IdFilter()
    state = filters.ChoiceFilter(choices=Assignment.State.choices)
    has_report = filters.BooleanFilter("task__feedback", lookup_expr="isnull", exclude=True)
    submitted_after = Moment("submitted_at", "gte")
    submitted_before = Moment("submitted_at", "lt")


class FeedbackSerializer(serializers.Serializer):
    feedback = serializers.CharField(max_length=deciding.LONGEST_FEEDBACK, required=False, allow_blank=True, default="")


class ReasonSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=deciding.LONGEST_FEEDBACK, help_text="The worker reads it.")


class RejectionSerializer(ReasonSerializer):
    category = serializers.ChoiceField(list(CATEGORIES.items()), required=False, help_text="Prolific wants one.")


class BonusSerializer(serializers.Serializer):
    amount_usd = serializers.DecimalField(
        max_digits=5, decimal_places=2, min_value=Decimal("0.01"), max_value=paying.MOST_BONUS_USD
    )
    reason = serializers.CharField(max_length=900, help_text="The worker reads it.")


def an_act(takes: type[serializers.Serializer] | None, answers: type[serializers.Serializer]) -> Callable:
    """A POST on one row, answered with the row as it is afterwards."""
    def dress(method: Callable) -> Callable:
        return extend_schema(request=takes, responses={200: answers, **refusal(502)})(
            action(detail=True, methods=["post"])(method)
        )

    return dress


class Acting:
    """For views whose acts read what was said, do one step, note it, and answer with the row."""

    def said(self, takes: type[serializers.Serializer]) -> dict:
        wanted = takes(data=self.request.data, context=self.get_serializer_context())
        wanted.is_valid(raise_exception=True)
        return wanted.validated_data

    def done(self, thing, words: str) -> Response:
        noted(self.request.user, thing, words)
        return Response(self.get_serializer(self.get_object()).data)


class WorkViewSet(Once, Acting, Owned, viewsets.ReadOnlyModelViewSet):
    """What people took, handed in and were paid for; `has_report` finds those who said that something was wrong."""

    scope = Scope.SPEND
    queryset = Assignment.objects.select_related("hit__campaign__environment", "worker__annotator", "task").order_by("-pk")
    serializer_class = WorkSerializer
    filterset_class = WorkFilters
    permission_classes = [needing("crowd.view_assignment", "crowd.change_campaign")]
    belongs_to = "hit__campaign"

    @an_act(FeedbackSerializer, WorkSerializer)
    def approve(self, request, pk: str) -> Response:
        """Pay for work that was handed in."""
        work, said = self.get_object(), self.said(FeedbackSerializer)
        with said_as_problems():
            deciding.approve(work, request.user, feedback=said["feedback"])
        return self.done(work, "Approved.")

    @an_act(RejectionSerializer, WorkSerializer)
    def reject(self, request, pk: str) -> Response:
        """Do not pay; the worker is told why, and it can be reversed for 30 days."""
        work, said = self.get_object(), self.said(RejectionSerializer)
        if work.hit.campaign.environment.kind == Environment.Kind.PROLIFIC and not said.get("category"):
            raise serializers.ValidationError({"category": "Prolific wants to know what kind of reason it is."})
        with said_as_problems():
            deciding.reject(work, request.user, **said)
        return self.done(work, "Rejected; the worker has been told why.")

    @an_act(ReasonSerializer, WorkSerializer)
    def reverse(self, request, pk: str) -> Response:
        """Pay for work that was rejected; complete votes count again."""
        work, said = self.get_object(), self.said(ReasonSerializer)
        with said_as_problems():
            deciding.override(work, request.user, reason=said["reason"])
        return self.done(work, "The rejection is reversed, and the work is paid.")

    @an_act(BonusSerializer, WorkSerializer)
    def bonus(self, request, pk: str) -> Response:
        """Pay the worker something more, through this work. With an Idempotency-Key it is one bonus for ever."""
        work, said = self.get_object(), self.said(BonusSerializer)
        with said_as_problems():
            paying.bonus(work, request.user, **said, key=key_of(request, work))
        return self.done(work, f"A bonus of {said['amount_usd']:.2f} USD is paid.")

    @an_act(None, WorkSerializer)
    def compensate(self, request, pk: str) -> Response:
        """Pay for work that is complete here and could not be handed in at the marketplace."""
        work = self.get_object()
        with said_as_problems():
            words = compensating.compensate(work, request.user)
        return self.done(work, words)

    @an_act(None, WorkSerializer)
    def confirm(self, request, pk: str) -> Response:
        """Say that the platform knows this visit: its votes count. For links and invitations, where no platform says so."""
        work = self.get_object()
        with said_as_problems():
            if work.hit.campaign.environment.kind == Environment.Kind.MTURK:
                raise deciding.CannotDecide("A marketplace confirms its own work; approve it instead.")
            if not work.task or not work.task.handed_in_at:
                raise deciding.CannotDecide("It has not been handed in here.")
            if not confirming.confirm(work, request.user):
                raise deciding.CannotDecide(f"This task is {work.get_state_display()} already.")
        return self.done(work, "Confirmed 1 visit.")


# --- Workers --------------------------------------------------------------------------------------


class WorkerSerializer(serializers.ModelSerializer):
    pseudonym = serializers.CharField(source="annotator.pseudonym", read_only=True)
    environment = serializers.SlugRelatedField(slug_field="name", read_only=True)
    n_tasks = serializers.IntegerField(read_only=True, help_text="Of the caller's campaigns, as all that follows.")
    earned_usd = serializers.DecimalField(max_digits=12, decimal_places=2, read_only=True, source="earned", allow_null=True)
    skill = serializers.FloatField(read_only=True, allow_null=True, help_text="By the newest merge.")
    skill_low = serializers.FloatField(read_only=True, allow_null=True)
    skill_high = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Worker
        fields = [
            "id", "pseudonym", "environment", "n_tasks", "earned_usd", "skill", "skill_low", "skill_high", "excluded_at",
            "blocked_at", "created_at",
        ]
        read_only_fields = fields


class WorkerFilters(Filters):
    pseudonym = filters.CharFilter("annotator__pseudonym")
    environment = filters.CharFilter("environment__name")
    campaign = IdFilter("assignments__hit__campaign", distinct=True)
    excluded = filters.BooleanFilter("excluded_at", lookup_expr="isnull", exclude=True)
    blocked = filters.BooleanFilter("blocked_at", lookup_expr="isnull", exclude=True)


class WhySerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=500, required=False, default="Excluded from further tasks.")


class BlockSerializer(ReasonSerializer):
    pseudonym = serializers.CharField(max_length=16, help_text="The worker's, once more: blocking is the last resort.")


class LetterSerializer(serializers.Serializer):
    subject = serializers.CharField(max_length=deciding.LONGEST_SUBJECT)
    text = serializers.CharField(max_length=deciding.LONGEST_TEXT)


class WorkerRights(needing("crowd.view_worker", "crowd.change_worker")):
    """One decides about people in one's own campaigns, or in those that one may manage."""

    def has_object_permission(self, request, view, worker: Worker) -> bool:
        mine = scoped(worker.assignments.all(), "hit__campaign", request.user, Role.MANAGE)
        if request.method == "POST" and not (request.user.is_superuser or mine.exists()):
            raise PermissionDenied("The campaigns of this worker are shared with you to be looked at alone.")
        return True


class WorkerViewSet(Once, Acting, viewsets.ReadOnlyModelViewSet):
    """Who took tasks of the caller's campaigns, under pseudonyms; whoever they are at the marketplace is not told."""

    scope = Scope.RUN
    queryset = Worker.objects.all()
    serializer_class = WorkerSerializer
    filterset_class = WorkerFilters
    permission_classes = [WorkerRights]

    def get_queryset(self):
        rows = workers.of_owner(Worker.objects.select_related("annotator", "environment"), self.request.user)
        return workers.with_figures(rows, self.request.user).order_by("-pk")

    @an_act(WhySerializer, WorkerSerializer)
    def exclude(self, request, pk: str) -> Response:
        """No further task; what was done is paid. The marketplace is told now or, where it does not answer, later."""
        worker, said = self.get_object(), self.said(WhySerializer)
        self._told(deciding.exclude(worker, request.user, reason=said["reason"]))
        return self.done(worker, f"Excluded. {said['reason']}")

    @an_act(None, WorkerSerializer)
    def readmit(self, request, pk: str) -> Response:
        """The other way round."""
        worker = self.get_object()
        self._told(deciding.readmit(worker, request.user))
        return self.done(worker, "Readmitted.")

    @staticmethod
    def _told(call: Call | None) -> None:
        with suppress(GatewayError):  # it holds here already; the sweeper tells the marketplace again
            if call is not None:
                outbox.perform(call)

    @an_act(BlockSerializer, WorkerSerializer)
    def block(self, request, pk: str) -> Response:
        """Shut out of everything of the account."""
        worker, said = self.get_object(), self.said(BlockSerializer)
        with said_as_problems():
            deciding.block(worker, request.user, reason=said["reason"], typed=said["pseudonym"])
        return self.done(worker, f"{worker} is blocked.")

    @an_act(None, WorkerSerializer)
    def unblock(self, request, pk: str) -> Response:
        """Lift a block; the worker stays excluded until readmitted."""
        worker = self.get_object()
        with said_as_problems():
            if worker.blocked_at is None:
                raise deciding.CannotDecide("This worker is not blocked.")
            deciding.unblock(worker, request.user)
        return self.done(worker, "The block is lifted; the worker stays excluded until readmitted.")

    @an_act(LetterSerializer, WorkerSerializer)
    def message(self, request, pk: str) -> Response:
        """Write through the marketplace, to somebody whose work was approved or rejected."""
        worker, said = self.get_object(), self.said(LetterSerializer)
        with said_as_problems():
            if Call.Kind.NOTIFY not in deciding.way_of(worker.environment).verbs:
                raise deciding.CannotDecide(f"'{worker.environment}' passes on no messages.")
            deciding.write_to(worker.environment, [worker], request.user, **said, key=key_of(request, worker))
        return self.done(worker, f"Wrote: {said['subject'][:100]}")


# --- Invitations ----------------------------------------------------------------------------------


class InvitationSerializer(serializers.ModelSerializer):
    campaign = OwnedBy(model=Campaign, belongs_to="")
    worker = serializers.PrimaryKeyRelatedField(read_only=True)
    pseudonym = serializers.CharField(source="worker.annotator.pseudonym", read_only=True)
    link = serializers.SerializerMethodField(help_text="As good as a password: for this person alone.")
    send = serializers.BooleanField(write_only=True, default=False, help_text="Mail the link at once.")

    class Meta:
        model = Invitation
        fields = [
            "id", "campaign", "worker", "pseudonym", "name", "email", "link", "send", "created_at", "sent_at", "opened_at",
            "revoked_at",
        ]
        read_only_fields = ["created_at", "sent_at", "opened_at", "revoked_at"]

    def get_link(self, invitation: Invitation) -> str:
        return invitations.link_of(invitation)

    def validate_campaign(self, campaign: Campaign) -> Campaign:
        if campaign.environment.kind != Environment.Kind.INVITATION:
            raise serializers.ValidationError("This campaign's people come another way; nobody is invited to it.")
        return campaign

    def validate(self, said: dict) -> dict:
        if said["send"] and not (settings.SENDS_EMAIL and said.get("email")):
            raise serializers.ValidationError({"send": "Give an address; and a mail server must be set (EMAIL_URL)."})
        return said


class InvitationFilters(Filters):
    campaign = IdFilter()
    revoked = filters.BooleanFilter("revoked_at", lookup_expr="isnull", exclude=True)


class InvitationViewSet(Once, Acting, Owned, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """People who are asked by name; names, addresses and links are for those who may run the campaign."""

    scope = Scope.RUN
    queryset = Invitation.objects.select_related("campaign__environment", "worker__annotator").order_by("-pk")
    serializer_class = InvitationSerializer
    filterset_class = InvitationFilters
    permission_classes = [needing("crowd.change_campaign", "crowd.change_campaign")]

    def get_queryset(self):
        return scoped(self.queryset.all(), self.belongs_to, self.request.user, Role.MANAGE)

    def perform_create(self, serializer) -> None:
        said = dict(serializer.validated_data)
        send, campaign = said.pop("send"), said.pop("campaign")
        with said_as_problems():
            row = invitations.invite(campaign, name=said["name"], email=said.get("email", ""), user=self.request.user)
        noted(self.request.user, campaign, "Invited 1 person.")
        if send:
            self._mail(row)
        serializer.instance = self.get_queryset().get(pk=row.pk)

    @an_act(None, InvitationSerializer)
    def revoke(self, request, pk: str) -> Response:
        """The link opens nothing any more; answers stay."""
        row = self.get_object()
        invitations.revoke(row)
        return self.done(row.campaign, f"Revoked {row}.")

    @an_act(None, InvitationSerializer)
    def renew(self, request, pk: str) -> Response:
        """Another link; the old one opens nothing."""
        row = self.get_object()
        invitations.renew(row)
        return self.done(row.campaign, f"Made a new link for {row}.")

    @an_act(None, InvitationSerializer)
    def forget(self, request, pk: str) -> Response:
        """Delete name and address; answers stay under the pseudonym."""
        row = self.get_object()
        invitations.forget(row)
        return self.done(row.campaign, f"Deleted name and address of {row}.")

    @an_act(None, InvitationSerializer)
    def send(self, request, pk: str) -> Response:
        """Mail the link."""
        row = self.get_object()
        if not (settings.SENDS_EMAIL and row.email and row.revoked_at is None):
            raise Conflict("There is nobody to send it to, or no mail server is set (EMAIL_URL).")
        self._mail(row)
        return self.done(row.campaign, f"Sent {row}.")

    @staticmethod
    def _mail(row: Invitation) -> None:
        try:
            invitations.send(row)
        except (OSError, SMTPException) as error:
            raise MarketplaceFailed(f"The mail server did not take it: {error}") from error
