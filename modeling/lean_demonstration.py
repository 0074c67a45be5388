"""A lean campaign from its launch to its end without hands: people over HTTP, votes merged and learnt from on the way.

Everything the site's clock does is done here in turn (`_round`), so that it runs with and without Celery.
"""

from collections.abc import Callable

import numpy as np
from django.db.models import Count, Sum

from annotation.models import Dataset
from crowd import merging, publishing, reconciling
from crowd.books import outbox
from crowd.lean import keeping_up, offering
from crowd.models import Campaign, Environment, Merge, Standing
from crowd.simulation import PaperCrowd
from crowd.simulation.browser import Lost
from jobs.models import Job
from jobs.running import JobError
from modeling import demonstration, repeating
from modeling.demonstration import MARKETPLACE, REWARD_USD, Visitor
from modeling.eye import Eye

TASKS_PER_ROUND = 5  # done between two rounds of the clock
MOST_IN_VAIN = 60  # people who come and find nothing for them in a row, before it is given up
TARGET_RISK, MOST_VOTES = 0.15, 6  # so few pictures show what is saved only where not every pair is to be sure
LIFTER = {"held_out": 0.0, "epochs": 80}
Say = Callable[[str], None]


def play(
    owner, dataset: Dataset, *, workers: int = 40, seed: int = 1, train_every: int | None = 400, settings: dict | None = None,
    say: Say = print, **overrides,
) -> Campaign:
    """Launch a lean campaign and let people come until it has ended by itself; the campaign.

    Args:
        train_every: votes between two trainings, None for none. settings: of the lifter.
        overrides: of the campaign.
    Raises: JobError; CannotPublish; Lost.
    """
    place = Environment.objects.get(name=MARKETPLACE)
    number = Campaign.objects.filter(dataset=dataset).count() + 1
    campaign = Campaign.objects.create(**{
        "name": f"{dataset.name}, lean {number}", "owner": owner, "dataset": dataset, "environment": place,
        "reward_usd": REWARD_USD, "seed": seed, "protocol": Campaign.Protocol.LEAN, "merge_every": 100,
        "target_risk": TARGET_RISK, "most_votes": MOST_VOTES,
        "description": "A demonstration: simulated workers answer.",
    } | overrides)  # fmt: skip
    _finish(publishing.publish(campaign, owner))
    if train_every:
        repeating.set_cadence(campaign, owner, every_votes=train_every, settings=settings or LIFTER, seed=seed)
    plan = publishing.price(campaign)
    say(f"{campaign}: {plan.n_pairs} pairs; the fixed plan is {plan.n_votes:,} votes for {plan.total_usd} USD")
    _collect(campaign, workers, seed, say)
    _finish(merging.start(campaign, owner, seed=seed))
    _round(campaign, say)
    return campaign


def _collect(campaign: Campaign, workers: int, seed: int, say: Say) -> None:
    crowd, draw = PaperCrowd(seed=seed), np.random.default_rng([seed, 5])
    eye = Eye(campaign.dataset, crowd, seed)
    people = [Visitor(crowd.worker(np.random.default_rng([seed, 2, person]))) for person in range(workers)]
    appetite = np.exp(draw.normal(size=workers))
    done: set[tuple[int, int]] = set()
    in_vain = tasks = 0
    try:
        while in_vain < MOST_IN_VAIN:
            person = int(draw.choice(workers, p=appetite / appetite.sum()))
            hit = next((hit for hit in offering.with_a_free_place(campaign) if (hit.pk, person) not in done), None)
            if hit is None:
                in_vain += 1
                if in_vain % 5 == 0:
                    _round(campaign, say)
            else:
                done.add((hit.pk, person))
                try:
                    hand = np.random.default_rng([seed, 3, hit.number, person])
                    people[person].do(hit.hit_id, eye.judge(people[person].worker, hand))
                    in_vain, tasks = 0, tasks + 1
                except Lost:  # nothing is left that this person has not seen
                    in_vain += 1
                if tasks % TASKS_PER_ROUND == 0:
                    _round(campaign, say)
            campaign.refresh_from_db()
            if campaign.is_over:
                return
    finally:
        for visitor in people:
            visitor.leave()


def _round(campaign: Campaign, say: Say) -> None:
    """What the clock does: collect and pay, count, widen the offer, merge, release, train, promote."""
    reconciling.reconcile(campaign)
    keeping_up.keep_up(campaign)
    outbox.sweep()
    while _jobs(campaign, say) + repeating.tick():
        pass
    keeping_up.keep_up(campaign)
    _jobs(campaign, say)
    states = dict(campaign.standings.values_list("state").annotate(n=Count("pk")).order_by())
    n_open = states.get(Standing.State.OPEN, 0)
    votes = campaign.standings.aggregate(n=Sum("n_votes"))["n"] or 0
    say(f"{votes:,} votes, {campaign.spent_usd} USD; {sum(states.values()) - n_open} of {sum(states.values())} pairs finished")


def _finish(job: Job) -> Job:
    """Wait for a job that a worker has taken, or do it here. Raises: JobError where it failed."""
    return demonstration.finish(job, lambda *said, **told: None)


def _jobs(campaign: Campaign, say: Say) -> int:
    """Whatever waits for this campaign, done here unless a worker has taken it; how many that were."""
    waiting = [*campaign.merges.exclude(state__in=Merge.ENDED), *campaign.publications.exclude(state__in=Merge.ENDED)]
    for row in campaign.rounds.select_related("release", "run", "promotion").filter(state="running"):
        waiting += [job for job in (row.release, row.run, row.promotion) if job and not job.has_ended]
    for job in waiting:
        try:
            _finish(job)
        except JobError as error:
            say(f"  {error}")
        else:
            say(f"  {job}")
    return len(waiting)
