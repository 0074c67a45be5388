"""What the crowd's rows put on the home page."""

from datetime import timedelta

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from access.sharing import Role
from annotation import rights
from annotation.models import Dataset
from config.panel import Act, Attention, Overview
from crowd import funds
from crowd.models import Assignment, Call, Campaign, Hit, Merge, Payment, Publication, Release, VoteImport
from crowd.panel import forecast

RECENT = 5
MOST_TROUBLES = 50  # campaigns that are looked through for what needs attention, beyond the newest
FAILURES_FOR = timedelta(days=7)
MONEY_SHARE = 0.9


def page_of(thing) -> str:
    return reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[thing.pk])


def with_progress(campaigns):
    """Campaigns with `offered`, `handed_in`, `to_review` and `paid`, in one query."""
    of_campaign = {"campaign": OuterRef("pk")}
    hits = Hit.objects.filter(**of_campaign, compensates=None)
    hits = hits.order_by().values("campaign").annotate(n=Sum("max_assignments")).values("n")
    done = (
        Assignment.objects.filter(hit__campaign=OuterRef("pk")).exclude(state__in=("accepted", "unsubmitted", "foreign"))
        .order_by().values("hit__campaign")
    )
    review = Assignment.objects.filter(hit__campaign=OuterRef("pk"), state="submitted").order_by().values("hit__campaign")
    paid = Payment.objects.filter(**of_campaign).order_by().values("campaign").annotate(n=Sum("amount_usd") + Sum("fee_usd"))
    return campaigns.annotate(
        offered=Coalesce(Subquery(hits), 0),
        handed_in=Coalesce(Subquery(done.annotate(n=Count("pk")).values("n")), 0),
        to_review=Coalesce(Subquery(review.annotate(n=Count("pk")).values("n")), 0),
        paid=Subquery(paid.values("n")),
        deadline=Subquery(review.annotate(at=Min("auto_approval_at")).values("at")),
        expires=Subquery(
            Hit.objects.filter(**of_campaign).order_by().values("campaign").annotate(n=Max("expires_at")).values("n")
        ),
        merge_count=Count("merges", filter=Q(merges__state=Merge.State.DONE), distinct=True),
        release_count=Count("releases", filter=Q(releases__state=Release.State.DONE), distinct=True),
    )


def overview(request: HttpRequest) -> Overview:
    """Campaigns, what is wrong with them, and the step that each of the newest would take next."""
    may_add = request.user.has_perm("crowd.add_campaign")
    add_url = reverse("admin:crowd_campaign_add") if may_add else None
    mine = Campaign.objects.open_to(request.user).select_related("dataset", "environment")
    campaigns = list(with_progress(mine)[:RECENT])
    for campaign in campaigns:
        campaign.percent = round(100 * campaign.handed_in / campaign.offered) if campaign.offered else None
    found = Overview(sections=[{
        "title": "Campaigns", "template": "admin/crowd/campaign/home.html", "campaigns": campaigns,
        "all_url": reverse("admin:crowd_campaign_changelist"), "add_url": add_url,
    }])
    watched = [*campaigns, *with_progress(_alive(mine).exclude(pk__in=[one.pk for one in campaigns]))[:MOST_TROUBLES]]
    found.attention = [
        *_shortages(request, watched), *_troubles(watched), *_refusals(watched), *_failures(request),
    ]
    managed = Campaign.objects.open_to(request.user, Role.MANAGE).filter(pk__in=[one.pk for one in campaigns])
    managed = set(managed.values_list("pk", flat=True))
    found.acts = [act for campaign in campaigns if campaign.pk in managed and (act := _next(campaign)) is not None]
    if may_add and not campaigns and (dataset := Dataset.objects.open_to(request.user, Role.MANAGE).first()) is not None:
        found.acts.append(Act(
            2, "Ask a crowd", f"“{dataset}” has questions and no answers yet.",
            f"{reverse('admin:crowd_campaign_add')}?dataset={dataset.pk}", "Make a campaign",
        ))
    return found


