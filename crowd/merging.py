"""Votes become probabilities: arrays are loaded, the aggregator is called, its answer is stored."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from django.db.models import QuerySet

from annotation.models import Choice, Pair, Person, Vote
from crowd import aggregation
from crowd.models import Campaign, Consensus, Merge, WorkerSkill
from crowd.vote_imports import importing
from jobs import running
from jobs.running import JobError, Report

METHODS: dict[str, str] = {
    "nearer": "Nearer's own: shared misperception, calibrated probabilities, a person's pairs together",
    "nearer-apart": "Nearer's own, each pair for itself",
    "lean": "Lean Crowdsourcing (Branson et al. 2017), as the paper merged",
    "dawid-skene": "Dawid and Skene (1979)",
    "glad": "GLAD-like: worker ability and item difficulty",
    "majority": "Majority of the votes",
}
BATCH = 2000
GAPS_MM = (0, 50, 100, 200, 300, 500, 5000)


@dataclass(frozen=True)
class StandingVotes:
    """The votes that count, as arrays of length V, in the order of pair, annotator.

    pair, annotator: primary keys. chose_first, first_is_green, first_is_left: bool.
    newest: the highest primary key read, None without votes.
    """

    pair: np.ndarray
    annotator: np.ndarray
    chose_first: np.ndarray
    first_is_green: np.ndarray
    first_is_left: np.ndarray
    newest: int | None


def start(campaign: Campaign, user, *, method: str = "nearer", seed: int = 0, settings: dict | None = None) -> Merge:
    """Queue a merge of the campaign's verified votes; watch the row that is returned."""
    if method not in METHODS:
        raise ValueError(f"There is no method '{method}'; known are {', '.join(METHODS)}.")
    return running.start(Merge(campaign=campaign, created_by=user, method=method, seed=seed, settings=settings or {}))


def latest(campaign: Campaign) -> Merge | None:
    """The newest merge that is done: the campaign's consensus."""
    return campaign.merges.filter(state=Merge.State.DONE).order_by("-pk").first()


def votes_of(campaign: Campaign) -> QuerySet[Vote]:
    """Whose voter is confirmed, undos and overtaken answers included."""
    return Vote.objects.verified().filter(task__assignment__hit__campaign=campaign)


def standing_votes(votes: QuerySet[Vote]) -> StandingVotes:
    """The last word on each comparison, where it is not an undo.

    Told apart here rather than by the database: one pass over one index, whatever the number of votes.
    """
    rows = votes.order_by().values_list(
        "comparison_id", "number", "pk", "pair_id", "annotator_id", "choice", "first_is_green", "first_is_left"
    )
    table = np.fromiter(rows.iterator(chunk_size=20_000), dtype=np.dtype((np.int64, 8)))
    newest = int(table[:, 2].max()) if len(table) else None
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    last = np.append(table[1:, 0] != table[:-1, 0], np.ones(min(len(table), 1), bool))
    table = table[last & (table[:, 5] != Choice.UNDONE)] if len(table) else table
    table = table[np.lexsort((table[:, 0], table[:, 4], table[:, 3]))]
    return StandingVotes(
        pair=table[:, 3], annotator=table[:, 4], chose_first=table[:, 5] == Choice.FIRST,
        first_is_green=table[:, 6].astype(bool), first_is_left=table[:, 7].astype(bool), newest=newest,
    )


def run(job: Merge, report: Report) -> None:
    """Load, merge, store; readers see the whole merge or none of it."""
    report(0.05, "reading the votes")
    votes = standing_votes(votes_of(job.campaign))
    if len(votes.pair) == 0:
        raise JobError("There are no verified votes to merge yet. Wait until workers have handed in and were reconciled.")
    pairs, item = np.unique(votes.pair, return_inverse=True)
    annotators, worker = np.unique(votes.annotator, return_inverse=True)
    known = _known(job.campaign, pairs)
    no_colour, no_side = importing.unknown_shows(job.campaign)
    report(0.2, f"merging {len(item):,} votes on {len(pairs):,} pairs by {len(annotators):,} workers")
    try:
        merged = aggregation.merge(
            aggregation.Votes(
                item=item, worker=worker, label=votes.chose_first.astype(np.int8), n_items=len(pairs),
                n_workers=len(annotators), green=None if no_colour else votes.first_is_green,
                left=None if no_side else votes.first_is_left,
            ),
            method=job.method, prior=known.prior, gold=known.gold, bodies=known.bodies, seed=job.seed, **job.settings,
        )
    except (ValueError, TypeError) as error:
        raise JobError(f"The votes cannot be merged with these settings: {error}") from error
    figures = {
        "votes": len(item), "pairs": len(pairs), "workers": len(annotators), "notes": list(merged.notes),
        "settings": merged.settings, "mean_risk": float(merged.risk.mean()),
        **accuracy(votes.chose_first, item, merged.probability, known.gap_mm),
    }
    report(0.7, "storing the consensus")
    alone = [None] * len(pairs) if merged.alone is None else merged.alone.tolist()
    consensuses = [
        Consensus(merge=job, pair_id=int(pair), p_first=float(p), alone=own, risk=float(risk), n_votes=int(n))
        for pair, p, own, risk, n in zip(pairs, merged.probability, alone, merged.risk, merged.votes)
    ]
    skills = _skills(job, annotators, merged)
    with report.final():
        Consensus.objects.filter(merge=job).delete()
        WorkerSkill.objects.filter(merge=job).delete()
        Consensus.objects.bulk_create(consensuses, batch_size=BATCH)
        WorkerSkill.objects.bulk_create(skills, batch_size=BATCH)
        parameters = merged.fitted.to_bytes() if merged.fitted else None
        Merge.objects.filter(pk=job.pk).update(figures=figures, votes_upto=votes.newest, parameters=parameters)


