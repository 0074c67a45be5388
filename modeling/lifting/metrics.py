"""How good poses are. NumPy only; N people, K joints; joints that are NaN in the truth are left out.

Protocols: error with the optimal scale (a relative lifter cannot know metres), Procrustes-aligned error, PCK, per joint and per
action; order accuracy by depth gap; the share of relative labels that are wrong (the paper's LSP measure).
"""

from itertools import pairwise

import numpy as np

GAPS_MM = (0, 50, 100, 200, 400, np.inf)


def distances_mm(pose: np.ndarray, truth: np.ndarray, align: str = "scale") -> np.ndarray:
    """(N, K) distance of each joint from the truth, NaN where that is unknown.

    Args:
        pose, truth: (N, K, 3), both about the root.
        align: 'none'; 'scale', the least-squares scale of each pose; 'procrustes', least-squares scale, rotation and shift;
            'paper', the scale of the Procrustes fit without its rotation and shift, as the paper's code takes it.
    """
    known = np.isfinite(truth).all(-1)
    weight = known[..., None].astype(float)
    x, y = np.where(known[..., None], pose, 0.0).astype(float), np.where(known[..., None], truth, 0.0).astype(float)
    if align == "scale":
        x = x * ((x * y).sum((1, 2)) / np.maximum((x * x).sum((1, 2)), 1e-12))[:, None, None]
    elif align in ("procrustes", "paper"):
        scale, rotation, from_middle, to_middle = procrustes(x, y, weight)
        x = scale[:, None, None] * ((x - from_middle) @ rotation if align == "procrustes" else x)
        if align == "procrustes":
            x = x + to_middle
    elif align != "none":
        raise ValueError(f"align = {align!r}: give none, scale, procrustes or paper.")
    return np.where(known, np.linalg.norm(x - y, axis=-1), np.nan)


def procrustes(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scale (N,), rotation (N, 3, 3), middles (N, 1, 3): scale (x - mx) R + my is nearest to y, without mirroring."""
    count = np.maximum(weight.sum(1, keepdims=True), 1)
    from_middle, to_middle = (x * weight).sum(1, keepdims=True) / count, (y * weight).sum(1, keepdims=True) / count
    x, y = (x - from_middle) * weight, (y - to_middle) * weight
    left, stretch, right = np.linalg.svd(x.transpose(0, 2, 1) @ y)
    flip = np.sign(np.linalg.det(left @ right))
    left[:, :, 2] *= flip[:, None]
    stretch[:, 2] *= flip
    scale = stretch.sum(1) / np.maximum((x * x).sum((1, 2)), 1e-12)
    return scale, left @ right, from_middle, to_middle


def error_mm(pose: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Mean over people and joints: with optimal scale, and Procrustes-aligned."""
    some = np.isfinite(truth).all(-1).sum(1) > 1
    if not some.any():
        return float("nan"), float("nan")
    return (
        float(np.nanmean(distances_mm(pose[some], truth[some], "scale"))),
        float(np.nanmean(distances_mm(pose[some], truth[some], "procrustes"))),
    )


def share_by_ten(error: np.ndarray, last: int = 150) -> list[float]:
    """Share of errors (N,) in 0-10, 10-20 ... and from `last` on, in millimetres."""
    place = np.minimum(error // 10, last // 10).astype(int)
    return [round(float(share), 4) for share in np.bincount(place, minlength=last // 10 + 1) / max(len(error), 1)]


def order_share(pose: np.ndarray, person: np.ndarray, joints: np.ndarray, p_first: np.ndarray) -> float:
    """Share of decided labels that the pose's order agrees with; NaN without any."""
    decided = p_first != 0.5
    if not decided.any():
        return float("nan")
    person, joints, p_first = person[decided], joints[decided], p_first[decided]
    first_nearer = pose[person, joints[:, 0], 2] < pose[person, joints[:, 1], 2]
    return float((first_nearer == (p_first > 0.5)).mean())


def order_accuracy_by_gap(pose: np.ndarray, truth: np.ndarray, gaps_mm=GAPS_MM) -> dict[str, dict[str, float]]:
    """Share of all joint pairs in the right order, by their true distance in depth."""
    first, second = np.triu_indices(truth.shape[1], 1)
    true_gap = truth[:, second, 2] - truth[:, first, 2]
    said = pose[:, second, 2] - pose[:, first, 2]
    known = np.isfinite(true_gap) & (true_gap != 0)
    right = (np.sign(true_gap) == np.sign(said))[known]
    gap = np.abs(true_gap[known])
    table = {"all": {"share": float(right.mean()) if len(right) else float("nan"), "pairs": len(right)}}
    for low, high in pairwise(gaps_mm):
        inside = (gap >= low) & (gap < high)
        name = f"{low:g}-{high:g}" if np.isfinite(high) else f"over {low:g}"
        table[name] = {"share": float(right[inside].mean()) if inside.any() else float("nan"), "pairs": int(inside.sum())}
    return table


def calibration_table(p_first: np.ndarray, first_is_nearer: np.ndarray, bins: int = 10) -> dict:
    """How far probabilities keep their word: log loss, Brier score, expected calibration error, and a row per bin.

    Args: p_first (P,) said, first_is_nearer (P,) bool or the share of votes.
    """
    p, y = np.clip(np.asarray(p_first, float), 1e-6, 1 - 1e-6), np.asarray(first_is_nearer, float)
    sure, right = np.maximum(p, 1 - p), np.where(p >= 0.5, y, 1 - y)
    place = np.minimum(((sure - 0.5) * 2 * bins).astype(int), bins - 1)
    rows, error = [], 0.0
    for number in range(bins):
        inside = place == number
        if inside.any():
            said, kept = float(sure[inside].mean()), float(right[inside].mean())
            rows.append({"said": round(said, 4), "right": round(kept, 4), "pairs": int(inside.sum())})
            error += abs(said - kept) * inside.mean()
    return {
        "log_loss": float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()), "brier": float(((p - y) ** 2).mean()),
        "calibration_error": float(error), "bins": rows,
    }  # fmt: skip
