"""The whole loop without hands: simulated workers over HTTP, real marketplace, money, merge, release and training.

Everything that a person would do in the panel is done here by the same steps; everything
that workers would do in a browser is done over HTTP on the running site.
"""

import secrets
import time
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from django.conf import settings
from django.db.models import Sum

from annotation.models import Dataset
from crowd import merging, pricing, publishing, reconciling, releasing
from crowd.marketplace import accounts
from crowd.models import Campaign, Environment, Merge, Payment, usd
from crowd.simulation import PaperCrowd, Worker
from crowd.simulation.browser import Browser, Lost
from crowd.simulation.studies import participation
from crowd.simulation.visitor import Answer, Shown, work
from jobs import running
from jobs.models import Job
from jobs.running import JobError, Report
from modeling import training
from modeling.eye import Eye
from modeling.models import Demonstration

MARKETPLACE = "Marketplace"
REWARD_USD = Decimal("0.40")
WAIT_S = 900
# Some hundred people are too few to choose an epoch by a tenth of them: train on all that the release gives, to the end.
LIFTER = {"held_out": 0.0, "epochs": 300}


def start(user, *, workers: int = 40, seed: int = 1, dataset: Dataset | None = None) -> Demonstration:
    """Queue a demonstration on a data set, by default the mannequins; watch the row that is returned.

    Raises: ValueError where there is no such data set, or fewer workers than votes per pair.
    """
    return running.start(prepare(user, workers=workers, seed=seed, dataset=dataset))


def prepare(user, *, workers: int, seed: int, dataset: Dataset | None = None) -> Demonstration:
    """The row that `start` queues. Raises: ValueError, as there."""
    dataset = dataset or Dataset.objects.filter(source="demo").first()
    if dataset is None:
        raise ValueError("The mannequins are not loaded. Run: manage.py setup_demo")
    job = Demonstration(created_by=user, workers=workers, seed=seed, dataset=dataset)
    check(job)
    return job


def check(job: Demonstration) -> None:
    """Raises: ValueError for fewer workers than votes per pair."""
    least = Campaign._meta.get_field("votes_per_pair").default
    if job.workers < least:
        raise ValueError(f"Every pair is asked {least} different workers, so at least {least} are needed.")


def run(job: Demonstration, report: Report) -> None:
    """Publish, let the crowd work, reconcile and pay, merge, release, train; then add up."""
    campaign = _campaign(job)
    Demonstration.objects.filter(pk=job.pk).update(campaign=campaign)
    try:
        report(0.02, "publishing", line=f"campaign '{campaign}' on '{campaign.dataset}'")
        finish(publishing.publish(campaign, job.created_by), report)
        _work(job, campaign, report)
        report(0.6, "reconciling and paying", line="reconciling and paying")
        _reconcile(campaign, report)
        report(0.65, "merging")
        majority = finish(merging.start(campaign, job.created_by, method="majority"), report)
        merge = finish(merging.start(campaign, job.created_by, seed=job.seed), report)  # the newest is the consensus
        report(0.7, "writing the release")
        release = finish(releasing.start(merge, job.created_by), report)
        report(0.75, "training the lifter", line="training the lifter")
        trained = finish(training.start(release, job.created_by, seed=job.seed, settings=LIFTER), report)
    except (publishing.CannotPublish, Lost) as error:
        raise JobError(str(error)) from error
    with report.final():
        figures = {**_figures(campaign, merge, majority), "release": release.name, "run": trained.name,
                   "lifter": {key: trained.figures[key] for key in ("before", "after")},
                   "files": {name: facts["bytes"] for name, facts in release.files.items()}}
        Demonstration.objects.filter(pk=job.pk).update(figures=figures)


def _campaign(job: Demonstration) -> Campaign:
    environment = Environment.objects.filter(name=MARKETPLACE).first()
    if environment is None:
        raise JobError("The marketplace is not set up. Run: manage.py setup_demo")
    number = Campaign.objects.filter(dataset=job.dataset).count() + 1
    while Campaign.objects.filter(name=(name := f"{job.dataset.name}, simulated crowd {number}")).exists():
        number += 1
    return Campaign.objects.create(
        name=name, owner=job.created_by, dataset=job.dataset, environment=environment, reward_usd=REWARD_USD, seed=job.seed,
        description="A demonstration: simulated workers answer.",
    )


