"""What workers have handed in."""

import re

from crowd.marketplace import assignments as work
from crowd.marketplace import pages
from crowd.marketplace.errors import NotSupported, RequestError
from crowd.marketplace.models import Assignment, Hit, Requester
from crowd.marketplace.operations import hits

LONGEST_FEEDBACK = 1024


def describe(assignment: Assignment) -> dict:
    """Mechanical Turk's Assignment structure."""
    return {
        "AssignmentId": assignment.assignment_id,
        "WorkerId": assignment.worker.worker_id,
        "HITId": assignment.hit.hit_id,
        "AssignmentStatus": assignment.state,
        "AutoApprovalTime": assignment.auto_approve_at,
        "AcceptTime": assignment.accepted_at,
        "SubmitTime": assignment.submitted_at,
        "ApprovalTime": assignment.approved_at,
        "RejectionTime": assignment.rejected_at,
        "Deadline": assignment.deadline,
        "Answer": assignment.answer,
        "RequesterFeedback": assignment.feedback or None,
    }


def list_assignments(requester: Requester, parameters: dict) -> dict:
    hit = hits.owned_hit(requester, parameters["HITId"])
    rows = hit.assignments.select_related("worker", "hit")
    rows = rows.filter(state__in=parameters.get("AssignmentStatuses") or Assignment.HANDED_IN)
    page = pages.page("ListAssignmentsForHIT", rows, requester, parameters)
    return page.reply("Assignments", [describe(assignment) for assignment in page.rows])


def get_assignment(requester: Requester, parameters: dict) -> dict:
    assignment = work.owned(requester, parameters["AssignmentId"])
    hit = hits.with_counts(Hit.objects.filter(pk=assignment.hit_id)).get()
    return {"Assignment": describe(assignment), "HIT": hits.describe(hit)}


def _feedback(parameters: dict) -> str:
    text = parameters.get("RequesterFeedback", "").strip()
    if len(text) > LONGEST_FEEDBACK or re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text):
        raise RequestError(
            f"RequesterFeedback must have at most {LONGEST_FEEDBACK} characters and no control characters.",
            "InvalidParameterValue",
        )
    return text


def approve_assignment(requester: Requester, parameters: dict) -> None:
    work.approve(
        work.owned(requester, parameters["AssignmentId"]),
        feedback=_feedback(parameters),
        override_rejection=parameters.get("OverrideRejection", False),
    )


def reject_assignment(requester: Requester, parameters: dict) -> None:
    feedback = _feedback(parameters)
    if not feedback:
        raise RequestError("RequesterFeedback must say why; the worker reads it.", "InvalidParameterValue")
    work.reject(work.owned(requester, parameters["AssignmentId"]), feedback)


def get_file_upload_url(requester: Requester, parameters: dict) -> dict:
    raise NotSupported("Amazon withdrew file uploads in 2017; let the task page upload to a place of your own.")
