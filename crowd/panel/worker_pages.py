"""Workers, what they did and what they were paid."""

import secrets
from decimal import Decimal, InvalidOperation

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect

from annotation.models import Choice, Vote
from annotation.panel.pages import FactAdmin, PageAdmin, moment, state_badge
from crowd import compensating, deciding, paying, rights
from crowd.models import Assignment, Call, Hit, Worker
from crowd.panel import worker_acts, workers
from crowd.panel.acting import attempted
from crowd.publishing import CannotPublish


class ExclusionFilter(admin.SimpleListFilter):
    title = "further tasks"
    parameter_name = "excluded"

    def lookups(self, request, model_admin):
        return [("no", "gets them"), ("yes", "gets none")]

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        return queryset.filter(excluded_at__isnull=self.value() == "no")


class WorkerList(ChangeList):
    """The page's workers with what they did, asked for together."""

    def get_results(self, request):
        super().get_results(request)
        self.result_list = workers.seen(list(self.result_list), request.user)


@admin.register(Worker)
class WorkerAdmin(PageAdmin, FactAdmin):
    page_template = "admin/crowd/worker/page.html"
    list_display = [
        "pseudonym", "n_tasks", "n_votes", "known_answers", "skill_interval", "agreement_interval", "answer_time", "earned_usd",
        "wage", "environment", moment("excluded_at", "excluded"), moment("created_at", "since"),
    ]
    list_select_related = ["annotator", "environment"]
    search_fields = ["annotator__pseudonym"]
    list_filter = [ExclusionFilter]
    exclude = ["worker_id"]  # personal data, needed by nothing that is done here

    def get_queryset(self, request):
        rows = workers.of_owner(super().get_queryset(request), request.user)
        return workers.with_figures(rows.select_related("annotator", "environment"), request.user)

    def pages(self):
        return worker_acts.pages(self)

    def get_changelist(self, request, **kwargs):
        return WorkerList

    @admin.display(description="worker", ordering="annotator__pseudonym")
    def pseudonym(self, worker):
        return worker.annotator.pseudonym

    @admin.display(description="tasks", ordering="n_tasks")
    def n_tasks(self, worker):
        return worker.n_tasks

    @admin.display(description="earned", ordering="earned")
    def earned_usd(self, worker):
        return f"${worker.earned or 0:,.2f}"

    @admin.display(description="votes")
    def n_votes(self, worker):
        return f"{worker.seen.votes:,}"

    @admin.display(description="known answers right")
    def known_answers(self, worker):
        seen = worker.seen
        return f"{seen.known_right:,} of {seen.known:,}" if seen.known else None

    @admin.display(description="skill", ordering="skill")
    def skill_interval(self, worker):
        if worker.skill is None:
            return None
        return workers.between(worker.skill, worker.skill_low, worker.skill_high)

    @admin.display(description="agreement", ordering="agreement")
    def agreement_interval(self, worker):
        """With what all others say without this worker."""
        return workers.agreement(worker.agreement, worker.skill_votes)

    @admin.display(description="an answer")
    def answer_time(self, worker):
        return f"{worker.seen.answer_s:.1f} s" if worker.seen.votes else None

    @admin.display(description="wage")
    def wage(self, worker):
        return f"${worker.seen.hourly_usd:,.2f}/h" if worker.seen.hourly_usd is not None else None

    def page(self, request, thing):
        states = worker_acts.states(thing, request.user)
        may_pay = request.user.has_perm(worker_acts.PAID)
        waiting, through = worker_acts.at_hand(thing, request.user) if may_pay else ([], [])
        return workers.page(thing, request.user, request.GET.get("votes", "")) | {
            "may_decide": worker_acts.may_decide(request, thing, states),
            "can_block": worker_acts.can(thing, Call.Kind.BLOCK), "writes": worker_acts.can(thing, Call.Kind.NOTIFY),
            "can_write": bool(states & {"approved", "rejected"}),
            "decisions": list(workers.decisions(thing, request.user)[:10]), "key": secrets.token_hex(12),
            "waiting": waiting, "through": through if worker_acts.can(thing, Call.Kind.BONUS) else [],
        }


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
            "votes": workers.pictured(given, request.user),
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
            with attempted(self, request, assignment, "approve"):
                deciding.approve(assignment, request.user)
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
            with attempted(self, request, assignment, request.POST["act"]):
                said = act(request, assignment)
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
