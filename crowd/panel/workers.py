"""What a worker's page says: how much, how well, how fast, and on which pictures."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from django.db.models import Avg, Count, Exists, Max, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, Least

from annotation.models import Choice, Vote
from annotation.panel.drawings import drawing, pair_marks
from crowd import paying
from crowd.aggregation.merged import wilson_interval
from crowd.models import Assignment, Campaign, Consensus, Merge, Payment, Worker, WorkerSkill
from crowd.panel.campaigns import RESPONSE_EDGES_S, response_chart

RECENT_TASKS = 20
RECENT_VOTES = 24
MEASURED_VOTES = 5000
LONGEST_ANSWER_MS = paying.LONGEST_ANSWER_MS
FAST_S = 1.0
VOTES = {"": "Last", "against": "Against the consensus", "known": "On known answers"}


@dataclass(frozen=True)
class Seen:
    """What a worker did in the campaigns of one user.

    known, known_right: comparisons whose answer is known, and those of them that were right.
    answer_s: mean time for an answer, pauses of more than a minute counted as one.
    hourly_usd: what was earned, bonuses included, by the measured time of the work; None before any.
    """

    votes: int = 0
    known: int = 0
    known_right: int = 0
    answer_s: float = 0.0
    hourly_usd: float | None = None


def of_owner(workers, user):
    """Workers who have taken a task of campaigns that are open to this user; a superuser sees all."""
    if user.is_superuser:
        return workers
    return workers.filter(Exists(Assignment.objects.filter(worker=OuterRef("pk"), **mine(user, "hit__campaign"))))


def mine(user, path: str) -> dict:
    """A filter for rows whose `path` is a campaign that is open to this user: others are nobody else's business."""
    return {} if user.is_superuser else {f"{path}__in": Campaign.objects.open_to(user)}


def with_figures(workers, user):
    """Workers with `n_tasks`, `earned`; of the newest merge `skill`, `skill_low`, `skill_high`, `skill_votes`, `agreement`."""
    tasks = Assignment.objects.filter(worker=OuterRef("pk"), **mine(user, "hit__campaign"))
    tasks = tasks.exclude(state__in=("accepted", "unsubmitted", "foreign")).order_by()
    paid = Payment.objects.filter(worker=OuterRef("pk"), kind__in=Payment.SPENDING, **mine(user, "campaign"))
    newest = WorkerSkill.objects.filter(
        annotator=OuterRef("annotator"), merge__state=Merge.State.DONE, **mine(user, "merge__campaign")
    ).order_by("-merge_id")
    of_merge = {"skill": "skill", "skill_low": "low", "skill_high": "high", "skill_votes": "n_votes", "agreement": "agreement"}
    return workers.annotate(
        n_tasks=Coalesce(Subquery(tasks.values("worker").annotate(n=Count("pk")).values("n")), 0),
        earned=Subquery(paid.order_by().values("worker").annotate(n=Sum("amount_usd")).values("n")),
        **{name: Subquery(newest.values(field)[:1]) for name, field in of_merge.items()},
    )


def seen(workers: list[Worker], user) -> list[Worker]:
    """The same workers, each with `seen`, what it did (`Seen`); asked of the database for all of them together."""
    of_annotator = {worker.annotator_id: worker for worker in workers}
    votes = Vote.objects.filter(annotator__in=of_annotator, **mine(user, "task__assignment__hit__campaign")).order_by()
    counted = {
        annotator: (n, ms / 1000)
        for annotator, n, ms in votes.exclude(choice=Choice.UNDONE).values_list("annotator").annotate(
            n=Count("comparison", distinct=True), ms=Avg(Least("response_ms", LONGEST_ANSWER_MS))
        )
    }
    known = _known(votes)
    seconds: dict[int, float] = defaultdict(float)
    tasks = Assignment.objects.filter(worker__in=workers, submitted_at__isnull=False, **mine(user, "hit__campaign"))
    worker_of = dict(tasks.values_list("pk", "worker"))
    for task, spent in paying.active_seconds(tasks).items():
        seconds[worker_of[task]] += spent
    for annotator, worker in of_annotator.items():
        n, answer_s = counted.get(annotator, (0, 0.0))
        right = known.get(annotator, [])
        spent = seconds.get(worker.pk)
        hourly = float(worker.earned or 0) * 3600 / spent if spent and worker.earned else None
        worker.seen = Seen(n, len(right), sum(right), answer_s, hourly)
    return workers


