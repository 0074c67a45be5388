"""What the crowd adds to the pages of data sets and people."""

from django.db.models import Count, F, Max
from django.urls import reverse

from access.sharing import Role
from annotation.models import Dataset, Person
from annotation.rights import may, scoped
from crowd.lean import stopping
from crowd.models import Assignment, Campaign, Consensus, Merge, Release, Standing
from crowd.panel.home import with_progress

SURE_RISK = 0.05


def consensus_of(person: Person, user) -> dict:
    """For each pair what the newest finished merge that knows it says, and why each lean campaign asks about it or no longer.

    Where people answered for several campaigns, their marks stand side by side; whose merge and whose reason it is, is named.
    """
    rows = Consensus.objects.filter(pair__person=person, merge__state=Merge.State.DONE).order_by("merge_id")
    rows = scoped(rows, "merge__campaign", user).annotate(campaign=F("merge__campaign__name"))
    several = Campaign.objects.open_to(user).filter(dataset=person.image.dataset).count() > 1
    pairs = {}
    for row in rows:  # later merges overwrite earlier ones
        pairs[row.pair_id] = {
            "p_first": row.p_first, "risk": row.risk, "n_merged": row.n_votes, "merge_id": row.merge_id,
            "merged_for": row.campaign if several else "", "decisions": [], "alone": _own(row),
        }
    standings = scoped(Standing.objects.filter(pair__person=person), "campaign", user)
    standings = list(standings.select_related("pair", "campaign").order_by("campaign_id", "pk"))
    for row in standings:
        is_newest = row.campaign_id == standings[-1].campaign_id  # earlier ones decided before today's prior was there
        said = stopping.explain(row, prior=is_newest)
        pairs.setdefault(row.pair_id, {}).setdefault("decisions", []).append(f"{row.campaign}: {said}" if several else said)
    return {"pairs": pairs}


def _own(row: Consensus) -> float | None:
    """How sure a pair's own votes alone make the likelier answer, where that is another figure."""
    if row.alone is None or abs(row.alone - row.p_first) < 0.01:
        return None
    return row.alone if row.p_first >= 0.5 else 1 - row.alone


def campaigns_of(dataset: Dataset, user) -> dict:
    may_add = user.has_perm("crowd.add_campaign") and may(user, dataset, "", Role.MANAGE)
    campaigns = list(with_progress(Campaign.objects.open_to(user).filter(dataset=dataset)))
    for campaign in campaigns:
        campaign.dataset = dataset
        campaign.percent = round(100 * campaign.handed_in / campaign.offered) if campaign.offered else None
    add = f"{reverse('admin:crowd_campaign_add')}?dataset={dataset.pk}"
    return {
        "title": "Campaigns", "template": "admin/crowd/campaign/home.html" if campaigns else None, "campaigns": campaigns,
        "add_url": add if may_add else None,
        "act": {"url": add, "label": "Ask a crowd about it"} if may_add else None,
    }


def doubts(dataset: Dataset, user) -> dict:
    """Filters of the data set's gallery: who has doubtful labels by the newest merge, and who has none."""
    merges = scoped(Merge.objects.filter(campaign__dataset=dataset, state=Merge.State.DONE), "campaign", user)
    newest = merges.order_by("-pk").values("pk")[:1]

    def by_worst(people):
        """With `worst`, the highest risk of each; in one pass over the merge, not one look for each person."""
        return people.filter(pairs__consensuses__merge=newest).annotate(worst=Max("pairs__consensuses__risk"))

    return {
        "doubtful": (
            "Most doubtful first", lambda people: by_worst(people).order_by("-worst", "image__name", "number")
        ),
        "sure": ("All labels sure", lambda people: by_worst(people).filter(worst__lte=SURE_RISK)),
    }


def of_ones_campaigns(user) -> list:
    """Rows whose lines in the audit trail concern the owner of the campaign, whoever wrote them."""
    campaigns = user.campaigns.all()
    return [
        campaigns, Merge.objects.filter(campaign__in=campaigns), Release.objects.filter(campaign__in=campaigns),
        Assignment.objects.filter(hit__campaign__in=campaigns),
    ]


def newest_merges(campaigns) -> list[Merge]:
    """The newest finished merge of each campaign."""
    newest = campaigns.filter(merges__state=Merge.State.DONE).annotate(
        newest=Max("merges__pk"), n=Count("merges")
    ).values("newest")
    return list(Merge.objects.filter(pk__in=newest).select_related("campaign"))
