"""When the answers will be there."""

from datetime import datetime, timedelta

from django.utils import timezone

from crowd.models import Assignment, Campaign

RECENT_HAND_INS = 50
QUIET_GAPS = 8  # after so many usual gaps without a hand-in, a pace says nothing any more


def pace(campaign: Campaign, remaining: int, now: datetime | None = None) -> dict | None:
    """How fast tasks are being handed in, by the last fifty, and when at that pace all would be; None before two were.

    `left` is None where nobody has handed in for so long that the pace says nothing.
    """
    now = now or timezone.now()
    times = list(
        Assignment.objects.filter(hit__campaign=campaign, submitted_at__isnull=False)
        .order_by("-submitted_at").values_list("submitted_at", flat=True)[:RECENT_HAND_INS]
    )
    if len(times) < 2 or times[0] == times[-1]:
        return None
    gap = (times[0] - times[-1]) / (len(times) - 1)
    quiet = now - times[0]
    is_quiet = quiet > max(QUIET_GAPS * gap, timedelta(minutes=5))
    return {
        "per_hour": timedelta(hours=1) / gap, "quiet": quiet,
        "left": None if is_quiet or remaining <= 0 else gap * remaining,
    }


def roughly(span: timedelta) -> str:
    """`spoken` as an estimate: "about 45 min", "under a minute"."""
    words = spoken(span)
    return words if words.startswith("under") else f"about {words}"


def spoken(span: timedelta) -> str:
    """A length of time as people say it, in one unit and a half."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 1:
        return "under a minute"
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60 // 10 * 10} min"
    return f"{round(minutes / 60 / 24)} days"
