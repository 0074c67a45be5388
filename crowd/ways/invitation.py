"""Personal invitations: experts and volunteers label every HIT of a campaign at their own pace, unpaid.

The link is a secret between one person and this server, so what is answered through it is
verified as it is handed in. Its public half finds the row; its secret half is computed from
the row with the server's key and compared in constant time.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from annotation.models import Annotator
from crowd import ways
from crowd.models import Assignment, Call, Campaign, Environment, Worker, new_selector, new_token
from crowd.models import Invitation as Row
from crowd.visits import entering
from crowd.ways.base import Balance, CannotOffer, Submission
from crowd.ways.link import submission_of

logger = logging.getLogger(__name__)
Kind = Call.Kind
State = Assignment.State
SALT = "crowd.ways.invitation"
SECRET_LENGTH = 32
FORGOTTEN = "(forgotten)"


class Invitation:
    """See `crowd.ways.base.Way`."""

    pays = False
    verbs = frozenset({Kind.APPROVE})
    token_lifetime = timedelta.max

    def __init__(self, environment: Environment):
        self._environment = environment

    def check(self, campaign: Campaign) -> None:
        return None

    def balance(self) -> Balance | None:
        return None

    def fee_usd(self, amount_usd: Decimal, n_assignments: int = 1) -> Decimal:
        return Decimal("0.00")

    def offer(self, campaign: Campaign, user) -> list[Call]:
        ways.offered_here(campaign)
        set_places(campaign)
        return []

    def withdraw(self, campaign: Campaign, user) -> list[Call]:
        return []

    def extend(self, campaign: Campaign, until: datetime, user) -> list[Call]:
        return []

    def delete(self, campaign: Campaign, user) -> list[Call]:
        return []

    def more_places(self, hit, n: int, user) -> Call | None:
        raise CannotOffer("Everybody who is invited answers every task: for more votes invite more people.")

    def submissions(self, campaign: Campaign, *, everything: bool = False) -> Iterator[Submission]:
        rows = Assignment.objects.filter(hit__campaign=campaign, task__handed_in_at__isnull=False)
        if not everything:
            rows = rows.filter(state__in=(*Assignment.UNDECIDED, State.UNSUBMITTED))
        for row in rows.select_related("worker", "hit", "task").iterator():
            yield submission_of(row)

    def perform(self, call: Call) -> str:
        return ""

    def find(self, call: Call) -> str | None:
        return None

    def recorded(self, call: Call) -> None:
        return None


# --- Links ----------------------------------------------------------------------------------------


def _secret(selector: str) -> str:
    return salted_hmac(SALT, selector, algorithm="sha256").hexdigest()[:SECRET_LENGTH]


def link_of(invitation: Row) -> str:
    """The whole address; as good as a password."""
    token = f"{invitation.selector}{_secret(invitation.selector)}"
    return settings.PUBLIC_URL + reverse("invited", args=[token])


def token_of(invitation: Row) -> str:
    return f"{invitation.selector}{_secret(invitation.selector)}"


def find(token: str) -> Row | None:
    """The invitation of a link's token, revoked ones too; None for a token that is none."""
    length = len(new_selector())
    selector, secret = token[:length], token[length:]
    genuine = constant_time_compare(secret, _secret(selector))
    rows = Row.objects.select_related("campaign__environment", "campaign__tutorial", "campaign__dataset", "worker__annotator")
    row = rows.filter(selector=selector).first()
    return row if genuine else None


# --- Inviting -------------------------------------------------------------------------------------


@transaction.atomic
def invite(campaign: Campaign, *, name: str, email: str = "", user=None) -> Row:
    """A link for one person; who is invited already gets the same row, whose link opens again.

    Somebody with the same address is the same annotator in all of an environment's
    campaigns, so that no pair is asked of one person twice. A finished campaign is open again.

    Raises: CannotOffer for an archived campaign.
    """
    campaign = Campaign.objects.select_for_update(of=["self"], no_key=True).get(pk=campaign.pk)
    if campaign.state == Campaign.State.ARCHIVED:
        raise CannotOffer("An archived campaign is only read: make a new one to invite people.")
    if campaign.state == Campaign.State.FINISHED:  # everybody was done; now somebody more is asked
        Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.COLLECTING, finished_at=None)
    worker = _known(campaign, email.strip()) if email.strip() else None
    if worker is None:
        worker = Worker.objects.create(
            environment_id=campaign.environment_id, worker_id=f"invited-{new_token()}", annotator=Annotator.objects.create()
        )
    row, is_new = Row.objects.get_or_create(
        campaign=campaign, worker=worker, defaults={"name": name.strip(), "email": email.strip(), "invited_by": user}
    )
    if not is_new:
        row.name, row.revoked_at = name.strip(), None
        row.save(update_fields=["name", "revoked_at"])
    set_places(campaign)
    return row


