"""The end of a visit: what the platform that sent somebody is told, and by whom."""

import base64
from typing import NamedTuple

from django.utils.crypto import salted_hmac

from crowd import addresses
from crowd.models import Assignment, Environment
from crowd.visits import entering

Kind = Environment.Kind
SALT = "crowd.visits.completing.code"
CLEAR = str.maketrans("IO", "89")  # the other letters and digits of base 32 are not mistaken for one another


class Ending(NamedTuple):
    """`code` is shown; `url` is where the browser goes by itself, empty where the code is to be copied."""

    code: str
    url: str


def code_of(assignment: Assignment) -> str:
    """The campaign's code for all, or this assignment's own, which nobody can guess.

    Forty bits of a keyed hash, without I, O, 0 and 1.
    """
    if fixed := assignment.hit.campaign.completion_code:
        return fixed
    digest = salted_hmac(SALT, str(assignment.pk), algorithm="sha256").digest()
    code = base64.b32encode(digest[:5]).decode().translate(CLEAR)
    return f"{code[:4]}-{code[4:]}"


def ending(assignment: Assignment) -> Ending:
    """How a handed-in assignment is told to its platform; nobody may see it before."""
    campaign = assignment.hit.campaign
    environment = campaign.environment
    code = code_of(assignment)
    if environment.kind == Kind.PROLIFIC:
        site = environment.worker_url.rstrip("/")
        return Ending(code, addresses.filled_in(f"{site}/submissions/complete?cc={{code}}", {"code": code}))
    values = {
        "code": code, "worker": assignment.worker.worker_id, "session": entering.session_of(assignment),
        "study": campaign.study_id,
    }
    return Ending(code, addresses.filled_in(environment.completion_url, values) if environment.completion_url else "")
