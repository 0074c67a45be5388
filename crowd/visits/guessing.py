"""Who opens addresses that do not exist, again and again, is made to wait: secrets are not to be guessed."""

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

ALLOWED = 20  # wrong addresses
WITHIN_S = 600


def visitor(request: HttpRequest) -> str:
    """The address that the request came from; behind a proxy what the proxy says it was."""
    if settings.SECURE_PROXY_SSL_HEADER:
        forwarded = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip()
        if forwarded:
            return forwarded
    return request.META.get("REMOTE_ADDR", "")


def is_blocked(request: HttpRequest) -> bool:
    """Whether so many wrong addresses came from there lately that no other is looked at."""
    return cache.get(_key(request), 0) >= ALLOWED


def wrong(request: HttpRequest) -> None:
    """One more wrong address."""
    key = _key(request)
    cache.add(key, 0, WITHIN_S)
    cache.incr(key)


def _key(request: HttpRequest) -> str:
    return f"guesses:{visitor(request)[:64]}"
