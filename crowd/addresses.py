"""Addresses that other platforms and we give each other: what may stand in them, and how they are filled in."""

from collections.abc import Mapping
from string import Formatter
from urllib.parse import quote, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

A_PARAMETER = RegexValidator(r"^[A-Za-z][A-Za-z0-9_-]*$", "Letters, digits, _ and - only, a letter first.")
A_CODE = RegexValidator(r"^[A-Za-z0-9_-]*$", "Letters, digits, _ and - only.")
LOCAL = {"127.0.0.1", "localhost", "::1"}
PLACES = {"code", "worker", "session", "study"}


def check_completion_url(url: str) -> None:
    """Raises: ValidationError unless it is an http(s) address whose only braces are {code}, {worker}, {session}, {study}."""
    try:
        names = {name for _, name, _, _ in Formatter().parse(url) if name is not None}
        parts = urlsplit(url)
    except ValueError as error:
        raise ValidationError(f"This is no address: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or "{" in parts.netloc:
        raise ValidationError("Give a whole address that begins with https://, such as https://app.example.org/done?code={code}.")
    if unknown := names - PLACES:
        raise ValidationError(f"{{{min(unknown)}}} is not known; {{code}}, {{worker}}, {{session}} and {{study}} are.")


def filled_in(url: str, values: Mapping[str, str]) -> str:
    """A checked address with its places filled in, each value percent-encoded whole, so that none adds a parameter."""
    return url.format_map({place: quote(values.get(place, ""), safe="") for place in PLACES})


def origin(url: str) -> str:
    """Scheme and host with its port, as a content security policy wants it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
