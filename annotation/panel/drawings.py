"""A person as a small drawing: numbers for an SVG that a template writes out."""

from collections.abc import Sequence

from annotation.models import Pair, Person, Skeleton

MARGIN = 0.18  # of the person's longer side
SMALLEST_SIDE_PX = 40.0


def side_of(joint: int, skeleton: Skeleton) -> str:
    """`left`, `right` or `middle`: the person's own side, from the joint's name and its mirror image."""
    if skeleton.mirror[joint] == joint:
        return "middle"
    return "left" if "left" in skeleton.joints[joint].lower() else "right"


def frame_of(keypoints: Sequence, width: int, height: int, *, square: bool) -> tuple[float, float, float, float]:
    """The part of the image that shows the person: x, y, width, height in pixels.

    Args:
        keypoints: [[x, y] or None, ...] in pixels.
        square: grown to a square, so that many people line up; it may reach beyond the image.
    """
    seen = [point for point in keypoints if point]
    if not seen:
        return 0.0, 0.0, float(width), float(height)
    left, right = min(x for x, _ in seen), max(x for x, _ in seen)
    top, bottom = min(y for _, y in seen), max(y for _, y in seen)
    longer = max(right - left, bottom - top, SMALLEST_SIDE_PX)
    margin = MARGIN * longer
    if square:
        side = longer + 2 * margin
        return (left + right - side) / 2, (top + bottom - side) / 2, side, side
    left, top = max(0.0, left - margin), max(0.0, top - margin)
    right, bottom = min(float(width), right + margin), min(float(height), bottom + margin)
    return left, top, max(right - left, 1.0), max(bottom - top, 1.0)


def drawing(person: Person, skeleton: Skeleton, *, square: bool = True, url: str | None = None) -> dict:
    """What `admin/includes/person.svg` writes out: the image, the bones and the joints.

    `url` is for an image that is not stored. Sizes of marks are given in image pixels, as
    a share of the frame, so that they look alike everywhere.
    """
    image = person.image
    frame = frame_of(person.keypoints, image.width, image.height, square=square)
    unit = max(frame[2], frame[3]) / 100
    points = person.keypoints
    bones = [
        {
            "x1": round(points[a][0], 1), "y1": round(points[a][1], 1),
            "x2": round(points[b][0], 1), "y2": round(points[b][1], 1),
            "side": side_of(b, skeleton),
        }
        for a, b in skeleton.bones
        if points[a] and points[b]
    ]
    joints = [
        {
            "index": index, "name": skeleton.joints[index], "x": round(point[0], 1), "y": round(point[1], 1),
            "side": side_of(index, skeleton),
            "occluded": bool(person.occluded[index]) if index < len(person.occluded) else False,
        }
        for index, point in enumerate(points)
        if point
    ]
    return {
        "person": person, "url": url or image.url, "width": image.width, "height": image.height,
        "viewbox": " ".join(f"{value:.1f}" for value in frame),
        "aspect": round(frame[2] / frame[3], 4),
        "bones": bones, "joints": joints,
        "ring": round(unit * 3, 2), "radius": round(unit * 1.5, 2), "stroke": round(unit * 0.9, 2),
        "wide": round(unit * 2.4, 2), "thin": round(unit * 0.5, 2), "hair": round(unit * 0.25, 2),
    }


def pair_marks(pair: Pair, person: Person) -> dict | None:
    """Where a pair's two keypoints lie in the image; None where one is missing."""
    first, second = person.keypoints[pair.first], person.keypoints[pair.second]
    if not first or not second:
        return None
    return {
        "x1": round(first[0], 1), "y1": round(first[1], 1),
        "x2": round(second[0], 1), "y2": round(second[1], 1),
    }
