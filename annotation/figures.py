"""Stick figures for data sets without pictures, such as motion capture.

They show where the keypoints are and whose left is whose, and nothing of depth: where lines cross
none lies over the other, and all are of one thickness. Whoever is asked about depth can only judge
from the shape of the figure.
"""

import io
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw

from annotation.importers.records import PersonRecord
from annotation.importers.skeletons import SkeletonRecord

PAPER, MIDDLE, LEFT, RIGHT, JOINT = (246, 245, 241), (110, 110, 116), (40, 105, 165), (186, 92, 40), (60, 60, 66)
LARGEST_SIDE_PX = 4096
WHAT_THEY_ARE = (
    "The source has no pictures: stick figures were drawn from the keypoints. They show no depth, so votes on them are "
    "guesses; use the data set to try things out, or for evaluation where it has ground truth."
)


def draw(people: Sequence[PersonRecord], bones: SkeletonRecord, canvas: tuple[int, int]) -> bytes:
    """A PNG of the keypoints' bones: blue the person's left, orange the right. canvas: width and height in pixels.

    Raises: ValueError for a canvas that is no size of a picture.
    """
    width, height = canvas
    if not (16 <= width <= LARGEST_SIDE_PX and 16 <= height <= LARGEST_SIDE_PX):
        raise ValueError(f"a figure of {width} x {height} pixels")
    thick = max(2, min(canvas) // 160)
    picture = Image.new("RGB", (width, height), PAPER)
    for colour in (MIDDLE, LEFT, RIGHT):
        layer = Image.new("RGB", (width, height), PAPER)
        pen = ImageDraw.Draw(layer)
        for person in people:
            for a, b in bones.bones:
                if person.keypoints[a] and person.keypoints[b] and _side(b, bones) == colour:
                    pen.line([person.keypoints[a], person.keypoints[b]], fill=colour, width=thick)
        picture = ImageChops.darker(picture, layer)  # whichever comes first: no line lies over another
    pen = ImageDraw.Draw(picture)
    for person in people:
        for x, y in filter(None, person.keypoints):
            pen.ellipse([x - thick, y - thick, x + thick, y + thick], fill=JOINT)
    content = io.BytesIO()
    picture.quantize(8, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(content, "PNG", compress_level=3)
    return content.getvalue()


def _side(joint: int, bones: SkeletonRecord) -> tuple[int, int, int]:
    if bones.mirror[joint] == joint:
        return MIDDLE
    return LEFT if "left" in bones.joints[joint].lower() else RIGHT
