"""What people may do, as roles: Django's groups with the rights that belong to them."""

from django.contrib.auth.models import Group, Permission

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
    """Make the roles that are missing; a role that somebody has changed stays as it is."""
    missing = set(ROLES) - set(Group.objects.filter(name__in=ROLES).values_list("name", flat=True))
    if not missing:
        return
    rights = list(Permission.objects.filter(content_type__app_label__in=APPS))
    for name in sorted(missing):
        Group.objects.create(name=name).permissions.set(right for right in rights if _may(name, right.codename))


def _may(role: str, right: str) -> bool:
    if right.startswith(VIEW):
        return True
    return (role in ("Reviewer", "Manager") and right in ANSWERING) or (role == "Manager" and right in MANAGING)
