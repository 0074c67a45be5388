"""What programs see of any job, how they look for some, and how they stop one."""

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from access.filtering import Filters, Moment
from access.problems import Conflict
from access.trail import noted
from jobs import running
from jobs.models import Job

JOB_FIELDS = ["state", "progress", "stage", "error", "created_at", "started_at", "ended_at"]


class JobFilters(Filters):
    state = filters.ChoiceFilter(choices=Job.State.choices)
    created_after = Moment("created_at", "gte")
    created_before = Moment("created_at", "lt")


def cancel(user, job: Job) -> None:
    """As on the job's page: whoever started it, and administrators; one that has ended cannot be.

    Raises: PermissionDenied, Conflict.
    """
    if not (user.is_superuser or job.created_by_id == user.pk):
        raise PermissionDenied("Only who started it, or an administrator, may stop it.")
    if job.has_ended:
        raise Conflict(f"It is {job.get_state_display()} already; there is nothing to stop.")
    running.cancel(job)
    noted(user, job, "Stopped.")
    job.refresh_from_db()


class Stoppable:
    """For views of jobs."""

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request, pk: str) -> Response:
        """A waiting job ends at once, a running one at its next step; nothing of it is kept."""
        job = self.get_object()
        cancel(request.user, job)
        return Response(self.get_serializer(job).data)
