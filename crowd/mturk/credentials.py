"""Access keys, kept out of the database: a row names them, a file or AWS's own search holds them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class CredentialsMissing(Exception):
    """No keys under that name; the message says where they belong."""


@dataclass(frozen=True)
class Credentials:
    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id!r}, ...)"


def file_of(name: str) -> Path:
    if not NAME.fullmatch(name):
        raise CredentialsMissing(f"'{name}' is no name of credentials: small letters, digits, '-' and '_' only.")
    return Path(settings.VAR_DIR) / "credentials" / f"{name}.json"


def load(name: str) -> Credentials | None:
    """The keys of that name, or None for an empty name: then boto3 searches as it always does.

    Raises: CredentialsMissing.
    """
    if not name:
        return None
    file = file_of(name)
    try:
        content = json.loads(file.read_text())
        return Credentials(content["access_key_id"], content["secret_access_key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CredentialsMissing(
            f"The credentials '{name}' cannot be read from {file}: it must be JSON with "
            '"access_key_id" and "secret_access_key".'
        ) from error


def save(name: str, credentials: Credentials) -> None:
    """Write the file so that only this user can read it."""
    file = file_of(name)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(
        json.dumps({"access_key_id": credentials.access_key_id, "secret_access_key": credentials.secret_access_key})
    )
