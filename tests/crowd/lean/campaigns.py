"""Lean campaigns whose workers come straight to the door, without a marketplace."""

import random
from datetime import timedelta

from django.utils import timezone

from crowd.lean import standing
from crowd.models import Assignment, Campaign, Worker
from crowd.visits import arriving
from crowd.visits.arriving import TurnedAway
from tests import factories


def make_lean(*, n_pairs: int = 40, **overrides) -> Campaign:
    """Collecting, one HIT with nine places and no pairs of its own."""
    settings = {
        "protocol": "lean", "state": "collecting", "images_per_hit": 2, "pairs_per_image": 5, "exploration_share": 0.0,
        "merge_every": 10_000, "most_votes": 4, "most_out": 9,
    }
    campaign = factories.make_campaign(**settings | overrides)
    factories.make_pairs(n_pairs, campaign.dataset)
    factories.make_hit(campaign=campaign, pairs=[], max_assignments=9)
    standing.begin(campaign)
    return campaign


def accept(campaign: Campaign, worker: Worker | None = None) -> Assignment:
    """A worker, or a new one, accepts a task. Raises: TurnedAway where nothing is left for him."""
    worker = worker or factories.make_worker(environment=campaign.environment)
    query = {"assignmentId": f"B{random.randrange(10**12)}", "workerId": worker.worker_id}
    return arriving.arrive(campaign.hits.get(), query).assignment


def do(assignment: Assignment, choose) -> None:
    """Answer it all and have it confirmed; `choose(pair)` says whether the first is closer."""
    factories.answer(assignment.task, choose)
    Assignment.objects.filter(pk=assignment.pk).update(state=Assignment.State.VERIFIED)
    standing.catch_up(assignment.hit.campaign)


def lapse(assignment: Assignment) -> None:
    """Accepted and never handed in."""
    assignment.task.expires_at = timezone.now() - timedelta(hours=1)
    assignment.task.save()
    Assignment.objects.filter(pk=assignment.pk).update(state=Assignment.State.UNSUBMITTED)
    standing.catch_up(assignment.hit.campaign)


def do_all(campaign: Campaign, choose, *, most: int = 100) -> int:
    """New workers come until nothing is left for them; how many tasks that took."""
    for count in range(most):
        try:
            do(accept(campaign), choose)
        except TurnedAway:
            return count
    raise AssertionError(f"still open after {most} tasks")
