"""Blocks and letters."""

from crowd.marketplace import pages
from crowd.marketplace.errors import DoesNotExist, RequestError
from crowd.marketplace.models import Assignment, Message, Requester, Worker, WorkerBlock

MOST_RECIPIENTS = 100
LONGEST_SUBJECT = 200
LONGEST_TEXT = 4096


def known_worker(worker_id: str) -> Worker:
    worker = Worker.objects.filter(worker_id=worker_id).first()
    if worker is None:
        raise DoesNotExist("Worker", worker_id)
    return worker


def create_worker_block(requester: Requester, parameters: dict) -> None:
    if not parameters["Reason"].strip():
        raise RequestError("Reason must not be empty; the worker does not see it.", "InvalidParameterValue")
    WorkerBlock.objects.update_or_create(
        requester=requester, worker=known_worker(parameters["WorkerId"]), defaults={"reason": parameters["Reason"]}
    )


def delete_worker_block(requester: Requester, parameters: dict) -> None:
    requester.blocks.filter(worker=known_worker(parameters["WorkerId"])).delete()


def list_worker_blocks(requester: Requester, parameters: dict) -> dict:
    page = pages.page("ListWorkerBlocks", requester.blocks.select_related("worker"), requester, parameters)
    return page.reply(
        "WorkerBlocks", [{"WorkerId": block.worker.worker_id, "Reason": block.reason} for block in page.rows]
    )


def notify_workers(requester: Requester, parameters: dict) -> dict:
    ids, subject, text = parameters["WorkerIds"], parameters["Subject"].strip(), parameters["MessageText"].strip()
    if not 1 <= len(ids) <= MOST_RECIPIENTS:
        raise RequestError(f"WorkerIds has {len(ids)} ids; it must have 1 to {MOST_RECIPIENTS}.", "InvalidParameterValue")
    if not 1 <= len(subject) <= LONGEST_SUBJECT or not 1 <= len(text) <= LONGEST_TEXT:
        raise RequestError(
            f"Subject must have 1 to {LONGEST_SUBJECT} characters, MessageText 1 to {LONGEST_TEXT}.", "InvalidParameterValue"
        )
    decided = Assignment.objects.filter(
        hit__requester=requester, state__in=[Assignment.State.APPROVED, Assignment.State.REJECTED]
    )
    failures = []
    for worker_id in dict.fromkeys(ids):
        worker = Worker.objects.filter(worker_id=worker_id).first()
        if worker and decided.filter(worker=worker).exists():
            Message.objects.create(worker=worker, requester=requester, subject=subject, text=text)
        else:
            failures.append(
                {
                    "NotifyWorkersFailureCode": "HardFailure",
                    "NotifyWorkersFailureMessage": "Only workers whose work you have approved or rejected can be written to.",
                    "WorkerId": worker_id,
                }
            )
    return {"NotifyWorkersFailureStatuses": failures}
