"""Who may do what with which rows: the one place that every query of the panel and the programming interface asks.

Rows belong to a data set, a campaign or a person, at the end of a path of names as queries have them; "" is the row
itself. Data sets and campaigns know to whom they are open (`open_to`); administrators may do everything.
"""

from collections.abc import Callable

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet, Value

from access.sharing import Role

Doors = Callable[[object], Q]
_doors: list[Doors] = []


def opens_datasets(doors: Doors) -> Doors:
    """Decorate a function `(user)` of an app above, saying which data sets that app's rows let somebody look at."""
    _doors.append(doors)
    return doors


def of_datasets(user, role: Role) -> Q:
    """Those that are one's own, shared under this role at least, or shown with something that is."""
    found = Q(owner=user) | Q(pk__in=_shared(user, role))
    for doors in _doors if role == Role.VIEW else ():
        found |= doors(user)
    return found


def scoped(rows: QuerySet, path: str, user, role: Role = Role.VIEW) -> QuerySet:
    """Those of the rows with which the user may do what the role allows."""
    if user.is_superuser:
        return rows
    end = _end(rows.model, path)
    if issubclass(end, get_user_model()):
        return rows.filter(**{path: user})
    return rows.filter(**{f"{path}__in" if path else "pk__in": end.objects.open_to(user, role)})


def may(user, thing, path: str, role: Role) -> bool:
    """Whether the user may do with this row what the role allows; the database is asked once a request."""
    if user.is_superuser:
        return True
    known = user.__dict__.setdefault("_known_roles", {})  # the user is read anew for each request
    key = (type(thing), thing.pk)
    if key not in known:
        known[key] = _highest(user, thing, path)
    return known[key] >= role


def _highest(user, thing, path: str) -> int:
    """The highest role under which the row is open to the user; 0 for none."""
    row = type(thing)._base_manager.filter(pk=thing.pk).order_by()
    under = [scoped(row, path, user, each).annotate(under=Value(int(each))).values_list("under", flat=True) for each in Role]
    return max(under[0].union(*under[1:]), default=0)


def _shared(user, role: Role) -> QuerySet:
    from annotation.models import DatasetShare  # which asks this module

    return DatasetShare.objects.filter(user=user, role__gte=role).values("dataset")


def _end(model, path: str):
    for name in path.split("__") if path else ():
        model = model._meta.get_field(name).related_model
    return model
