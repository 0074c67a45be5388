"""A run's files: in the private storage for good, and in a folder of this machine while somebody works with them."""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import storages
from django.db import transaction

from crowd import releasing
from crowd.models import Release
from modeling.models import Run

WEIGHTS, RECORD, LINES, ONNX = "weights.safetensors", "run.json", "log.jsonl", "model.onnx"
FOLDS = "folds"
FORGOTTEN_AFTER_S = 7 * 24 * 3600
BLOCK = 1 << 20


def files_of(run: Run) -> dict[str, dict]:
    """Name within the run: bytes and sha256; of a run from before these were noted, what is there, without checksums."""
    if run.files or not run.is_done:
        return run.files
    storage = storages["private"]
    names = [name for name in (WEIGHTS, RECORD, LINES) if storage.exists(f"{run.folder}/{name}")]
    return {name: {"bytes": storage.size(f"{run.folder}/{name}")} for name in names}


def shown_files(run: Run) -> dict[str, dict]:
    """Those that are of use elsewhere: without the parts of the cross-fitting."""
    return {name: facts for name, facts in files_of(run).items() if not name.startswith(f"{FOLDS}/")}


def open_file(run: Run, name: str):
    """One of the run's files, opened for reading bytes.

    Raises: FileNotFoundError for a name that is not among them.
    """
    if name not in files_of(run):
        raise FileNotFoundError(f"The run {run.name} has no file {name}.")
    return storages["private"].open(f"{run.folder}/{name}")


def store(run: Run, folder: Path, *, under: str = "") -> dict[str, dict]:
    """Put all files of a folder into the private storage, over what a process that died may have left.

    Returns: name within the run: bytes and sha256; for `Run.files`.
    """
    storage = storages["private"]
    facts = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = f"{under}/{file.relative_to(folder)}" if under else str(file.relative_to(folder))
        place = f"{run.folder}/{name}"
        if storage.exists(place):
            storage.delete(place)
        with file.open("rb") as source:
            facts[name] = {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(source, "sha256").hexdigest()}
            source.seek(0)
            storage.save(place, File(source))
    return facts


@transaction.atomic
def note_files(run: Run, facts: dict[str, dict]) -> None:
    """Add to the run's list of files."""
    row = Run.objects.select_for_update(of=["self"], no_key=True).get(pk=run.pk)
    Run.objects.filter(pk=row.pk).update(files=files_of(row) | facts)


def fetch(run: Run, folder: Path, *, under: str = "") -> bool:
    """Copy the run's own files, or those `under` a folder of it, to a folder of this machine; False where there are none."""
    names = [name for name in files_of(run) if (name.startswith(f"{under}/") if under else "/" not in name)]
    for name in names:
        target = folder / (name.removeprefix(f"{under}/") if under else name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with open_file(run, name) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, BLOCK)
    return bool(names)


def fetch_release(release: Release, folder: Path) -> Path:
    """What the lifter reads of a release, as it would lie on a machine without Nearer."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("manifest.json", "training.npz", *(("votes.npz",) if "votes.npz" in release.files else ())):
        with releasing.open_file(release, name) as source, (folder / name).open("wb") as copy:
            shutil.copyfileobj(source, copy, BLOCK)
    return folder


@contextmanager
def workplace(job) -> Iterator[Path]:
    """A folder of this machine, the same for each process that takes the job up: what was done before a kill is there.

    Removed when the job ends, well or not; a killed process leaves it. Where another process is in it, which does not know
    yet that it has lost the job, this one gets a folder of its own.
    """
    place = Path(settings.VAR_DIR, "training")
    folder = place / f"{job._meta.model_name}-{job.pk}-{job.created_at:%Y%m%dT%H%M%S%f}"
    folder.mkdir(parents=True, exist_ok=True)
    _forget_old(place, folder)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with tempfile.TemporaryDirectory(prefix="nearer-training-") as other:
                yield Path(other)
            return
        try:
            yield folder
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _forget_old(place: Path, mine: Path) -> None:
    """What processes left whose job nobody took up again on this machine."""
    oldest = time.time() - FORGOTTEN_AFTER_S
    for folder in place.iterdir():
        if folder != mine and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
