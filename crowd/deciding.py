"""What a person decides about workers and their work; nothing here happens by itself."""

from django.db import transaction
from django.utils import timezone

from crowd import reconciling
from crowd.models import Assignment, Worker
from crowd.mturk.gateway import Gateway


class CannotDecide(Exception):
    """The decision does not fit the state of things; the message says why."""


def approve(assignment: Assignment) -> None:
    """Pay for work that was handed in but does not fit what arrived here.

    The marketplace is told, and asked at once what it then says; the ledger's line follows
    its word. Votes that could not be verified stay out of merges.

    Raises: CannotDecide; GatewayError, after which the same call may be made again.
    """
    if assignment.state not in (Assignment.State.SUBMITTED, Assignment.State.VERIFIED):
        raise CannotDecide(f"This task is {assignment.get_state_display()}; there is nothing to approve.")
    campaign = assignment.hit.campaign
    Gateway(campaign.environment).approve(assignment.assignment_id)
    reconciling.reconcile(campaign)


@transaction.atomic
def exclude(worker: Worker) -> None:
    """Give this worker no further task; work that has begun may be handed in and is paid."""
    Worker.objects.filter(pk=worker.pk, excluded_at=None).update(excluded_at=timezone.now())


@transaction.atomic
def readmit(worker: Worker) -> None:
    Worker.objects.filter(pk=worker.pk).update(excluded_at=None)
