"""Make the pictures of the worker's instructions and tutorial: comparisons whose answer is known, with the reason.

    python -m annotation.demo.tutorial --output DIR [--size 560]

The format is the data set's; each image also has `comparisons`. The answers are read from the 3D joints.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from annotation.demo.generate import DATASET, Shot, load_poses, person_record, save, stage
from annotation.demo.scene import render
from annotation.demo.skeleton import (
    HEAD_TOP,
    L_ANKLE,
    L_KNEE,
    L_SHOULDER,
    L_WRIST,
    R_ANKLE,
    R_HIP,
    R_SHOULDER,
    R_WRIST,
)
from annotation.demo.wardrobe import HAIR, OUTFITS, SKINS, Look

LEAST_GAP_MM = 120  # an answer that people are told is right must be plain in the truth


@dataclass
class Lesson:
    """A picture and one comparison in it."""

    shot: Shot
    kind: str
    first: int
    second: int
    explanation: str


def _shot(pose: int, azimuth: float, elevation: float, dress: int, hair: str, studio: int, lamp: float = 0.5) -> Shot:
    look = Look(SKINS[dress % len(SKINS)], HAIR[dress % len(HAIR)], OUTFITS[dress % len(OUTFITS)])
    distance = 3500 if elevation > 40 else 4200
    return Shot(pose, azimuth, elevation, distance, 1.0, 1.0, hair, look, studio, lamp, 1.2)


# The first of each kind illustrates the instructions, the others are asked.
LESSONS = (
    Lesson(
        _shot(5, 20, 8, 4, "short", 4),
        "clear",
        R_ANKLE,
        L_ANKLE,
        "The right foot is kicked out towards you. The left foot stands on the floor, farther away.",
    ),
    Lesson(
        _shot(76, 150, 8, 6, "short", 6),
        "left-right",
        R_WRIST,
        L_WRIST,
        "You see this person from behind, so the left hand is on the left of the picture. "
        "The left arm reaches towards you, the right arm points away from you.",
    ),
    Lesson(
        _shot(86, 0, 8, 0, "bob", 0),
        "occluded",
        L_WRIST,
        R_HIP,
        "The left hand is hidden behind the back. The marker lies on the shirt, but judge where the hand itself is: "
        "behind the body, so the hip is closer.",
    ),
    Lesson(
        _shot(0, 20, 52, 1, "short", 5),
        "lean",
        HEAD_TOP,
        R_ANKLE,
        "The camera looks down from above. The person stands upright, yet the head is much nearer to the camera "
        "than the feet. Judge from the camera, not from the floor.",
    ),
    Lesson(
        _shot(47, -30, 8, 2, "ponytail", 2),
        "hard",
        R_SHOULDER,
        L_SHOULDER,
        "The body is turned a little to one side, which brings the right shoulder nearer. "
        "Look at the chest: it does not face you straight.",
    ),
    Lesson(
        _shot(9, -10, 8, 5, "bun", 3),
        "clear",
        R_SHOULDER,
        L_KNEE,
        "The left knee is lifted towards you. It is clearly in front of the shoulders.",
    ),
    Lesson(
        _shot(18, 0, 8, 8, "short", 6, -0.5),
        "left-right",
        L_WRIST,
        R_WRIST,
        "This person faces you, so the left hand is on the right of the picture. "
        "It is held up in front of the body; the right arm points to the side.",
    ),
    Lesson(
        _shot(13, -30, 8, 10, "ponytail", 7),
        "occluded",
        R_SHOULDER,
        L_WRIST,
        "The left arm is stretched out behind the chest, so you cannot see the left hand. "
        "Whatever is hidden behind the body is farther away.",
    ),
    Lesson(
        _shot(81, 20, 50, 7, "short", 3),
        "lean",
        L_KNEE,
        HEAD_TOP,
        "Seen from above, what is higher is nearer to the camera. The head is closer than the knee.",
    ),
    Lesson(
        _shot(19, 150, 10, 3, "bun", 1),
        "left-right",
        R_WRIST,
        L_WRIST,
        "You see the back, so left in the picture is also the person's left. "
        "The left hand comes towards you, the right hand is raised on the far side.",
    ),
    Lesson(
        _shot(73, -30, 8, 9, "short", 8),
        "hard",
        R_HIP,
        L_KNEE,
        "The person leans back: the hips are behind the knees, so the left knee is a little nearer than the right hip.",
    ),
)


def write(output: Path, size: int) -> list[dict]:
    """Renders all lessons into `output`/images and returns the images' records."""
    poses = load_poses()
    (output / "images").mkdir(parents=True, exist_ok=True)
    images = []
    for number, lesson in enumerate(LESSONS, start=1):
        scene = stage(lesson.shot, poses[lesson.shot.pose], size)
        person = person_record(scene)
        known = comparison(lesson, person)
        name = f"images/{number:02d}-{lesson.kind}.jpg"
        save(render(scene), output / name)
        images.append({"file": name, "width": size, "height": size, "people": [person], "comparisons": [known]})
    return images


def comparison(lesson: Lesson, person: dict) -> dict:
    """The comparison's record. Raises: ValueError where the two joints are too near in depth to be taught."""
    gap = person["pose3d_mm"][lesson.second][2] - person["pose3d_mm"][lesson.first][2]
    if abs(gap) < LEAST_GAP_MM:
        raise ValueError(
            f"the {lesson.kind} lesson on pose {lesson.shot.pose} has a gap of {gap:.0f} mm; choose joints at least "
            f"{LEAST_GAP_MM} mm apart in depth"
        )
    return {
        "first": lesson.first,
        "second": lesson.second,
        "first_is_closer": gap > 0,
        "kind": lesson.kind,
        "explanation": lesson.explanation,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m annotation.demo.tutorial", description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="folder for dataset.json and images/")
    parser.add_argument("--size", type=int, default=560, help="width and height of a picture, pixels")
    options = parser.parse_args(arguments)
    images = write(options.output, options.size)
    record = {**DATASET, "name": "tutorial", "images": images}
    (options.output / "dataset.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
    print(f"{len(images)} comparisons -> {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
