"""A look at a data set before it is imported: what was understood, drawn on its first pictures."""

from dataclasses import dataclass, field
from pathlib import Path

from annotation import pictures, samples, sources
from annotation.importers import BadDataset
from annotation.importers.skeletons import SkeletonRecord
from annotation.models import Image, Import, Person, Skeleton
from annotation.panel.drawings import drawing

IMAGES = 6
WARNINGS = 20
QUICK_BYTES = 60_000_000  # what a person waits for: larger annotations are looked through in the background
SLOW_FORMATS = ("coco", "csv", "mpii")  # put together by image before the first of them is known


@dataclass
class Preview:
    """What was understood; `error` where that was nothing."""

    skeleton: Skeleton | None = None
    drawings: list[dict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    licence: str = ""
    error: str = ""


def look(job: Import) -> Preview:
    """Read the first images of an import that is not saved, with their people; nothing is stored."""
    if (size := _annotation_bytes(job)) > QUICK_BYTES and job.format in SLOW_FORMATS:
        return Preview(error=f"The file has {size // 1_000_000} MB. “Check all of it” reads it in the background.")
    try:
        record, bones, shown, warnings = samples.look(job, IMAGES)
    except (BadDataset, sources.BadSource, sources.SourceUnavailable, pictures.BadPicture) as error:
        return Preview(error=str(error))
    except OSError as error:
        return Preview(error=f"{error.filename or job.path} cannot be read: {error.strerror or error}.")
    skeleton = as_row(bones)
    return Preview(skeleton, drawings(shown, skeleton), warnings[:WARNINGS], record.licence)


def _annotation_bytes(job: Import) -> int:
    if job.upload:
        return job.upload.n_bytes
    path = Path(job.path)
    if "://" in job.path or not path.exists():
        return 0
    files = [path] if path.is_file() else [file for file in path.iterdir() if file.suffix in (".json", ".csv", ".mat")]
    return sum(file.stat().st_size for file in files)


def as_row(bones: SkeletonRecord) -> Skeleton:
    """A skeleton to draw with; not saved."""
    return Skeleton(**bones.fields())


def drawings(shown: list[dict], skeleton: Skeleton) -> list[dict]:
    """Drawings of people as `annotation.samples` gives them."""
    return [
        drawing(
            Person(
                image=Image(name=one["name"], width=one["width"], height=one["height"]), number=one["number"],
                keypoints=one["keypoints"], occluded=one["occluded"], truth_mm=one["truth_mm"],
            ),
            skeleton, url=one["url"],
        )
        for one in shown
    ]
