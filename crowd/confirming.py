"""Work is confirmed where no platform does it: a link's visits by the researcher, an invited person's by their link.

What a platform lists as complete, the researcher compares with what finished here: by the
code that was shown at the end, by the visit's name or by the person's. The votes of what
is confirmed count; the ledger says who confirmed it.
"""

import re
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import QuerySet

from crowd import reconciling
from crowd.books import outbox
from crowd.models import Assignment, Call, Campaign, Invitation
from crowd.visits import completing, entering
from crowd.ways.link import submission_of

State = Assignment.State
CONFIRMED = "Confirmed by hand: the platform knows this visit."
WORDS = re.compile(r"[^\s,;\"']+")


def finished(campaign: Campaign) -> QuerySet[Assignment]:
    """Everybody who has handed in, newest first."""
    rows = Assignment.objects.filter(hit__campaign=campaign, task__handed_in_at__isnull=False)
    return rows.select_related("worker__annotator", "task", "hit__campaign__environment").order_by("-task__handed_in_at", "-pk")


def confirm(assignment: Assignment, user, *, reason: str = CONFIRMED) -> bool:
    """Verify the answers and approve them in the researcher's name; False where that was done already.

    Raises: GatewayError.
    """
    with transaction.atomic():
        row = Assignment.objects.select_for_update(of=["self"], no_key=True).get(pk=assignment.pk)
        if row.state not in (State.ACCEPTED, State.SUBMITTED, State.UNSUBMITTED) or row.receipt is not None:
            return False
        entering.finished(row)
        row.receipt = {"code": completing.code_of(assignment)}
        row.save(update_fields=["receipt"])
        reconciling.verify(row, submission_of(assignment))
        call = outbox.put(
            assignment.hit.campaign.environment, Call.Kind.APPROVE, outbox.token("approve", row.pk), reason=reason, user=user,
            campaign=assignment.hit.campaign, assignment=row, worker=row.worker, payload={"feedback": ""},
        )
    outbox.perform(call)
    return True


def settle(invitation: Invitation) -> None:
    """What the invited person has handed in counts at once: the link was theirs alone."""
    rows = Assignment.objects.filter(
        worker=invitation.worker_id, hit__campaign=invitation.campaign_id, task__handed_in_at__isnull=False,
        state__in=(*Assignment.UNDECIDED, State.UNSUBMITTED),
    )
    for row in rows.select_related("worker", "task", "hit__campaign__environment"):
        verified = reconciling.verify(row, submission_of(row))
        if verified.state == State.VERIFIED:
            reconciling.approve(row, reconciling.VERIFIED_AND_PAID)


@dataclass
class Outcome:
    """What became of a list that was pasted in."""

    confirmed: int = 0
    known: int = 0
    unknown: list[str] = field(default_factory=list)


def confirm_listed(campaign: Campaign, text: str, user) -> Outcome:
    """Confirm every visit whose code, visit or person stands in a text, such as a column copied from the platform.

    A code that is the same for everybody confirms nobody. Raises: GatewayError.
    """
    rows = list(finished(campaign))
    by_name: dict[str, list[Assignment]] = {}
    for row in rows:
        names = {entering.session_of(row), row.worker.worker_id}
        if not campaign.completion_code:
            names.add(completing.code_of(row))
        for name in names - {""}:
            by_name.setdefault(name, []).append(row)
    outcome = Outcome()
    for word in dict.fromkeys(WORDS.findall(text)):
        found = by_name.get(word)
        if found is None:
            outcome.unknown.append(word)
            continue
        for row in found:
            if confirm(row, user):
                outcome.confirmed += 1
            else:
                outcome.known += 1
    return outcome
