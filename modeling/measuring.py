"""What a run is worth, in figures for its row: before and after, by the paper's protocols, and against chance."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modeling.models import Run

if TYPE_CHECKING:
    from modeling.lifting import LiftingData


def figures(output: Path, data: "LiftingData", trained) -> tuple[dict, dict]:
    """The run's figures, and its evaluation by the paper's protocols.

    Measured on people whose labels were kept out of training (`is_train` of the release), or on everybody where the
    release keeps nobody out.

    Args:
        output: the run's folder. trained: what `lifting.fit` returned.
    Returns: `Run.figures` (before, after, everybody, held_out, ...) and `Run.evaluation`.
    """
    from modeling import lifting

    lifter = lifting.open_run(output)
    kept_out = bool((~data.is_train).any())
    everybody = lifting.evaluate(lifter, data)
    measured = lifting.evaluate(lifter, data, people="test") if kept_out else everybody
    brief = {
        "before": flat(data.people(~data.is_train) if kept_out else data), "after": _brief(measured),
        "everybody": _brief(everybody), "people_were_kept_out": kept_out, "held_out": _held_out(measured, kept_out, trained),
        "best_epoch": trained.best_epoch, "stopped": trained.stopped, "settings": trained.config.to_json(),
        "seconds": trained.seconds,
    }
    return as_json(brief), as_json(measured | {"of": "people kept out of training" if kept_out else "everybody"})


def _brief(measured: dict) -> dict:
    """What lists and the demonstration show; errors only where the truth is known."""
    names = ("people", "mpjpe_mm", "pa_mpjpe_mm", "labels", "labels_wrong", "label_log_loss")
    found = {name: measured[name] for name in names if measured.get(name) is not None}
    if by_gap := measured.get("order_by_gap"):
        found |= {"order_accuracy": by_gap["all"]["share"], "order_by_gap": by_gap}
    return found


def _held_out(measured: dict, kept_out: bool, trained) -> dict:
    """Share of labels in the right order, of people whose labels taught nothing; empty where there are none.

    Those that the release keeps out are asked first; else those that training held out to choose its best epoch.
    """
    if kept_out and measured.get("labels_wrong") is not None:
        return {"labels": measured["labels"], "order": round(1 - measured["labels_wrong"], 4), "of": "the release"}
    best = next((entry for entry in trained.curve if entry["epoch"] == trained.best_epoch), {})
    if best.get("held_out_order") is None:
        return {}
    labels = trained.record.get("calibration", {}).get("held_out_labels")
    return {"labels": labels, "order": best["held_out_order"], "of": "training"}


def flat(data: "LiftingData") -> dict:
    """What is known before anything was learnt: the figure as it lies in the image plane, without depth."""
    from modeling.lifting import metrics

    if data.pose3d is None or not np.isfinite(data.pose3d).any():
        return {}
    middle = np.nanmean(data.pose2d, axis=1, keepdims=True)
    plane = np.where(np.isnan(data.pose2d), middle, data.pose2d)
    pose = np.concatenate([plane - plane[:, [data.skeleton.root]], np.zeros_like(plane[..., :1])], axis=-1)
    scaled, aligned = metrics.error_mm(pose, data.pose3d)
    return {"mpjpe_mm": round(scaled, 2), "pa_mpjpe_mm": round(aligned, 2)}


def worse_than_chance(run: Run) -> str:
    """A sentence where the run orders held-out labels no better than a coin; empty where it does better or none are known."""
    held_out = run.figures.get("held_out") or {}
    order = held_out.get("order")
    if order is None or order > 0.5:
        return ""
    count = f"{held_out['labels']:,} " if held_out.get("labels") else ""
    return f"{run.name} orders {order:.1%} of the {count}labels right that it did not learn from: no better than a coin."


def as_json(value):
    """The same with None for what is not a number, which JSON cannot say."""
    if isinstance(value, dict):
        return {key: as_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