def finish(job: Job, report: Report) -> Job:
    """Wait for a job that a worker has taken, or do it here if none has; raises JobError where it failed."""
    deadline = time.monotonic() + WAIT_S
    while not (job := running.execute(job)).has_ended:
        report()
        time.sleep(0.5)
        if time.monotonic() > deadline:
            raise JobError(f"{job} has not ended after {WAIT_S} s.")
    if not job.is_done:
        raise JobError(f"{job}: {job.error or job.get_state_display()}")
    report(line=f"{job}: done in {job.duration_s:.0f} s")
    return job


def _reconcile(campaign: Campaign, report: Report) -> None:
    """Until every assignment is paid; the periodic task may be at it too, which does no harm."""
    wanted = sum(campaign.hits.values_list("max_assignments", flat=True))
    deadline = time.monotonic() + WAIT_S
    while True:
        reconciling.reconcile(campaign)
        if (paid := Payment.objects.filter(campaign=campaign, kind=Payment.Kind.REWARD).count()) >= wanted:
            return
        report(line=f"{paid} of {wanted} assignments are paid")
        if time.monotonic() > deadline:
            raise JobError(f"Only {paid} of {wanted} assignments could be verified and paid.")
        time.sleep(1)


# --- The crowd ---------------------------------------------------------------------------------------


def _work(job: Demonstration, campaign: Campaign, report: Report) -> None:
    """Every HIT is done by as many different simulated people as it wants, some of them doing most of the work."""
    crowd = PaperCrowd(seed=job.seed)
    draw = np.random.default_rng([job.seed, 1])
    eye = Eye(campaign.dataset, crowd, job.seed)
    hits = list(campaign.hits.order_by("number"))
    takers = participation(len(hits), campaign.votes_per_pair, job.workers, draw)
    visits = [(hit, int(person)) for hit, people in zip(hits, takers) for person in people]
    people = {person: Visitor(crowd.worker(np.random.default_rng([job.seed, 2, person]))) for _, person in visits}
    try:
        for done, (hit, person) in enumerate(visits, start=1):
            visitor = people[person]
            hand = np.random.default_rng([job.seed, 3, hit.number, person])
            visitor.do(hit.hit_id, eye.judge(visitor.worker, hand))
            n_votes = campaign.comparisons_per_hit * done
            report(0.05 + 0.55 * done / len(visits), f"{done} of {len(visits)} assignments done",
                   line=f"{done} of {len(visits)} assignments, about {n_votes:,} votes" if done % 10 == 0 else None)
    finally:
        for visitor in people.values():
            visitor.leave()


class Visitor:
    """One simulated person with a browser, a marketplace account and a way of seeing."""

    def __init__(self, worker: Worker):
        self.worker = worker
        self._browser: Browser | None = None

    def do(self, hit_id: str, judge: Callable[[Shown], Answer]) -> None:
        if self._browser is None:
            self._join()
        page = self._browser.get(f"{settings.MARKETPLACE_URL}/hits/{hit_id}/preview/")
        page = self._browser.submit(page.form("accept"))
        if not page.frames:
            raise Lost(f"{page.url} ({page.status}) shows no task: {page.text[:300]}")
        work(self._browser, page.frames[0], judge, ease=7)

    def _join(self) -> None:
        self._browser = Browser()
        (invitation,) = accounts.invite(1)
        page = self._browser.get(f"{settings.MARKETPLACE_URL}/join/{invitation}/")
        password = secrets.token_urlsafe(12)
        name = f"simulated-{secrets.token_hex(5)}"
        form = page.form("join")
        page = self._browser.submit(form, username=name, password=password, country="US")
        if page.status >= 400 or "/join/" in page.url:
            raise Lost(f"Signing up failed at {page.url} ({page.status}): {page.text[:300]}")

    def leave(self) -> None:
        if self._browser is not None:
            self._browser.close()


# --- What came of it ----------------------------------------------------------------------------------


def _figures(campaign: Campaign, merge: Merge, majority: Merge) -> dict:
    money = campaign.payments.aggregate(reward=Sum("amount_usd"), fee=Sum("fee_usd"))
    keys = ("votes", "pairs", "workers", "accuracy_raw", "accuracy_merged", "accuracy_by_gap", "notes")
    return {
        **{key: merge.figures.get(key) for key in keys},
        "accuracy_majority": majority.figures.get("accuracy_merged"),
        "mean_risk": merge.figures["mean_risk"],
        "assignments": campaign.payments.filter(kind=Payment.Kind.REWARD).count(),
        "reward_usd": str(usd(money["reward"])), "fee_usd": str(usd(money["fee"])), "total_usd": str(campaign.spent_usd),
        "wage_usd_per_hour": str(pricing.hourly_wage_usd(
            campaign.reward_usd, pricing.expected_seconds(campaign.comparisons_per_hit, campaign.delay_ms)
        )),
    }
