"""A campaign's people on ways without a marketplace: visits to confirm, submissions on Prolific, invitations."""

import csv
from collections.abc import Callable
from functools import partial, wraps
from smtplib import SMTPException

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from crowd import confirming, deciding, experts, rights
from crowd.books import outbox
from crowd.deciding import CannotDecide
from crowd.models import Assignment, Campaign, Environment
from crowd.panel import ways_figures as figures
from crowd.panel.acting import attempted
from crowd.panel.ways_forms import InviteForm
from crowd.ways import invitation as invitations
from crowd.ways import way_of
from crowd.ways.prolific import CATEGORIES

Kind = Environment.Kind
PER_PAGE = 50
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take these for a formula


def pages(admin) -> dict[str, Callable]:
    """Further pages of a campaign: the end of their address, and their view `(request, campaign)`."""
    views = {
        "visits": (visits, (Kind.LINK, Kind.PROLIFIC)), "visits-csv": (visits_csv, (Kind.LINK, Kind.PROLIFIC)),
        "invitations": (invited, (Kind.INVITATION,)), "answers-csv": (answers_csv, (Kind.INVITATION,)),
    }
    return {route: partial(_guarded(view, kinds), admin) for route, (view, kinds) in views.items()}


def _guarded(view: Callable, kinds: tuple[str, ...]) -> Callable:
    """Names and codes of people are for those who may run the campaign; other ways do not have the page."""

    @wraps(view)
    def respond(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
        if campaign.environment.kind not in kinds:
            raise Http404("This way to people has no such page.")
        if not admin.may_run(request, campaign):
            raise PermissionDenied
        return view(admin, request, campaign)

    return respond


# --- Visits and submissions -----------------------------------------------------------------------


def visits(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Who finished: to be confirmed, approved, rejected; on Prolific beside what Prolific says of the study."""
    if request.method == "POST":
        act = VISIT_ACTS.get(request.POST.get("act", ""))
        if act is not None:
            rights.require_spending(request, campaign)
            with attempted(admin, request, campaign, request.POST["act"]):
                act(admin, request, campaign)
        return redirect(admin.url("visits", campaign.pk))
    page = Paginator(confirming.finished(campaign), PER_PAGE).get_page(request.GET.get("page"))
    return admin.render(
        request, "admin/crowd/ways/visits.html", campaign, title=f"Who finished {campaign}",
        visits_page=page, rows=figures.visit_rows(page.object_list), counts=figures.counts(campaign),
        way=campaign.environment.kind, study=figures.study(campaign), categories=CATEGORIES.items(),
        entry_url=figures.entry_url(campaign), completion=figures.completion(campaign),
    )


def _chosen(request: HttpRequest, campaign: Campaign) -> list[Assignment]:
    numbers = [int(value) for value in request.POST.getlist("visit") if value.isdecimal()]
    found = list(confirming.finished(campaign).filter(pk__in=numbers))
    if not found:
        raise CannotDecide("Choose at least one row.")
    return found


def _confirm(admin, request: HttpRequest, campaign: Campaign) -> None:
    done = sum(confirming.confirm(row, request.user) for row in _chosen(request, campaign))
    _confirmed(admin, request, campaign, done)


def _confirm_all(admin, request: HttpRequest, campaign: Campaign) -> None:
    rows = confirming.finished(campaign).filter(state=Assignment.State.SUBMITTED)
    _confirmed(admin, request, campaign, sum(confirming.confirm(row, request.user) for row in rows))


def _confirm_listed(admin, request: HttpRequest, campaign: Campaign) -> None:
    outcome = confirming.confirm_listed(campaign, request.POST.get("listed", ""), request.user)
    _confirmed(admin, request, campaign, outcome.confirmed)
    if outcome.known:
        messages.info(request, f"{_n(outcome.known, 'visit')} of the list had been decided before.")
    if outcome.unknown:
        shown = ", ".join(outcome.unknown[:10]) + (" and more" if len(outcome.unknown) > 10 else "")
        messages.warning(request, f"Not known here: {shown}")


def _confirmed(admin, request: HttpRequest, campaign: Campaign, done: int) -> None:
    if done:
        admin.log_change(request, campaign, f"Confirmed {_n(done, 'visit')}.")
    messages.success(request, f"{_n(done, 'visit')} confirmed; what was confirmed counts.")


def _approve(admin, request: HttpRequest, campaign: Campaign) -> None:
    rows = _chosen(request, campaign)
    for row in rows:
        deciding.approve(row, request.user)
        admin.log_change(request, campaign, f"Approved {row.assignment_id} by hand.")
    messages.success(request, f"{_n(len(rows), 'submission')} approved and paid.")


def _reject(admin, request: HttpRequest, campaign: Campaign) -> None:
    rows = _chosen(request, campaign)
    category = request.POST.get("category", "")
    if campaign.environment.kind == Kind.PROLIFIC and category not in CATEGORIES:
        raise CannotDecide("Choose what kind of reason it is.")
    for row in rows:
        deciding.reject(row, request.user, reason=request.POST.get("reason", ""), category=category)
        admin.log_change(request, campaign, f"Rejected {row.assignment_id}.")
    messages.success(request, f"{_n(len(rows), 'task')} rejected: the votes do not count, the places are free again.")


def replace_missing(campaign: Campaign, user) -> int:
    """Ask Prolific for as many more people as places are open here that nobody can take there; returns how many.

    Raises: CannotDecide where nobody is missing, GatewayError.
    """
    study = figures.study(campaign)
    missing = study["missing"] if study else 0
    if campaign.environment.kind != Kind.PROLIFIC or not missing:
        raise CannotDecide("No more people are needed.")
    outbox.perform(way_of(campaign.environment).replace_lost(campaign, missing, user))
    return missing


def _replace(admin, request: HttpRequest, campaign: Campaign) -> None:
    missing = replace_missing(campaign, request.user)
    admin.log_change(request, campaign, f"Asked for {missing} more people on Prolific.")
    messages.success(request, f"Prolific is looking for {_n(missing, 'more person', 'more people')}.")


VISIT_ACTS = {
    "confirm": _confirm, "confirm-all": _confirm_all, "confirm-listed": _confirm_listed, "approve": _approve,
    "reject": _reject, "replace": _replace,
}


def visits_csv(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Everybody who finished, by the platform's own names: what the researcher pays them by there."""
    admin.log_change(request, campaign, "Downloaded the list of who finished, with the platform's names of people.")
    head = ["person", "visit", "code", "finished_at", "minutes", "answers", "state", "reward_usd"]
    return _csv(f"{campaign.name}-finished", head, figures.visit_csv_rows(confirming.finished(campaign)))


# --- Invitations ----------------------------------------------------------------------------------


def invited(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Invite people, look after their links, see how far they agree."""
    form = InviteForm(request.POST if request.POST.get("act") == "invite" else None)
    if request.method == "POST":
        act = request.POST.get("act", "")
        if act == "invite":
            if form.is_valid():
                with attempted(admin, request, campaign, act):
                    _invite(admin, request, campaign, form)
                return redirect(admin.url("invitations", campaign.pk))
        else:
            if (step := INVITATION_ACTS.get(act)) is not None:
                with attempted(admin, request, campaign, act):
                    step(admin, request, campaign)
            return redirect(admin.url("invitations", campaign.pk))
    return admin.render(
        request, "admin/crowd/ways/invitations.html", campaign, title=f"Invitations to {campaign}", form=form,
        people=figures.people(campaign), agreements=experts.agreements(campaign), can_send=settings.SENDS_EMAIL,
        may_answer=request.user.has_perm("annotation.change_pair"), can_invite=campaign.state != Campaign.State.ARCHIVED,
    )


def _invite(admin, request: HttpRequest, campaign: Campaign, form: InviteForm) -> None:
    made = [
        invitations.invite(campaign, name=name, email=email, user=request.user) for name, email in form.cleaned_data["people"]
    ]
    admin.log_change(request, campaign, f"Invited {_n(len(made), 'person', 'people')}.")
    messages.success(request, f"{_n(len(made), 'person', 'people')} invited; a link for each is below.")
    if form.cleaned_data["send"]:
        for row in made:
            if row.email:
                _send(request, row)


def _send(request: HttpRequest, row) -> None:
    try:
        invitations.send(row)
    except (OSError, SMTPException) as error:
        messages.error(request, f"The letter to {row.name} was not taken by the mail server: {error}")


def _one(request: HttpRequest, campaign: Campaign):
    number = request.POST.get("invitation", "")
    row = campaign.invitations.filter(pk=number).first() if number.isdecimal() else None
    if row is None:
        raise CannotDecide("This invitation is not there any more.")
    return row


def _revoke(admin, request: HttpRequest, campaign: Campaign) -> None:
    row = _one(request, campaign)
    invitations.revoke(row)
    admin.log_change(request, campaign, f"Revoked {row}.")
    messages.success(request, f"The link of {row.name} opens nothing any more. Answers that were given stay.")


def _renew(admin, request: HttpRequest, campaign: Campaign) -> None:
    row = _one(request, campaign)
    invitations.renew(row)
    admin.log_change(request, campaign, f"Made a new link for {row}.")
    messages.success(request, f"{row.name} has a new link; the old one opens nothing.")


def _forget(admin, request: HttpRequest, campaign: Campaign) -> None:
    row = _one(request, campaign)
    invitations.forget(row)
    admin.log_change(request, campaign, f"Deleted name and address of {row}.")
    messages.success(request, "Name and address are deleted; the answers stay under the pseudonym.")


def _resend(admin, request: HttpRequest, campaign: Campaign) -> None:
    row = _one(request, campaign)
    if not (settings.SENDS_EMAIL and row.email and row.revoked_at is None):
        raise CannotDecide("There is nobody to send it to, or no mail server is set (EMAIL_URL).")
    _send(request, row)
    admin.log_change(request, campaign, f"Sent the link of {row} again.")
    messages.success(request, f"The link is on its way to {row.name}.")


def _take_as_known(admin, request: HttpRequest, campaign: Campaign) -> None:
    if not request.user.has_perm("annotation.change_pair"):
        raise PermissionDenied
    whose = request.POST.get("whose", "")
    row = None
    if whose != "all":
        row = campaign.invitations.filter(pk=whose).select_related("worker").first() if whose.isdecimal() else None
        if row is None:
            raise CannotDecide("Choose whose answers are taken as known.")
    count = experts.take_as_known(campaign, row)
    admin.log_change(request, campaign, f"Took {count} answers of {row or 'all who agree'} as known.")
    messages.success(request, f"{_n(count, 'pair')} got a known answer.")


INVITATION_ACTS = {"revoke": _revoke, "renew": _renew, "forget": _forget, "send": _resend, "known": _take_as_known}


def answers_csv(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Each pair with everybody's answer, under pseudonyms."""
    admin.log_change(request, campaign, "Downloaded everybody's answers, under pseudonyms.")
    head, rows = experts.table(campaign)
    return _csv(f"{campaign.name}-answers", head, rows)


# --- Both -------------------------------------------------------------------------------------------


def _n(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def _csv(name: str, head: list[str], rows) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
    response["Content-Disposition"] = f'attachment; filename="{safe}.csv"'
    response["Cache-Control"] = "no-store"
    writer = csv.writer(response)
    writer.writerow(head)
    for row in rows:
        writer.writerow(f"'{cell}" if str(cell).startswith(DANGEROUS) else cell for cell in row)
    return response
