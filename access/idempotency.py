"""A call with an `Idempotency-Key` is done once, however often it is sent: the answer is kept and given again."""

import hashlib
import json
import re
import secrets
from datetime import timedelta

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from access.models import KeyedCall
from access.problems import MEDIA_TYPE, BadHeader, Conflict

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT_FOR = timedelta(days=1)
A_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class KeyReused(APIException):
    status_code = 422
    default_code = "key_reused"
    default_detail = "This key was used for this operation with another body."


class StillUnderWay(Conflict):
    default_detail = "The call with this key has begun and has not ended."
    remedy = "Wait a moment and send it again. Where it never ends, look at what is there and use a new key."


class Answered(Exception):
    """The call was made before; this is what it was answered."""

    def __init__(self, call: KeyedCall):
        self.call = call


class Once:
    """For views: whoever POSTs with a key makes nothing twice. Without a key nothing changes.

    What was refused before anything was done (4xx) may be sent again with the same key. What ended in the middle
    (500) keeps its key: Nearer cannot know how far it came, and does not do it again by itself.
    """

    keyed_call: KeyedCall | None = None

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        key = request.headers.get(HEADER)
        if request.method == "POST" and key is not None:
            self.keyed_call = claim(request.user, f"POST {request.path}", key, digest(request.data))

    def handle_exception(self, error):
        if isinstance(error, Answered):
            media_type = MEDIA_TYPE if error.call.status >= 400 else None
            response = Response(json.loads(error.call.answer), status=error.call.status, content_type=media_type)
            response[REPLAYED] = "true"
            return response
        return super().handle_exception(error)

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.keyed_call is not None:
            settle(self.keyed_call, response)
        return response


def digest(body) -> str:
    """SHA-256 of what was sent; of files their names and contents, whatever boundary they came between."""
    said = hashlib.sha256()
    items = sorted(body.lists()) if hasattr(body, "lists") else [("", [body])]
    for name, values in items:
        for value in values:
            if isinstance(value, UploadedFile):
                said.update(f"{name} {value.name} {value.size}\n".encode())
                for piece in value.chunks():
                    said.update(piece)
                value.seek(0)
            else:
                said.update(f"{name} {json.dumps(value, sort_keys=True)}\n".encode())
    return said.hexdigest()


def key_of(request, thing) -> str:
    """Of this one act on a row, for steps that know what they have done: with an Idempotency-Key always the same, also after
    Nearer has forgotten its answer; without one never again.
    """
    if (given := request.headers.get(HEADER)) is None:
        return secrets.token_hex(12)
    return hashlib.sha256(f"{request.user.pk} {thing.pk} {given}".encode()).hexdigest()[:24]


def claim(user, operation: str, key: str, sha256: str) -> KeyedCall:
    """The right to make the call, for one process alone.

    Raises: Answered where it was made before; KeyReused, StillUnderWay, BadHeader.
    """
    if not A_KEY.fullmatch(key):
        raise BadHeader({HEADER: "Give 1 to 200 visible ASCII characters, such as a UUID."})
    forget(KeyedCall.objects.filter(user=user, operation=operation, key=key))
    try:
        with transaction.atomic():
            return KeyedCall.objects.create(user=user, operation=operation, key=key, sha256=sha256)
    except IntegrityError:
        known = KeyedCall.objects.filter(user=user, operation=operation, key=key).first()
    if known is not None and known.sha256 != sha256:
        raise KeyReused
    if known is None or known.status is None:
        raise StillUnderWay
    raise Answered(known)


def settle(call: KeyedCall, response: Response) -> None:
    """Keep the answer, or let the key go where the call was refused."""
    if 400 <= response.status_code < 500:
        call.delete()
    else:
        call.status, call.answer = response.status_code, JSONRenderer().render(response.data).decode()
        call.save(update_fields=["status", "answer"])


def forget(calls=None) -> int:
    """Delete keys (of these calls, or all) that are older than a day; returns how many."""
    calls = KeyedCall.objects.all() if calls is None else calls
    return calls.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()[0]
