"""Workers, what they did and what they were paid."""

import secrets
from decimal import Decimal, InvalidOperation

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect

from access.sharing import Role
from annotation.models import Choice, Vote
from annotation.panel.pages import FactAdmin, PageAdmin, moment, state_badge
from annotation.rights import scoped
from crowd import compensating, deciding, paying, rights
from crowd.books import outbox
from crowd.models import Assignment, Call, Environment, Hit, Worker
from crowd.panel import workers
from crowd.publishing import CannotPublish
from crowd.ways.base import GatewayError


class ExclusionFilter(admin.SimpleListFilter):
    title = "further tasks"
    parameter_name = "excluded"

    def lookups(self, request, model_admin):
        return [("no", "gets them"), ("yes", "gets none")]

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        return queryset.filter(excluded_at__isnull=self.value() == "no")


@admin.register(Worker)
class WorkerAdmin(PageAdmin, FactAdmin):
    page_template = "admin/crowd/worker/page.html"
    list_display = [
        "pseudonym", "n_tasks", "earned_usd", "skill_interval", "environment", moment("excluded_at", "excluded"),
        moment("created_at", "since"),
    ]
    list_select_related = ["annotator", "environment"]
    search_fields = ["annotator__pseudonym"]
    list_filter = [ExclusionFilter]
    exclude = ["worker_id"]  # personal data, needed by nothing that is done here

    def get_queryset(self, request):
        rows = workers.of_owner(super().get_queryset(request), request.user)
        return workers.with_figures(rows.select_related("annotator", "environment"), request.user)

    def pages(self):
        return {"exclude": self.exclude_view, "block": self.block_view, "letter": self.letter_view}

    @admin.display(description="worker", ordering="annotator__pseudonym")
    def pseudonym(self, worker):
        return worker.annotator.pseudonym

    @admin.display(description="tasks", ordering="n_tasks")
    def n_tasks(self, worker):
        return worker.n_tasks

    @admin.display(description="earned", ordering="earned")
    def earned_usd(self, worker):
        return f"${worker.earned or 0:,.2f}"

    @admin.display(description="skill", ordering="skill")
    def skill_interval(self, worker):
        if worker.skill is None:
            return None
        return f"{100 * worker.skill:.0f} % ({100 * worker.skill_low:.0f} to {100 * worker.skill_high:.0f})"

    def page(self, request, thing):
        known = thing.assignments.filter(state__in=[Assignment.State.APPROVED, Assignment.State.REJECTED])
        known = scoped(known, "hit__campaign", request.user, Role.MANAGE)
        return workers.page(thing, request.user) | {
            "may_decide": self.may_decide(request, thing), "is_mturk": thing.environment.kind == Environment.Kind.MTURK,
            "can_write": known.exists(), "decisions": list(workers.decisions(thing, request.user)[:10]),
        }

    @staticmethod
    def may_decide(request, worker) -> bool:
        """About people in one's own campaigns, or in those that one may manage."""
        return request.user.has_perm("crowd.change_worker") and (
            request.user.is_superuser or scoped(worker.assignments.all(), "hit__campaign", request.user, Role.MANAGE).exists()
        )

    def exclude_view(self, request, worker):
        """Exclude a worker from further tasks, or take that back."""
        if not self.may_decide(request, worker):
            raise PermissionDenied
        if request.method == "POST":
            reason = request.POST.get("reason", "").strip()[:500]
            if request.POST.get("readmit"):
                call, said = deciding.readmit(worker, request.user), f"{worker} may take tasks again."
                self.log_change(request, worker, "Readmitted.")
            else:
                call = deciding.exclude(worker, request.user, reason=reason or "Excluded from further tasks.")
                said = f"{worker} gets no further task. What was done is paid."
                self.log_change(request, worker, f"Excluded. {reason}".strip())
            try:
                if call is not None:
                    outbox.perform(call)
            except GatewayError as error:
                said += f" The marketplace has not been told yet: {error}"
            messages.success(request, said)
        return redirect(self.url("change", worker.pk))

    def block_view(self, request, worker):
        """The last resort, behind the worker's pseudonym typed in; and its end."""
        if not self.may_decide(request, worker):
            raise PermissionDenied
        if request.method == "POST":
            try:
                if request.POST.get("unblock"):
                    deciding.unblock(worker, request.user)
                    said = "The block is lifted; the worker stays excluded until readmitted."
                else:
                    typed, reason = request.POST.get("typed", ""), request.POST.get("reason", "")
                    deciding.block(worker, request.user, reason=reason, typed=typed)
                    said = f"{worker} is blocked."
            except (deciding.CannotDecide, GatewayError) as error:
                messages.error(request, str(error))
            else:
                self.log_change(request, worker, said)
                messages.success(request, said)
        return redirect(self.url("change", worker.pk))

    def letter_view(self, request, worker):
        """A message through the marketplace."""
        if not self.may_decide(request, worker):
            raise PermissionDenied
        if request.method == "POST":
            subject, text = request.POST.get("subject", ""), request.POST.get("text", "")
            number = Call.objects.filter(kind=Call.Kind.NOTIFY).count()
            try:
                deciding.write_to(worker.environment, [worker], request.user, subject=subject, text=text, number=number)
            except (deciding.CannotDecide, GatewayError) as error:
                messages.error(request, str(error))
            else:
                self.log_change(request, worker, f"Wrote: {subject[:100]}")
                messages.success(request, "The message is sent.")
        return redirect(self.url("change", worker.pk))


