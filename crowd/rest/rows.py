"""Whose rows a program sees, and how what does not fit is said to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework import serializers

from access.problems import Conflict, MarketplaceFailed
from access.sharing import Role
from annotation import rights
from annotation.rest.rows import ModelRights, OwnedRows
from crowd.deciding import CannotDecide
from crowd.ways.base import CannotOffer, GatewayError


class OwnedBy(serializers.PrimaryKeyRelatedField):
    """A row to go on with: the caller's, or shared to be managed; others do not exist for him.

    Args:
        belongs_to: the path from the model to its data set or campaign; "" for these themselves.
    """

    def __init__(self, *, model, belongs_to: str, **options):
        self._model, self._belongs_to = model, belongs_to
        super().__init__(queryset=model.objects.none(), **options)

    def get_queryset(self):
        return rights.scoped(self._model.objects.all(), self._belongs_to, self.context["request"].user, Role.MANAGE)


@contextmanager
def said_as_problems() -> Iterator[None]:
    """What does not fit the state of things, and what a place with people did not do, in the interface's words."""
    try:
        yield
    except (CannotDecide, CannotOffer) as error:
        raise Conflict(str(error)) from error
    except GatewayError as error:
        raise MarketplaceFailed(f"The marketplace did not answer as it should: {error.words}") from error


class Owned(OwnedRows):
    """Rows whose campaign, or whatever they belong to, is the caller's or shared; administrators see all."""

    belongs_to = "campaign"
    permission_classes = [ModelRights]
