"""What people may do, as roles: Django's groups with the rights that belong to them."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from access.models import RoleOffer

APPS = ("annotation", "crowd", "modeling", "admin")
VIEW = ("view_",)
ROLES: dict[str, str] = {
    "Viewer": "sees data sets, campaigns and runs, and changes nothing",
    "Reviewer": "may also answer doubtful pairs as an expert",
    "Manager": "may also import, launch campaigns and spend, merge, release, train, and decide about workers",
}
ANSWERING = {"change_pair"}
MANAGING = {
    "add_import", "change_dataset", "delete_dataset", "add_campaign", "change_campaign", "delete_campaign", "add_merge",
    "add_release", "add_voteimport", "add_run", "add_demonstration", "change_worker", "add_environment", "change_environment",
}


def ensure() -> None:
    """Make the roles that are missing."""
    if Group.objects.filter(name__in=ROLES).count() < len(ROLES):
        bring_up_to_date()


@transaction.atomic
def bring_up_to_date() -> None:
    """Make the roles that are missing, and give the others what this version has added.

    What somebody has given to a role or taken from it stays so: each right is offered to each role once.
    """
    rights = {f"{right.content_type.app_label}.{right.codename}": right for right in _rights()}
    for name in ROLES:
        group, is_new = Group.objects.get_or_create(name=name)
        wanted = {key for key, right in rights.items() if _may(name, right.codename)}
        offer = RoleOffer.objects.filter(group=group).first()
        if offer is None:
            offer = RoleOffer(group=group, rights=sorted([] if is_new else _offered_before(group, rights)))
        new = wanted - set(offer.rights)
        if new or offer.pk is None:
            group.permissions.add(*(rights[key] for key in new))
            offer.rights = sorted({*offer.rights, *new})
            offer.save()


def sync(sender, **_) -> None:
    """After a migration, which may have brought rights."""
    if sender.label in APPS:
        bring_up_to_date()


def _rights():
    return Permission.objects.filter(content_type__app_label__in=APPS).select_related("content_type")


def _offered_before(group: Group, rights: dict[str, Permission]) -> list[str]:
    """What a role of a version that kept no list was made with: rights have numbers, and later ones are higher.

    A role that holds nothing was emptied by somebody.
    """
    newest = group.permissions.order_by("-pk").values_list("pk", flat=True).first()
    return [key for key, right in rights.items() if newest is None or right.pk <= newest]


def _may(role: str, right: str) -> bool:
    if right.startswith(VIEW):
        return True
    return (role in ("Reviewer", "Manager") and right in ANSWERING) or (role == "Manager" and right in MANAGING)
