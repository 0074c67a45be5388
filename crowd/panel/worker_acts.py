"""What a researcher does about a worker: said back in full first, and done once however often it is pressed."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Q, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from access.sharing import Role
from annotation.rights import scoped
from crowd import deciding, paying, rights
from crowd.books import outbox
from crowd.deciding import CannotDecide
from crowd.models import Assignment, Campaign, Worker
from crowd.panel.acting import attempted
from crowd.publishing import CannotPublish
from crowd.ways import way_of
from crowd.ways.base import GatewayError

LONGEST_REASON = 500
MOST_TASKS = 50
PAID = "crowd.change_campaign"
ABOUT_PEOPLE = "crowd.change_worker"
WAITING = (Assignment.State.SUBMITTED, Assignment.State.VERIFIED)


@dataclass(frozen=True)
class Plan:
    """An act that was asked for and not done yet: what it will do in sentences, and `do`, which says what it did."""

    title: str
    says: list[str]
    button: str
    do: Callable[[], str]
    words: str = ""
    is_grave: bool = False
    heard: str = "The worker is not told."


def view(admin, request: HttpRequest, worker: Worker, name: str) -> HttpResponse:
    """The plan of an act and a button; pressed there, the act."""
    right, plan_of = ACTS[name]
    if not (may_decide(request, worker) if right == ABOUT_PEOPLE else request.user.has_perm(right)):
        raise PermissionDenied
    back = redirect(admin.url("change", worker.pk))
    if request.method != "POST":
        return back
    with attempted(admin, request, worker, name):
        plan = plan_of(request, worker)
        if not request.POST.get("sure"):
            asked = [(key, value) for key, values in request.POST.lists() for value in values if key != "csrfmiddlewaretoken"]
            return admin.render(
                request, "admin/crowd/worker/confirm.html", worker, title=plan.title, plan=plan, asked=asked, act=request.path
            )
        said = plan.do()
        admin.log_change(request, worker, f"{said} {plan.words}".strip())
        messages.success(request, said)
    return back


def pages(admin) -> dict:
    """Further pages of a worker: the end of their address, and their view `(request, worker)`."""
    return {name: partial(view, admin, name=name) for name in ACTS}


def work_of(worker: Worker, user, role: Role):
    """A worker's tasks in the campaigns with which this user may do what the role allows."""
    rows = Assignment.objects.filter(worker=worker).select_related("hit__campaign__environment", "worker__annotator", "task")
    return scoped(rows, "hit__campaign", user, role)


def states(worker: Worker, user) -> set[str]:
    """In which states the worker's tasks are, in the campaigns that the user may manage."""
    return set(work_of(worker, user, Role.MANAGE).order_by().values_list("state", flat=True).distinct())


def may_decide(request: HttpRequest, worker: Worker, known: set[str] | None = None) -> bool:
    """About people in one's own campaigns, or in those that one may manage.

    Args:
        known: `states`, where they have been asked for.
    """
    if not request.user.has_perm(ABOUT_PEOPLE):
        return False
    return request.user.is_superuser or bool(states(worker, request.user) if known is None else known)


def can(worker: Worker, verb: str) -> bool:
    """Whether the way to this worker knows such a call."""
    try:
        return verb in way_of(worker.environment).verbs
    except GatewayError:
        return False


def waiting(worker: Worker, user):
    """Handed in and not decided."""
    return work_of(worker, user, Role.SPEND).filter(state__in=WAITING)


