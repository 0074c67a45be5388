"""A few people of an import, small enough to travel inside a row or a page."""

import base64
import io
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

from PIL import Image

from annotation import checking, figures, opening
from annotation.importers import READERS, BadDataset, DatasetRecord, ImageRecord, PersonRecord
from annotation.importers.skeletons import SkeletonRecord
from annotation.models import Import
from annotation.pictures import Picture

LONGEST_SIDE_PX = 480


def of_image(record: ImageRecord, name: str, picture: Picture, people: list[PersonRecord]) -> list[dict]:
    """Each person with a small copy of the picture as a data: address; keypoints in pixels of the original."""
    with Image.open(io.BytesIO(picture.content)) as original:
        original.draft("RGB", (LONGEST_SIDE_PX, LONGEST_SIDE_PX))
        small = original.convert("RGB")
    small.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=80)
    url = "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()
    return [
        {
            "name": name, "number": number, "place": record.place, "width": picture.width, "height": picture.height,
            "keypoints": person.keypoints, "occluded": person.occluded, "truth_mm": person.truth_mm, "url": url,
        }
        for number, person in enumerate(people)
    ]


def _first(record: DatasetRecord, count: int) -> Iterator[ImageRecord]:
    with closing(record.images):
        yield from islice(record.images, count)


def look(job: Import, count: int) -> tuple[DatasetRecord, SkeletonRecord, list[dict], list[str]]:
    """The first images of an import that is not saved: what was read, its skeleton, samples of people, warnings.

    Raises: BadDataset, sources.BadSource, sources.SourceUnavailable, pictures.BadPicture.
    """
    if job.format not in READERS:
        raise BadDataset("Choose a format.")
    with opening.work_folder() as work, opening.source_of(job, work, pulse=lambda: None, at_once=True) as source:
        record = READERS[job.format](source.annotations, opening.options_of(job, lambda: None))
        bones = record.own_skeleton or opening.known_skeleton(record.skeleton)
        shown: list[dict] = []
        warnings: list[str] = []
        for image in _first(record, min(count, job.limit or count)):
            name, picture = opening.read_picture(source, image, bones)
            checked = checking.check(image, name, (picture.width, picture.height), bones)
            shown += of_image(image, name, picture, checked.people)
            warnings += checked.warnings
            if image.canvas and figures.WHAT_THEY_ARE not in warnings:
                warnings.insert(0, figures.WHAT_THEY_ARE)
        return record, bones, shown, [opening.plain(warning, work) for warning in (*record.warnings, *warnings)]
