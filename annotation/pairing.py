"""Which pairs of a person's keypoints are asked."""

import random
from collections.abc import Iterable, Sequence
from itertools import combinations

from annotation.models import Pair, Person


def random_pairs(keypoints: Sequence, count: int, seed: str) -> list[tuple[int, int]]:
    """`count` different pairs of joints that are not missing, or all where there are fewer.

    Which of the two comes first is drawn as well: the order of keypoints must not carry
    meaning, so that either is the closer one with probability one half.

    Args:
        keypoints: K of (x, y), or None where missing.
        seed: names the person, so that the draw does not depend on who else is there.
    """
    draw = random.Random(seed)
    present = [joint for joint, place in enumerate(keypoints) if place is not None]
    every = list(combinations(present, 2))
    chosen = draw.sample(every, min(count, len(every)))
    return [pair if draw.random() < 0.5 else pair[::-1] for pair in chosen]


def make_random_pairs(people: Iterable[Person], count: int, seed: int) -> list[Pair]:
    """Unsaved pairs for people whose image is loaded."""
    return [
        Pair(person=person, first=first, second=second, strategy="random")
        for person in people
        for first, second in random_pairs(person.keypoints, count, f"{seed}:{person.key}")
    ]
