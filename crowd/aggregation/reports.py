"""Figures for people, each as SVG and as the CSV of its numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crowd.aggregation.measures import reliability, risk_coverage
from crowd.aggregation.merged import Merged, wilson_interval
from crowd.aggregation.svg import BLUE, GRID, ORANGE, Chart
from crowd.aggregation.votes import Floats

GAP_EDGES_MM = np.array([0, 50, 100, 150, 200, 300, 400, 600, 1000])
Figure = tuple[Chart, list[str], list[tuple]]


def write_report(
    folder: Path | str, merged: Merged, truth: Floats | None = None, depth_gap_mm: Floats | None = None
) -> list[Path]:
    """Write the figures that the data allow, and return the files.

    Args:
        folder: made if it is not there.
        truth: (I,) 0, 1 or NaN; without any, what needs a truth is left out.
        depth_gap_mm: (I,) NaN where unknown; its sign does not matter.
    """
    figures = {"workers": _skills(merged), "workers-rates": _rates(merged)}
    if truth is not None and not np.isnan(truth).all():
        figures |= {"reliability": _reliability(merged, truth), "risk-coverage": _risk_coverage(merged, truth)}
        if depth_gap_mm is not None and not np.isnan(depth_gap_mm).all():
            figures["depth-gap"] = _depth_gap(merged, truth, depth_gap_mm)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, (chart, header, rows) in figures.items():
        picture, numbers = folder / f"{name}.svg", folder / f"{name}.csv"
        picture.write_text(chart.text(), encoding="utf-8")
        lines = [",".join(header), *(",".join(_cell(value) for value in row) for row in rows)]
        numbers.write_text("\n".join(lines) + "\n", encoding="utf-8")
        files += [picture, numbers]
    return files


def _probability(merged: Merged) -> Floats:
    """Without the items' own gold answers, which would flatter."""
    return merged.probability if merged.crowd_probability is None else merged.crowd_probability


def _reliability(merged: Merged, truth: Floats) -> Figure:
    edges, stated, found, n = reliability(_probability(merged), truth)
    low, high = wilson_interval(np.nan_to_num(found) * n, n)
    some = n > 0
    chart = Chart(
        "Do the probabilities mean what they say?", "probability of label 1", "share that is 1", (0, 1), (0, 1), (True, True)
    )
    chart.line([0, 1], [0, 1], color=GRID)
    chart.whiskers(stated[some], low[some], high[some])
    chart.points(
        stated[some], found[some], radius=3 + 9 * np.sqrt(n[some] / n.max()), name="size: items in the bin; bars: 95 %"
    )
    rows = list(zip(edges[:-1], edges[1:], n, stated, found, low, high))
    return chart, ["from", "to", "items", "mean_probability", "share_of_ones", "low", "high"], rows


def _risk_coverage(merged: Merged, truth: Floats) -> Figure:
    coverage, wrong, promised = risk_coverage(_probability(merged), truth)
    some = np.unique(np.linspace(0, len(coverage) - 1, 200).astype(int))
    top = max(0.1, float(np.ceil(10 * max(wrong[some].max(), promised[some].max())) / 10))
    chart = Chart(
        "What is wrong among the surest items", "share of items kept, surest first", "wrong", (0, 1), (0, top), (True, True)
    )
    chart.line(coverage[some], promised[some], color=ORANGE, dashed=True, name="promised")
    chart.line(coverage[some], wrong[some], name="found")
    return chart, ["coverage", "wrong", "promised"], list(zip(coverage[some], wrong[some], promised[some]))


def _skills(merged: Merged) -> Figure:
    skill = merged.workers.agreement[~np.isnan(merged.workers.agreement)]
    edges = np.linspace(0, 1, 21)
    n = np.histogram(skill, edges)[0]
    chart = Chart(
        "Workers by agreement with the others",
        "share of votes that agree",
        "workers",
        (0, 1),
        (0, max(5, float(n.max(initial=0)))),
        (True, False),
    )
    chart.bars(edges, n)
    return chart, ["from", "to", "workers"], list(zip(edges[:-1], edges[1:], n))


def _rates(merged: Merged) -> Figure:
    workers = merged.workers
    some = np.flatnonzero(workers.votes > 0)
    some = some[np.argsort(-workers.votes[some], kind="stable")][:2000]
    chart = Chart(
        "Right on ones, right on zeros",
        "right on items whose truth is 0",
        "right on items whose truth is 1",
        (0, 1),
        (0, 1),
        (True, True),
    )
    chart.line([0, 1], [1, 0], color=GRID, name="below this line: worse than a coin")
    size = 2 + 6 * np.sqrt(workers.votes[some] / max(workers.votes.max(initial=1), 1))
    chart.points(workers.true_negative[some], workers.true_positive[some], radius=size, color=BLUE)
    rows = list(zip(some, workers.votes[some], workers.true_positive[some], workers.true_negative[some]))
    return chart, ["worker", "votes", "true_positive", "true_negative"], rows


def _depth_gap(merged: Merged, truth: Floats, depth_gap_mm: Floats) -> Figure:
    known = ~np.isnan(truth) & ~np.isnan(depth_gap_mm)
    right = ((_probability(merged) > 0.5) == truth)[known]
    place = np.clip(np.searchsorted(GAP_EDGES_MM, np.abs(depth_gap_mm[known]), side="right") - 1, 0, len(GAP_EDGES_MM) - 2)
    n, hits = np.bincount(place, minlength=len(GAP_EDGES_MM) - 1), np.bincount(place, right, len(GAP_EDGES_MM) - 1)
    low, high = wilson_interval(hits, n)
    middle = (GAP_EDGES_MM[1:] + GAP_EDGES_MM[:-1]) / 2
    some = n > 0
    share = np.divide(hits, n, out=np.full(len(n), np.nan), where=some)
    chart = Chart(
        "Right by depth gap",
        "gap between the keypoints, mm",
        "merged labels that are right",
        (0, 1000),
        (0.4, 1),
        (False, True),
    )
    chart.whiskers(middle[some], low[some], high[some])
    chart.line(middle[some], share[some])
    chart.points(middle[some], share[some])
    return (
        chart,
        ["from_mm", "to_mm", "items", "right", "low", "high"],
        list(zip(GAP_EDGES_MM[:-1], GAP_EDGES_MM[1:], n, share, low, high)),
    )


def _cell(value) -> str:
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{value:.6g}"
    return str(value)
