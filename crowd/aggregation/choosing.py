"""What to ask next: the pairs whose next vote changes most, for the time that it costs.

How much a vote changes is `Fitted.expected_drop`; here it meets a worker's time.
"""

from collections import defaultdict

import numpy as np

from crowd.aggregation.votes import Floats, Ints

DEPTH = 2.0  # votes on a pair whose turn has come, on average, before the turn of further ones comes, and ...
TOGETHER = 1.0  # ... so many where people have several pairs, each of which tells of the others, and ...
SHARE_OF_PLAN = 0.75  # ... at most this share of what the money lasts for
BEGINNING = 0.1  # share of the images whose turn comes first, and ...
FIRST_TASKS = 10  # ... at least as many as so many tasks ask about
NEW_IMAGE_S = 2.0  # what looking at a new picture costs, beside the comparison itself


def depth_for(n_pairs: int, n_people: int) -> float:
    """Votes on a pair before the turn of further ones comes, where its person has n_pairs / n_people of them."""
    return TOGETHER if n_pairs >= 2 * n_people else DEPTH


def begun(votes: int, n_pairs: int, task_size: int, plan: float = 5.0, depth: float = DEPTH) -> float:
    """Share of the images whose turn has come; a pair whose turn has not come is asked about where nothing else is left.

    Were all pairs asked once before any is asked again, the first two votes on each were spent before anything is known of
    who sees well. So some are asked first as often as they need, and further ones follow.

    Args:
        votes: bought so far. plan: votes per pair that the money lasts for. depth: 0 begins everything at once.
    """
    if depth <= 0 or not n_pairs:
        return 1.0
    first = max(BEGINNING, FIRST_TASKS * task_size / n_pairs)
    return min(max(first, votes / (min(depth, SHARE_OF_PLAN * plan) * n_pairs)), 1.0)


def grouped(
    name: Ints, image: Ints, worth: Floats, n: int, *, most_per_image: int, look_s: float,
    new_image_s: float = NEW_IMAGE_S,
) -> list[int]:
    """Names of `n` pairs, image by image, with the most worth for the worker's time.

    Each image offers its best pairs; a group of m costs `new_image_s` + m `look_s`. Taken
    are the groups with the highest worth per second, each of the size that is best for it.

    Args:
        name, image, worth: (C,) of each candidate.
    """
    of_image: dict[int, list[int]] = defaultdict(list)
    images, worths = image.tolist(), worth.tolist()
    for place in np.argsort(-worth, kind="stable").tolist():
        if len(group := of_image[images[place]]) < most_per_image:
            group.append(place)
    offers = []
    for group in of_image.values():
        total, rate, best = 0.0, -1.0, 0
        for m, place in enumerate(group, 1):
            total += worths[place]
            if (of_m := total / (new_image_s + look_s * m)) > rate:
                rate, best = of_m, m
        offers.append((rate, group[:best], group[best:]))
    offers.sort(key=lambda offer: (-offer[0], offer[1][0]))
    chosen: list[int] = []
    rest: list[int] = []
    for _, group, more in offers:
        if len(chosen) >= n:
            break
        chosen += group[: n - len(chosen)]
        rest += more
    rest.sort(key=lambda place: -worths[place])
    chosen += rest[: n - len(chosen)]
    order = {number: place for place, number in enumerate(dict.fromkeys(images[place] for place in chosen))}
    chosen.sort(key=lambda place: order[images[place]])
    return name[chosen].tolist()
