"""What a run's page says: how training goes, what it brought, and the poses."""

from django.core.paginator import Paginator
from django.http import HttpRequest

from annotation.panel.drawings import drawing, side_of
from modeling.models import Prediction, Run

PER_PAGE = 24
NAMES = (  # key in the figures, words, unit, digits, whether less is better
    ("pa_mpjpe_mm", "Error after Procrustes alignment (PA-MPJPE)", "mm", 1, True),
    ("mpjpe_mm", "Error per joint (MPJPE)", "mm", 1, True),
    ("order_accuracy", "Pairs in the right order", "%", 1, False),
    ("labels_wrong", "Labels that the poses contradict", "%", 1, True),
    ("people", "People measured on", "", 0, None),
)


def before_and_after(run: Run) -> list[dict]:
    """The run's figures beside those of flat poses, which know nothing of depth."""
    before, after = run.figures.get("before", {}), run.figures.get("after", {})
    rows = []
    for key, title, unit, digits, less_is_better in NAMES:
        if after.get(key) is None and before.get(key) is None:
            continue
        factor = 100 if unit == "%" else 1
        old, new = (None if part.get(key) is None else factor * part[key] for part in (before, after))
        better = None
        if old is not None and new is not None and less_is_better is not None and old != new:
            better = (new < old) == less_is_better
        rows.append({
            "title": title, "unit": unit, "better": better,
            "before": "–" if old is None else f"{old:.{digits}f}", "after": "–" if new is None else f"{new:.{digits}f}",
        })
    return rows


def tiles(run: Run) -> list[dict]:
    after = run.figures.get("after", {})
    before = run.figures.get("before", {})
    shown = []
    if after.get("pa_mpjpe_mm") is not None:
        was = f"{before['pa_mpjpe_mm']:.0f} mm before" if before.get("pa_mpjpe_mm") is not None else ""
        shown.append({"label": "PA-MPJPE", "value": f"{after['pa_mpjpe_mm']:.0f} mm", "detail": was})
    if after.get("mpjpe_mm") is not None:
        was = f"{before['mpjpe_mm']:.0f} mm before" if before.get("mpjpe_mm") is not None else ""
        shown.append({"label": "MPJPE", "value": f"{after['mpjpe_mm']:.0f} mm", "detail": was})
    if after.get("order_accuracy") is not None:
        share = f"{100 * after['order_accuracy']:.1f} %"
        shown.append({"label": "Right order", "value": share, "detail": "of pairs of joints"})
    return shown


def curve_chart(run: Run) -> dict:
    """Loss and held-out order by epoch; rows as the page's live part replaces them."""
    return {
        "id": "curve", "title": "Training", "columns": ["Epoch", "Loss", "Held-out loss", "Held-out pairs in order"],
        "rows": curve_rows(run), "type": "line", "x": 0, "x_title": "epoch",
        "series": [
            {"column": 1, "colour": "--accent-fill"}, {"column": 2, "colour": "--ink-soft", "dashed": True},
            {"column": 3, "axis": "y2", "colour": "--first"},
        ],
        "y": {"title": "loss", "zero": False}, "y2": {"title": "pairs in order", "percent": True},
    }


def curve_rows(run: Run) -> list[list]:
    return [
        [
            entry.get("epoch"), entry.get("loss"), entry.get("held_out_loss"),
            entry.get("held_out_order", entry.get("order_accuracy")),
        ]
        for entry in run.curve
    ]


def gallery(run: Run, request: HttpRequest) -> dict:
    """A page of people with what the run makes of each: the picture, and the pose from the front and from the side."""
    predictions = Prediction.objects.filter(run=run).select_related("person__image").order_by(
        "person__image__name", "person__number"
    )
    page = Paginator(predictions, PER_PAGE).get_page(request.GET.get("page"))
    skeleton = run.release.campaign.dataset.skeleton
    return {
        "predictions_page": page,
        "gallery": [
            {
                "drawing": drawing(row.person, skeleton),
                "side": projection(row.pose_mm, skeleton, across=2),
                "person": row.person,
            }
            for row in page
        ],
    }


def projection(pose_mm: list, skeleton, *, across: int) -> dict:
    """A pose seen along an axis, as lines for an SVG of 100 by 100.

    Args:
        across: the axis that runs to the right; 2 shows the pose from its side, the camera on the left.
    """
    xs, ys = [point[across] for point in pose_mm], [point[1] for point in pose_mm]
    span = max(max(xs) - min(xs), max(ys) - min(ys), 1.0)
    middle_x, middle_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    points = [
        (round(50 + 84 * (x - middle_x) / span, 1), round(50 + 84 * (y - middle_y) / span, 1)) for x, y in zip(xs, ys)
    ]
    return {
        "bones": [
            {"x1": points[a][0], "y1": points[a][1], "x2": points[b][0], "y2": points[b][1], "side": side_of(b, skeleton)}
            for a, b in skeleton.bones
        ]
    }


def demonstration_figures(job) -> list[tuple[str, str]]:
    """What a demonstration brought, in words; nothing before it has ended."""
    found = job.figures
    lifter = found.get("lifter", {})
    rows = [
        ("Votes", found.get("votes") and f"{found['votes']:,} on {found['pairs']:,} pairs, by {found['workers']:,} workers"),
        ("Single votes right", _percent(found.get("accuracy_raw"))),
        ("Majority right", _percent(found.get("accuracy_majority"))),
        ("Consensus right", _percent(found.get("accuracy_merged"))),
        ("Money", found.get("total_usd") and f"${found['total_usd']}, of it ${found['fee_usd']} fees"),
        ("Wage", found.get("wage_usd_per_hour") and f"${found['wage_usd_per_hour']} an hour"),
    ]
    for key, title, unit, digits, less_is_better in NAMES:
        before, after = (lifter.get(part, {}).get(key) for part in ("before", "after"))
        if after is None or less_is_better is None:
            continue
        factor = 100 if unit == "%" else 1
        was = f", before {factor * before:.{digits}f} {unit}" if before is not None else ""
        rows.append((title, f"{factor * after:.{digits}f} {unit}{was}"))
    return [(title, words) for title, words in rows if words]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"
