"""The operations of Mechanical Turk's requester interface, by name.

Each takes the requester and the checked parameters and returns the reply's members; each
that changes something does so in one transaction, or not at all.
"""

from collections.abc import Callable

from crowd.marketplace.models import Requester
from crowd.marketplace.operations import account, assignments, hits, qualifications, workers

OPERATIONS: dict[str, Callable[[Requester, dict], dict | None]] = {
    "GetAccountBalance": account.get_account_balance,
    "SendBonus": account.send_bonus,
    "ListBonusPayments": account.list_bonus_payments,
    "CreateHITType": hits.create_hit_type,
    "CreateHIT": hits.create_hit,
    "CreateHITWithHITType": hits.create_hit_with_hit_type,
    "GetHIT": hits.get_hit,
    "ListHITs": hits.list_hits,
    "ListReviewableHITs": hits.list_reviewable_hits,
    "ListHITsForQualificationType": hits.list_hits_for_qualification_type,
    "CreateAdditionalAssignmentsForHIT": hits.create_additional_assignments,
    "UpdateExpirationForHIT": hits.update_expiration,
    "UpdateHITReviewStatus": hits.update_review_status,
    "UpdateHITTypeOfHIT": hits.update_hit_type_of_hit,
    "DeleteHIT": hits.delete_hit,
    "UpdateNotificationSettings": hits.update_notification_settings,
    "SendTestEventNotification": hits.send_test_event_notification,
    "ListReviewPolicyResultsForHIT": hits.list_review_policy_results,
    "ListAssignmentsForHIT": assignments.list_assignments,
    "GetAssignment": assignments.get_assignment,
    "ApproveAssignment": assignments.approve_assignment,
    "RejectAssignment": assignments.reject_assignment,
    "GetFileUploadURL": assignments.get_file_upload_url,
    "CreateWorkerBlock": workers.create_worker_block,
    "DeleteWorkerBlock": workers.delete_worker_block,
    "ListWorkerBlocks": workers.list_worker_blocks,
    "NotifyWorkers": workers.notify_workers,
    "CreateQualificationType": qualifications.create_qualification_type,
    "GetQualificationType": qualifications.get_qualification_type,
    "UpdateQualificationType": qualifications.update_qualification_type,
    "DeleteQualificationType": qualifications.delete_qualification_type,
    "ListQualificationTypes": qualifications.list_qualification_types,
    "AssociateQualificationWithWorker": qualifications.associate,
    "DisassociateQualificationFromWorker": qualifications.disassociate,
    "GetQualificationScore": qualifications.get_score,
    "ListWorkersWithQualificationType": qualifications.list_workers,
    "ListQualificationRequests": qualifications.list_requests,
    "AcceptQualificationRequest": qualifications.accept_request,
    "RejectQualificationRequest": qualifications.reject_request,
}
