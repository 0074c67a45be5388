"""The ledger: its lines, the outbox behind them, and both added up against the accounts themselves."""

import secrets
from decimal import Decimal, InvalidOperation

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path

from annotation.panel.pages import FactAdmin, PageAdmin, moment, state_badge
from crowd import funds, rights
from crowd.books import auditing, outbox
from crowd.models import Call, Environment, Payment
from crowd.panel.acting import attempted
from crowd.ways.base import Balance, GatewayError


@admin.register(Payment)
class PaymentAdmin(FactAdmin):
    belongs_to = "campaign"
    list_title = "Ledger"
    list_display = [moment("at", "when"), "kind", "amount", "fee", "campaign", "worker", "reason", "by"]
    list_select_related = ["campaign", "decided_by", "worker__annotator"]
    list_filter = ["kind"]
    exclude = ["token"]

    def get_urls(self):
        return [
            path("accounts/", self.admin_site.admin_view(self.accounts_view), name="accounts"),
            *super().get_urls(),
        ]

    @admin.display(description="amount", ordering="amount_usd")
    def amount(self, line):
        return f"${line.amount_usd:,.2f}" if line.amount_usd else "–"

    @admin.display(description="fee", ordering="fee_usd")
    def fee(self, line):
        return f"${line.fee_usd:,.2f}" if line.fee_usd else "–"

    @admin.display(description="by", ordering="decided_by")
    def by(self, line):
        return line.decided_by or "Nearer"

    def accounts_view(self, request: HttpRequest) -> HttpResponse:
        """Each account's ledger beside what the account says of itself."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        may_note = request.user.has_perm("crowd.change_environment")
        if request.method == "POST":
            if not may_note:
                raise PermissionDenied
            self._note_deposit(request)
            return redirect("admin:accounts")
        rows, seen = [], set()
        for place in Environment.objects.exclude(endpoint_url=""):
            account = (place.endpoint_url, place.credentials)
            if account not in seen:  # environments may share one
                seen.add(account)
                rows.append(self._account(place))
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/crowd/accounts.html", {
            **self.admin_site.each_context(request), "title": "Accounts", "opts": self.opts, "accounts": rows,
            "may_note": may_note,
        })

    @staticmethod
    def _account(place: Environment) -> dict:
        row = {"place": place, "audit": None, "silence": "", "key": secrets.token_hex(12)}
        try:
            row["audit"] = auditing.audit(place)
            funds.note(place, Balance(row["audit"].available_usd, row["audit"].held_usd))
        except (GatewayError, auditing.NothingToAudit) as error:
            row["silence"] = str(error)
        return row

    def _note_deposit(self, request: HttpRequest) -> None:
        number = request.POST.get("environment", "")
        place = Environment.objects.filter(pk=number if number.isdecimal() else None).first()
        given, key = request.POST.get("amount", "").strip(), request.POST.get("key", "")
        if place is None or not key:
            messages.error(request, "There is no such account.")
            return
        try:
            line = auditing.deposit(place, Decimal(given), request.POST.get("note", ""), request.user, key=key)
        except (InvalidOperation, ValueError):
            messages.error(request, f"'{given}' is no amount in whole cents, like 50 or 12.50.")
            return
        self.log_addition(request, line, f"Noted a deposit of {line.amount_usd} USD.")
        messages.success(request, f"A deposit of {line.amount_usd} USD is in the ledger.")


@admin.register(Call)
class CallAdmin(PageAdmin, FactAdmin):
    """The outbox: whatever was to be made, paid or decided elsewhere, and how it ended."""

    belongs_to = "campaign"
    page_template = "admin/crowd/call.html"
    list_title = "Calls"
    list_display = ["kind", "campaign", state_badge, "attempts", "error", "wanted_by", moment("created_at", "wanted"),
                    moment("ended_at", "ended")]
    list_select_related = ["campaign", "wanted_by"]
    list_filter = ["state", "kind"]
    ordering = ["-pk"]

    def pages(self):
        return {"again": self.again_view}

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("campaign", "worker__annotator", "assignment", "hit", "wanted_by")

    def page(self, request, thing):
        return {"may_ask": self.may_ask(request, thing) and thing.state == Call.State.REFUSED}

    @staticmethod
    def may_ask(request, call) -> bool:
        return rights.may_spend(request.user, call.campaign)

    def again_view(self, request, call):
        if not self.may_ask(request, call):
            raise PermissionDenied
        if request.method == "POST" and call.state == Call.State.REFUSED:
            rights.require_spending(request, call.campaign)
            with attempted(self, request, call, "asked again"):
                outbox.ask_again(call)
                self.log_change(request, call, "Asked again, and done.")
                messages.success(request, "Done.")
        return redirect(self.url("change", call.pk))
