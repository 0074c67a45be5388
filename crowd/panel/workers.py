"""What a worker's page says: how much, how well, how fast, and on which pictures."""

import numpy as np
from django.db.models import Count, Exists, Max, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from annotation.models import Choice, Vote
from annotation.panel.drawings import drawing, pair_marks
from annotation.rights import scoped
from crowd import pricing
from crowd.models import Assignment, Campaign, Consensus, Merge, Payment, Worker, WorkerSkill
from crowd.panel.campaigns import RESPONSE_EDGES_S, response_chart, worked_seconds

RECENT_TASKS = 20
RECENT_VOTES = 24
MEASURED_VOTES = 5000


def of_owner(workers, user):
    """Workers who have taken a task of campaigns that are open to this user; a superuser sees all."""
    if user.is_superuser:
        return workers
    return workers.filter(Exists(scoped(Assignment.objects.filter(worker=OuterRef("pk")), "hit__campaign", user)))


def with_figures(workers, user):
    """Workers with `n_tasks`, `earned`, `skill`, `skill_low` and `skill_high` (of the newest merge), in one query.

    Of campaigns that are open to this user alone, as others are nobody else's business; of all for a superuser.
    """
    tasks = scoped(Assignment.objects.filter(worker=OuterRef("pk")), "hit__campaign", user)
    tasks = tasks.exclude(state__in=("accepted", "unsubmitted", "foreign")).order_by()
    paid = scoped(Payment.objects.filter(assignment__worker=OuterRef("pk")), "assignment__hit__campaign", user)
    skill = scoped(
        WorkerSkill.objects.filter(annotator=OuterRef("annotator"), merge__state=Merge.State.DONE), "merge__campaign", user
    ).order_by("-merge_id")
    return workers.annotate(
        n_tasks=Coalesce(Subquery(tasks.values("worker").annotate(n=Count("pk")).values("n")), 0),
        earned=Subquery(paid.order_by().values("assignment__worker").annotate(n=Sum("amount_usd")).values("n")),
        skill=Subquery(skill.values("skill")[:1]),
        skill_low=Subquery(skill.values("low")[:1]),
        skill_high=Subquery(skill.values("high")[:1]),
    )


def decisions(worker: Worker, user):
    """What was decided about a worker, newest first: by this user or in his campaigns; all for a superuser."""
    rows = worker.payments.exclude(kind__in=Payment.SPENDING).select_related("decided_by")
    return rows if user.is_superuser else rows.filter(Q(decided_by=user) | Q(campaign__in=Campaign.objects.open_to(user)))


def page(worker: Worker, user) -> dict:
    assignments = scoped(Assignment.objects.filter(worker=worker).select_related("hit__campaign"), "hit__campaign", user)
    tasks = list(assignments.order_by("-accepted_at")[:RECENT_TASKS])
    votes = Vote.objects.filter(annotator=worker.annotator_id, task__assignment__in=assignments).exclude(
        choice=Choice.UNDONE
    )
    seconds = np.array(votes.order_by("-pk").values_list("response_ms", flat=True)[:MEASURED_VOTES]) / 1000
    worked = worked_seconds(assignments)
    wages = [
        float(pricing.hourly_wage_usd(one.hit.campaign.reward_usd, worked[one.pk]))
        for one in tasks
        if one.pk in worked
    ]
    return {
        "tasks": tasks, "tiles": _tiles(worker, seconds, wages), "skills": _skills(worker, user),
        "charts": [_chart(seconds)] if len(seconds) else [],
        "votes": pictured(list(
            votes.order_by("-pk").select_related("pair__person__image__dataset__skeleton")[:RECENT_VOTES]
        )),
    }


def _tiles(worker: Worker, seconds: np.ndarray, wages: list[float]) -> list[dict]:
    shown = [
        {"label": "Tasks", "value": f"{worker.n_tasks:,}", "detail": "handed in"},
        {"label": "Earned", "value": f"${worker.earned or 0:,.2f}", "detail": "rewards"},
    ]
    if worker.skill is not None:
        interval = f"{100 * worker.skill_low:.0f} to {100 * worker.skill_high:.0f} %"
        shown.append({"label": "Skill", "value": f"{100 * worker.skill:.1f} %", "detail": f"{interval}, newest merge"})
    if len(seconds):
        shown.append({"label": "Response", "value": f"{np.median(seconds):.1f} s", "detail": "median"})
    if wages:
        shown.append({"label": "Wage", "value": f"${np.median(wages):,.2f}", "detail": "an hour of work, median"})
    return shown


def _chart(seconds: np.ndarray) -> dict:
    counts, _ = np.histogram(np.minimum(seconds, RESPONSE_EDGES_S[-1] - 1e-6), RESPONSE_EDGES_S)
    return response_chart({"response_counts": counts.tolist(), "median_s": float(np.median(seconds))})


def _skills(worker: Worker, user) -> list[WorkerSkill]:
    """The newest merge's word in each campaign."""
    campaigns = Campaign.objects.open_to(user)
    newest = campaigns.filter(merges__skills__annotator=worker.annotator_id).annotate(
        newest=Max("merges__pk")
    ).values("newest")
    rows = WorkerSkill.objects.filter(annotator=worker.annotator_id, merge__in=Subquery(newest))
    return list(rows.select_related("merge__campaign", "annotator"))


def pictured(votes: list[Vote]) -> list[dict]:
    """Votes on their pictures, each with the pair's marks and what everybody together says of it."""
    together = {
        row.pair_id: row
        for row in Consensus.objects.filter(pair__in=[vote.pair_id for vote in votes], merge__state=Merge.State.DONE)
        .order_by("merge_id")
    }
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
