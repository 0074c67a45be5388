"""A campaign's life after its launch: paused, resumed, extended, finished, archived.

Each change is decided here at once and carried out by a job, HIT by HIT. Nobody who has
begun is stranded by any of them: taking a HIT off the offer leaves what was accepted, and
what is handed in is verified and paid in every state but the last.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from crowd import publishing, reconciling
from crowd.books import outbox, performing
from crowd.models import Assignment, Call, Campaign, Hit, HitPair, Publication
from crowd.publishing import MOST_PLACES, CannotPublish
from crowd.ways import way_of
from crowd.ways.base import CannotOffer, GatewayError
from jobs import running
from jobs.running import JobError, Report

Act = Publication.Act
State = Campaign.State
MOST_VOTES = 45  # for one pair, in all
FROM = {
    Act.PAUSE: (State.PUBLISHING, State.COLLECTING), Act.RESUME: (State.PAUSED,),
    Act.EXTEND: (State.COLLECTING, State.PAUSED, State.FINISHED), Act.ARCHIVE: (State.FINISHED,),
    Act.FINISH: (State.PUBLISHING, State.COLLECTING, State.PAUSED),
}
REOPENED = (Call.Kind.WITHDRAW,)
UNWANTED_AFTER = {  # calls that still wait when the offer is changed the other way
    Act.PAUSE: (Call.Kind.ADD_PLACES, Call.Kind.EXTEND, Call.Kind.OFFER),
    Act.FINISH: (Call.Kind.ADD_PLACES, Call.Kind.EXTEND, Call.Kind.OFFER),
    Act.ARCHIVE: (),
}


def pause(campaign: Campaign, user) -> Publication:
    """Offer it to nobody else until it is resumed; who has begun goes on. Raises: CannotPublish."""
    return _start(campaign, Act.PAUSE, user, State.PAUSED)


def resume(campaign: Campaign, user, *, until: datetime | None = None) -> Publication:
    """On offer again, by default for its whole lifetime from now. Raises: CannotPublish."""
    until = until or timezone.now() + timedelta(seconds=campaign.lifetime_s)
    cost = reopening_usd(campaign)
    publishing.require_budget(campaign, cost)
    publishing.require_funds(campaign, cost)
    with transaction.atomic():
        job = _start(campaign, Act.RESUME, user, State.COLLECTING)
        way_of(campaign.environment).extend(job.campaign, until, user)
    return job


def extend(campaign: Campaign, user, *, until: datetime) -> Publication:
    """On offer until then. Raises: CannotPublish."""
    if until <= timezone.now():
        raise CannotPublish("It can be on offer until a time that is still to come, not until one that is past.")
    cost = reopening_usd(campaign)
    publishing.require_budget(campaign, cost)
    publishing.require_funds(campaign, cost)
    with transaction.atomic():
        job = _start(campaign, Act.EXTEND, user, State.COLLECTING)
        way_of(campaign.environment).extend(job.campaign, until, user)
    return job


def reopening_usd(campaign: Campaign) -> Decimal:
    """What the places may cost that are off the offer now and would be on it again."""
    way = way_of(campaign.environment)
    taken = (*Assignment.UNDECIDED, Assignment.State.APPROVED, Assignment.State.REJECTED)
    n = 0
    for hit in campaign.hits.filter(status="Expired", deleted_at=None, compensates=None):
        n += max(hit.max_assignments - hit.assignments.filter(state__in=taken).count(), 0)
    return n * (publishing.reward_usd(campaign, way) + publishing.fee_usd(campaign, way))


def more_votes_usd(campaign: Campaign, n: int) -> Decimal:
    """What `n` more votes on every pair cost, fees included."""
    way = way_of(campaign.environment)
    n_hits = campaign.hits.filter(follows=None, compensates=None).count()
    return n * n_hits * (publishing.reward_usd(campaign, way) + publishing.fee_usd(campaign, way))


def more_votes(campaign: Campaign, user, *, n: int, until: datetime | None = None) -> Publication:
    """Ask `n` more people about every pair: in the HITs that are there up to nine, then in further ones.

    Further HITs are not taken by those who have voted already. Raises: CannotPublish.
    """
    campaign.refresh_from_db(fields=["more_votes"])
    if not 1 <= n <= MOST_VOTES - campaign.votes_per_pair - campaign.more_votes:
        raise CannotPublish(f"A pair is asked at most {MOST_VOTES} times; ask for 1 more at least.")
    until = until or timezone.now() + timedelta(seconds=campaign.lifetime_s)
    cost = more_votes_usd(campaign, n) + reopening_usd(campaign)
    publishing.require_budget(campaign, cost)
    publishing.require_funds(campaign, cost)
    with transaction.atomic():
        job = _start(campaign, Act.EXTEND, user, State.COLLECTING)
        campaign = job.campaign
        campaign.more_votes += n
        campaign.save(update_fields=["more_votes"])
        _add_places(campaign, n, user)
        way_of(campaign.environment).extend(campaign, until, user)
    return job


def _add_places(campaign: Campaign, n: int, user) -> None:
    """Calls for more places and rows of further HITs, so that every pair is asked of `n` more people."""
    way = way_of(campaign.environment)
    number = campaign.hits.count()
    for hit in campaign.hits.filter(follows=None, compensates=None).order_by("number"):
        left = n
        if campaign.is_lean:  # its HITs get their places as votes come in (`crowd.lean.offering`)
            left -= publishing.places_of_a_hit(campaign) - min(campaign.votes_per_pair + campaign.more_votes - n, MOST_PLACES)
        for each in ([] if campaign.is_lean else (hit, *hit.followers.order_by("number"))):
            more = min(left, MOST_PLACES - each.max_assignments) if each.hit_id else 0
            if more > 0:
                try:
                    way.more_places(each, more, user)
                except CannotOffer:
                    continue
                left -= more
        while left > 0:
            size = min(left, MOST_PLACES)
            further = Hit.objects.create(
                campaign=campaign, number=number, follows=hit, max_assignments=size,
                request_token=publishing.request_token(campaign, number),
            )
            HitPair.objects.bulk_create(
                HitPair(hit=further, pair_id=pair, position=position)
                for position, pair in enumerate(hit.hit_pairs.order_by("position").values_list("pair", flat=True))
            )
            number, left = number + 1, left - size


def finish(campaign: Campaign, user) -> Publication:
    """Offer nothing more; whoever has begun may still hand in and is paid. Raises: CannotPublish."""
    job = _start(campaign, Act.FINISH, user, State.FINISHED)
    Campaign.objects.filter(pk=campaign.pk).update(finished_at=timezone.now())
    return job


def archive(campaign: Campaign, user) -> Publication:
    """Delete its HITs once everything is decided; from then on it is only read. Raises: CannotPublish."""
    if (obstacle := why_not_archive(campaign)) is not None:
        raise CannotPublish(obstacle)
    return _start(campaign, Act.ARCHIVE, user, State.FINISHED)


def why_not_archive(campaign: Campaign) -> str | None:
    """What is still open, in words; None for nothing."""
    if campaign.state != State.FINISHED:
        return f"This campaign is {campaign.get_state_display()}; finish it first."
    n = Assignment.objects.filter(hit__campaign=campaign, state__in=Assignment.UNDECIDED).count()
    if n:
        return f"{n} of its tasks are neither paid nor rejected. Decide them first: a deleted HIT's work cannot be decided."
    owed = campaign.hits.filter(compensates__isnull=False).exclude(compensates__state=Assignment.State.COMPENSATED)
    if n := owed.count():
        return f"{n} HITs that pay for work which could not be handed in have not been taken yet."
    if n := Call.objects.unfinished().filter(campaign=campaign).count():
        return f"{n} calls to the marketplace are still waiting. Let them end first."
    return None


def set_budget(campaign: Campaign, budget_usd: Decimal | None, user) -> Publication | None:
    """A new cap at any time. One below what is open already takes the offer back at once: the pause that is returned.

    Raises: CannotPublish.
    """
    if campaign.state == State.ARCHIVED:
        raise CannotPublish("An archived campaign is only read.")
    Campaign.objects.filter(pk=campaign.pk).update(budget_usd=budget_usd)
    campaign.budget_usd = budget_usd
    if budget_usd is None or campaign.state != State.COLLECTING or publishing.committed_usd(campaign) <= budget_usd:
        return None
    return pause(campaign, user)


@transaction.atomic
def _start(campaign: Campaign, act: str, user, state: str) -> Publication:
    """The change is decided: the campaign's row says so at once, and a job carries it out."""
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if campaign.state not in FROM[act]:
        raise CannotPublish(f"This campaign is {campaign.get_state_display()}: no {Act(act).label} is possible.")
    publishing.require_quiet(campaign)
    campaign.state, campaign.turn = state, campaign.turn + 1
    campaign.save(update_fields=["state", "turn"])
    outbox.drop(campaign.calls.filter(kind__in=UNWANTED_AFTER.get(act, REOPENED)))
    return running.start(Publication(campaign=campaign, act=act, created_by=user))


