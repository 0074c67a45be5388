"""What is counted while people pass by: for the manifest, the data card and the panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crowd.releases.rows import About, Batch, WorkerRow

RISK_EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
MS_BIN, MS_BINS = 20, 30_000  # to ten minutes; a longer answer counts as that


class Tally:
    """Counts, agreement, risk, and how long answers took; a writer that writes nothing."""

    def __init__(self, folder: Path, about: About, workers: list[WorkerRow]):
        self._joints = len(about.joints)
        self._workers = workers
        self._image = None
        self._counts = dict.fromkeys(("images", "people", "pairs", "votes"), 0)
        self._train = self._with_truth = self._missing = self._occluded = 0
        self._same = self._both = self._unanimous = self._several = 0
        self._risk_sum, self._risks = 0.0, np.zeros(len(RISK_EDGES) - 1, np.int64)
        self._first = 0
        self._ms = np.zeros(MS_BINS, np.int64)

    def add(self, batch: Batch) -> None:
        for person in batch.people:
            self._counts["images"] += person.image != self._image
            self._image = person.image
            self._counts["people"] += 1
            self._train += person.is_train
            self._with_truth += person.truth_mm is not None
            self._missing += sum(place is None for place in person.keypoints)
            self._occluded += sum(place is not None and bool(flag) for place, flag in zip(person.keypoints, person.occluded))
        chose_first, times = batch.votes[1], [ms for ms in batch.votes[4] if ms is not None]
        self._counts["pairs"] += len(batch.pairs)
        self._counts["votes"] += len(chose_first)
        risks = [pair.risk for _, pair in batch.pairs]
        self._risk_sum += sum(risks)
        self._risks += np.histogram(np.minimum(risks, RISK_EDGES[-1]), RISK_EDGES)[0]
        n = np.array(batch.votes_per_pair)
        ones = np.bincount(np.repeat(np.arange(len(n)), n), np.array(chose_first, float), minlength=len(n)).astype(int)
        self._first += int(ones.sum())
        self._same += int((ones * (ones - 1) + (n - ones) * (n - ones - 1)).sum())
        self._both += int((n * (n - 1)).sum())
        self._several += int((n > 1).sum())
        self._unanimous += int(((n > 1) & ((ones == 0) | (ones == n))).sum())
        if times:
            self._ms += np.bincount(np.minimum(np.array(times) // MS_BIN, MS_BINS - 1), minlength=MS_BINS)

    def close(self) -> list[str]:
        return []

    def figures(self) -> dict:
        """`counts` and the rest; shares in 0 to 1, None where nothing could be counted."""
        counts = self._counts | {"workers": len(self._workers)}
        pairs, places = counts["pairs"], counts["people"] * self._joints
        votes_each = sorted((row.votes for row in self._workers), reverse=True)
        busiest = votes_each[: max(1, len(votes_each) // 10)]
        return {
            "counts": counts,
            "people": {
                "train": self._train, "test": counts["people"] - self._train, "with_truth": self._with_truth,
                "missing_joints": _share(self._missing, places), "occluded_joints": _share(self._occluded, places),
            },
            "votes": {
                "agreement": _share(self._same, self._both), "unanimous": _share(self._unanimous, self._several),
                "chose_first": _share(self._first, counts["votes"]),
                "response_ms": {name: self._quantile(q) for name, q in (("p10", 0.1), ("median", 0.5), ("p90", 0.9))},
            },
            "risk": {
                "mean": _share(self._risk_sum, pairs), "edges": list(RISK_EDGES), "pairs": self._risks.tolist(),
                "under_2_percent": _share(int(self._risks[:2].sum()), pairs),
                "over_20_percent": _share(int(self._risks[5:].sum()), pairs),
            },
            "workers": {
                "votes_median": int(np.median(votes_each)) if votes_each else None,
                "votes_most": votes_each[0] if votes_each else None,
                "busiest_tenth": _share(sum(busiest), counts["votes"]),
                "guess": sum(row.kind == "guesses" for row in self._workers),
                "contrary": sum(row.kind == "contrary" for row in self._workers),
            },
        }

    def _quantile(self, share: float) -> int | None:
        """Response time in ms, to the bin; None where no time is known."""
        total = int(self._ms.sum())
        if not total:
            return None
        return int(np.searchsorted(self._ms.cumsum(), share * total) * MS_BIN + MS_BIN // 2)


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None
