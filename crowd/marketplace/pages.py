"""Long lists in pages: a NextToken says where the page before ended, and is of use for that same question only."""

import hashlib
import json
from dataclasses import dataclass

from django.core import signing
from django.db.models import QuerySet

from crowd.marketplace.errors import RequestError
from crowd.marketplace.models import Requester

DEFAULT_RESULTS = 10
_SALT = "crowd.marketplace.pages"


@dataclass(frozen=True)
class Page:
    rows: list
    next_token: str | None

    def reply(self, name: str, rows: list[dict]) -> dict:
        return {name: rows, "NumResults": len(rows), "NextToken": self.next_token}


def page(operation: str, rows: QuerySet, requester: Requester, parameters: dict, *, newest_first: bool = False) -> Page:
    """One page of an operation's answer in the order of primary keys, so that rows which come meanwhile shift nothing.

    Raises RequestError for a token that was not made for this question.
    """
    question = {key: value for key, value in parameters.items() if key not in ("NextToken", "MaxResults")}
    asked = json.dumps([operation, requester.pk, question], sort_keys=True)
    scope = hashlib.sha256(asked.encode()).hexdigest()[:16]
    if token := parameters.get("NextToken"):
        last = _read_token(token, scope)
        rows = rows.filter(pk__lt=last) if newest_first else rows.filter(pk__gt=last)
    n = parameters.get("MaxResults", DEFAULT_RESULTS)
    found = list(rows.order_by("-pk" if newest_first else "pk")[: n + 1])
    more = len(found) > n
    return Page(found[:n], signing.Signer(salt=_SALT).sign(f"{scope}:{found[n - 1].pk}") if more else None)


def _read_token(token: str, scope: str) -> int:
    try:
        made_for, _, last = signing.Signer(salt=_SALT).unsign(token).partition(":")
    except signing.BadSignature:
        made_for, last = "", ""
    if made_for != scope:
        raise RequestError("NextToken was not made for this question; start again without it.", "InvalidParameterValue")
    return int(last)