# --- The job ------------------------------------------------------------------------------------


def run(job: Publication, report: Report) -> None:
    """Carry out one change; taken up again after a death, it goes on where it stopped."""
    try:
        ACTS[job.act](job, report)
    except GatewayError as error:
        raise JobError(f"The marketplace did not answer as it should: {error} The rest is tried again by itself.") from error


def _withdraw(job: Publication, report: Report) -> None:
    calls = way_of(job.campaign.environment).withdraw(job.campaign, job.created_by)
    performing.perform_all(report, calls, "HITs are off the offer")


def _reopen(job: Publication, report: Report) -> None:
    campaign = job.campaign
    way = way_of(campaign.environment)
    if campaign.hits.exclude(follows=None).filter(hit_id="").exists() and hasattr(way, "list_of_voters"):
        performing.perform_all(report, way.list_of_voters(campaign, job.created_by), "earlier voters are noted")
        campaign.refresh_from_db()
    waiting = Call.objects.unfinished().filter(campaign=campaign, kind__in=[Call.Kind.ADD_PLACES, Call.Kind.EXTEND])
    performing.perform_all(report, list(waiting.order_by("pk")), "changes to HITs are made")
    publishing.offer_rest(job, report)
    Campaign.objects.filter(pk=campaign.pk, published_at=None).update(published_at=timezone.now())


def _archive(job: Publication, report: Report) -> None:
    campaign = job.campaign
    report(0, "asking the marketplace a last time")
    reconciling.reconcile(campaign, everything=True)
    if (obstacle := why_not_archive(campaign)) is not None:
        raise JobError(obstacle)
    calls = way_of(campaign.environment).delete(campaign, job.created_by)
    performing.perform_all(report, calls, "HITs are deleted at the marketplace")
    with report.final():
        Campaign.objects.filter(pk=campaign.pk).update(state=State.ARCHIVED, archived_at=timezone.now())


def _pay(job: Publication, report: Report) -> None:
    calls = Call.objects.unfinished().filter(campaign=job.campaign, kind=Call.Kind.BONUS).order_by("pk")
    performing.perform_all(report, list(calls), "bonuses are paid")


ACTS = {
    Act.PUBLISH: publishing.run, Act.PAUSE: _withdraw, Act.FINISH: _withdraw, Act.RESUME: _reopen, Act.EXTEND: _reopen,
    Act.ARCHIVE: _archive, Act.PAY: _pay,
}
