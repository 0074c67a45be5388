"""Pictures in the storage, under the hash of their content, so that the same picture is kept once."""

import threading
from collections.abc import Iterable

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from annotation.models import Image
from annotation.pictures import Picture

_turns = [threading.Lock() for _ in range(64)]


def keep(picture: Picture) -> tuple[str, bool]:
    """The picture's name in the storage, and whether it was not there before.

    What a process left half written when it died is written again. Safe to call from several threads.
    """
    sha256 = picture.sha256
    name = f"images/{sha256[:2]}/{sha256}{picture.suffix}"
    with _turns[int(sha256[:8], 16) % len(_turns)]:
        if default_storage.exists(name):
            if default_storage.size(name) == len(picture.content):
                return name, False
            default_storage.delete(name)
        return default_storage.save(name, ContentFile(picture.content)), True


def forget(names: Iterable[str]) -> None:
    for name in names:
        default_storage.delete(name)


def forget_unused(files: dict[str, str]) -> None:
    """Delete those files, by the hash of their content, that no image shows any more."""
    kept = set(Image.objects.filter(sha256__in=files).values_list("sha256", flat=True))
    forget(file for sha256, file in files.items() if sha256 not in kept)
