"""What to ask next: the pairs whose next vote changes most, for the time that it costs.

How much a vote changes is `Fitted.expected_drop`; here it meets a worker's time.
"""

from collections import defaultdict

import numpy as np

from crowd.aggregation.votes import Floats, Ints

NEW_IMAGE_S = 2.0  # what looking at a new picture costs, beside the comparison itself


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
    for place in np.argsort(-worth, kind="stable").tolist():
        if len(group := of_image[int(image[place])]) < most_per_image:
            group.append(place)
    offers = []
    for group in of_image.values():
        sums = np.cumsum(worth[group])
        rate = sums / (new_image_s + look_s * np.arange(1, len(group) + 1))
        best = int(rate.argmax())
        offers.append((float(rate[best]), group[: best + 1], group[best + 1 :]))
    offers.sort(key=lambda offer: (-offer[0], offer[1][0]))
    chosen: list[int] = []
    rest: list[int] = []
    for _, group, more in offers:
        if len(chosen) >= n:
            break
        chosen += group[: n - len(chosen)]
        rest += more
    rest.sort(key=lambda place: -worth[place])
    chosen += rest[: n - len(chosen)]
    order = {number: place for place, number in enumerate(dict.fromkeys(image[chosen].tolist()))}
    chosen.sort(key=lambda place: order[int(image[place])])
    return name[chosen].tolist()
