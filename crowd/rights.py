"""To whom campaigns are open, and what opens with them."""

from django.core.exceptions import PermissionDenied
from django.db.models import F, Q
from django.http import HttpRequest

from access import spending
from access.sharing import Role
from annotation import rights
from annotation.models import DatasetShare

NO_SPENDING = (
    "This campaign is shared with you without the right to spend, or your role does not include it. Its owner can share it "
    "“also launch and spend”; an administrator gives roles under Users."
)


def of_campaigns(user, role: Role) -> Q:
    """Those that are one's own, shared under this role at least, or made by its owner on a data set that is.

    What a colleague has made on somebody's data set stays that colleague's.
    """
    from crowd.models import CampaignShare  # which asks this module

    shared = CampaignShare.objects.filter(user=user, role__gte=role).values("campaign")
    with_dataset = DatasetShare.objects.filter(user=user, role__gte=role).values("dataset")
    return Q(owner=user) | Q(pk__in=shared) | Q(dataset__in=with_dataset, owner=F("dataset__owner"))


@rights.opens_datasets
def pictures_of_shared_campaigns(user) -> Q:
    """Who may look at a campaign may look at the pictures that it asks about."""
    from crowd.models import CampaignShare

    return Q(pk__in=CampaignShare.objects.filter(user=user).values("campaign__dataset"))


def may_broaden(campaign) -> bool:
    """Whether the campaign's owner may make pairs in its data set."""
    return rights.may(campaign.owner, campaign.dataset, "", Role.MANAGE)


def may_spend(user, campaign) -> bool:
    """Launch, pay, approve and whatever else costs money or decides about it."""
    return user.has_perm("crowd.change_campaign") and rights.may(user, campaign, "", Role.SPEND)


def require_spending(request: HttpRequest, campaign) -> None:
    """Raises: PermissionDenied with a sentence that names the remedy."""
    if not may_spend(request.user, campaign):
        raise PermissionDenied(NO_SPENDING)
    spending.require(request)


def why_not_spend(request: HttpRequest, campaign) -> str:
    """The same as a sentence; empty if nothing is in the way."""
    return NO_SPENDING if not may_spend(request.user, campaign) else spending.obstacle(request)
