"""Files that researchers send: kept in the private storage until their import is done."""

import secrets
import shutil
from datetime import timedelta
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import storages
from django.utils import timezone

from annotation.importers.reading import SUFFIXES
from annotation.models import Import, Upload

ENDINGS = (*SUFFIXES, ".zip")
KEPT_FOR = timedelta(days=7)


class BadUpload(Exception):
    """The file is not taken; the message says why and what to do."""


def keep(user, file: File) -> Upload:
    """Store a file that was sent. What lies about for a week is cleared away on the way.

    Raises: BadUpload for one that is empty, too large, or of a kind that is not imported.
    """
    name = PurePosixPath(file.name.replace("\\", "/")).name[-200:]
    if not name.lower().endswith(ENDINGS):
        raise BadUpload(f"{name} is none of {', '.join(ENDINGS)}. Put annotations and images into one zip.")
    if not file.size:
        raise BadUpload(f"{name} is empty.")
    if file.size > settings.IMPORT_UPLOAD_BYTES:
        raise BadUpload(
            f"{name} has {file.size:,} bytes; at most {settings.IMPORT_UPLOAD_BYTES:,} are taken here. "
            "Put it on the server or into S3 and give the path."
        )
    forget_old()
    stored = storages["private"].save(f"uploads/{secrets.token_hex(16)}", file)
    return Upload.objects.create(owner=user, name=name, file=stored, n_bytes=file.size)


def local_file(upload: Upload, work: Path) -> Path | None:
    """The upload as a file of this machine, copied into `work` where the storage is elsewhere; None where it is gone."""
    storage = storages["private"]
    if not upload.file or not storage.exists(upload.file):
        return None
    try:
        return Path(storage.path(upload.file))
    except NotImplementedError:  # what Django says of a storage without paths, such as S3
        copy = work / "upload"
        with storage.open(upload.file) as source, copy.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        return copy


def forget(upload: Upload) -> None:
    """Delete a file once an import has stored what is in it and no other wants it; its row stays with the imports."""
    rows = upload.imports.exclude(state=Import.State.CANCELLED)
    if rows.filter(dry_run=False).exists() and not rows.exclude(state=Import.State.DONE).exists():
        _delete(upload)


def forget_old() -> None:
    old = Upload.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).exclude(file="")
    for upload in old.exclude(imports__state__in=(Import.State.WAITING, Import.State.RUNNING)):
        _delete(upload)


def _delete(upload: Upload) -> None:
    storages["private"].delete(upload.file)
    Upload.objects.filter(pk=upload.pk).update(file="")
