"""Where a request came from."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def address(request: HttpRequest) -> str | None:
    """The address that the request came from; behind a proxy what that proxy says it was.

    A proxy appends the address that it saw, so that the last one counts: those before it are what the visitor claims.
    """
    if settings.SECURE_PROXY_SSL_HEADER:
        forwarded = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
        if _is_address(forwarded):
            return forwarded
    seen = request.META.get("REMOTE_ADDR", "")
    return seen if _is_address(seen) else None  # nothing on a unix socket


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
