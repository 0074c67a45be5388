"""What simulated workers see: the depths of the people in a data set."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from annotation.models import Dataset, Person
from crowd.simulation import PaperCrowd, Worker
from crowd.simulation.browser import Lost
from crowd.simulation.visitor import Answer, Shown


@dataclass
class Person3D:
    """What the simulated eye sees of somebody: K depths in mm, away from the camera."""

    depth_mm: np.ndarray
    keypoints: list


class Eye:
    """Depths of everybody in a data set, by image; where there is no truth, that of the most alike mannequin's pose.

    A simulated worker looks at the picture that the page shows, and sees depths through
    `crowd.simulation`: the same misperception of a pair for everybody, a hand of his own.
    """

    def __init__(self, dataset: Dataset, crowd: PaperCrowd, seed: int):
        self._crowd, self._seed = crowd, seed
        self._people: dict[str, list[Person3D]] = {}
        self._names = dataset.skeleton.joints
        people = Person.objects.filter(image__dataset=dataset).select_related("image").order_by("pk")
        guess = _guesser(self._names)
        for person in people:
            depth = np.array(person.truth_mm)[:, 2] if person.truth_mm else guess(person.keypoints)
            self._people.setdefault(person.image.sha256, []).append(Person3D(depth, person.keypoints))
        self._percepts: dict[tuple, float] = {}

    def percept_mm(self, shown: Shown) -> float:
        """How much closer the first keypoint seems, drawn once for each pair, whichever way round it is asked."""
        image = shown.image.rstrip("/").rsplit("/", 1)[-1]
        people = self._people.get(image)
        if people is None:
            raise Lost(f"An image is shown that is not in the data set: {shown.image}")
        number = next((n for n, person in enumerate(people) if person.keypoints == shown.keypoints), 0)
        low, high = sorted((shown.first, shown.second))
        key = (image, number, low, high)
        if key not in self._percepts:
            depth = people[number].depth_mm
            draw = np.random.default_rng([self._seed, int(image[:12], 16), number, low, high])
            self._percepts[key] = float(self._crowd.percept(depth[high] - depth[low], draw))
        return self._percepts[key] if shown.first == low else -self._percepts[key]

    def judge(self, worker: Worker, draw: np.random.Generator) -> Callable[[Shown], Answer]:
        """One worker's way of answering; pictures of the tutorial, which he does not know, are answered at random."""

        def answer(shown: Shown) -> Answer:
            try:
                percept = self.percept_mm(shown)
            except Lost:
                return Answer(bool(draw.random() < 0.5), 3000)
            chance = self._crowd.probability_first(percept, worker, left=shown.first_is_left, green=shown.first_is_green)
            seconds = float(self._crowd.response_s(percept, worker, draw))
            return Answer(bool(draw.random() < chance), round(1000 * seconds))

        return answer


def _guesser(names: list[str]) -> Callable[[list], np.ndarray]:
    """Depths for a person without truth: those of the mannequin whose pose looks most alike in the picture.

    Only for simulated workers on photographs: plausible and consistent, but no truth.
    """
    known = Person.objects.filter(image__dataset__source="demo", truth_mm__isnull=False).select_related(
        "image__dataset__skeleton"
    )
    examples = []
    for person in known:
        joints = person.image.dataset.skeleton.joints
        index = [_joint(joints, name) for name in names]
        places = np.array([person.keypoints[i] if i is not None and person.keypoints[i] else (np.nan, np.nan) for i in index])
        depths = np.array([person.truth_mm[i][2] if i is not None else 0.0 for i in index])
        examples.append((_shape(places), depths))

    def guess(keypoints: list) -> np.ndarray:
        shape = _shape(np.array([place or (np.nan, np.nan) for place in keypoints], float))
        distances = [np.nanmean(np.abs(shape - other)) for other, _ in examples]
        if not distances or np.isnan(distances).all():
            return np.zeros(len(names))
        return examples[int(np.nanargmin(distances))][1]

    return guess


def _joint(joints: list[str], name: str) -> int | None:
    other = {"neck": "thorax", "thorax": "neck", "pelvis": "hip", "hip": "pelvis", "left ear": "nose", "right ear": "nose",
             "left eye": "nose", "right eye": "nose"}.get(name)  # fmt: skip
    return next((joints.index(wanted) for wanted in (name, other) if wanted in joints), None)


def _shape(places: np.ndarray) -> np.ndarray:
    """Without place and size, so that two people can be compared."""
    centred = places - np.nanmean(places, axis=0)
    return centred / max(float(np.nanstd(centred)), 1e-9)
