"""Which poses differ most from each other, by their 2D keypoints. Pure NumPy."""

import numpy as np


def shapes(keypoints: list) -> np.ndarray:
    """Poses without place and size.

    Args:
        keypoints: N people's [[x, y] or null, ...], K each, pixels.
    Returns: (N, 2 K) float32: about their mean, root mean square distance 1; a missing keypoint lies at the mean.
    """
    places = np.array([[point or (np.nan, np.nan) for point in person] for person in keypoints], np.float64)
    known = ~np.isnan(places[..., :1])
    count = np.maximum(known.sum(1, keepdims=True), 1)
    about = np.where(known, places - np.where(known, places, 0).sum(1, keepdims=True) / count, 0)
    size = np.sqrt(np.square(about).sum((1, 2), keepdims=True) / count)
    return (about / np.maximum(size, 1e-9)).reshape(len(places), -1).astype(np.float32)


def farthest_first(points: np.ndarray, n: int, *, covered: np.ndarray | None = None) -> list[int]:
    """Greedy k-centre (Gonzalez 1985): each next point is the one farthest from all before it.

    Args:
        points: (N, D).
        covered: (M, D) points that count as chosen already; without them the first is the one nearest to the middle.
    Returns: at most n indices.
    """
    norms = np.square(points).sum(1)
    if covered is not None and len(covered):
        nearest = np.full(len(points), np.inf, np.float32)
        for begin in range(0, len(covered), 500):
            some = covered[begin : begin + 500]
            squares = norms[:, None] - 2 * points @ some.T + np.square(some).sum(1)
            nearest = np.minimum(nearest, squares.min(1))
        at = int(nearest.argmax())
    else:
        nearest = np.full(len(points), np.inf, np.float32)
        at = int(np.square(points - points.mean(0)).sum(1).argmin())
    chosen = []
    while len(chosen) < min(n, len(points)):
        chosen.append(at)
        nearest = np.minimum(nearest, norms - 2 * points @ points[at] + norms[at])
        nearest[at] = -1
        at = int(nearest.argmax())
    return chosen