def _alive(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """On offer, or with work that waits for somebody's word."""
    waits = Assignment.objects.filter(hit__campaign=OuterRef("pk"), state="submitted")
    return campaigns.filter(Q(state__in=funds.RUNNING) | Q(Exists(waits)))


def _shortages(request: HttpRequest, campaigns: list[Campaign]) -> list[Attention]:
    """Accounts that will run dry before the campaigns on them are through."""
    if not request.user.has_perm("crowd.view_payment"):
        return []
    places = {one.environment_id: one.environment for one in campaigns if one.state in funds.RUNNING}
    return [
        Attention(
            f"Money is running low at “{one.environment}”",
            f"The account holds ${one.available_usd:,.2f}; the campaigns that run on it may still ask for "
            f"${one.needed_usd:,.2f}. Deposit ${one.missing_usd:,.2f}, or lower a budget.",
            reverse("admin:accounts"), "See the account",
        )
        for one in funds.shortages(places.values())
    ]


def _troubles(campaigns: list[Campaign]) -> list[Attention]:
    found = []
    now = timezone.now()
    for campaign in campaigns:
        url = page_of(campaign)
        if campaign.trouble:
            found.append(Attention(f"“{campaign}” cannot reach its marketplace", campaign.trouble, url, "Look at it", "danger"))
        if campaign.to_review:
            found.append(Attention(
                f"Tasks of “{campaign}” that wait for your word: {campaign.to_review}",
                "What was handed in does not fit what arrived here. " + _deadline(campaign.deadline, now),
                f"{reverse('admin:crowd_assignment_changelist')}?state__exact=submitted&hit__campaign__id__exact={campaign.pk}",
                "Review them",
            ))
        spent = campaign.paid or 0
        collecting = campaign.state == Campaign.State.COLLECTING
        if collecting and campaign.budget_usd and float(spent) > MONEY_SHARE * float(campaign.budget_usd):
            found.append(Attention(f"“{campaign}” has spent {spent} of {campaign.budget_usd} USD", "", url, "See"))
        if collecting and campaign.expires and campaign.expires < now:
            offer = reverse("admin:crowd_campaign_offer", args=[campaign.pk])
            found.append(Attention(
                f"The offer of “{campaign}” has run out", "Not everything is done. More time opens it again.", offer, "See"
            ))
        if campaign.state == Campaign.State.PAUSED:
            offer = reverse("admin:crowd_campaign_offer", args=[campaign.pk])
            found.append(Attention(f"“{campaign}” is paused", "Nobody new is let in until it is resumed.", offer, "Resume it"))
    return found


def _deadline(at, now) -> str:
    """Until when a word of the researcher's still counts."""
    if at is None:
        return "The marketplace pays by itself when its time is over."
    if at <= now:
        return "The marketplace's time for the first of them is over: it pays by itself."
    return f"The marketplace pays the first of them by itself in {forecast.spoken(at - now)}."


def _refusals(campaigns: list[Campaign]) -> list[Attention]:
    """What a marketplace has refused to make or pay lately, and nobody has asked for again."""
    since = timezone.now() - FAILURES_FOR
    refused = Call.objects.filter(campaign__in=campaigns, state=Call.State.REFUSED, ended_at__gt=since).order_by()
    names = {campaign.pk: campaign for campaign in campaigns}
    return [
        Attention(
            f"Refused by the marketplace for “{names[pk]}”: {n}", "Look at what it says, and ask again once it is mended.",
            f"{reverse('admin:crowd_call_changelist')}?state__exact=refused&campaign__id__exact={pk}", "See why", "danger",
        )
        for pk, n in refused.values_list("campaign").annotate(n=Count("pk"))
    ]


FAILING = (  # kind of job; what failed, in words; what it is about; its name
    (Publication, "The {act} of", "campaign", "campaign__name"), (Merge, "A merge of", "campaign", "campaign__name"),
    (Release, "A release of", "campaign", "campaign__name"), (VoteImport, "Reading the file", "dataset", "filename"),
)


def _failures(request: HttpRequest) -> list[Attention]:
    """Jobs that failed lately and were not followed by one that did not; all kinds in one query."""
    since, kinds = timezone.now() - FAILURES_FOR, []
    for number, (model, _, about, name) in enumerate(FAILING):
        rows = rights.scoped(model.objects.filter(created_at__gt=since), about, request.user)
        act = F("act") if model is Publication else Value("")
        kinds.append(rows.order_by().annotate(kind=Value(number), said=act).values_list(
            "kind", f"{about}_id", "pk", name, "said", "state", "error"
        ))
    newest = {}
    for kind, about, *row in sorted(kinds[0].union(*kinds[1:], all=True), key=lambda row: row[2]):
        newest[kind, about] = row
    found = []
    for (kind, about), (pk, name, act, state, error) in newest.items():
        if state == Publication.State.FAILED:
            model, words = FAILING[kind][:2]
            page = ("crowd_campaign", about) if model is Publication else (f"crowd_{model._meta.model_name}", pk)
            words = words.format(act=Publication.Act(act).label if act else "")
            url = reverse(f"admin:{page[0]}_change", args=[page[1]])
            found.append(Attention(f"{words} “{name}” failed", error, url, "See why", "danger"))
    return found


def _next(campaign: Campaign) -> Act | None:
    url = page_of(campaign)
    if campaign.is_draft:
        return Act(3, f"Launch “{campaign}”", "A draft: look at its price, then put it on offer.", url, "Look at the price")
    if campaign.state == Campaign.State.PUBLISHING:
        return Act(4, f"“{campaign}” is being published", "Its HITs are being put on offer.", url, "Watch it")
    if campaign.state == Campaign.State.COLLECTING:
        return Act(4, f"“{campaign}” is collecting", f"{campaign.percent or 0} % of its tasks are handed in.", url, "Watch it")
    if not campaign.merge_count and campaign.handed_in:
        words = "All votes are in. Merging makes them probabilities."
        return Act(5, f"Merge the votes of “{campaign}”", words, url, "Merge")
    if campaign.merge_count and not campaign.release_count:
        words = "A release is the data set as files, and what a lifter learns from."
        return Act(6, f"Release “{campaign}”", words, url, "Make a release")
    return None
