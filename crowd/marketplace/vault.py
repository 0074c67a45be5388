"""Secret access keys are kept encrypted: a signature can only be checked with the secret itself, so a hash will not do."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SecretUnreadable(RuntimeError):
    """The secret was encrypted under another SECRET_KEY: give that one in SECRET_KEY_FALLBACKS, or issue a new access key."""


def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"marketplace access keys").derive(secret_key.encode())
    return Fernet(urlsafe_b64encode(derived))


def _fernets() -> MultiFernet:
    return MultiFernet([_fernet(key) for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]])


def encrypt(secret: str) -> str:
    return _fernets().encrypt(secret.encode()).decode()


def decrypt(stored: str) -> str:
    """Raises SecretUnreadable."""
    try:
        return _fernets().decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise SecretUnreadable(SecretUnreadable.__doc__) from error
