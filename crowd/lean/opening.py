"""Whose turn it is: some pictures are asked about first, to the depth that shows who sees well, the others as votes come in.

A pair whose picture waits has rank 0: it is asked about where nothing else is left for a worker. A pair of which a model has
an opinion never waits.
"""

from django.db.models import QuerySet, Sum

from annotation.models import Image, Person
from crowd.aggregation.choosing import begun, depth_for
from crowd.models import Campaign, Standing


def first_turn(campaign: Campaign) -> None:
    """Before the first vote."""
    _set(campaign, _upto(campaign, 0))


def next_turn(campaign: Campaign) -> QuerySet[Standing]:
    """The turn of further pictures comes with the votes: the rows whose turn has come now, to be recounted."""
    before = last_begun(campaign)
    if before is None:
        return campaign.standings.none()
    sums = campaign.standings.aggregate(votes=Sum("n_votes"), out=Sum("n_out"))
    upto = _upto(campaign, (sums["votes"] or 0) + (sums["out"] or 0))
    if upto is not None and upto <= before:
        return campaign.standings.none()
    _set(campaign, upto)
    new = campaign.standings.filter(image_id__gt=before)
    return new if upto is None else new.filter(image_id__lte=upto)


def last_begun(campaign: Campaign) -> int | None:
    """Primary key of the last picture whose turn has come, as it is written down now; None where all have begun."""
    return Campaign.objects.values_list("begun_upto", flat=True).get(pk=campaign.pk)


def _set(campaign: Campaign, upto: int | None) -> None:
    campaign.begun_upto = upto
    Campaign.objects.filter(pk=campaign.pk).update(begun_upto=upto)


def _upto(campaign: Campaign, votes: int) -> int | None:
    plan = min(campaign.votes_per_pair, campaign.most_votes)  # votes that a pair may get
    n_pairs, n_people = campaign.standings.count(), Person.objects.filter(image__dataset=campaign.dataset).count()
    share = begun(votes, n_pairs, campaign.comparisons_per_hit, plan, depth_for(n_pairs, n_people))
    images = Image.objects.filter(dataset=campaign.dataset).order_by("pk").values_list("pk", flat=True)
    place = int(share * images.count())
    return images[place - 1] if share < 1 and place else None