def _known(votes) -> dict[int, list[bool]]:
    """By annotator whether each last word on a pair with a known answer was right."""
    rows = votes.filter(pair__gold_first__isnull=False).order_by("comparison_id", "number")
    last = {}
    for comparison, annotator, choice, first in rows.values_list("comparison_id", "annotator_id", "choice", "pair__gold_first"):
        last[comparison] = (annotator, None if choice == Choice.UNDONE else (choice == Choice.FIRST) == first)
    found: dict[int, list[bool]] = defaultdict(list)
    for annotator, right in last.values():
        if right is not None:
            found[annotator].append(right)
    return found


def between(value: float, low: float, high: float) -> str:
    """A share with its 95 % interval."""
    return f"{100 * value:.0f} % ({100 * low:.0f} to {100 * high:.0f})"


def share(right: float, n: float) -> str:
    """So many of so many, with Wilson's interval."""
    low, high = wilson_interval(np.array([right], float), np.array([n], float))
    return between(right / n, float(low[0]), float(high[0]))


def agreement(value: float | None, n_votes: int | None) -> str | None:
    """With what all others say without this worker; None where nobody else voted on the same pairs."""
    return None if value is None or not n_votes else share(value * n_votes, n_votes)


def decisions(worker: Worker, user):
    """What was decided about a worker, newest first: by this user or in his campaigns; all for a superuser."""
    rows = worker.payments.exclude(kind__in=Payment.SPENDING).select_related("decided_by")
    return rows if user.is_superuser else rows.filter(Q(decided_by=user) | Q(**mine(user, "campaign")))


def page(worker: Worker, user, shown: str = "") -> dict:
    """What the page reads.

    Args:
        shown: which votes stand on their pictures, of `VOTES`.
    """
    [worker] = seen([worker], user)
    assignments = Assignment.objects.filter(worker=worker, **mine(user, "hit__campaign")).select_related("hit__campaign")
    tasks = list(assignments.order_by("-accepted_at")[:RECENT_TASKS])
    votes = Vote.objects.filter(annotator=worker.annotator_id, **mine(user, "task__assignment__hit__campaign"))
    votes = votes.exclude(choice=Choice.UNDONE)
    skills = _skills(worker, user)
    timed = list(votes.order_by("-pk").values_list("response_ms", "comparison__position")[:MEASURED_VOTES])
    seconds, place = np.array(timed, float).reshape(-1, 2).T
    seconds = seconds / 1000
    shown = shown if shown in VOTES else ""
    chosen = votes.order_by("-pk").select_related("pair__person__image__dataset__skeleton")
    if shown == "known":
        chosen = chosen.filter(pair__gold_first__isnull=False)
    elif shown == "against":
        chosen = chosen.filter(pk__in=_against(votes, [row.merge_id for row in skills]))
    return {
        "tasks": tasks, "tiles": _tiles(worker, seconds), "skills": skills, "charts": _charts(seconds, place),
        "pattern": _pattern(seconds), "votes": pictured(list(chosen[:RECENT_VOTES]), user),
        "vote_shows": [{"slug": slug, "title": title, "here": slug == shown} for slug, title in VOTES.items()],
    }


def _against(votes, merges: list[int]) -> list[int]:
    """The newest of the last votes that say otherwise than the newest merges' consensus."""
    last = list(votes.order_by("-pk").values_list("pk", "pair_id", "choice")[:MEASURED_VOTES])
    together = dict(
        Consensus.objects.filter(merge__in=merges, pair__in={pair for _, pair, _ in last}).values_list("pair_id", "p_first")
    )
    found = [
        pk for pk, pair, choice in last
        if pair in together and together[pair] != 0.5 and (together[pair] > 0.5) != (choice == Choice.FIRST)
    ]
    return found[:RECENT_VOTES]


