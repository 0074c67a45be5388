"""A run is chosen to give a data set's priors, or none is any more.

Priors are written in small portions beside the pairs, and put onto all pairs by one transaction, which also says which run
they come from: nobody ever reads half of them.
"""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import Case, OuterRef, QuerySet, Subquery, Value, When

from annotation.models import Dataset, Pair
from crowd.lean import standing
from crowd.models import Campaign
from jobs import running
from jobs.running import JobError, Report
from modeling import keeping, measuring, priors
from modeling.models import Prior, Promotion, Run

PORTION = 2000


class CannotPromote(ValueError):
    """The promotion makes no sense as things stand; the message says why."""


class NoBetterThanChance(CannotPromote):
    """The run orders held-out labels no better than a coin; whoever wants it all the same says `anyway`."""


def current(dataset: Dataset) -> Promotion | None:
    """The promotion that the priors of the data set's pairs come from; None before the first."""
    return Promotion.objects.filter(dataset=dataset, is_current=True).select_related("run", "created_by").first()


def under_way(dataset: Dataset) -> Promotion | None:
    return Promotion.objects.filter(dataset=dataset).exclude(state__in=Promotion.ENDED).first()


def check(run: Run, dataset: Dataset) -> None:
    """Raises: CannotPromote; NoBetterThanChance."""
    if not run.is_done:
        raise CannotPromote(f"{run} has not ended well; only a run that is done can be promoted.")
    if run.release.campaign.dataset.skeleton_id != dataset.skeleton_id:
        raise CannotPromote(f"{run} knows other joints than those of “{dataset}”; train a run on this skeleton.")
    if sentence := measuring.worse_than_chance(run):
        raise NoBetterThanChance(sentence)


def start(run: Run | None, dataset: Dataset, user, *, anyway: bool = False) -> Promotion:
    """Queue a promotion, or with no run the withdrawal of the data set's priors; noted in the audit trail.

    Args:
        anyway: though it is no better than chance.
    Raises: CannotPromote; NoBetterThanChance where `anyway` is not said.
    """
    if run is not None:
        try:
            check(run, dataset)
        except NoBetterThanChance:
            if not anyway:
                raise
    try:
        with transaction.atomic():
            job = running.start(Promotion(dataset=dataset, run=run, anyway=anyway, created_by=user))
            _note(job, run, dataset, user)
    except IntegrityError as error:
        other = under_way(dataset)
        raise CannotPromote(
            f"The {other or 'last promotion'} on “{dataset}” is under way. Wait for it, or stop it."
        ) from error
    return job


def _note(job: Promotion, run: Run | None, dataset: Dataset, user) -> None:
    """A line of the audit trail."""
    if user is None:
        return
    about = run or dataset
    words = f"Promoted to give the priors of “{dataset}”." if run else "Its priors are withdrawn."
    LogEntry.objects.create(
        user=user, content_type=ContentType.objects.get_for_model(about), object_id=str(about.pk), object_repr=str(about)[:200],
        action_flag=CHANGE, change_message=words + (" It is no better than chance." if job.anyway else ""),
    )


def run(job: Promotion, report: Report) -> None:
    """Work out the priors beside the pairs, then put all of them in place at once.

    Raises: JobError; also where the cross-fitting shows the run to be no better than chance and nobody said `anyway`.
    """
    leftovers = Prior.objects.filter(promotion__dataset=job.dataset)
    _remove(leftovers, report)
    figures: dict = {}
    if job.run is not None:
        with keeping.workplace(job) as folder:
            beliefs = priors.of(job.run, job.dataset, folder, report)
        figures = beliefs.figures
        order = figures["order"]
        if order is not None and order <= 0.5 and not job.anyway:
            raise JobError(
                f"{job.run} orders {order:.1%} of {figures['labels']:,} labels right that it had not seen: no better than a "
                "coin. Promote it anyway if you mean to."
            )
        for begin in range(0, len(beliefs.pair), PORTION):
            part = slice(begin, begin + PORTION)
            report(0.9 + 0.08 * begin / len(beliefs.pair), "writing the priors beside their pairs")
            Prior.objects.bulk_create(
                Prior(promotion=job, pair_id=pair, p_first=p)
                for pair, p in zip(beliefs.pair[part].tolist(), beliefs.p_first[part].tolist())
            )
    report(0.98, "putting the priors in place")
    with report.final():
        Dataset.objects.select_for_update(of=["self"], no_key=True).get(pk=job.dataset_id)
        Promotion.objects.filter(dataset=job.dataset, is_current=True).update(is_current=False)
        Promotion.objects.filter(pk=job.pk).update(is_current=True, figures=figures)
        _put_in_place(job)
    _remove(leftovers, None)
    for campaign in Campaign.objects.filter(dataset=job.dataset, standings__isnull=False).distinct():
        standing.measure(campaign)  # what is asked next follows the new priors; the next merge would bring it too


def _put_in_place(job: Promotion) -> None:
    """Two statements for all pairs of the data set; a pair of which nothing is believed has no prior and no source."""
    pairs = Pair.objects.of_dataset(job.dataset)
    if job.run is None:
        pairs.exclude(prior=None).update(prior=None, prior_source="")
        return
    pairs.update(prior=Subquery(Prior.objects.filter(promotion=job, pair=OuterRef("pk")).values("p_first")))
    pairs.update(prior_source=Case(When(prior=None, then=Value("")), default=Value(job.run.name)))


def _remove(rows: QuerySet[Prior], report: Report | None) -> None:
    """In portions, so that nobody waits for it."""
    while keys := list(rows.values_list("pk", flat=True)[:PORTION]):
        Prior.objects.filter(pk__in=keys).delete()
        if report is not None:
            report()
