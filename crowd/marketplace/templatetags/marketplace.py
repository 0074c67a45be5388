"""Times as people read them."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format

register = template.Library()

_UNITS = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")]


@register.filter
def duration(seconds: int) -> str:
    """15 minutes, 1 hour 30 minutes, 7 days: the two largest units that are not zero."""
    parts = []
    for size, name in _UNITS:
        n, seconds = divmod(int(seconds), size)
        if n:
            parts.append(f"{n} {name}{'' if n == 1 else 's'}")
    return " ".join(parts[:2]) or "0 seconds"


@register.filter
def clock(moment: datetime) -> str:
    """14:05 today, otherwise with the date; in the site's time zone, which is named."""
    local = timezone.localtime(moment)
    pattern = "H:i T" if local.date() == timezone.localdate() else "j M Y, H:i T"
    return date_format(local, pattern)
