"""The description of the interface: what can go wrong is said at every operation that can answer so."""

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import permissions

from access.problems import KINDS, MEDIA_TYPE, ProblemSerializer


def refusal(status: int, description: str = "") -> dict:
    """For `extend_schema(responses=...)`: a problem that only some operations answer."""
    return {(status, MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description=description or f"{KINDS[status].title}.")}


class Schema(AutoSchema):
    def problems(self) -> list[int]:
        """Statuses that the operation answers beside its own."""
        always = [401, 403, 406, 429]
        if self.method not in permissions.SAFE_METHODS:
            always += [400, 409, 413, 415]
        elif self._is_list_view() or getattr(self.view, "action", "") == "list":
            always += [400]
        if "{" in self.path:
            always += [404]
        return sorted(always)

    def _get_response_bodies(self, direction="response"):
        bodies = super()._get_response_bodies(direction)
        for status in self.problems():
            described = OpenApiResponse(ProblemSerializer, description=f"{KINDS[status].title}.")
            if str(status) not in bodies:
                bodies[str(status)] = self._get_response_for_code(described, str(status), [MEDIA_TYPE], direction)
        return dict(sorted(bodies.items()))
