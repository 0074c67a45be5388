"""The description of the interface: what can go wrong is said at every operation that can answer so."""

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import permissions

from access.authentication import scope_of
from access.idempotency import HEADER, Once
from access.problems import KINDS, MEDIA_TYPE, ProblemSerializer


def refusal(status: int, description: str = "") -> dict:
    """For `extend_schema(responses=...)`: a problem that only some operations answer."""
    return {(status, MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description=description or f"{KINDS[status].title}.")}


KEY = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER, description="Of the caller's choice: the same call with the same key is done once."
)


def let_choices_overlap(result: dict, **_) -> dict:
    """An empty word may fit the pattern of a field as well as being allowed beside it: any of the two will do."""
    for schema in result["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            if {"type": "string", "maxLength": 0} in field.get("oneOf", []):
                field["anyOf"] = field.pop("oneOf")
    return result


class Schema(AutoSchema):
    def problems(self) -> list[int]:
        """Statuses that the operation answers beside its own."""
        always = [401, 403, 406, 429]
        if self.method not in permissions.SAFE_METHODS:
            always += [400, 409, 413, 415]
            if isinstance(self.view, Once):
                always += [422]
        elif self._is_list_view() or getattr(self.view, "action", "") == "list":
            always += [400]
        if "{" in self.path:
            always += [404]
        return sorted(always)

    def get_override_parameters(self):
        if self.method == "POST" and isinstance(self.view, Once):
            return [KEY]
        return []

    def get_operation(self, *args, **kwargs):
        operation = super().get_operation(*args, **kwargs)
        if operation is not None and (scope := scope_of(self.view, self.method)):
            operation["x-scope"] = str(scope)
        return operation

    def _get_response_bodies(self, direction="response"):
        bodies = super()._get_response_bodies(direction)
        for status in self.problems():
            described = OpenApiResponse(ProblemSerializer, description=f"{KINDS[status].title}.")
            if str(status) not in bodies:
                bodies[str(status)] = self._get_response_for_code(described, str(status), [MEDIA_TYPE], direction)
        return dict(sorted(bodies.items()))
