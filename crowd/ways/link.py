"""A link: any platform that sends people with a name in the address and takes a code, or a visit of its own page, back.

Nearer pays nobody here. Finished tasks wait until the researcher confirms, from what the
platform shows, that these visits were real (`crowd.confirming`); their votes then count, and the
ledger says who decided so. The platform is paid and told by the researcher.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from crowd import ways
from crowd.addresses import LOCAL, check_completion_url
from crowd.models import Assignment, Call, Campaign, Environment
from crowd.visits.entering import FINISHED_HERE
from crowd.ways.base import Balance, CannotOffer, Submission

Kind = Call.Kind
State = Assignment.State


class Link:
    """See `crowd.ways.base.Way`."""

    pays = False
    verbs = frozenset({Kind.APPROVE, Kind.REJECT, Kind.OVERRIDE})
    token_lifetime = timedelta.max

    def __init__(self, environment: Environment):
        self._environment = environment

    def check(self, campaign: Campaign) -> None:
        back = self._environment.completion_url
        if back:
            try:
                check_completion_url(back)
            except ValidationError as error:
                raise CannotOffer(f"The address at the end of '{self._environment}' cannot be used. {error.message}") from error
        if back and urlsplit(back).scheme != "https" and urlsplit(back).hostname not in LOCAL:
            raise CannotOffer(f"People would be sent back to {back}, which is not https. Change the environment.")
        public = urlsplit(settings.PUBLIC_URL)
        if back and public.scheme != "https" and public.hostname not in LOCAL:
            raise CannotOffer(f"People would come to {settings.PUBLIC_URL}, which is not https. Set PUBLIC_URL.")

    def balance(self) -> Balance | None:
        return None

    def fee_usd(self, amount_usd: Decimal, n_assignments: int = 1) -> Decimal:
        return Decimal("0.00")

    def offer(self, campaign: Campaign, user) -> list[Call]:
        ways.offered_here(campaign)
        return []

    def withdraw(self, campaign: Campaign, user) -> list[Call]:
        return []  # the campaign's address asks its state

    def extend(self, campaign: Campaign, until: datetime, user) -> list[Call]:
        return []

    def delete(self, campaign: Campaign, user) -> list[Call]:
        return []

    def more_places(self, hit, n: int, user) -> Call | None:
        hit.max_assignments += n
        hit.save(update_fields=["max_assignments"])
        return None

    def submissions(self, campaign: Campaign, *, everything: bool = False) -> Iterator[Submission]:
        """What the researcher has confirmed; who closed the page right after hand-in is first put down as finished."""
        rows = Assignment.objects.filter(hit__campaign=campaign, task__handed_in_at__isnull=False)
        rows.filter(state__in=(State.ACCEPTED, State.UNSUBMITTED)).update(
            state=State.SUBMITTED, submitted_at=timezone.now(), note=FINISHED_HERE
        )
        confirmed = rows.filter(receipt__isnull=False).select_related("worker", "hit", "task")
        if not everything:
            confirmed = confirmed.filter(state__in=Assignment.UNDECIDED)
        for row in confirmed.iterator():
            yield submission_of(row)

    def perform(self, call: Call) -> str:
        return ""  # nobody elsewhere is told

    def find(self, call: Call) -> str | None:
        return None

    def recorded(self, call: Call) -> None:
        return None


def submission_of(row: Assignment) -> Submission:
    status = {State.APPROVED: "Approved", State.REJECTED: "Rejected"}.get(row.state, "Submitted")
    return Submission(
        assignment_id=row.assignment_id, worker_id=row.worker.worker_id, hit_id=row.hit.hit_id, status=status,
        accepted_at=row.accepted_at, submitted_at=row.submitted_at or row.task.handed_in_at, receipt=row.receipt,
    )
