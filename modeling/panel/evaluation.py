"""A run measured by the paper's protocols, as charts with their tables, and in words."""

from modeling.models import Run

CHANCE = 0.5


def facts(run: Run) -> list[tuple[str, str]]:
    """Figures of the whole, each with the protocol's name."""
    found, calibration = run.evaluation, run.evaluation.get("calibration") or {}

    def mm(value: float) -> str:
        return f"{value:.1f} mm"

    def percent(value: float) -> str:
        return f"{100 * value:.1f} %"

    rows = [
        ("Measured on", f"{found['people']:,} {found['of']}" if "people" in found else None),
        ("MPJPE, optimal scale", _said(found.get("mpjpe_mm"), mm)),
        ("PA-MPJPE (Procrustes)", _said(found.get("pa_mpjpe_mm"), mm)),
        ("MPJPE, the scale of the paper's code", _said(found.get("mpjpe_paper_scale_mm"), mm)),
        ("PCK@150: joints within 150 mm", _said(found.get("pck_150"), percent)),
        ("PA-MPJPE, mean over actions", _said((found.get("per_action_mm") or {}).get("mean"), mm)),
        ("Labels the poses contradict (the paper's LSP measure)", _said(found.get("labels_wrong"), percent)),
        ("Labels measured", _said(found.get("labels"), "{:,}".format)),
        ("Log loss of the labels; 0.693 is a coin", _said(found.get("label_log_loss"), "{:.3f}".format)),
        ("Calibration error of all pairs' orders", _said(calibration.get("calibration_error"), percent)),
        ("Brier score of all pairs' orders; 0.25 is a coin", _said(calibration.get("brier"), "{:.3f}".format)),
    ]
    return [(title, words) for title, words in rows if words]


def _said(value, words) -> str | None:
    return None if value is None else words(value)


def charts(run: Run) -> list[dict]:
    """Error of each joint, order by depth gap, calibration; those that there are figures for."""
    found = run.evaluation
    return [chart for chart in (_by_joint(found), _by_gap(found), _calibration(found)) if chart]


def _by_joint(found: dict) -> dict | None:
    scaled, aligned = found.get("per_joint_mm"), found.get("per_joint_pa_mm", {})
    if not scaled:
        return None
    return {
        "id": "joints", "title": "Error of each joint", "columns": ["Joint", "Optimal scale, mm", "Procrustes, mm"],
        "rows": [[joint, value, aligned.get(joint)] for joint, value in scaled.items()], "type": "bar", "x": 0,
        "series": [{"column": 1}, {"column": 2, "colour": "--second"}], "y": {"title": "mm"},
    }


def _by_gap(found: dict) -> dict | None:
    rows = [
        [f"{name} mm", row["share"], row["pairs"]]
        for name, row in (found.get("order_by_gap") or {}).items() if name != "all"
    ]
    if not rows:
        return None
    return {
        "id": "order-by-gap", "title": "Pairs in the right order, by their gap in depth",
        "note": "All pairs of joints against the ground truth.", "columns": ["Gap in depth", "In order", "Pairs"], "rows": rows,
        "type": "bar", "x": 0, "series": [{"column": 1}], "y": {"title": "in order", "percent": True, "min": 0, "max": 1},
    }


def _calibration(found: dict) -> dict | None:
    bins = (found.get("calibration") or {}).get("bins")
    if not bins:
        return None
    return {
        "id": "calibration", "title": "Does it know what it knows?",
        "note": "On the dashed line, claimed and true agree. These probabilities become the priors of a promotion.",
        "columns": ["Claimed", "Right", "Pairs"], "rows": [[row["said"], row["right"], row["pairs"]] for row in bins],
        "type": "scatter", "x": 0, "x_title": "claimed probability", "series": [{"column": 1, "label": "The lifter"}],
        "y": {"title": "share that is right", "min": 0.4, "max": 1, "percent": True},
        "limits": {"min": CHANCE, "max": 1, "percent": True}, "diagonal": {"from": CHANCE, "to": 1, "label": "as claimed"},
    }
