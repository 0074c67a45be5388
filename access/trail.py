"""Lines of the audit trail, written the same way whether a page or a program did it."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType


def noted(user, thing, words: str, flag: int = CHANGE) -> None:
    """Who did what with money or data; `words` are read by people."""
    LogEntry.objects.create(
        user=user, content_type=ContentType.objects.get_for_model(thing), object_id=str(thing.pk),
        object_repr=str(thing)[:200], action_flag=flag, change_message=words,
    )
