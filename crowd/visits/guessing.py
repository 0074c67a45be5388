"""Who opens addresses that do not exist, again and again, is made to wait: secrets are not to be guessed."""

from django.core.cache import cache
from django.http import HttpRequest

from access import visitors

ALLOWED = 20  # wrong addresses
WITHIN_S = 600


def is_blocked(request: HttpRequest) -> bool:
    """Whether so many wrong addresses came from there lately that no other is looked at."""
    return cache.get(_key(request), 0) >= ALLOWED


def wrong(request: HttpRequest) -> None:
    """One more wrong address."""
    key = _key(request)
    cache.add(key, 0, WITHIN_S)
    cache.incr(key)


def _key(request: HttpRequest) -> str:
    return f"guesses:{visitors.address(request)}"
