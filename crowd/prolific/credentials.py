"""The token of a Prolific account: a file beside the other keys, named, not held, by the environment's row."""

import json

from crowd.mturk.credentials import CredentialsMissing, file_of


def load(name: str) -> str:
    """The token under that name. Raises: CredentialsMissing."""
    if not name:
        raise CredentialsMissing("Prolific needs a token: name its file in the environment's field “credentials”.")
    file = file_of(name)
    try:
        token = json.loads(file.read_text())["token"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CredentialsMissing(f'No token can be read from {file}: it must be JSON like {{"token": "..."}}.') from error
    if not isinstance(token, str) or not token.strip().isprintable() or not token.strip():
        raise CredentialsMissing(f"What {file} has as its token is none.")
    return token.strip()


def save(name: str, token: str) -> None:
    """Write the file so that only this user can read it."""
    file = file_of(name)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(json.dumps({"token": token}))
