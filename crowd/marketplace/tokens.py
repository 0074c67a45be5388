"""A UniqueRequestToken makes a request safe to send again: within 24 hours the second one is told what the first one made."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from crowd.marketplace.clocks import TOKEN_LIFETIME
from crowd.marketplace.models import Requester, RequestToken


class TokenUsed(Exception):
    def __init__(self, result: str):
        super().__init__(result)
        self.result = result


def claim(requester: Requester, purpose: str, token: str | None, result: str) -> None:
    """Remember what a request makes, inside the transaction that makes it.

    Raises TokenUsed, with the id of what was made then. Two requests at once take turns on
    the database's unique constraint.
    """
    if not token:
        return
    now = timezone.now()
    same = RequestToken.objects.filter(requester=requester, purpose=purpose, token=token)
    same.filter(created_at__lte=now - TOKEN_LIFETIME).delete()
    try:
        with transaction.atomic():
            RequestToken.objects.create(requester=requester, purpose=purpose, token=token, result=result, created_at=now)
    except IntegrityError:
        raise TokenUsed(same.get().result) from None
