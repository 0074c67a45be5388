"""What a merge's page says: how right, how sure, and what each worker is worth."""

from itertools import pairwise

import numpy as np

from annotation.models import Pair, Person
from crowd.aggregation.measures import risk_coverage
from crowd.models import Merge

BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
AGREEMENT_EDGES = np.linspace(0.3, 1.0, 15)
SHARES_KEPT = np.arange(1, 21) / 20


def gap_chart(merge: Merge) -> dict | None:
    """Accuracy of raw votes and of the consensus by how far apart in depth the two keypoints are (the paper, Fig. 4)."""
    by_gap = [row for row in merge.figures.get("accuracy_by_gap", ()) if row["votes"]]
    if not by_gap:
        return None
    rows = [
        [
            f"{row['from_mm'] // 10}-{row['to_mm'] // 10}" if row["to_mm"] < 5000 else f"over {row['from_mm'] // 10}",
            row["raw"], row["merged"], row["votes"],
        ]
        for row in by_gap
    ]
    return {
        "id": "accuracy-by-gap", "title": "Accuracy by depth gap", "note": "Against the ground truth.",
        "columns": ["Gap in cm", "Single votes", "Consensus", "Votes"], "rows": rows, "type": "line", "x": 0,
        "x_title": "depth gap in cm",
        "series": [{"column": 1, "colour": "--ink-soft"}, {"column": 2, "colour": "--accent-fill"}],
        "y": {"min": 0.4, "max": 1, "percent": True},
    }


def consensus_table(merge: Merge) -> np.ndarray:
    """(P, 3): p_first, risk and z of the second minus z of the first in mm.

    The last is NaN where unknown, and for gold pairs, whose answer was told to the merge: they would flatter it.
    """
    rows = list(merge.consensuses.order_by("pair_id").values_list("pair_id", "p_first", "risk"))
    if not rows:
        return np.empty((0, 3))
    table = np.array([(p, risk, np.nan) for _, p, risk in rows])
    index = {pair: number for number, (pair, _, _) in enumerate(rows)}
    dataset = merge.campaign.dataset_id
    truths = dict(
        Person.objects.filter(image__dataset=dataset, truth_mm__isnull=False).values_list("pk", "truth_mm").iterator()
    )
    if truths:
        asked = Pair.objects.filter(person__image__dataset=dataset, gold_first__isnull=True)
        pairs = asked.values_list("pk", "person_id", "first", "second")
        for pair, person, first, second in pairs.iterator():
            if pair in index and person in truths:
                truth = truths[person]
                table[index[pair], 2] = truth[second][2] - truth[first][2]
    return table


def confidence_chart(table: np.ndarray) -> dict | None:
    """Whether probabilities can be trusted: what the consensus claims, and how often it is right."""
    known = table[np.isfinite(table[:, 2]) & (table[:, 2] != 0)]
    if len(known) < 10:
        return None
    sure = np.maximum(known[:, 0], 1 - known[:, 0])
    right = (known[:, 0] > 0.5) == (known[:, 2] > 0)
    rows = []
    for low, high in pairwise(BINS):
        some = (sure >= low) & (sure < high if high < 1 else sure <= 1)
        if some.any():
            rows.append([float(sure[some].mean()), float(right[some].mean()), int(some.sum())])
    return {
        "id": "confidence", "title": "Does it know what it knows?", "note": "On the dashed line, claimed and true agree.",
        "columns": ["Claimed", "Right", "Pairs"], "rows": rows, "type": "scatter", "x": 0,
        "x_title": "claimed probability", "series": [{"column": 1, "label": "Consensus"}],
        "y": {"title": "share that is right", "min": 0.4, "max": 1, "percent": True},
        "limits": {"min": 0.5, "max": 1, "percent": True}, "diagonal": {"from": 0.5, "to": 1, "label": "as claimed"},
    }


def coverage_chart(table: np.ndarray) -> dict | None:
    """What is wrong among the surest pairs, as ever more of them are kept."""
    known = table[np.isfinite(table[:, 2]) & (table[:, 2] != 0)]
    if len(known) < 10:
        return None
    coverage, wrong, promised = risk_coverage(known[:, 0], (known[:, 2] > 0).astype(float))
    kept = sorted({max(1, round(len(known) * share)) for share in SHARES_KEPT})
    rows = [[f"{100 * coverage[n - 1]:.0f} %", float(wrong[n - 1]), float(promised[n - 1]), n] for n in kept]
    return {
        "id": "risk-coverage", "title": "Wrong among the surest",
        "note": "Of the pairs kept, surest first: how many are wrong, and how many the merge says are.",
        "columns": ["Pairs kept", "Wrong", "Said to be wrong", "Pairs"], "rows": rows, "type": "line", "x": 0,
        "x_title": "share of the pairs that is kept, surest first",
        "series": [{"column": 1}, {"column": 2, "colour": "--ink-soft", "dashed": True}],
        "y": {"title": "wrong", "min": 0, "percent": True},
    }


def risk_chart(table: np.ndarray) -> dict | None:
    if not len(table):
        return None
    edges = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
    counts, _ = np.histogram(np.minimum(table[:, 1], 0.4999), edges)
    rows = [
        [f"{100 * low:.0f}-{100 * high:.0f} %", int(count)] for (low, high), count in zip(pairwise(edges), counts)
    ]
    return {
        "id": "risk", "title": "Pairs by risk", "note": "The risk is the probability that the likelier answer is wrong.",
        "columns": ["Risk", "Pairs"], "rows": rows, "type": "bar", "x": 0, "x_title": "risk", "series": [{"column": 1}],
        "y": {"title": "pairs"},
    }


def table_charts(merge: Merge) -> list[dict | None]:
    """The charts that need every pair's consensus."""
    table = consensus_table(merge)
    return [confidence_chart(table), coverage_chart(table), risk_chart(table)]


def agreement_chart(agreements: list[float | None]) -> dict | None:
    """Workers by how often they say what the others say without them; whoever was never beside others is left out."""
    known = [share for share in agreements if share is not None]
    if not known:
        return None
    counts, edges = np.histogram(np.clip(known, 0.3001, 0.9999), AGREEMENT_EDGES)
    rows = [
        [f"{100 * low:.0f}-{100 * high:.0f} %", int(count)] for (low, high), count in zip(pairwise(edges), counts)
    ]
    return {
        "id": "agreement", "title": "Workers by agreement",
        "note": "Share of a worker's votes that say what the others say, his own left out.",
        "columns": ["Agreement", "Workers"], "rows": rows, "type": "bar", "x": 0, "x_title": "agreement with the others",
        "series": [{"column": 1, "colour": "--first"}], "y": {"title": "workers"},
    }


def tiles(merge: Merge) -> list[dict]:
    figures = merge.figures
    shown = [
        {"label": "Votes", "value": f"{figures.get('votes', 0):,}", "detail": f"by {figures.get('workers', 0):,} workers"},
        {"label": "Pairs", "value": f"{figures.get('pairs', 0):,}"},
    ]
    if figures.get("mean_risk") is not None:
        shown.append({"label": "Mean risk", "value": f"{100 * figures['mean_risk']:.1f} %", "detail": "of the likelier answer"})
    if figures.get("accuracy_merged") is not None:
        raw, merged = figures["accuracy_raw"], figures["accuracy_merged"]
        shown += [
            {"label": "Single votes right", "value": f"{100 * raw:.1f} %", "detail": "against ground truth"},
            {"label": "Consensus right", "value": f"{100 * merged:.1f} %", "detail": "against ground truth"},
        ]
    return shown