@dataclass(frozen=True)
class _Known:
    """Of P pairs, beside their votes.

    prior, gold: (P,) NaN where unknown, None if all are. gap_mm: (P,) depth gaps, NaN where unknown. bodies: whose they are.
    """

    prior: np.ndarray | None
    gold: np.ndarray | None
    gap_mm: np.ndarray
    bodies: aggregation.Bodies


def _known(campaign: Campaign, pairs: np.ndarray) -> _Known:
    rows = Pair.objects.filter(pk__range=(int(pairs[0]), int(pairs[-1])))
    index = {int(pair): number for number, pair in enumerate(pairs)}
    prior, gold = np.full(len(pairs), np.nan), np.full(len(pairs), np.nan)
    gap_mm = np.full(len(pairs), np.nan)
    whose = np.zeros((len(pairs), 3), np.int64)
    people: dict[int, list] = {}
    for pk, person, first, second, value, answer in rows.values_list(
        "pk", "person_id", "first", "second", "prior", "gold_first"
    ).iterator():
        if (number := index.get(pk)) is None:
            continue
        prior[number] = np.nan if value is None else value
        gold[number] = np.nan if answer is None else answer
        whose[number] = person, first, second
        people.setdefault(person, []).append((number, first, second))
    known = Person.objects.exclude(truth_mm=None).filter(pk__range=(min(people), max(people)))
    for pk, truth in known.values_list("pk", "truth_mm").iterator():
        for number, first, second in people.get(pk, ()):
            gap_mm[number] = truth[second][2] - truth[first][2]
    return _Known(
        None if np.isnan(prior).all() else prior, None if np.isnan(gold).all() else gold, gap_mm, bodies_of(campaign, whose)
    )


def bodies_of(campaign: Campaign, whose: np.ndarray) -> aggregation.Bodies:
    """Whose keypoints pairs compare.

    Args:
        whose: (P, 3) person, first and second of each pair.
    """
    skeleton = campaign.dataset.skeleton
    return aggregation.Bodies(*np.asarray(whose, np.int64).reshape(-1, 3).T, len(skeleton.joints), skeleton.bones)


def accuracy(chose_first: np.ndarray, item: np.ndarray, p_first: np.ndarray, gap_mm: np.ndarray) -> dict:
    """Share of right votes and of right consensus where the truth is known, whole and by depth gap.

    Args:
        chose_first: (V,) bool. item: (V,) index of each vote's pair.
        p_first: (P,). gap_mm: (P,) z of the second minus z of the first; NaN where unknown.
    Returns: an empty dict where no truth is known.
    """
    known = np.isfinite(gap_mm) & (gap_mm != 0)
    if not known.any():
        return {}
    right_vote = chose_first == (gap_mm[item] > 0)
    right_pair = (p_first > 0.5) == (gap_mm > 0)
    undecided = p_first == 0.5
    pair_score = np.where(undecided, 0.5, right_pair)

    def row(some: np.ndarray) -> dict:
        in_votes = some[item]
        return {
            "pairs": int(some.sum()), "votes": int(in_votes.sum()),
            "raw": float(right_vote[in_votes].mean()) if in_votes.any() else None,
            "merged": float(pair_score[some].mean()) if some.any() else None,
        }

    whole = row(known)
    size = np.abs(gap_mm)
    by_gap = [
        {"from_mm": low, "to_mm": high, **row(known & (size >= low) & (size < high))}
        for low, high in pairwise(GAPS_MM)
    ]
    return {"accuracy_raw": whole["raw"], "accuracy_merged": whole["merged"], "accuracy_by_gap": by_gap}


def _skills(job: Merge, annotators: np.ndarray, merged: aggregation.Merged) -> list[WorkerSkill]:
    workers = merged.workers
    return [
        WorkerSkill(
            merge=job, annotator_id=int(annotator), n_votes=int(workers.votes[number]),
            agreement=_or_none(workers.agreement[number]), skill=float(workers.skill[number]),
            low=float(workers.skill_low[number]), high=float(workers.skill_high[number]),
            kind=str(workers.kind[number]),
            biases={
                "green": _or_none(workers.green_bias[number]), "left": _or_none(workers.left_bias[number]),
            },
        )
        for number, annotator in enumerate(annotators)
    ]


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