def at_hand(worker: Worker, user) -> tuple[list[Assignment], list[Assignment]]:
    """What waits for a word, the oldest first, and by campaign the newest work through which a bonus can reach the worker."""
    done = work_of(worker, user, Role.SPEND).filter(Q(state__in=WAITING) | Q(submitted_at__isnull=False))
    waits_first = Case(When(state__in=WAITING, then=0), default=1)
    rows = list(done.order_by(waits_first, "-submitted_at")[: 2 * MOST_TASKS])
    newest: dict[int, Assignment] = {}
    for one in sorted((one for one in rows if one.submitted_at), key=lambda one: one.submitted_at):
        if one.hit.campaign.state != Campaign.State.ARCHIVED:
            newest[one.hit.campaign_id] = one
    undecided = [one for one in rows if one.state in WAITING]
    undecided.sort(key=lambda one: (one.submitted_at or one.accepted_at, one.pk))
    return undecided[:MOST_TASKS], list(newest.values())


def _reason(request: HttpRequest) -> str:
    reason = request.POST.get("reason", "").strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise CannotDecide(f"Say why, in at most {LONGEST_REASON} characters; it stands in the ledger beside your name.")
    return reason


def _key(request: HttpRequest) -> str:
    """Made with the form: the same form pressed twice is one act."""
    key = request.POST.get("key", "")
    if not 8 <= len(key) <= 64:
        raise CannotDecide("Nothing was done. Open the worker's page again and use its form.")
    return key


# --- Work -----------------------------------------------------------------------------------------


def _approve(request: HttpRequest, worker: Worker) -> Plan:
    chosen = [int(number) for number in request.POST.getlist("task") if number.isdecimal() and len(number) < 19]
    tasks = list(waiting(worker, request.user).filter(pk__in=chosen)[:MOST_TASKS])
    if not tasks:
        raise CannotDecide("Tick the tasks that are to be paid; none of those is waiting any more.")
    for campaign in {one.hit.campaign_id: one.hit.campaign for one in tasks}.values():
        rights.require_spending(request, campaign)
    feedback = request.POST.get("feedback", "").strip()
    total = sum((one.hit.campaign.reward_usd for one in tasks), Decimal(0))
    return Plan(
        f"Approve {_tasks(len(tasks))} of {worker}", [
            f"{_tasks(len(tasks)).capitalize()} will be approved and paid: ${total:,.2f} and the marketplace's fees.",
            "This cannot be taken back. Votes that could not be verified stay out of merges.",
        ], f"Approve and pay ${total:,.2f}", partial(_pay, request, tasks, feedback), words=feedback,
        heard=f"The worker reads: “{feedback}”" if feedback else "The worker reads no words with it.",
    )


def _pay(request: HttpRequest, tasks: list[Assignment], feedback: str) -> str:
    done, later = 0, []
    for one in tasks:
        try:
            deciding.approve(one, request.user, feedback=feedback)
            done += 1
        except CannotDecide as error:
            messages.error(request, f"{one}: {error}")
        except GatewayError as error:
            later.append(f"{one}: {error.words}")
            messages.error(request, later[-1])
    if not done and not later:
        raise CannotDecide("None was approved.")
    return f"Approved and paid: {_tasks(done)}." + "".join(f" Not done yet: {words}" for words in later)


def _tasks(n: int) -> str:
    return f"{n} task{'s' if n != 1 else ''}"


def _bonus(request: HttpRequest, worker: Worker) -> Plan:
    key, reason = _key(request), _reason(request)
    given = request.POST.get("amount", "").strip()
    try:
        amount = Decimal(given).quantize(Decimal("0.01")) if given else Decimal(0)
    except InvalidOperation as error:
        raise CannotPublish(f"'{given}' is no amount; give dollars and cents, like 0.50.") from error
    number = request.POST.get("through", "")
    done = work_of(worker, request.user, Role.SPEND).filter(submitted_at__isnull=False)
    through = done.filter(pk=number).first() if number.isdecimal() and len(number) < 19 else None
    if through is None:
        raise CannotPublish("A bonus goes through work that this worker has handed in to a campaign of yours. Choose one.")
    if not Decimal(0) < amount <= paying.MOST_BONUS_USD or Decimal(given) != amount:
        raise CannotPublish(f"A bonus is between 0.01 and {paying.MOST_BONUS_USD} USD, in whole cents.")
    campaign = through.hit.campaign
    rights.require_spending(request, campaign)
    fee = way_of(campaign.environment).fee_usd(amount)

    def do() -> str:
        paying.bonus(through, request.user, amount_usd=amount, reason=reason, key=key)
        return f"A bonus of {amount:.2f} USD is paid."

    return Plan(
        f"Pay {worker} a bonus", [
            f"${amount:,.2f} go to the worker and ${fee:,.2f} to the marketplace, on account of “{campaign}”.",
            "This cannot be taken back.",
        ], f"Pay ${amount:,.2f}", do, words=reason, heard=f"The worker reads: “{reason}”",
    )