@admin.register(Hit)
class HitAdmin(FactAdmin):
    belongs_to = "campaign"
    list_display = [
        "__str__", "campaign", "number", "status", "max_assignments", moment("published_at", "published"),
        moment("expires_at", "expires"),
    ]
    list_select_related = ["campaign"]
    list_filter = ["status"]
    exclude = ["token", "request_token"]


@admin.register(Assignment)
class AssignmentAdmin(PageAdmin, FactAdmin):
    belongs_to = "hit__campaign"
    page_template = "admin/crowd/assignment/page.html"
    list_display = [
        "assignment_id", "campaign", "worker", state_badge, "note", moment("accepted_at", "accepted"),
        moment("submitted_at", "handed in"),
    ]
    list_select_related = ["hit__campaign", "worker__annotator"]
    list_filter = ["state"]

    def lookup_allowed(self, lookup, value, request=None):
        return lookup == "hit__campaign__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("hit__campaign__environment", "worker__annotator", "task")

    def pages(self):
        return {"approve": self.approve_view, "decide": self.decide_view}

    @admin.display(description="campaign")
    def campaign(self, assignment):
        return assignment.hit.campaign

    def page(self, request, thing):
        votes = Vote.objects.filter(task=thing.task_id).select_related("pair__person__image__dataset__skeleton")
        last = {vote.comparison_id: vote for vote in votes.order_by("number")}
        given = [vote for vote in last.values() if vote.choice != Choice.UNDONE]
        return {
            "votes": workers.pictured(given),
            "n_asked": thing.task.comparisons.count() if thing.task else 0,
            "payments": list(thing.payments.all()),
            "may_approve": self.may_approve(request, thing) and thing.state in ("submitted", "verified"),
            "may_decide": self.may_approve(request, thing) and thing.hit.campaign.state != "archived",
            "is_open": thing.state in ("submitted", "verified"), "reversible_until": deciding.reversible_until(thing),
            "can_compensate": compensating.can_be_compensated(thing), "key": secrets.token_hex(12),
        }

    @staticmethod
    def may_approve(request, assignment) -> bool:
        return rights.may_spend(request.user, assignment.hit.campaign)

    def approve_view(self, request, assignment):
        if not self.may_approve(request, assignment):
            raise PermissionDenied(rights.NO_SPENDING)
        if request.method == "POST":
            rights.require_spending(request, assignment.hit.campaign)
            try:
                deciding.approve(assignment, request.user)
            except (deciding.CannotDecide, GatewayError) as error:
                messages.error(request, str(error))
            else:
                self.log_change(request, assignment, "Approved.")
                messages.success(request, "Approved and paid.")
        return redirect(self.url("change", assignment.pk))

    def decide_view(self, request, assignment):
        """Reject with a reason, reverse that, pay a bonus, or pay for work that could not be handed in."""
        if not self.may_approve(request, assignment):
            raise PermissionDenied(rights.NO_SPENDING)
        act = DECISIONS.get(request.POST.get("act", "")) if request.method == "POST" else None
        if act is not None:
            rights.require_spending(request, assignment.hit.campaign)
            try:
                said = act(request, assignment)
            except (deciding.CannotDecide, CannotPublish) as error:
                messages.error(request, str(error))
            except GatewayError as error:
                messages.error(request, f"{error}{' It is tried again by itself.' if error.retry_helps else ''}")
            else:
                self.log_change(request, assignment, said)
                messages.success(request, said)
        return redirect(self.url("change", assignment.pk))


def _reject(request, assignment) -> str:
    deciding.reject(assignment, request.user, reason=request.POST.get("reason", ""))
    return "Rejected; the worker has been told why. It can be reversed for 30 days."


def _override(request, assignment) -> str:
    deciding.override(assignment, request.user, reason=request.POST.get("reason", ""))
    return "The rejection is reversed, and the work is paid."


def _compensate(request, assignment) -> str:
    return compensating.compensate(assignment, request.user)


def _bonus(request, assignment) -> str:
    given = request.POST.get("amount", "").strip()
    try:
        amount = Decimal(given)
    except InvalidOperation as error:
        raise CannotPublish(f"'{given}' is no amount; give dollars and cents, like 0.50.") from error
    key = request.POST.get("key") or secrets.token_hex(12)
    paying.bonus(assignment, request.user, amount_usd=amount, reason=request.POST.get("reason", ""), key=key)
    return f"A bonus of {amount:.2f} USD is paid."


DECISIONS = {"reject": _reject, "override": _override, "compensate": _compensate, "bonus": _bonus}
