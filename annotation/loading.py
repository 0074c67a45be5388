"""Records become rows, batch by batch; a data set is seen once it is whole.

A batch is one transaction: images, people, pairs, and the import's cursor behind them. A
process that dies leaves whole batches, and the next one goes on behind the last of them. What
an import cannot finish for a reason in its data is taken away again; what it could not reach
can be tried again from where it stopped.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from annotation import checking, figures, opening, pairing, pictures, samples, skeletons, sources, storing, uploading
from annotation.importers import FORMATS, READERS, BadDataset, DatasetRecord, ImageRecord
from annotation.importers.skeletons import SkeletonRecord
from annotation.models import Dataset, Image, Import, Pair, Person
from jobs import running
from jobs.running import Cancelled, JobError, LeaseLost, Report

BATCH = 200
THREADS = 4
WARNINGS_KEPT = 1000
WARNINGS_LOGGED = 50
SAMPLE = 6
PULSE_S = 2.0


def prepare(*, user, **fields) -> Import:
    """An unsaved import whose addresses may be read.

    Raises: sources.BadSource with the reason why not.
    """
    job = Import(created_by=user, **fields)
    for address in filter(None, (job.path, job.images_path)):
        sources.check(address, opening.rules_of(job))
    return job


def start_import(*, user, **fields) -> Import:
    """Queue an import; watch the row that is returned. Raises: sources.BadSource for a place that may not be read."""
    return running.start(prepare(user=user, **fields))


def resume(job: Import) -> bool:
    """Let an import that stopped go on behind its last batch; False where there is nothing to go on with."""
    if not job.can_resume:
        return False
    again = {"state": Import.State.WAITING, "error": "", "attempts": 0, "ended_at": None}
    done = Import.objects.filter(pk=job.pk, state__in=Import.STOPPED).update(**again)
    if done:
        transaction.on_commit(lambda: running.nudge(job))
    return bool(done)


def discard(job: Import) -> bool:
    """Take away what a stopped import has stored; False where there is nothing to take away."""
    if not job.can_resume:
        return False
    _discard(job)
    return True


def run(job: Import, report: Report) -> None:
    """Read, check, store; or with `dry_run` only read and check.

    Raises: JobError with file, row and remedy.
    """
    if job.format not in READERS:
        raise JobError(f"There is no format '{job.format}'; known are {', '.join(FORMATS)}.")
    try:
        pulse = _Pulse(report)
        with opening.work_folder() as work, opening.source_of(job, work, pulse) as source:
            report(0.0, "reading the annotations")
            _Loading(job, report, pulse, source, work).run()
    except (BadDataset, sources.BadSource, pictures.BadPicture, skeletons.SkeletonDiffers) as error:
        _discard(job)
        raise JobError(str(error)) from error
    except sources.SourceUnavailable as error:
        _discard_if_nothing_stored(job)
        raise JobError(str(error)) from error
    except (JobError, Cancelled):
        _discard(job)
        raise
    except LeaseLost:
        raise
    except Exception:
        _discard_if_nothing_stored(job)
        raise
    if job.upload is not None:
        uploading.forget(job.upload)


class _Pulse:
    """Says that the import is alive, at most every two seconds however often it is called."""

    def __init__(self, report: Report):
        self._report, self._said = report, time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._said >= PULSE_S:
            self._report()
            self._said = time.monotonic()


@dataclass(frozen=True)
class _Seen:
    """A picture of a batch: where it is stored, and how large it is."""

    name: str
    file: str
    sha256: str
    width: int
    height: int
    sample: list[dict] = field(default_factory=list)


class _Loading:
    """One import on its way."""

    def __init__(self, job: Import, report: Report, pulse: Callable[[], None], source: sources.Opened, work: Path):
        self.job, self.report, self.pulse, self.source, self.work = job, report, pulse, source, work
        self.counts = dict(job.counts)
        self.warnings, self.n_warnings = list(job.warnings), job.n_warnings
        self.sample: list[dict] = []
        self.fresh: list[str] = []  # files stored for rows that are not yet

    def run(self) -> None:
        job = self.job
        sha256 = opening.fingerprint(self.source.annotations, job.format, self.pulse)
        if job.cursor and job.content_sha256 != sha256:
            raise BadDataset("The annotations have changed since this import began. Start a new one.")
        if job.cursor == 0:
            self._begin(sha256)
        if same := _done_before(job, sha256):
            return self._say_so(same)
        record = READERS[job.format](self.source.annotations, opening.options_of(job, self.pulse))
        bones = record.own_skeleton or opening.known_skeleton(record.skeleton)
        if not job.dry_run and job.dataset is None:
            self._open_dataset(record, bones)
        self._batches(record, bones)
        self._finish(record, bones)
        return None

    def _begin(self, sha256: str) -> None:
        self.counts, self.warnings, self.n_warnings = {}, [], 0
        Import.objects.filter(pk=self.job.pk).update(content_sha256=sha256, counts={}, warnings=[], n_warnings=0)

    def _say_so(self, same: Import) -> None:
        line = f"The same annotations, with the same settings, are the data set '{same.dataset}' already; nothing was added."
        self.report(line=line)
        counts = same.counts | {"same_as": same.dataset.name}
        with self.report.final():
            Import.objects.filter(pk=self.job.pk).update(
                dataset=same.dataset, stage=line[:200], counts=counts, warnings=same.warnings, n_warnings=same.n_warnings
            )

    def _open_dataset(self, record: DatasetRecord, bones: SkeletonRecord) -> None:
        """The row that the batches hang on, hidden until the last of them."""
        job = self.job
        with transaction.atomic():
            self.report()
            refuse_taken_name(job)
            job.dataset = Dataset.everything.create(
                name=job.name, owner=job.created_by, skeleton=skeletons.keep(bones), source=job.format, seed=job.seed,
                description=record.description, licence=record.licence[:500], citation=record.citation, is_whole=False,
            )
            Import.objects.filter(pk=job.pk).update(dataset=job.dataset)

    def _batches(self, record: DatasetRecord, bones: SkeletonRecord) -> None:
        done = 0
        images = islice(record.images, self.job.limit)
        with closing(record.images), ThreadPoolExecutor(THREADS) as pool:
            while batch := list(islice(images, min(BATCH, self.job.cursor - done) if done < self.job.cursor else BATCH)):
                done += len(batch)
                told, record.warnings[:] = list(record.warnings), []
                if done <= self.job.cursor:
                    self.report(stage=f"passing over {done} images that are stored already")
                    continue
                try:
                    self._batch(batch, bones, told, done, record, pool)
                except LeaseLost:
                    raise  # these files may be the next process's by now
                except BaseException:
                    storing.forget(self.fresh)
                    raise

    def _batch(
        self, batch: list[ImageRecord], bones: SkeletonRecord, told: list[str], done: int, record: DatasetRecord, pool
    ) -> None:
        self.fresh = []
        _refuse_twins(batch, self.job)
        seen = self._pictures(batch, bones, pool)
        if self.job.dry_run:
            self.sample = (self.sample + [one for image in seen for one in image.sample])[:SAMPLE]
        checked = [checking.check(image, one.name, (one.width, one.height), bones) for image, one in zip(batch, seen)]
        self._count(checked, told)
        self._add("drawn", sum(image.canvas is not None for image in batch))
        total = min(filter(None, (record.total, self.job.limit)), default=0)
        stage = f"{done:,} of {total:,} images" if total else f"{done:,} images"
        progress = done / total if total else None
        if self.job.dry_run:
            self._add("images", len(batch))
            for one in checked:
                self._add("pairs", sum(_pairs_of(person.keypoints, self.job.pairs_per_person) for person in one.people))
            self.report(progress, stage)
            return
        with transaction.atomic():
            self.report(progress, stage)
            self._save(batch, seen, checked)
            Import.objects.filter(pk=self.job.pk).update(
                cursor=done, attempts=1, counts=self.counts, warnings=self.warnings, n_warnings=self.n_warnings
            )
        self.job.cursor, self.fresh = done, []

    def _pictures(self, batch: list[ImageRecord], bones: SkeletonRecord, pool: ThreadPoolExecutor) -> list[_Seen]:
        wanted = max(0, SAMPLE - len(self.sample)) if self.job.dry_run else 0
        futures = [pool.submit(self._picture, image, bones, place < wanted) for place, image in enumerate(batch)]
        try:
            left = set(futures)
            while left:
                done, left = wait(left, timeout=PULSE_S, return_when=FIRST_EXCEPTION)
                self.pulse()
                if any(future.exception() for future in done):
                    break
        finally:
            for future in futures:
                future.cancel()
            wait(futures)  # what they have stored by now is known
        failed = next((future for future in futures if not future.cancelled() and future.exception()), None)
        return [future.result() for future in ([failed] if failed else futures)]

    def _picture(self, image: ImageRecord, bones: SkeletonRecord, sampled: bool) -> _Seen:
        """Runs in several threads; touches no row."""
        name, picture = opening.read_picture(self.source, image, bones)
        if self.job.dry_run:
            people = checking.check(image, name, (picture.width, picture.height), bones).people if sampled else []
            sample = samples.of_image(image, name, picture, people)[:SAMPLE] if sampled else []
            return _Seen(name, "", picture.sha256, picture.width, picture.height, sample)
        file, is_new = storing.keep(picture)
        if is_new:
            self.fresh.append(file)
        return _Seen(name, file, picture.sha256, picture.width, picture.height)

    def _count(self, checked: list[checking.Checked], told: list[str]) -> None:
        for one in checked:
            self._add("people", len(one.people))
            self._add("with_truth", sum(person.truth_mm is not None for person in one.people))
            self._add("joints_missing", one.n_missing)
            if one.n_missing and not self.counts.get("first_missing"):
                self.counts["first_missing"] = opening.plain(one.first_missing, self.work)
            told += one.warnings
        told = [opening.plain(warning, self.work) for warning in told]
        for warning in told[: max(0, WARNINGS_LOGGED - self.n_warnings)]:
            self.report(line=warning)
        self.n_warnings += len(told)
        self.warnings = (self.warnings + told)[:WARNINGS_KEPT]
        if self.job.strict and self.n_warnings:
            raise JobError(f"{self.warnings[0]} ({self.n_warnings} warnings so far; the import was asked to be strict.)")

    def _add(self, what: str, number: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    def _save(self, batch: list[ImageRecord], seen: list[_Seen], checked: list[checking.Checked]) -> None:
        dataset = self.job.dataset
        images = Image.objects.bulk_create(
            Image(
                dataset=dataset, name=one.name, file=one.file, sha256=one.sha256, width=one.width, height=one.height,
                up=None if record.up is None else [round(value, 6) for value in record.up],
            )
            for one, record in zip(seen, batch)
        )
        people = Person.objects.bulk_create(
            Person(image=image, number=number, keypoints=person.keypoints, occluded=person.occluded, truth_mm=person.truth_mm)
            for image, one in zip(images, checked)
            for number, person in enumerate(one.people)
        )
        pairs = pairing.make_random_pairs(people, self.job.pairs_per_person, self.job.seed)
        Pair.objects.bulk_create(pairs)
        self._add("images", len(images))
        self._add("pairs", len(pairs))

    def _finish(self, record: DatasetRecord, bones: SkeletonRecord) -> None:
        job, closing = self.job, []
        if missing := self.counts.get("joints_missing"):
            first = self.counts["first_missing"]
            closing.append(f"{missing:,} joints are marked missing and are not asked about; the first is {first}.")
        if job.strict and closing:
            raise JobError(f"{closing[0]} (The import was asked to be strict.)")
        closing += [f"{number:,} {what} were left out." for what, number in sorted(record.skipped.items())]
        if drawn := bool(self.counts.get("drawn")):
            closing.insert(0, figures.WHAT_THEY_ARE)
        if other := _content_elsewhere(job):
            closing.append(f"The same annotations are the data set '{other}' already; its pictures are not stored twice.")
        for line in closing:
            self.report(line=line)
        warnings = (closing + self.warnings)[:WARNINGS_KEPT]
        counts = self.counts | {"skipped": dict(record.skipped)}
        if job.dry_run:
            counts["skeleton"] = bones.fields()  # that the sample can be drawn with
        with self.report.final():
            if not job.dry_run:
                Dataset.everything.filter(pk=job.dataset_id).update(is_whole=True, is_drawn=drawn)
            Import.objects.filter(pk=job.pk).update(
                counts=counts, warnings=warnings, n_warnings=self.n_warnings + len(closing), sample=self.sample[:SAMPLE],
                stage=f"{counts.get('images', 0):,} images",
            )


def _pairs_of(keypoints: list, count: int) -> int:
    present = len(keypoints) - keypoints.count(None)
    return min(count, present * (present - 1) // 2)


def refuse_taken_name(job: Import) -> None:
    """Raises: JobError where a data set has the import's name, or one on its way."""
    taken = Dataset.everything.filter(name=job.name).first()
    if taken is None:
        return
    if taken.is_whole:
        raise JobError(f"There is a data set '{job.name}' already. Choose another name.")
    raise JobError(
        f"An import of '{job.name}' is under way, or has stopped. Wait for it, resume or discard it, or choose another name."
    )


