"""Qualification types, who holds them, who asks for them."""

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from crowd.marketplace import pages
from crowd.marketplace.errors import DoesNotExist, NotSupported, RequestError
from crowd.marketplace.models import Message, Qualification, QualificationRequest, QualificationType, Requester, Worker
from crowd.marketplace.operations.workers import known_worker
from crowd.marketplace.qualifications import SYSTEM

NO_TESTS = (
    "Qualification tests are not supported: put the test into a HIT, and give the qualification to those who pass "
    "with AssociateQualificationWithWorker."
)


def _type(id_: str, requester: Requester | None = None) -> QualificationType:
    types = QualificationType.objects.filter(qualification_type_id=id_, deleted_at=None)
    found = (types.filter(requester=requester) if requester else types).first()
    if found is None:
        raise DoesNotExist("QualificationType", id_)
    return found


def describe(type_: QualificationType) -> dict:
    return {
        "QualificationTypeId": type_.qualification_type_id,
        "CreationTime": type_.created_at,
        "Name": type_.name,
        "Description": type_.description,
        "Keywords": type_.keywords,
        "QualificationTypeStatus": type_.status,
        "RetryDelayInSeconds": type_.retry_delay_s,
        "IsRequestable": type_.status == QualificationType.Status.ACTIVE,
        "AutoGranted": type_.auto_granted,
        "AutoGrantedValue": type_.auto_granted_value if type_.auto_granted else None,
    }


def _set(type_: QualificationType, parameters: dict) -> None:
    if {"Test", "AnswerKey", "TestDurationInSeconds"} & parameters.keys():
        raise NotSupported(NO_TESTS)
    delay_s = parameters.get("RetryDelayInSeconds", type_.retry_delay_s)
    if delay_s is not None and not 0 <= delay_s <= 2**31:
        raise RequestError("RetryDelayInSeconds must not be negative.", "InvalidParameterValue")
    type_.retry_delay_s = delay_s
    type_.description = parameters.get("Description", type_.description).strip()
    type_.status = parameters.get("QualificationTypeStatus", type_.status)
    type_.auto_granted = parameters.get("AutoGranted", type_.auto_granted)
    type_.auto_granted_value = parameters.get("AutoGrantedValue", type_.auto_granted_value)
    for name, text, longest in [("Name", type_.name, 200), ("Description", type_.description, 2000)]:
        if not 1 <= len(text) <= longest:
            raise RequestError(f"{name} must have 1 to {longest} characters.", "InvalidParameterValue")
    if len(type_.keywords) > 1000:
        raise RequestError("Keywords must have at most 1000 characters.", "InvalidParameterValue")


def create_qualification_type(requester: Requester, parameters: dict) -> dict:
    type_ = QualificationType(
        requester=requester, name=parameters["Name"].strip(), keywords=parameters.get("Keywords", "").strip()
    )
    _set(type_, parameters)
    try:
        with transaction.atomic():
            type_.save()
    except IntegrityError:
        existing = QualificationType.objects.get(requester=requester, name=type_.name, deleted_at=None)
        raise RequestError(
            f"You already have a qualification type named {type_.name!r}: {existing.qualification_type_id}.",
            "QualificationTypeAlreadyExists",
        ) from None
    return {"QualificationType": describe(type_)}


def get_qualification_type(requester: Requester, parameters: dict) -> dict:
    return {"QualificationType": describe(_type(parameters["QualificationTypeId"]))}


def update_qualification_type(requester: Requester, parameters: dict) -> dict:
    type_ = _type(parameters["QualificationTypeId"], requester)
    _set(type_, parameters)
    type_.save()
    return {"QualificationType": describe(type_)}


@transaction.atomic
def delete_qualification_type(requester: Requester, parameters: dict) -> None:
    """Workers keep what they hold, as HITs on offer may ask for it; open requests are refused."""
    type_ = _type(parameters["QualificationTypeId"], requester)
    type_.deleted_at = timezone.now()
    type_.status = QualificationType.Status.INACTIVE
    type_.save()
    pending = type_.requests.filter(state=QualificationRequest.State.PENDING)
    pending.update(state=QualificationRequest.State.REJECTED, reason="The qualification is no longer given.")


def list_qualification_types(requester: Requester, parameters: dict) -> dict:
    types = QualificationType.objects.filter(deleted_at=None)
    if parameters["MustBeRequestable"]:
        types = types.filter(status=QualificationType.Status.ACTIVE)
    if parameters.get("MustBeOwnedByCaller"):
        types = types.filter(requester=requester)
    for word in parameters.get("Query", "").split():
        types = types.filter(Q(name__icontains=word) | Q(description__icontains=word) | Q(keywords__icontains=word))
    page = pages.page("ListQualificationTypes", types, requester, parameters)
    return page.reply("QualificationTypes", [describe(type_) for type_ in page.rows])


