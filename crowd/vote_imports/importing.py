"""Votes that were given elsewhere become a campaign of their own: people under pseudonyms, tasks, votes, all verified.

The file waits in the private storage until it is read and is then deleted, as it names people. Its
hash stays: the same file with the same settings on the same data set is one campaign, however often
it is read; a dry run keeps nothing.
"""

import hashlib
import secrets
import tempfile
from pathlib import Path
from typing import BinaryIO

from django.core.files.base import File
from django.core.files.storage import storages

from annotation.models import Dataset
from crowd.models import Campaign, VoteImport
from crowd.vote_files import FORMATS, BadVoteFile, VoteRecord, open_votes
from crowd.vote_files.reading import LARGEST_BYTES, OPTIONS
from crowd.vote_imports import storing
from crowd.vote_imports.matching import People, Unknown, Votes
from jobs import running
from jobs.running import JobError, LeaseLost, Report

MOST_WARNINGS = 50
SETTINGS = (*OPTIONS, "skip_unknown")


class BadRequest(ValueError):
    """The import cannot be started like that; the message says what to change."""


def start(
    dataset: Dataset, user, file: BinaryIO, filename: str, *, name: str, format: str = "auto", settings: dict | None = None,
    dry_run: bool = False,
) -> VoteImport:
    """Keep the file and queue its reading; watch the row that is returned.

    Args:
        file: open for reading bytes.
        name: of the campaign that the votes become.
        settings: `joints`, `image_names`, `answer`, `first_means` (see `vote_files.open_votes`) and `skip_unknown`: leave
            votes on pictures and people out that the data set does not have, instead of refusing the file.
        dry_run: only count, warn and show.
    Raises: BadRequest for an unknown format or setting, a name that is taken, a file that is too large or empty.
    """
    settings = settings or {}
    if format not in ("auto", *FORMATS):
        raise BadRequest(f"There is no format '{format}'; known are auto, {', '.join(FORMATS)}.")
    if unknown := sorted(set(settings) - set(SETTINGS)):
        raise BadRequest(f"There is no setting '{unknown[0]}'; known are {', '.join(SETTINGS)}.")
    digest, stored = _keep(file)
    if not dry_run and Campaign.objects.filter(name=name).exists() and _same(dataset, digest, settings) is None:
        raise BadRequest(f"There is a campaign called “{name}”; choose another name.")
    return running.start(VoteImport(
        dataset=dataset, created_by=user, name=name, format=format, filename=Path(filename).name[:200], stored=stored,
        sha256=digest, settings=settings, dry_run=dry_run,
    ))


def _keep(file: BinaryIO) -> tuple[str, str]:
    """The content's hash, and where in the private storage it now is."""
    digest, size = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as copy:
        while block := file.read(1 << 20):
            digest.update(block)
            copy.write(block)
            size += len(block)
            if size > LARGEST_BYTES:
                raise BadRequest(f"The file is larger than {LARGEST_BYTES >> 20:,} MB; split it.")
        if not size:
            raise BadRequest("The file is empty.")
        copy.seek(0)
        name = storages["private"].save(f"votes/{secrets.token_hex(16)}", File(copy))
    return digest.hexdigest(), name


def _same(dataset: Dataset, digest: str, settings: dict) -> VoteImport | None:
    """An import of the same content that has become a campaign."""
    rows = VoteImport.objects.filter(dataset=dataset, sha256=digest, state=VoteImport.State.DONE, campaign__isnull=False)
    return next((row for row in rows.order_by("pk") if row.settings == settings), None)


def run(job: VoteImport, report: Report) -> None:
    """Read and check everything, then write all of it in one transaction; a file that was read before changes nothing.

    Raises: JobError naming place and remedy.
    """
    try:
        _read_and_store(job, report)
    except LeaseLost:
        raise  # another process reads on
    except Exception:
        storages["private"].delete(job.stored)
        raise
    storages["private"].delete(job.stored)


def _read_and_store(job: VoteImport, report: Report) -> None:
    report(0.02, "reading the file")
    with tempfile.TemporaryDirectory(prefix="nearer-votes-") as place:
        path = Path(place, job.filename or "votes")
        with storages["private"].open(job.stored) as source, path.open("wb") as target:
            for block in iter(lambda: source.read(1 << 20), b""):
                target.write(block)
        try:
            options = {key: value for key, value in job.settings.items() if key in OPTIONS}
            source = open_votes(path, job.format, **options)
            people = People(job.dataset, source)
            read = Votes()
            for number, record in enumerate(source.records):
                _take(job, record, people, read)
                if number % 20_000 == 0:
                    report(stage=f"read {number:,} votes")
        except BadVoteFile as error:
            raise JobError(str(error)) from error
    read.finish(source)
    if not len(read):
        raise JobError(f"{job.filename}: no vote in it is about this data set's pairs. {' '.join(read.warnings)}".strip())
    figures = read.figures(source.format)
    fields = {"figures": figures, "warnings": read.warnings[:MOST_WARNINGS], **read.known}
    if job.dry_run:
        with report.final():
            VoteImport.objects.filter(pk=job.pk).update(**fields)
        return
    report(0.4, f"storing {len(read):,} votes")
    with report.final():
        Dataset.objects.select_for_update(no_key=True).get(pk=job.dataset_id)  # two imports of one file take turns
        if (before := _same(job.dataset, job.sha256, job.settings)) is not None:
            figures["already"] = str(before.campaign)
            VoteImport.objects.filter(pk=job.pk).update(**fields, campaign=before.campaign)
            return
        campaign = storing.Writer(job, read).write()
        VoteImport.objects.filter(pk=job.pk).update(**fields, campaign=campaign)


def _take(job: VoteImport, record: VoteRecord, people: People, read: Votes) -> None:
    try:
        person, first, second = people.find(record)
    except Unknown as error:
        if not job.settings.get("skip_unknown"):
            raise BadVoteFile(f"{record.place}: {error} Set skip_unknown to leave such votes out.") from error
        read.skipped["votes on what the data set does not have"] += 1
        return
    read.add(record, person, first, second, people.joints)


def unknown_shows(campaign: Campaign) -> tuple[bool, bool]:
    """Whether colour and whether side of a campaign's votes are unknown, because a file did not tell them."""
    row = campaign.vote_imports.filter(state=VoteImport.State.DONE, dry_run=False).order_by("pk").first()
    return (False, False) if row is None else (not row.knows_colour, not row.knows_side)
