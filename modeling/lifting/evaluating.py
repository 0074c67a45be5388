"""What a run is worth on data: errors where the truth is known, agreement with labels where there are any."""

from pathlib import Path

import numpy as np

from . import checkpoint, metrics
from .data import LiftingData, check
from .predicting import Lifter, _lifted, _probabilities, open_run, people_from


def evaluate(folder: str | Path, data: LiftingData, *, people: str = "all", noise_px: float = 0.0, seed: int = 0) -> dict:
    """All measures of a run, rounded, ready for JSON.

    Args:
        people: 'all', 'train' or 'test' of the data.
        noise_px: deviation of Gaussian noise put on the 2D input first (Fig. 4c states variances, the square of this).
    Returns: people; where 3D poses are known: mpjpe_mm (optimal scale), pa_mpjpe_mm, mpjpe_paper_scale_mm, pck_150 (share of
        joints within 150 mm, optimal scale), per_joint_mm and per_joint_pa_mm, poses_by_pa_mm (share of poses by their mean
        error, ten millimetres a step, the last one open), per_action_mm (PA, mean and by action),
        order_by_gap and calibration (of probabilities of all pairs); where there are labels: labels, labels_wrong (share of
        decided labels with the opposite order: the paper's LSP measure) and label_log_loss.
    Raises: WrongSkeleton if the data has other joints than the run, BadData for data that cannot be used.
    """
    lifter = folder if isinstance(folder, Lifter) else open_run(folder)
    check(data)
    checkpoint.same_joints(lifter.skeleton, data.skeleton, data.where)
    if people != "all":
        data = data.people(data.is_train.astype(bool) if people == "train" else ~data.is_train.astype(bool))
    pose2d = data.pose2d
    if noise_px:
        pose2d = pose2d + np.random.default_rng(seed).normal(0, noise_px, pose2d.shape).astype(np.float32)
    seen = people_from(lifter, pose2d, data.visible, data.image_size)
    pose, _, apart, spread = _lifted(lifter, seen)
    found: dict = {"people": len(data)}
    if data.pose3d is not None and np.isfinite(data.pose3d).any():
        found |= _against_truth(pose, data)
        if lifter.config.method == "depth":
            found["calibration"] = _calibration(apart, spread, data)
    decided = data.p_first != 0.5
    if len(data.pair_person):
        found["labels"] = len(data.pair_person)
        agree = metrics.order_share(pose, data.pair_person, data.pair_joints, data.p_first)
        found["labels_wrong"] = round(1 - agree, 4) if decided.any() else None
        said = _probabilities(lifter, seen, data.pair_person, data.pair_joints)
        found["label_log_loss"] = round(metrics.calibration_table(said, data.p_first)["log_loss"], 4)
    return found


def _against_truth(pose: np.ndarray, data: LiftingData) -> dict:
    known = np.isfinite(data.pose3d).all(-1).sum(1) > 1
    pose, truth = pose[known], data.pose3d[known]
    scaled = metrics.distances_mm(pose, truth, "scale")
    aligned = metrics.distances_mm(pose, truth, "procrustes")
    found = {
        "mpjpe_mm": round(float(np.nanmean(scaled)), 2), "pa_mpjpe_mm": round(float(np.nanmean(aligned)), 2),
        "mpjpe_paper_scale_mm": round(float(np.nanmean(metrics.distances_mm(pose, truth, "paper"))), 2),
        "pck_150": round(float((scaled[np.isfinite(scaled)] < 150).mean()), 4),
        "per_joint_mm": {name: _rounded(scaled[:, k]) for k, name in enumerate(data.skeleton.joints)},
        "per_joint_pa_mm": {name: _rounded(aligned[:, k]) for k, name in enumerate(data.skeleton.joints)},
        "poses_by_pa_mm": metrics.share_by_ten(np.nanmean(aligned, axis=1)),
        "order_by_gap": {
            name: {"share": round(row["share"], 4), "pairs": row["pairs"]}
            for name, row in metrics.order_accuracy_by_gap(pose, truth).items()
        },
    }  # fmt: skip
    if data.action is not None:
        action = data.action[known]
        by_action = {str(name): _rounded(aligned[action == name]) for name in np.unique(action)}
        found["per_action_mm"] = {"mean": round(float(np.mean(list(by_action.values()))), 2), "by_action": by_action}
    return found


def _rounded(values: np.ndarray) -> float | None:
    return round(float(np.nanmean(values)), 2) if np.isfinite(values).any() else None


def _calibration(apart: np.ndarray, spread: np.ndarray, data: LiftingData) -> dict:
    from scipy.special import ndtr

    first, second = np.triu_indices(data.pose2d.shape[1], 1)
    gap = data.pose3d[:, second, 2] - data.pose3d[:, first, 2]
    known = np.isfinite(gap)
    said = np.clip(ndtr(apart / np.maximum(np.sqrt(spread), 1.0)), 1e-4, 1 - 1e-4)
    table = metrics.calibration_table(said[known], gap[known] > 0)
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in table.items()}