# --- People ---------------------------------------------------------------------------------------


def _exclude(request: HttpRequest, worker: Worker) -> Plan:
    reason = _reason(request)

    def do() -> str:
        call = deciding.exclude(worker, request.user, reason=reason)
        return f"{worker} gets no further task. What was done is paid.{_told(call)}"

    return Plan(
        f"Give {worker} no further task", [
            "This worker gets no further task here. Work that has begun may be handed in and is paid, and its votes count.",
            "It can be taken back at any time.",
        ], "Give no further task", do, words=reason, is_grave=True,
    )


def _readmit(request: HttpRequest, worker: Worker) -> Plan:
    def do() -> str:
        return f"{worker} may take tasks again.{_told(deciding.readmit(worker, request.user))}"

    return Plan(f"Readmit {worker}", ["This worker may take tasks again."], "Readmit", do)


def _told(call) -> str:
    """Performs the call, if any; an exclusion holds here whether the marketplace has heard of it or not."""
    try:
        if call is not None:
            outbox.perform(call)
    except GatewayError as error:
        return f" The marketplace has not been told yet: {error}"
    return ""


def _letter(request: HttpRequest, worker: Worker) -> Plan:
    key, subject, text = _key(request), request.POST.get("subject", "").strip(), request.POST.get("text", "").strip()
    if not subject or not text:
        raise CannotDecide("A message needs a subject and words.")

    def do() -> str:
        deciding.write_to(worker.environment, [worker], request.user, subject=subject, text=text, key=key)
        return "The message is sent."

    return Plan(
        f"Write to {worker}", ["The marketplace sends this message in your account's name; it cannot be called back."],
        "Send", do, words=f"Subject: {subject[:100]}", heard=f"{subject}\n\n{text}",
    )


def _block(request: HttpRequest, worker: Worker) -> Plan:
    """The last resort; the confirmation is the worker's pseudonym, typed in."""
    reason, typed = _reason(request), request.POST.get("typed", "")
    if typed.strip() != str(worker):
        raise CannotDecide(f"Type the worker's pseudonym, {worker}, to block. Excluding is usually enough.")

    def do() -> str:
        deciding.block(worker, request.user, reason=reason, typed=typed)
        return f"{worker} is blocked."

    return Plan(
        f"Block {worker}", [
            "The worker is shut out of everything of this account, and marketplaces count it against worker and requester.",
        ], "Block", do, words=reason, is_grave=True,
    )


def _unblock(request: HttpRequest, worker: Worker) -> Plan:
    def do() -> str:
        deciding.unblock(worker, request.user)
        return "The block is lifted; the worker stays excluded until readmitted."

    return Plan(f"Lift the block of {worker}", ["The worker stays excluded until readmitted."], "Lift the block", do)


ACTS: dict[str, tuple[str, Callable[[HttpRequest, Worker], Plan]]] = {
    "approve": (PAID, _approve), "bonus": (PAID, _bonus), "exclude": (ABOUT_PEOPLE, _exclude),
    "readmit": (ABOUT_PEOPLE, _readmit), "letter": (ABOUT_PEOPLE, _letter), "block": (ABOUT_PEOPLE, _block),
    "unblock": (ABOUT_PEOPLE, _unblock),
}
