"""Whose rows a program sees, and what it may do with them."""

from rest_framework import permissions
from rest_framework.exceptions import PermissionDenied

from access.authentication import require_scope, scope_of
from access.models import Scope
from access.sharing import Role
from annotation import rights


class ModelRights(permissions.DjangoModelPermissions):
    """The panel's rights: to view, to add; for staff only."""

    perms_map = permissions.DjangoModelPermissions.perms_map | {
        method: ["%(app_label)s.view_%(model_name)s"] for method in ("GET", "HEAD", "OPTIONS")
    }

    def has_object_permission(self, request, view, obj) -> bool:
        """What is shared to be looked at is not changed, and what is shared to be managed spends nothing.

        A view says what its rows belong to, and may name another `role` than to manage.

        Raises: PermissionDenied with a sentence that names the remedy.
        """
        path = getattr(view, "belongs_to", None)
        if path is None or request.method in permissions.SAFE_METHODS:
            return True
        spends = scope_of(view, request.method) == Scope.SPEND
        needed = Role.SPEND if spends else getattr(view, "role", Role.MANAGE)
        if not rights.may(request.user, obj, path, needed):
            words = "This is shared with you without the right to do that; its owner can share it"
            raise PermissionDenied(f"{words} “{needed.label}”.")
        return True

    def has_permission(self, request, view) -> bool:
        require_scope(request, view)
        return bool(request.user and request.user.is_staff) and super().has_permission(request, view)


def needing(look: str, act: str) -> type[ModelRights]:
    """The panel's right to look, and the one to change anything, by name."""
    class Rights(ModelRights):
        perms_map = {
            method: [look if method in permissions.SAFE_METHODS else act] for method in ModelRights.perms_map
        }

    return Rights


class OwnedRows:
    """Rows that belong to something of the caller's, or shared with him; administrators see all."""

    belongs_to = ""

    def get_queryset(self):
        return rights.scoped(self.queryset.all(), self.belongs_to, self.request.user)