def _tell(worker: Worker, requester: Requester, subject: str, text: str) -> None:
    Message.objects.create(worker=worker, requester=requester, subject=subject[:200], text=text)


def _grant(type_: QualificationType, worker: Worker, value: int) -> None:
    Qualification.objects.update_or_create(
        type=type_, worker=worker,
        defaults={"value": value, "status": Qualification.Status.GRANTED, "granted_at": timezone.now(), "reason": ""},
    )


@transaction.atomic
def associate(requester: Requester, parameters: dict) -> None:
    type_ = _type(parameters["QualificationTypeId"], requester)
    worker = known_worker(parameters["WorkerId"])
    _grant(type_, worker, parameters.get("IntegerValue", 1))
    if parameters.get("SendNotification", True):
        text = f"{requester} gave you “{type_.name}”.\n\n{type_.description}"
        _tell(worker, requester, f"New qualification: {type_.name}", text)


@transaction.atomic
def disassociate(requester: Requester, parameters: dict) -> None:
    type_ = _type(parameters["QualificationTypeId"], requester)
    held = _held(type_, parameters["WorkerId"])
    held.status, held.reason = Qualification.Status.REVOKED, parameters.get("Reason", "")
    held.save()
    _tell(held.worker, requester, f"Qualification withdrawn: {type_.name}",
          f"{requester} withdrew “{type_.name}”." + (f"\n\n{held.reason}" if held.reason else ""))


def _held(type_: QualificationType, worker_id: str) -> Qualification:
    held = type_.qualifications.select_related("worker").filter(worker=known_worker(worker_id)).first()
    if held is None:
        raise RequestError(f"Worker {worker_id} does not hold {type_.qualification_type_id}.", "QualificationDoesNotExist")
    return held


def _describe_held(held: Qualification, type_: QualificationType) -> dict:
    return {
        "QualificationTypeId": type_.qualification_type_id,
        "WorkerId": held.worker.worker_id,
        "GrantTime": held.granted_at,
        "IntegerValue": held.value,
        "Status": held.status,
    }


def get_score(requester: Requester, parameters: dict) -> dict:
    if parameters["QualificationTypeId"] in SYSTEM:
        raise RequestError("Scores of the system's qualifications are known to the marketplace alone.", "PermissionDenied")
    type_ = _type(parameters["QualificationTypeId"], requester)
    return {"Qualification": _describe_held(_held(type_, parameters["WorkerId"]), type_)}


def list_workers(requester: Requester, parameters: dict) -> dict:
    type_ = _type(parameters["QualificationTypeId"], requester)
    rows = type_.qualifications.select_related("worker")
    if "Status" in parameters:
        rows = rows.filter(status=parameters["Status"])
    page = pages.page("ListWorkersWithQualificationType", rows, requester, parameters)
    return page.reply("Qualifications", [_describe_held(held, type_) for held in page.rows])


def list_requests(requester: Requester, parameters: dict) -> dict:
    rows = QualificationRequest.objects.filter(
        type__requester=requester, state=QualificationRequest.State.PENDING
    ).select_related("type", "worker")
    if "QualificationTypeId" in parameters:
        rows = rows.filter(type=_type(parameters["QualificationTypeId"], requester))
    page = pages.page("ListQualificationRequests", rows, requester, parameters)
    return page.reply(
        "QualificationRequests",
        [
            {
                "QualificationRequestId": request.request_id,
                "QualificationTypeId": request.type.qualification_type_id,
                "WorkerId": request.worker.worker_id,
                "SubmitTime": request.submitted_at,
            }
            for request in page.rows
        ],
    )


def _open_request(requester: Requester, request_id: str) -> QualificationRequest:
    request = (
        QualificationRequest.objects.select_for_update(of=("self",), no_key=True)
        .select_related("type", "worker")
        .filter(request_id=request_id, type__requester=requester, state=QualificationRequest.State.PENDING)
        .first()
    )
    if request is None:
        raise DoesNotExist("QualificationRequest", request_id)
    return request


@transaction.atomic
def accept_request(requester: Requester, parameters: dict) -> None:
    request = _open_request(requester, parameters["QualificationRequestId"])
    request.state = QualificationRequest.State.GRANTED
    request.save()
    _grant(request.type, request.worker, parameters.get("IntegerValue", 1))
    _tell(request.worker, requester, f"New qualification: {request.type.name}", f"{requester} granted “{request.type.name}”.")


@transaction.atomic
def reject_request(requester: Requester, parameters: dict) -> None:
    request = _open_request(requester, parameters["QualificationRequestId"])
    request.state, request.reason = QualificationRequest.State.REJECTED, parameters.get("Reason", "")
    request.save()
    _tell(request.worker, requester, f"Not granted: {request.type.name}",
          f"{requester} did not grant “{request.type.name}”." + (f"\n\n{request.reason}" if request.reason else ""))