def _refuse_twins(batch: list[ImageRecord], job: Import) -> None:
    names: set[str] = set()
    for image in batch:
        if image.name in names:
            raise BadDataset(f"{image.place}: the image {image.name} occurs twice. Give every image a name of its own.")
        names.add(image.name)
    known = Image.objects.filter(dataset=job.dataset_id, name__in=names).values_list("name", flat=True)[:1]
    if job.dataset_id and known:
        image = next(image for image in batch if image.name == known[0])
        raise BadDataset(f"{image.place}: the image {image.name} occurs twice. Give every image a name of its own.")


def _earlier(job: Import, sha256: str):
    rows = Import.objects.filter(
        created_by=job.created_by, content_sha256=sha256, state=Import.State.DONE, dry_run=False, dataset__is_whole=True
    )
    return rows.exclude(pk=job.pk).select_related("dataset")


def _done_before(job: Import, sha256: str) -> Import | None:
    """The import that has made this very data set already."""
    if job.dry_run or job.cursor:
        return None
    same = {name: getattr(job, name) for name in ("name", "limit", "pairs_per_person", "seed", "images_path")}
    rows = _earlier(job, sha256).filter(**same, dataset__name=job.name)
    return next((row for row in rows if row.options == job.options), None)


def _content_elsewhere(job: Import) -> str:
    sha256 = Import.objects.values_list("content_sha256", flat=True).get(pk=job.pk)
    names = _earlier(job, sha256).exclude(dataset=job.dataset_id).values_list("dataset__name", flat=True)
    return names[0] if names else ""