def _tiles(worker: Worker, seconds: np.ndarray) -> list[dict]:
    did = worker.seen
    shown = [
        {"label": "Tasks", "value": f"{worker.n_tasks:,}", "detail": f"handed in; {did.votes:,} votes"},
        {"label": "Earned", "value": f"${worker.earned or 0:,.2f}", "detail": "rewards and bonuses"},
    ]
    if did.hourly_usd is not None:
        shown.append({"label": "Wage", "value": f"${did.hourly_usd:,.2f}", "detail": "an hour of measured work"})
    if did.known:
        shown.append({
            "label": "Known answers", "value": f"{did.known_right:,} of {did.known:,} right",
            "detail": share(did.known_right, did.known),
        })
    if worker.skill is not None:
        interval = f"{100 * worker.skill_low:.0f} to {100 * worker.skill_high:.0f} %"
        shown.append({"label": "Skill", "value": f"{100 * worker.skill:.1f} %", "detail": f"{interval}, newest merge"})
    if (agrees := agreement(worker.agreement, worker.skill_votes)) is not None:
        shown.append({"label": "Agreement", "value": f"{100 * worker.agreement:.0f} %", "detail": f"with all others: {agrees}"})
    if len(seconds):
        shown.append({"label": "Response", "value": f"{np.median(seconds):.1f} s", "detail": "median"})
    return shown


def _pattern(seconds: np.ndarray) -> str:
    """The times in words, where there are enough of them."""
    if len(seconds) < 10:
        return ""
    low, middle, high = np.quantile(seconds, [0.1, 0.5, 0.9])
    half = len(seconds) // 2
    newer, older = np.median(seconds[:half]), np.median(seconds[half:])
    trend = "faster than" if newer < 0.8 * older else "slower than" if newer > 1.25 * older else "about as fast as"
    return (
        f"Eight of ten answers took {low:.1f} to {high:.1f} s, half of them less than {middle:.1f} s; "
        f"{100 * float((seconds < FAST_S).mean()):.0f} % less than a second. The newer half was {trend} the older."
    )


def _charts(seconds: np.ndarray, place: np.ndarray) -> list[dict]:
    """All times, and their median by the place within a task: whoever tires or hurries is seen there."""
    if not len(seconds):
        return []
    counts, _ = np.histogram(np.minimum(seconds, RESPONSE_EDGES_S[-1] - 1e-6), RESPONSE_EDGES_S)
    charts = [response_chart({"response_counts": counts.tolist(), "median_s": float(np.median(seconds))})]
    rows = [[int(one) + 1, float(np.median(seconds[place == one])), int((place == one).sum())] for one in np.unique(place)]
    if len(rows) > 1:
        charts.append({
            "id": "within-a-task", "title": "Response times within a task", "note": "Median, by the place of the comparison.",
            "columns": ["Comparison", "Seconds", "Votes"], "rows": rows, "type": "line", "x": 0, "x_title": "comparison",
            "series": [{"column": 1}], "y": {"title": "seconds", "min": 0},
        })
    return charts


def _skills(worker: Worker, user) -> list[WorkerSkill]:
    """The newest merge's word in each campaign."""
    campaigns = Campaign.objects.open_to(user)
    newest = campaigns.filter(merges__skills__annotator=worker.annotator_id).annotate(
        newest=Max("merges__pk")
    ).values("newest")
    rows = WorkerSkill.objects.filter(annotator=worker.annotator_id, merge__in=Subquery(newest))
    rows = list(rows.select_related("merge__campaign", "annotator"))
    for row in rows:
        row.agrees = agreement(row.agreement, row.n_votes)
    return rows


def pictured(votes: list[Vote], user) -> list[dict]:
    """Votes on their pictures, each with the pair's marks and what everybody together says of it in the user's merges."""
    merged = Consensus.objects.filter(merge__state=Merge.State.DONE, **mine(user, "merge__campaign")).order_by("merge_id")
    together = {row.pair_id: row for row in merged.filter(pair__in=[vote.pair_id for vote in votes])}
    shown = []
    for vote in votes:
        pair, person = vote.pair, vote.pair.person
        skeleton = person.image.dataset.skeleton
        chose_first = vote.choice == Choice.FIRST
        consensus = together.get(pair.pk)
        shown.append({
            "drawing": drawing(person, skeleton), "marks": pair_marks(pair, person), "person": person,
            "first": skeleton.joints[pair.first], "second": skeleton.joints[pair.second], "chose_first": chose_first,
            "agrees": None if consensus is None else (consensus.p_first >= 0.5) == chose_first,
            "seconds": vote.response_ms / 1000,
        })
    return shown
