"""Opening accounts: what a set-up script, a demo and `manage.py marketplace` call."""

from decimal import Decimal

from django.db import transaction

from crowd.marketplace import assignments, money
from crowd.marketplace.models import AccessKey, Assignment, Invitation, Requester, Worker


@transaction.atomic
def ensure_requester(name: str, deposit_usd: Decimal | str = "0") -> tuple[str, str]:
    """The access key id and secret of a requester's account, opened with a deposit where there is none yet.

    Called again it returns the same key and deposits nothing more.
    """
    requester, is_new = Requester.objects.get_or_create(name=name)
    if is_new and Decimal(deposit_usd):
        money.deposit(requester, Decimal(deposit_usd), note="opening deposit")
    key = requester.access_keys.filter(is_active=True).first() or AccessKey.issue(requester)
    return key.access_key_id, key.secret


def deposit(name: str, amount_usd: Decimal | str, note: str = "") -> money.Balance:
    """Raises Requester.DoesNotExist, ValueError."""
    requester = Requester.objects.get(name=name)
    money.deposit(requester, Decimal(amount_usd), note)
    return money.balance(requester)


def invite(n: int = 1, *, approved_before: int = 0) -> list[str]:
    """Tokens that let `n` people sign up at /marketplace/join/<token>/.

    `approved_before` is the record they bring along (assignments approved elsewhere), so
    that requirements such as "100 HITs approved" do not shut a new crowd out.
    """
    made = Invitation.objects.bulk_create(Invitation(approved_before=approved_before) for _ in range(n))
    return [invitation.token for invitation in made]


def make_worker(username: str, password: str, *, country: str = "US", **fields) -> Worker:
    """A worker without an invitation, for demos and tests; the password is not checked for strength."""
    worker = Worker(username=username, country=country, **fields)
    worker.set_password(password)
    worker.full_clean(exclude=["password"])
    worker.save()
    return worker


@transaction.atomic
def close(worker: Worker) -> None:
    """End a worker's account: HITs in work go back, the name, password, place and messages are forgotten.

    The worker id stays, as requesters' records and the accounts of what was paid refer to
    it; nothing here ties it to a person any more. Money for work handed in is still paid
    into the account's history.
    """
    for assignment in worker.assignments.filter(state=Assignment.State.ACCEPTED):
        assignments.give_back(assignment)
    worker.messages.all().delete()
    worker.qualification_requests.all().delete()
    worker.username, worker.is_active = f"closed-{worker.pk}", False
    worker.country, worker.subdivision, worker.adult_content = "ZZ", "", False
    worker.set_password(None)
    worker.save()
