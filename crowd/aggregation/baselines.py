"""Methods to compare with: majority, Lean as the paper ran it, Dawid-Skene, and a GLAD-like model of difficulty."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit, logit

from crowd.aggregation.merged import Merged, Workers, agreement_with_others, wilson_interval
from crowd.aggregation.votes import Floats, Votes

LEAN_FINISHED_RISK = 0.02


def majority(
    votes: Votes, *, prior: Floats | None = None, gold: Floats | None = None, seed: int = 0, smoothing: float = 1.0
) -> Merged:
    """Share of votes for label 1 with `smoothing` pseudo-votes on either side. Uses neither prior nor gold."""
    n = votes.per_item
    probability = (votes.ones + smoothing) / np.maximum(n + 2 * smoothing, 1e-9)
    probability = np.where(n + smoothing == 0, 0.5, probability)
    others_n, others_ones = n[votes.item] - 1, votes.ones[votes.item] - votes.label
    others = np.where(others_n > 0, others_ones / np.maximum(others_n, 1), np.nan)
    label = np.where(2 * votes.ones == n, 0.5, (2 * votes.ones > n).astype(float))[votes.item]
    hits = np.bincount(votes.worker, np.where(votes.label == 1, label, 1 - label), minlength=votes.n_workers)
    return _merged("majority", votes, probability, others, hits, votes.per_worker, None, {"smoothing": smoothing})


def lean(votes: Votes, *, prior: Floats | None = None, gold: Floats | None = None, seed: int = 0, rounds: int = 10) -> Merged:
    """Lean Crowdsourcing's binary model as the paper ran it (Branson et al. 2017, the code of 2018).

    Pooled parameters come once from majority labels y' with 15 pseudo-votes at 0.5 / 0.8 / 0.8, each vote counted:
    pi = (7.5 + sum y') / (15 + V), A = (12 + sum y' z) / (15 + sum y'), B = (12 + sum (1-y')(1-z)) / (15 + sum (1-y')).
    Each round then sets p = 1 / (1 + exp(l0 - l1)) and a_w = (10 A + sum p z) / (10 + sum p), b_w alike. An item's
    prior takes the place of pi. Five votes that err together count as five independent ones: its risks are far too low
    where people share a misperception.
    """
    item, worker, z, n_workers = votes.item, votes.worker, votes.label.astype(float), votes.n_workers
    tie = 2 * votes.ones == votes.per_item
    y = np.where(tie, 0.5, (2 * votes.ones > votes.per_item).astype(float))[item]
    pi = (7.5 + y.sum()) / (15 + len(votes))
    pooled_a = (12 + (y * z).sum()) / (15 + y.sum())
    pooled_b = (12 + ((1 - y) * (1 - z)).sum()) / (15 + (1 - y).sum())
    log_odds_prior = np.full(votes.n_items, logit(pi))
    if prior is not None:
        log_odds_prior = np.where(np.isnan(prior), log_odds_prior, logit(prior))

    # One sparse matrix each way: the odds of a vote are a constant of the worker plus a constant if he said 1.
    shape = (votes.n_items, n_workers)
    start = np.concatenate([[0], np.cumsum(votes.per_item)])
    said_one = csr_matrix((z, worker, start), shape)
    voted = csr_matrix((np.ones(len(z)), worker, start), shape)
    by_worker_one, by_worker = said_one.T, voted.T
    n_one = by_worker_one @ np.ones(votes.n_items)
    a, b = np.full(n_workers, pooled_a), np.full(n_workers, pooled_b)
    odds = log_odds_prior
    for _ in range(rounds):
        if_zero, if_one = np.log((1 - a) / b), np.log(a / (1 - b))
        new = log_odds_prior + voted @ if_zero + said_one @ (if_one - if_zero)
        p = expit(new)
        expected, hits = by_worker @ p, by_worker_one @ p
        a = (10 * pooled_a + hits) / (10 + expected)
        b = (10 * pooled_b + (votes.per_worker - n_one) - (expected - hits)) / (10 + votes.per_worker - expected)
        done, odds = np.abs(new - odds).max(initial=0) < 1e-9, new
        if done:
            break
    probability = expit(odds)
    others = expit(odds[item] - np.where(votes.label == 1, np.log(a / (1 - b))[worker], np.log((1 - a) / b)[worker]))
    finished = float((np.minimum(probability, 1 - probability) <= LEAN_FINISHED_RISK).mean()) if votes.n_items else 0.0
    notes = [f"{finished:.0%} of the items are finished at a risk of 2 %, by a model that takes votes for independent"]
    right = hits + (votes.per_worker - n_one) - (expected - hits) if rounds else votes.per_worker / 2
    return _merged("lean", votes, probability, others, right, votes.per_worker, (a, b), {"rounds": rounds}, notes)


def dawid_skene(
    votes: Votes, *, prior: Floats | None = None, gold: Floats | None = None, seed: int = 0, rounds: int = 100
) -> Merged:
    """Dawid & Skene 1979 by EM for two classes, base rate included, started from the share of votes.

    Gold items keep their answer. Nothing is smoothed beyond what keeps logarithms finite.
    """
    item, worker, z = votes.item, votes.worker, votes.label.astype(float)
    fixed = np.full(votes.n_items, np.nan) if gold is None else gold
    p = np.where(votes.per_item > 0, votes.ones / np.maximum(votes.per_item, 1), 0.5)
    p = np.where(np.isnan(fixed), p, fixed)
    tiny = 1e-6
    for _ in range(rounds):
        q = p[item]
        total_one = np.bincount(worker, q, minlength=votes.n_workers)
        a = (np.bincount(worker, q * z, minlength=votes.n_workers) + tiny) / (total_one + 2 * tiny)
        b = (np.bincount(worker, (1 - q) * (1 - z), minlength=votes.n_workers) + tiny) / (
            votes.per_worker - total_one + 2 * tiny
        )
        a, b = np.clip(a, tiny, 1 - tiny), np.clip(b, tiny, 1 - tiny)
        seen = votes.per_item > 0
        base = np.full(votes.n_items, np.clip(p[seen].mean() if seen.any() else 0.5, tiny, 1 - tiny))
        if prior is not None:
            base = np.where(np.isnan(prior), base, prior)
        weight = np.where(z == 1, np.log(a / (1 - b))[worker], np.log((1 - a) / b)[worker])
        odds = logit(base) + np.bincount(item, weight, minlength=votes.n_items)
        new = np.where(np.isnan(fixed), expit(odds), fixed)
        done, p = np.abs(new - p).max(initial=0) < 1e-6, new
        if done:
            break
    others = expit(odds[item] - weight)
    right = np.bincount(worker, np.where(z == 1, p[item], 1 - p[item]), minlength=votes.n_workers)
    return _merged("dawid-skene", votes, p, others, right, votes.per_worker, (a, b), {"rounds": rounds})


def glad(votes: Votes, *, prior: Floats | None = None, gold: Floats | None = None, seed: int = 0, rounds: int = 40) -> Merged:
    """Ability times ease, as GLAD (Whitehill et al. 2009): P(vote right) = sigmoid(alpha_w beta_i), beta_i > 0.

    EM with one damped Newton step per round on alpha and log beta under standard normal priors around 1.
    """
    item, worker, label = votes.item, votes.worker, votes.label
    sign = 2.0 * label - 1
    alpha, log_beta = np.ones(votes.n_workers), np.zeros(votes.n_items)
    base = np.zeros(votes.n_items) if prior is None else np.where(np.isnan(prior), 0.0, logit(prior))
    fixed = np.full(votes.n_items, np.nan) if gold is None else gold
    for _ in range(rounds):
        weight = alpha[worker] * np.exp(log_beta)[item]
        odds = base + np.bincount(item, sign * weight, minlength=votes.n_items)
        p = np.where(np.isnan(fixed), expit(odds), fixed)
        right = np.where(label == 1, p[item], 1 - p[item])
        slope, curve = right - expit(weight), expit(weight) * expit(-weight)
        ease = np.exp(log_beta)[item]
        gradient = np.bincount(worker, slope * ease, minlength=votes.n_workers) - (alpha - 1)
        alpha = alpha + gradient / (1 + np.bincount(worker, curve * ease**2, minlength=votes.n_workers))
        gradient = np.bincount(item, slope * weight, minlength=votes.n_items) - log_beta
        step = gradient / (1 + np.bincount(item, curve * weight**2 + np.abs(slope * weight), minlength=votes.n_items))
        log_beta = np.clip(log_beta + np.clip(step, -1, 1), -4, 4)
    others = expit(odds[item] - sign * weight)
    hits = np.bincount(worker, right, minlength=votes.n_workers)
    return _merged("glad", votes, p, others, hits, votes.per_worker, None, {"rounds": rounds})


def _merged(method, votes, probability, others, right, n, rates, settings, notes=()) -> Merged:
    """Result of a baseline. Its skill is the share of votes in line with its own consensus, on a uniform prior."""
    agreement, low, high = agreement_with_others(votes, others)
    right = np.clip(right, 0, n)
    skill = (right + 1) / (n + 2)
    nothing = np.zeros(votes.n_workers)
    a, b = rates if rates is not None else (skill, skill)
    interval = wilson_interval(right + 1, n + 2)
    workers = Workers(
        votes=n, agreement=agreement, agreement_low=low, agreement_high=high, skill=skill, skill_low=interval[0],
        skill_high=interval[1], label_bias=nothing, green_bias=nothing, left_bias=nothing, true_positive=np.asarray(a),
        true_negative=np.asarray(b), kind=np.full(votes.n_workers, "ordinary", dtype="<U8"),
    )  # fmt: skip
    return Merged(
        probability=probability, label=(probability > 0.5).astype(np.int64), risk=np.minimum(probability, 1 - probability),
        votes=votes.per_item, workers=workers, method=method, settings={"method": method} | settings, notes=list(notes),
        crowd_probability=probability,
    )  # fmt: skip
