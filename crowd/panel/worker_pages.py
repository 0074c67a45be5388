"""Workers, what they did and what they were paid."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect

from annotation.models import Choice, Vote
from annotation.panel.pages import FactAdmin, PageAdmin, moment, state_badge
from crowd import deciding
from crowd.models import Assignment, Hit, Payment, Worker
from crowd.panel import workers
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
        return workers.with_figures(rows.select_related("annotator", "environment"))

    def pages(self):
        return {"exclude": self.exclude_view}

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
        return workers.page(thing, request.user) | {"may_decide": self.may_decide(request)}

    @staticmethod
    def may_decide(request) -> bool:
        return request.user.has_perm("crowd.change_worker")

    def exclude_view(self, request, worker):
        """Exclude a worker from further tasks, or take that back."""
        if not self.may_decide(request):
            raise PermissionDenied
        if request.method == "POST":
            if request.POST.get("readmit"):
                deciding.readmit(worker, request.user)
                self.log_change(request, worker, "Readmitted.")
                messages.success(request, f"{worker} may take tasks again.")
            else:
                deciding.exclude(worker, request.user)
                self.log_change(request, worker, "Excluded.")
                messages.success(request, f"{worker} gets no further task. What was done is paid.")
        return redirect(self.url("change", worker.pk))


@admin.register(Hit)
class HitAdmin(FactAdmin):
    owner_path = "campaign__owner"
    list_display = [
        "__str__", "campaign", "number", "status", "max_assignments", moment("published_at", "published"),
        moment("expires_at", "expires"),
    ]
    list_select_related = ["campaign"]
    list_filter = ["status"]
    exclude = ["token", "request_token"]


@admin.register(Assignment)
class AssignmentAdmin(PageAdmin, FactAdmin):
    owner_path = "hit__campaign__owner"
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
        return {"approve": self.approve_view}

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
            "may_approve": self.may_approve(request) and thing.state in ("submitted", "verified"),
        }

    @staticmethod
    def may_approve(request) -> bool:
        return request.user.has_perm("crowd.change_campaign")

    def approve_view(self, request, assignment):
        if not self.may_approve(request):
            raise PermissionDenied
        if request.method == "POST":
            try:
                deciding.approve(assignment, request.user)
            except (deciding.CannotDecide, GatewayError) as error:
                messages.error(request, str(error))
            else:
                self.log_change(request, assignment, "Approved.")
                messages.success(request, "Approved and paid.")
        return redirect(self.url("change", assignment.pk))


@admin.register(Payment)
class PaymentAdmin(FactAdmin):
    owner_path = "campaign__owner"
    list_display = [moment("at", "when"), "campaign", "kind", "amount_usd", "fee_usd", "reason", "decided_by"]
    list_select_related = ["campaign", "decided_by"]
    list_filter = ["kind"]
    exclude = ["token"]