def _known(campaign: Campaign, email: str) -> Worker | None:
    row = Row.objects.filter(worker__environment=campaign.environment_id, email__iexact=email).select_related("worker").first()
    return row.worker if row else None


@transaction.atomic
def revoke(invitation: Row) -> None:
    """The link opens nothing any more; answers that were given stay."""
    Row.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=timezone.now())
    set_places(invitation.campaign)


@transaction.atomic
def forget(invitation: Row) -> None:
    """Delete name and e-mail address, as the person may wish; the link closes, answers stay under the pseudonym."""
    revoke(invitation)
    Row.objects.filter(pk=invitation.pk).update(name=FORGOTTEN, email="")


@transaction.atomic
def renew(invitation: Row) -> None:
    """Another link for the same person, who goes on where they were; the old one opens nothing."""
    Row.objects.filter(pk=invitation.pk).update(selector=new_selector(), revoked_at=None)
    invitation.refresh_from_db()
    set_places(invitation.campaign)


def set_places(campaign: Campaign) -> None:
    """Every HIT is for everybody who is invited, or was and has answered something."""
    people = campaign.invitations.filter(Q(revoked_at=None) | Q(worker__assignments__hit__campaign=campaign)).distinct()
    campaign.hits.update(max_assignments=max(1, people.count()))


def send(invitation: Row) -> None:
    """Mail the link. Raises: OSError and smtplib.SMTPException where the mail server does not take it."""
    campaign = invitation.campaign
    text = (
        f"Dear {invitation.name},\n\n"
        f"you are invited to help with “{campaign.title}”. You will be shown pictures of people and asked which of two marked "
        "body parts is closer to the camera. It can be done in parts, on any device; this link is yours alone and always "
        f"goes on where you were:\n\n{link_of(invitation)}\n\n"
        "Please do not pass it on: whoever has it answers in your name. Taking part is voluntary and unpaid.\n"
        + (f"\nQuestions: {campaign.contact}\n" if campaign.contact else "")
    )
    send_mail(f"Invitation: {campaign.title}", text, None, [invitation.email])
    Row.objects.filter(pk=invitation.pk).update(sent_at=timezone.now())


# --- Coming -----------------------------------------------------------------------------------------


def next_task(invitation: Row) -> Assignment:
    """The task that this person has begun, else the next one. Raises: TurnedAway."""
    with transaction.atomic():
        campaign = entering.locked(invitation.campaign)
        rows = Assignment.objects.select_related("task__annotator", "task__consent_text", "hit__campaign__environment")
        mine = rows.filter(worker=invitation.worker_id, hit__campaign=campaign, task__handed_in_at=None)
        begun = mine.filter(state__in=(State.ACCEPTED, State.UNSUBMITTED), task__withdrawn_at=None).order_by("pk").first()
        if begun is None:
            number = Assignment.objects.filter(worker=invitation.worker_id, hit__campaign=campaign).count()
            name = entering.name_of(campaign, invitation.worker, str(number))
            begun = entering.begin_next(campaign, invitation.worker, name, has_places=False)
        Row.objects.filter(pk=invitation.pk, opened_at=None).update(opened_at=timezone.now())
        return entering.resume(begun)


def progress(invitation: Row) -> dict:
    """{"done", "total", "begun"}: tasks handed in, tasks of the campaign, and whether one is half done."""
    mine = Assignment.objects.filter(worker=invitation.worker_id, hit__campaign=invitation.campaign_id)
    done = mine.filter(task__handed_in_at__isnull=False).count()
    begun = mine.filter(task__handed_in_at=None, task__votes__isnull=False).exists()
    return {"done": done, "total": invitation.campaign.hits.filter(compensates=None).count(), "begun": begun}
