"""A few people of an import, small enough to travel inside a row or a page."""

import base64
import io

from PIL import Image

from annotation.importers import ImageRecord, PersonRecord
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
