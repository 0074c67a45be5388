"""Names in Mechanical Turk's form: capital letters and digits, as botocore's patterns demand."""

import secrets
import string

ALPHABET = string.ascii_uppercase + string.digits


def _draw(n: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(n))


def new_entity_id() -> str:
    """Of a HIT, a HIT type, an assignment, a qualification: 30 characters, 150 bits, not to be guessed."""
    return "3" + _draw(29)


def new_worker_id() -> str:
    return "A" + _draw(13)


def new_access_key_id() -> str:
    return "NEARER" + _draw(14)


def new_secret() -> str:
    return secrets.token_urlsafe(30)


def new_token() -> str:
    """Of an invitation: 160 bits that survive in an address."""
    return secrets.token_urlsafe(20)
