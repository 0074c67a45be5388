"""A look at a data set before it is imported: what was understood, drawn on its first pictures."""

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image as Picture
from PIL import ImageOps

from annotation.importers import READERS, BadDataset, ImageRecord
from annotation.models import Image, Person, Skeleton
from annotation.panel.drawings import drawing
from annotation.skeletons import skeleton

IMAGES = 6
LONGEST_SIDE_PX = 480
WARNINGS = 20


@dataclass
class Preview:
    """What was understood; `error` where that was nothing."""

    skeleton: Skeleton | None = None
    drawings: list[dict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    licence: str = ""
    error: str = ""


def look(format: str, path: str) -> Preview:
    """Read the first images with their people; nothing is stored."""
    if format not in READERS:
        return Preview(error="Choose a format.")
    try:
        record = READERS[format](Path(path), IMAGES)
        bones = skeleton(record.skeleton)
        drawings = [one for image in record.images for one in _drawn(image, bones)]
    except (BadDataset, KeyError) as error:
        return Preview(error=str(error.args[0]))
    except OSError as error:
        return Preview(error=f"{error.filename or path} cannot be read: {error.strerror or error}.")
    return Preview(skeleton=bones, drawings=drawings, warnings=record.warnings[:WARNINGS], licence=record.licence)


def _drawn(record: ImageRecord, bones: Skeleton) -> list[dict]:
    """One drawing for each person, over a small copy of the picture that travels inside the page.

    Raises: OSError, with the place, for a file that is no picture.
    """
    try:
        with Picture.open(record.path) as original:
            upright = ImageOps.exif_transpose(original)
            width, height = upright.size
            small = upright.convert("RGB")
    except OSError as error:
        raise BadDataset(f"{record.place}: {record.path} is not a readable picture. Replace it or leave it out.") from error
    small.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    content = io.BytesIO()
    small.save(content, "JPEG", quality=80)
    url = "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()
    image = Image(name=record.name, width=width, height=height)
    return [
        drawing(
            Person(image=image, number=number, keypoints=person.keypoints, occluded=person.occluded, truth_mm=person.truth_mm),
            bones, url=url,
        )
        for number, person in enumerate(record.people)
    ]
