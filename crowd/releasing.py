"""A merge is written out as files with a manifest: what is published, and what the lifter learns from.

The same votes, settings, seed and release name give the same bytes: rows are sorted by the
names of images, times of writing are left out, numbers that only this database knows are too,
and pseudonyms come from a key that the release's row keeps to itself.
"""

import hashlib
import hmac
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import storages

from crowd import gathering
from crowd.models import Merge, Release
from crowd.releases import archive, arrays, card, checked_kinds, croissant, documents, tables, tally
from crowd.releases.rows import About, Batch, Writer
from jobs import running
from jobs.running import JobError, Report

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
CONVENTIONS = {
    "label": "0: kp0, the first keypoint of the pair, is closer to the camera; 1: kp1, the second, is",
    "prob": "in relative_depth.json: the probability of label 1, that kp1 is closer",
    "p_first": "probability that the first keypoint of the pair is closer to the camera",
    "risk": "probability that the likelier answer is wrong: min(p_first, 1 - p_first)",
    "axes": "x right, y down, z away from the camera; keypoints in pixels, poses in millimetres with the root at 0",
    "order": "which keypoint is first was drawn at random and means nothing",
}


def start(
    merge: Merge, user, name: str | None = None, *, description: str = "", licence: str = "", citation: str = "",
    formats: list[str] | None = None, pseudonym_key: str = "",
) -> Release:
    """Queue the writing of a release; watch the row that is returned.

    Args:
        description, licence, citation: of the labels; the data set's own where empty.
        formats: keys of `crowd.releases.KINDS`; all where none are named. The arrays, the card and the manifest are
            always written.
        pseudonym_key: 64 hexadecimal digits; to repeat a release of another server. Else made from the server's
            secret and the name.
    Raises: ValueError if the merge is not done, for unknown formats, a name that is no slug or a key that is no key.
    """
    if not merge.is_done:
        raise ValueError("Only a merge that is done can be released.")
    formats = checked_kinds(formats)
    if pseudonym_key and not re.fullmatch(r"[0-9a-f]{64}", pseudonym_key):
        raise ValueError("A pseudonym key has 64 hexadecimal digits, 0-9 and a-f.")
    name = name or f"{re.sub(r'[^a-z0-9]+', '-', merge.campaign.name.lower()).strip('-')[:80] or 'release'}-{merge.pk}"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise ValueError(f"A release's name is letters, digits, - and _, at most 100: not {name!r}.")
    number, wanted = 2, name
    while Release.objects.filter(name=name).exists():
        name, number = f"{wanted[:90]}-{number}", number + 1
    return running.start(Release(
        campaign=merge.campaign, merge=merge, name=name, created_by=user, description=description.strip(),
        licence=licence.strip(), citation=citation.strip(), formats=formats,
        pseudonym_key=pseudonym_key or _key_of(name),
    ))


def _key_of(name: str) -> str:
    return hmac.new(settings.SECRET_KEY.encode(), f"release:{name}".encode(), hashlib.sha256).hexdigest()


def open_file(release: Release, filename: str):
    """One of the release's files, opened for reading bytes.

    Raises: FileNotFoundError for a name that is not in the release.
    """
    if filename not in release.files:
        raise FileNotFoundError(f"The release {release.name} has no file {filename}.")
    return storages["private"].open(f"{release.folder}/{filename}")


def zipped(release: Release) -> Iterator[bytes]:
    """All files in one zip, in pieces; the manifest first. The same release is always the same bytes."""
    names = [MANIFEST, *sorted(name for name in release.files if name != MANIFEST)]
    return archive.stream(release.name, names, lambda name: open_file(release, name))


def run(job: Release, report: Report) -> None:
    """Write all files, then the manifest; the row is done only when every file is there."""
    if not job.pseudonym_key:  # a row made before keys were kept
        job.pseudonym_key = _key_of(job.name)
    report(0.02, "reading the merge")
    if not job.merge.consensuses.exists():
        raise JobError("This merge holds no consensus; merge again.")
    about, names = gathering.about(job), gathering.pseudonyms(job)
    people = gathering.workers(job.merge, names)
    with tempfile.TemporaryDirectory(prefix="nearer-release-") as place:
        folder = Path(place)
        counted = tally.Tally(folder, about, people)
        writers = [counted, *_writers(checked_kinds(job.formats), folder, about, people)]
        for share, some in gathering.people(job, names):
            batch = Batch(some)
            for writer in writers:
                writer.add(batch)
            report(0.05 + 0.75 * share, f"writing {counted.figures()['counts']['votes']:,} votes")
        report(0.8, "packing")
        files = {}
        for writer in writers:
            for name in writer.close():
                files[name] = _facts(folder / name)
            report(0.85, "packing")
        figures = counted.figures()
        _finish(folder, about, figures, files, checked_kinds(job.formats))
        report(0.9, "storing the files")
        for name in files:
            _store(job, folder / name)
            report(0.95, f"stored {name}")
    with report.final():
        Release.objects.filter(pk=job.pk).update(files=files, figures=figures, pseudonym_key=job.pseudonym_key)


def _writers(kinds: list[str], folder: Path, about: About, people: list) -> list[Writer]:
    writers: list[Writer] = [arrays.TrainingWriter(folder, about), arrays.VotesWriter(folder, about, people)]
    if "csv" in kinds:
        writers.append(tables.CsvWriter(folder, about, people))
    if "parquet" in kinds:
        writers.append(tables.ParquetWriter(folder, about, people))
    if "paper" in kinds:
        writers.append(documents.PaperWriter(folder, about))
    if "coco" in kinds:
        writers.append(documents.CocoWriter(folder, about))
    return writers


def _finish(folder: Path, about: About, figures: dict, files: dict[str, dict], kinds: list[str]) -> None:
    """The card, the metadata and the manifest, each knowing the files before it; their facts are added to `files`."""

    def write(name: str, content: bytes) -> None:
        (folder / name).write_bytes(content)
        files[name] = _facts(folder / name)

    write("README.md", card.write(about, figures, files))
    if "croissant" in kinds:
        write("croissant.json", croissant.metadata(about, files, about.campaign["days"]))
    write(MANIFEST, json.dumps(manifest(about, figures, files), indent=1, sort_keys=True).encode() + b"\n")


def manifest(about: About, figures: dict, files: dict[str, dict]) -> dict:
    merge = {key: about.merge[key] for key in ("method", "seed", "settings", "notes")}
    return {
        "format": "nearer-release", "version": FORMAT_VERSION, "name": about.name, "software": about.software,
        "description": about.description, "licence": about.licence, "citation": about.citation,
        "dataset": about.dataset, "skeleton": about.skeleton, "conventions": CONVENTIONS, "merge": merge,
        "campaign": about.campaign, "wages": about.wages, "counts": figures["counts"],
        "figures": {key: value for key, value in figures.items() if key != "counts"}, "files": dict(files),
    }


def _facts(path: Path) -> dict:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _store(release: Release, path: Path) -> None:
    storage, name = storages["private"], f"{release.folder}/{path.name}"
    if storage.exists(name):  # left by a process that died
        storage.delete(name)
    with path.open("rb") as file:
        storage.save(name, File(file))
