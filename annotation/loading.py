"""Records become rows: a data set is imported whole or not at all."""

from collections.abc import Iterator
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from annotation import pairing, pictures
from annotation.importers import FORMATS, READERS, BadDataset, DatasetRecord, ImageRecord, PersonRecord
from annotation.models import Dataset, Image, Import, Pair, Person, Skeleton
from annotation.skeletons import skeleton
from jobs import running
from jobs.running import JobError, Report

BATCH = 500
WARNINGS_KEPT = 1000


def start_import(*, user, format: str, path: str, name: str, limit=None, pairs_per_person=5, seed=0, strict=False) -> Import:
    """Queue an import; watch the row that is returned."""
    return running.start(
        Import(
            created_by=user, format=format, path=str(path), name=name, limit=limit,
            pairs_per_person=pairs_per_person, seed=seed, strict=strict,
        )
    )


def run(job: Import, report: Report) -> None:
    """Read, check, store.

    Pictures are stored first, under their hash; the rows follow in one transaction. If
    anything fails, the pictures that only this import brought are taken away again.

    Raises: JobError with file, row and remedy.
    """
    if Dataset.objects.filter(name=job.name).exists():
        raise JobError(f"There is a data set '{job.name}' already. Choose another name.")
    if job.format not in READERS:
        raise JobError(f"There is no format '{job.format}'; known are {', '.join(FORMATS)}.")
    report(0.0, "reading the annotations")
    stored: list[str] = []
    try:
        record = READERS[job.format](Path(job.path), job.limit)
        bones = skeleton(record.skeleton)
        _check_joints(record, len(bones.joints))
        images = [_store(image, stored) for image in _watched(record.images, report, "storing the pictures", 0.7)]
        checked = [_check(image, row, len(bones.joints)) for image, row in zip(record.images, images)]
        warnings = [*record.warnings, *_missing(record)]
        warnings += [warning for _, some in checked for warning in some]
        for warning in warnings[:50]:
            report(line=warning)
        if job.strict and warnings:
            raise JobError(f"{warnings[0]} ({len(warnings)} warnings; the import was asked to be strict.)")
        with report.final():
            dataset = _save(job, record, bones, images, [people for people, _ in checked])
            Import.objects.filter(pk=job.pk).update(dataset=dataset, warnings=warnings[:WARNINGS_KEPT])
    except (BadDataset, pictures.BadPicture, KeyError) as error:
        _forget(stored)
        raise JobError(str(error.args[0])) from error
    except BaseException:
        _forget(stored)
        raise


def _check_joints(record: DatasetRecord, n_joints: int) -> None:
    for image in record.images:
        for person in image.people:
            if len(person.keypoints) != n_joints:
                raise BadDataset(
                    f"{image.place}: {len(person.keypoints)} keypoints, but the skeleton {record.skeleton} has {n_joints}."
                )


def _missing(record: DatasetRecord) -> list[str]:
    """One warning about all joints that the source itself marks as missing."""
    places = [
        f"{image.place}, joint {joint}"
        for image in record.images
        for person in image.people
        for joint, place in enumerate(person.keypoints, start=1)
        if place is None
    ]
    return [f"{len(places)} joints are marked missing and are not asked about; the first is {places[0]}."] if places else []


def _watched(images: list[ImageRecord], report: Report, stage: str, share: float) -> Iterator[ImageRecord]:
    for number, image in enumerate(images):
        if number % 20 == 0:
            report(share * number / len(images), f"{stage}: {number} of {len(images)}")
        yield image


def _store(record: ImageRecord, stored: list[str]) -> Image:
    """An unsaved row; the file is in the storage, and in `stored` if it was not there before."""
    try:
        picture = pictures.read(record.path)
    except pictures.BadPicture as error:
        raise BadDataset(f"{record.place}: {error}") from error
    sha256 = picture.sha256
    name = f"images/{sha256[:2]}/{sha256}{picture.suffix}"
    if not default_storage.exists(name):
        stored.append(default_storage.save(name, ContentFile(picture.content)))
    return Image(name=record.name, file=name, sha256=sha256, width=picture.width, height=picture.height)


def _check(record: ImageRecord, image: Image, n_joints: int) -> tuple[list[PersonRecord], list[str]]:
    """The people with keypoints outside the picture taken as missing, and a warning for each odd thing."""
    people, warnings = [], []
    for person in record.people:
        keypoints = list(person.keypoints)
        for joint, place in enumerate(keypoints):
            if place is not None and not (0 <= place[0] <= image.width and 0 <= place[1] <= image.height):
                warnings.append(
                    f"{record.place}: joint {joint + 1} lies at ({place[0]:.1f}, {place[1]:.1f}), outside the "
                    f"{image.width} x {image.height} pixels of {record.name}; taken as missing."
                )
                keypoints[joint] = None
        present = n_joints - keypoints.count(None)
        if present < 2:
            warnings.append(f"{record.place}: {present} of {n_joints} joints are there; no pair can be asked.")
        people.append(PersonRecord(keypoints, person.occluded, person.truth_mm))
    return people, warnings


def _save(job: Import, record: DatasetRecord, bones: Skeleton, images: list[Image], people: list[list]) -> Dataset:
    dataset = Dataset.objects.create(
        name=job.name, owner=job.created_by, skeleton=bones, source=job.format, seed=job.seed,
        description=record.description, licence=record.licence, citation=record.citation,
    )
    for image in images:
        image.dataset = dataset
    Image.objects.bulk_create(images, batch_size=BATCH)
    rows = [
        Person(
            image=image, number=number, keypoints=person.keypoints, occluded=person.occluded, truth_mm=person.truth_mm
        )
        for image, some in zip(images, people)
        for number, person in enumerate(some)
    ]
    Person.objects.bulk_create(rows, batch_size=BATCH)
    Pair.objects.bulk_create(pairing.make_random_pairs(rows, job.pairs_per_person, job.seed), batch_size=BATCH)
    return dataset


def _forget(stored: list[str]) -> None:
    for name in stored:
        default_storage.delete(name)


@transaction.atomic
def remove(dataset: Dataset) -> None:
    """Delete a data set that nobody has been asked about; its pictures go where no other set shows them."""
    files = dict(dataset.images.values_list("sha256", "file"))
    dataset.delete()
    kept = set(Image.objects.filter(sha256__in=files).values_list("sha256", flat=True))
    transaction.on_commit(lambda: _forget([file for sha256, file in files.items() if sha256 not in kept]))
