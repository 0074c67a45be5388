"""Other people's aggregators behind one call: votes in, P(label 1) out. Needs requirements-bench.txt."""

from __future__ import annotations

import warnings

import numpy as np

from crowd.aggregation import Votes

CROWD_KIT = ("DawidSkene", "OneCoinDawidSkene", "GLAD", "MACE", "Wawa")
PEERS = (*CROWD_KIT, "CROWDLAB")


def run_peer(name: str, votes: Votes):
    """P(label 1) per item (I,) by one of `PEERS` with its default settings; 0.5 for an item without votes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _crowdlab(votes) if name == "CROWDLAB" else _crowd_kit(name, votes)


def frame(votes: Votes):
    import pandas

    return pandas.DataFrame({"task": votes.item, "worker": votes.worker, "label": votes.label.astype(int)})


def _crowd_kit(name: str, votes: Votes):
    from crowdkit.aggregation import GLAD, MACE, DawidSkene, OneCoinDawidSkene, Wawa

    makers = {
        "DawidSkene": lambda: DawidSkene(n_iter=100),
        "OneCoinDawidSkene": lambda: OneCoinDawidSkene(n_iter=100),
        "GLAD": lambda: GLAD(n_iter=100, silent=True),
        "MACE": lambda: MACE(random_state=0),
        "Wawa": Wawa,
    }
    model = makers[name]()
    if name == "OneCoinDawidSkene":  # its fit_predict_proba of 1.4.1 hands fit more arguments than it takes
        found = model.fit(frame(votes)).probas_
    else:
        found = model.fit_predict_proba(frame(votes))
    out = np.full(votes.n_items, 0.5)
    if 1 in found.columns:
        out[found.index.to_numpy()] = found[1].to_numpy()
    elif 0 in found.columns:
        out[found.index.to_numpy()] = 1 - found[0].to_numpy()
    return out


def _crowdlab(votes: Votes):
    """CROWDLAB wants a classifier beside the votes; here it has one that knows nothing (0.5 everywhere)."""
    from cleanlab.multiannotator import get_label_quality_multiannotator

    table = np.full((votes.n_items, votes.n_workers), np.nan)
    table[votes.item, votes.worker] = votes.label
    seen = votes.per_item > 0
    table = table[seen][:, votes.per_worker > 0]
    result = get_label_quality_multiannotator(
        table, np.full((len(table), 2), 0.5), return_detailed_quality=False, return_annotator_stats=False, verbose=False
    )["label_quality"]
    quality = result["consensus_quality_score"].to_numpy(float)
    out = np.full(votes.n_items, 0.5)
    out[seen] = np.where(result["consensus_label"].to_numpy(int) == 1, quality, 1 - quality)
    return out
