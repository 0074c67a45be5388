"""Lists for programs: in pages that nothing new shifts, and of such rows alone as were asked for."""

from datetime import UTC

from django import forms
from django.core.exceptions import ValidationError
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination

from access.problems import BadQuery

LARGEST_ID = 2**63 - 1


class Pages(CursorPagination):
    """Newest first, from where the last page ended: rows that come meanwhile neither repeat nor hide any."""

    ordering = "-pk"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    page_size_query_description = f"1 to {max_page_size}; {page_size} where nothing is said."
    cursor_query_description = "Where to go on: taken from `next` or `previous`, whole."

    def paginate_queryset(self, queryset, request, view=None):
        try:
            return super().paginate_queryset(queryset, request, view)
        except (exceptions.NotFound, ValueError, OverflowError, ValidationError) as error:
            raise BadQuery({"cursor": "It is none that this list gave. Begin without one."}) from error

    def get_page_size(self, request) -> int:
        said = request.query_params.get(self.page_size_query_param)
        if said is None:
            return self.page_size
        if not (said.isascii() and said.isdecimal() and len(said) < 5 and 1 <= int(said) <= self.max_page_size):
            raise BadQuery({self.page_size_query_param: f"Give a number from 1 to {self.max_page_size}."})
        return int(said)


class IdFilter(filters.NumberFilter):
    """Rows that belong to the row of this number."""

    field_class = forms.IntegerField

    def __init__(self, *args, **options):
        super().__init__(*args, min_value=1, max_value=LARGEST_ID, **options)

    def get_max_validator(self):
        return None


class MomentField(IsoDateTimeField):
    def to_python(self, value):
        """In UTC: PostgreSQL knows no zones of 16 hours and more, which ISO 8601 allows."""
        moment = super().to_python(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("There is no such moment in UTC.") from error


class Moment(filters.IsoDateTimeFilter):
    """A date and time in ISO 8601."""

    field_class = MomentField


class Filters(filters.FilterSet):
    """A base that takes no lists of values and no buttons, only what is declared."""


class FilterBackend(filters.DjangoFilterBackend):
    """A filter that is not there, or whose value is wrong, is said so: nobody gets all rows for a slip of the pen."""

    def filter_queryset(self, request, queryset, view):
        if getattr(view, "action", "") != "list":
            return queryset
        self.check_names(request, view)
        try:
            return super().filter_queryset(request, queryset, view)
        except exceptions.ValidationError as error:
            raise BadQuery(error.detail) from error

    def check_names(self, request, view) -> None:
        kind = self.get_filterset_class(view, view.get_queryset())
        known = sorted({*(kind.base_filters if kind else ()), Pages.cursor_query_param, Pages.page_size_query_param})
        unknown = sorted(set(request.query_params) - set(known))
        if unknown:
            raise BadQuery({name: f"This list knows {', '.join(known)}." for name in unknown})
