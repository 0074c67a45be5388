"""An import's source, opened: what it may reach, where its annotations and pictures are."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from annotation import figures, pictures, skeletons, sources, uploading
from annotation.importers import BadDataset, ImageRecord, Options
from annotation.importers.reading import SUFFIXES
from annotation.importers.skeletons import SkeletonRecord
from annotation.models import Import
from jobs import leases

CHUNK_BYTES = 1 << 20


def rules_of(job: Import, *, at_once: bool = False) -> sources.Rules:
    """What this import may reach: from a shell every file and bucket, from elsewhere what the settings allow.

    Args:
        at_once: somebody waits for it, so what takes longer than a moment is given up.
    """
    hurry = {"connect_s": 3.0, "read_s": 5.0, "picture_s": 5.0, "file_s": 15.0, "waits_s": ()} if at_once else {}
    return sources.Rules(
        roots=None if job.any_path else tuple(map(Path, settings.IMPORT_ROOTS)),
        buckets=None if job.any_path else tuple(settings.IMPORT_S3_BUCKETS),
        private_networks=tuple(settings.IMPORT_PRIVATE_NETWORKS),
        largest_bytes=settings.IMPORT_LARGEST_BYTES,
        largest_picture_bytes=pictures.LARGEST_FILE_BYTES, **hurry,
    )


@contextmanager
def source_of(
    job: Import, work: Path, pulse: Callable[[], None], *, at_once: bool = False
) -> Iterator[sources.Opened]:
    """Where this import's annotations and pictures are. Raises: sources.BadSource, sources.SourceUnavailable."""
    uploaded = uploading.local_file(job.upload, work) if job.upload else None
    if uploaded is None and (job.upload or not job.path):
        raise sources.BadSource("There is nothing to import: the upload is gone. Upload the file again.")
    name = job.upload.name if job.upload else ""
    with sources.opened(
        job.path, rules_of(job, at_once=at_once), work, images=job.images_path, uploaded=uploaded, upload_name=name,
        pulse=pulse,
    ) as source:
        yield source


def options_of(job: Import, pulse: Callable[[], None]) -> Options:
    said = {key: job.options[key] for key in ("skeleton", "every", "frames", "min_confidence") if job.options.get(key)}
    return Options(**said, find_skeleton=skeletons.find, pulse=pulse)


def plain(text: str, work: Path) -> str:
    """A message without the paths of this import's own work folder: of what was sent or fetched, names inside it are enough."""
    for place in sources.PLACES:
        text = text.replace(f"{work / place}/", "")
    return text.replace(f"{work}/", "")


@contextmanager
def work_folder() -> Iterator[Path]:
    """An empty folder for this process; those of processes that died are cleared away.

    Messages of what is wrong with the source leave it without this folder's name.
    """
    above = Path(settings.VAR_DIR) / "work"
    above.mkdir(parents=True, exist_ok=True)
    for other in above.iterdir():
        if leases.holder_is_dead(other.name):
            shutil.rmtree(other, ignore_errors=True)
    own = above / leases.new_token()
    own.mkdir()
    try:
        yield own
    except (BadDataset, sources.BadSource, sources.SourceUnavailable, pictures.BadPicture) as error:
        raise type(error)(plain(str(error), own)) from error
    finally:
        shutil.rmtree(own, ignore_errors=True)


def fingerprint(path: Path, format: str, pulse: Callable[[], None]) -> str:
    """SHA-256 of the annotations: of a file, or of all files in a folder that may be some, with their paths."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    whole = hashlib.sha256(format.encode())
    for file in files:
        own = hashlib.sha256()
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                own.update(chunk)
        pulse()
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        whole.update(f"{name}\0{own.hexdigest()}\n".encode())
    return whole.hexdigest()


def known_skeleton(name: str) -> SkeletonRecord:
    try:
        return skeletons.find(name)
    except KeyError as error:
        raise BadDataset(str(error.args[0])) from error


def read_picture(source: sources.Opened, image: ImageRecord, bones: SkeletonRecord) -> tuple[str, pictures.Picture]:
    """The image's picture, and the name that it was found under.

    Raises: BadDataset with the place; sources.SourceUnavailable.
    """
    try:
        if image.canvas:
            return image.name, pictures.check(figures.draw(image.people, bones, image.canvas), image.name)
        name, content = source.read((image.name, *image.also_called), image.url)
        return name, pictures.check(content, name)
    except sources.PictureMissing as error:
        raise BadDataset(f"{image.place}: {error}. Put it back, or leave the image out of the annotations.") from error
    except (sources.BadSource, pictures.BadPicture, ValueError) as error:
        raise BadDataset(f"{image.place}: {error}") from error
