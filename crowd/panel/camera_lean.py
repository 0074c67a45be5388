"""The camera-lean correction (the paper, section 7.2): people judge depth as a level camera would see it.

Ground truth measures depth along the camera's axis. Where the camera looks down, a person who leans towards it or lifts a
hand changes the order along that axis and not along the level part of it, and people answer by the latter. So votes are
measured against both, wherever the image says which way is up.
"""

from itertools import pairwise

import numpy as np

from annotation.models import Image, Person
from crowd.merging import GAPS_MM

TILT_EDGES_DEG = (0, 5, 10, 15, 20, 30, 90)
STEEPEST = 0.1  # a camera that looks straight down or up has no level part to its axis


def level_axis(up: np.ndarray) -> np.ndarray:
    """(..., 3): the level part of the camera's axis, of length 1; NaN where the camera looks straight down or up.

    Args:
        up: (..., 3) of length 1, the world's up in the camera's axes: x right, y down, z away.
    """
    ahead = np.zeros_like(up)
    ahead[..., 2] = 1
    level = ahead - up[..., 2:] * up
    length = np.linalg.norm(level, axis=-1, keepdims=True)
    return np.where(length > STEEPEST, level / np.maximum(length, STEEPEST), np.nan)


def tilt_deg(up: np.ndarray) -> np.ndarray:
    """(...,): how far the camera looks down, negative where it looks up."""
    return np.degrees(-np.arcsin(np.clip(up[..., 2], -1, 1)))


def gaps(dataset: int, person: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Depth gaps as a level camera sees them, and the camera's tilt, by pair; None where no image says which way is up.

    Args:
        person, first, second: (P,) primary key of the person, indices of the joints.
    Returns: (P,) in mm, of the second minus the first, and (P,) in degrees; NaN where truth or up are unknown.
    """
    if not Image.objects.filter(dataset=dataset, up__isnull=False).exists():
        return None
    level, tilt = np.full(len(person), np.nan), np.full(len(person), np.nan)
    order = np.argsort(person, kind="stable")
    starts = np.searchsorted(person[order], np.unique(person), side="left")
    of_person = dict(zip(np.unique(person).tolist(), np.split(order, starts[1:])))
    known = Person.objects.filter(image__dataset=dataset, truth_mm__isnull=False, image__up__isnull=False)
    for pk, truth, said in known.values_list("pk", "truth_mm", "image__up").iterator():
        rows = of_person.get(pk)
        if rows is None:
            continue
        up, depth = np.array(said, float), np.array(truth, float)
        along = depth @ level_axis(up)
        level[rows] = along[second[rows]] - along[first[rows]]
        tilt[rows] = tilt_deg(up)
    return level, tilt


def figures(item: np.ndarray, chose_first: np.ndarray, p_first: np.ndarray, gap_mm: np.ndarray, level_mm: np.ndarray,
            tilt: np.ndarray) -> dict | None:
    """What the correction changes, and charts of it; None where there is nothing to measure.

    Args:
        item, chose_first: (V,) each vote's pair and answer. p_first, gap_mm, level_mm, tilt: (P,).
    """
    known = np.isfinite(gap_mm) & np.isfinite(level_mm) & (gap_mm != 0) & (level_mm != 0)
    asked = known[item]
    item, chose_first = item[asked], chose_first[asked]
    if not len(item):
        return None
    before, after = chose_first == (gap_mm[item] > 0), chose_first == (level_mm[item] > 0)
    turned = known & ((gap_mm > 0) != (level_mm > 0))
    by_level = after[turned[item]]
    decided = known & (p_first != 0.5)
    low, high = _interval(item, after.astype(float) - before)
    return {
        "n_pairs": int(known.sum()), "n_votes": len(item), "turned": int(turned.sum()),
        "raw": (float(before.mean()), float(after.mean())), "gain": (low, float(after.mean() - before.mean()), high),
        "merged": tuple(
            float(((p_first > 0.5) == (truth > 0))[decided].mean()) if decided.any() else None for truth in (gap_mm, level_mm)
        ),
        "by_level": float(by_level.mean()) if len(by_level) else None, "tilt": float(np.median(np.abs(tilt[known]))),
        "charts": [
            _by_gap(np.abs(gap_mm[item]), np.abs(level_mm[item]), before, after), _by_tilt(np.abs(tilt[item]), before, after),
        ],
    }


def _interval(item: np.ndarray, difference: np.ndarray) -> tuple[float, float]:
    """95 % of the mean difference; votes on one pair count as one look, as they are not independent."""
    _, place, n = np.unique(item, return_inverse=True, return_counts=True)
    mean = difference.mean()
    spread = np.bincount(place, difference - mean)
    half = 1.96 * float(np.sqrt((spread**2).sum())) / len(item) if len(n) > 1 else float("nan")
    return float(mean - half), float(mean + half)


def _by_gap(gap: np.ndarray, level: np.ndarray, before: np.ndarray, after: np.ndarray) -> dict:
    rows = []
    for low, high in pairwise(GAPS_MM):
        was, now = (gap >= low) & (gap < high), (level >= low) & (level < high)
        if was.any() or now.any():
            name = f"{low // 10}-{high // 10}" if high < GAPS_MM[-1] else f"over {low // 10}"
            rows.append([name, _share(before[was]), _share(after[now]), int(was.sum()), int(now.sum())])
    return {
        "id": "lean-by-gap", "title": "Before and after, by depth gap",
        "note": "Share of right votes; each truth has gaps of its own.",
        "columns": ["Gap in cm", "As the camera sees", "As a level camera", "Votes", "Votes, level"], "rows": rows,
        "type": "line", "x": 0, "x_title": "depth gap in cm",
        "series": [{"column": 1, "colour": "--ink-soft"}, {"column": 2, "colour": "--accent-fill"}],
        "y": {"min": 0.4, "max": 1, "percent": True},
    }


def _by_tilt(tilt: np.ndarray, before: np.ndarray, after: np.ndarray) -> dict:
    rows = []
    for low, high in pairwise(TILT_EDGES_DEG):
        some = (tilt >= low) & (tilt < high)
        if some.any():
            name = f"{low}-{high}" if high < TILT_EDGES_DEG[-1] else f"over {low}"
            rows.append([name, _share(before[some]), _share(after[some]), int(some.sum())])
    return {
        "id": "lean-by-tilt", "title": "Before and after, by the camera's tilt",
        "note": "Degrees by which the camera looks down or up.",
        "columns": ["Tilt in degrees", "As the camera sees", "As a level camera", "Votes"], "rows": rows, "type": "line",
        "x": 0, "x_title": "tilt in degrees",
        "series": [{"column": 1, "colour": "--ink-soft"}, {"column": 2, "colour": "--accent-fill"}],
        "y": {"min": 0.4, "max": 1, "percent": True},
    }


def _share(right: np.ndarray) -> float | None:
    return float(right.mean()) if len(right) else None