def _discard_if_nothing_stored(job: Import) -> None:
    if not Import.objects.filter(pk=job.pk, cursor__gt=0).exists():
        _discard(job)


def _discard(job: Import) -> None:
    """Take a half-made data set away, a batch at a time, and let the import begin anew if it is asked to."""
    dataset = Dataset.everything.filter(imports=job, is_whole=False).first()
    if dataset is None:
        return
    rows = Import.objects.filter(pk=job.pk)
    rows.update(cursor=0)
    for files in _delete_images(dataset):
        storing.forget_unused(files)
        rows.filter(lease_until__isnull=False).update(lease_until=timezone.now() + timedelta(seconds=job.lease_s))
    dataset.delete()
    job.dataset, job.cursor = None, 0


def _delete_images(dataset: Dataset) -> Iterator[dict[str, str]]:
    """Delete images with all that hangs on them, a batch at a time; yields each batch's files by their hash.

    Raises: ProtectedError where somebody was asked about one of them.
    """
    while batch := list(dataset.images.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        files = dict(Image.objects.filter(pk__in=batch).values_list("sha256", "file"))
        with transaction.atomic():
            Pair.objects.filter(person__image__in=batch).delete()
            Person.objects.filter(image__in=batch).delete()
            Image.objects.filter(pk__in=batch).delete()
        yield files


@transaction.atomic
def remove(dataset: Dataset) -> None:
    """Delete a data set that nobody has been asked about; its pictures go where no other set shows them."""
    files: dict[str, str] = {}
    for some in _delete_images(dataset):
        files |= some
    dataset.delete()
    transaction.on_commit(lambda: storing.forget_unused(files))
