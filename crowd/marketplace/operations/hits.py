"""HIT types and HITs."""

from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from crowd.marketplace import events, hits, money, pages, qualifications, tokens
from crowd.marketplace.errors import DoesNotExist, NotSupported, RequestError
from crowd.marketplace.ids import new_entity_id
from crowd.marketplace.models import Assignment, Hit, HitType, QualificationType, Requester

MONTH_S = 30 * 24 * 3600
YEAR_S = 365 * 24 * 3600
MOST_ASSIGNMENTS = 1_000_000
TEXTS = {"Title": (1, 128), "Description": (1, 2000), "Keywords": (0, 1000), "RequesterAnnotation": (0, 255)}


def owned_hit(requester: Requester, hit_id: str) -> Hit:
    hit = Hit.objects.select_related("hit_type", "requester").filter(requester=requester, hit_id=hit_id).first()
    if hit is None:
        raise DoesNotExist("HIT", hit_id)
    return hit


def owned_hit_type(requester: Requester, hit_type_id: str) -> HitType:
    hit_type = HitType.objects.filter(requester=requester, hit_type_id=hit_type_id).first()
    if hit_type is None:
        raise DoesNotExist("HITType", hit_type_id)
    return hit_type


def _within(parameters: dict, name: str, low: int, high: int, default: int | None = None) -> int:
    value = parameters.get(name, default)
    if not low <= value <= high:
        raise RequestError(f"{name} is {value}; it must be between {low} and {high}.", "InvalidParameterValue")
    return value


def _text(parameters: dict, name: str) -> str:
    value = parameters.get(name, "").strip()
    low, high = TEXTS[name]
    if not low <= len(value) <= high:
        raise RequestError(
            f"{name} has {len(value)} characters; it must have {low} to {high}.", "InvalidParameterValue"
        )
    return value


def _hit_type(requester: Requester, parameters: dict) -> HitType:
    requirements = parameters.get("QualificationRequirements", [])
    qualifications.check_requirements(requirements)
    values = {
        "title": _text(parameters, "Title"),
        "description": _text(parameters, "Description"),
        "keywords": _text(parameters, "Keywords"),
        "reward_usd": money.read_usd(parameters["Reward"], "Reward"),
        "assignment_duration_s": _within(parameters, "AssignmentDurationInSeconds", 30, YEAR_S),
        "auto_approval_delay_s": _within(parameters, "AutoApprovalDelayInSeconds", 0, MONTH_S, default=MONTH_S),
        "requirements": requirements,
    }
    return hits.hit_type_for(requester, values)


def _create(requester: Requester, hit_type: HitType, parameters: dict) -> dict:
    for name in ("HITLayoutId", "HITLayoutParameters", "AssignmentReviewPolicy", "HITReviewPolicy"):
        if name in parameters:
            raise NotSupported(f"{name} is not supported here; send an ExternalQuestion and review the answers yourself.")
    if "Question" not in parameters:
        raise RequestError("Question is missing.", "InvalidParameterValue")
    hit_id = new_entity_id()
    try:
        tokens.claim(requester, "hit", parameters.get("UniqueRequestToken"), hit_id)
    except tokens.TokenUsed as used:
        raise RequestError(
            f"A HIT was already created with this UniqueRequestToken: HITId {used.result}", "HitAlreadyExists"
        ) from None
    hit = hits.create(
        hit_type,
        hit_id=hit_id,
        question=parameters["Question"],
        max_assignments=_within(parameters, "MaxAssignments", 1, MOST_ASSIGNMENTS, default=1),
        lifetime_s=_within(parameters, "LifetimeInSeconds", 30, YEAR_S),
        annotation=_text(parameters, "RequesterAnnotation"),
    )
    return {"HIT": describe(with_counts(Hit.objects.filter(pk=hit.pk)).get())}


@transaction.atomic
def create_hit_type(requester: Requester, parameters: dict) -> dict:
    return {"HITTypeId": _hit_type(requester, parameters).hit_type_id}


@transaction.atomic
def create_hit(requester: Requester, parameters: dict) -> dict:
    return _create(requester, _hit_type(requester, parameters), parameters)


@transaction.atomic
def create_hit_with_hit_type(requester: Requester, parameters: dict) -> dict:
    return _create(requester, owned_hit_type(requester, parameters["HITTypeId"]), parameters)


def with_counts(rows: QuerySet) -> QuerySet:
    state = Assignment.State
    decided = Q(assignments__state__in=[state.APPROVED, state.REJECTED])
    return rows.select_related("hit_type").annotate(
        n_pending=Count("assignments", filter=Q(assignments__state=state.ACCEPTED)),
        n_completed=Count("assignments", filter=decided),
    )


def describe(hit: Hit) -> dict:
    """Mechanical Turk's HIT structure, for a row from `with_counts`."""
    hit_type = hit.hit_type
    return {
        "HITId": hit.hit_id,
        "HITTypeId": hit_type.hit_type_id,
        "HITGroupId": hit_type.hit_type_id,
        "CreationTime": hit.created_at,
        "Title": hit_type.title,
        "Description": hit_type.description,
        "Question": hit.question,
        "Keywords": hit_type.keywords,
        "HITStatus": hit.status,
        "MaxAssignments": hit.max_assignments,
        "Reward": hit.reward_usd.quantize(Decimal("0.01")),
        "AutoApprovalDelayInSeconds": hit_type.auto_approval_delay_s,
        "Expiration": hit.expires_at,
        "AssignmentDurationInSeconds": hit_type.assignment_duration_s,
        "RequesterAnnotation": hit.annotation or None,
        "QualificationRequirements": hit_type.requirements,
        "HITReviewStatus": "NotReviewed",
        "NumberOfAssignmentsPending": hit.n_pending,
        "NumberOfAssignmentsAvailable": hit.n_available,
        "NumberOfAssignmentsCompleted": hit.n_completed,
    }


def get_hit(requester: Requester, parameters: dict) -> dict:
    hit = owned_hit(requester, parameters["HITId"])
    return {"HIT": describe(with_counts(Hit.objects.filter(pk=hit.pk)).get())}


def _list(operation: str, rows: QuerySet, requester: Requester, parameters: dict) -> dict:
    page = pages.page(operation, rows, requester, parameters, newest_first=True)
    counted = {hit.pk: hit for hit in with_counts(Hit.objects.filter(pk__in=[hit.pk for hit in page.rows]))}
    return page.reply("HITs", [describe(counted[hit.pk]) for hit in page.rows])


def list_hits(requester: Requester, parameters: dict) -> dict:
    return _list("ListHITs", requester.hits.not_disposed(), requester, parameters)


def list_reviewable_hits(requester: Requester, parameters: dict) -> dict:
    rows = requester.hits.filter(status=parameters.get("Status", Hit.Status.REVIEWABLE))
    if "HITTypeId" in parameters:
        rows = rows.filter(hit_type=owned_hit_type(requester, parameters["HITTypeId"]))
    return _list("ListReviewableHITs", rows, requester, parameters)


def list_hits_for_qualification_type(requester: Requester, parameters: dict) -> dict:
    id_ = parameters["QualificationTypeId"]
    if id_ not in qualifications.SYSTEM and not QualificationType.objects.filter(qualification_type_id=id_).exists():
        raise DoesNotExist("QualificationType", id_)
    asking = [
        pk for pk, requirements in requester.hit_types.values_list("pk", "requirements")
        if any(requirement["QualificationTypeId"] == id_ for requirement in requirements)
    ]
    rows = requester.hits.not_disposed().filter(hit_type__in=asking)
    return _list("ListHITsForQualificationType", rows, requester, parameters)


@transaction.atomic
def create_additional_assignments(requester: Requester, parameters: dict) -> None:
    hit = owned_hit(requester, parameters["HITId"])
    n = _within(parameters, "NumberOfAdditionalAssignments", 1, MOST_ASSIGNMENTS)
    try:
        tokens.claim(requester, "extension", parameters.get("UniqueRequestToken"), hit.hit_id)
    except tokens.TokenUsed as used:
        raise RequestError(
            f"HIT {used.result} was already extended with this UniqueRequestToken.", "DuplicateRequest"
        ) from None
    hits.extend(hit, n)


def update_expiration(requester: Requester, parameters: dict) -> None:
    hit, at = owned_hit(requester, parameters["HITId"]), parameters["ExpireAt"]
    if at > hit.created_at + timedelta(seconds=2 * YEAR_S):
        raise RequestError("ExpireAt is more than two years after the HIT's creation.", "InvalidParameterValue")
    hits.set_expiration(hit, at)


def update_review_status(requester: Requester, parameters: dict) -> None:
    hits.set_review_status(owned_hit(requester, parameters["HITId"]), revert=parameters.get("Revert", False))


def update_hit_type_of_hit(requester: Requester, parameters: dict) -> None:
    hit = owned_hit(requester, parameters["HITId"])
    hits.change_type(hit, owned_hit_type(requester, parameters["HITTypeId"]))


def delete_hit(requester: Requester, parameters: dict) -> None:
    hits.dispose(owned_hit(requester, parameters["HITId"]))


def update_notification_settings(requester: Requester, parameters: dict) -> None:
    hit_type = owned_hit_type(requester, parameters["HITTypeId"])
    hit_type.notification = parameters.get("Notification", hit_type.notification)
    hit_type.notification_active = parameters.get("Active", hit_type.notification_active or "Notification" in parameters)
    if hit_type.notification_active and not hit_type.notification:
        raise RequestError("This HIT type has no Notification yet; give one together with Active.", "InvalidParameterValue")
    hit_type.save(update_fields=["notification", "notification_active"])


def send_test_event_notification(requester: Requester, parameters: dict) -> None:
    events.write(requester, parameters["Notification"], parameters["TestEventType"], {})


def list_review_policy_results(requester: Requester, parameters: dict) -> dict:
    """No HIT has a review policy here, so none has results."""
    return {"HITId": owned_hit(requester, parameters["HITId"]).hit_id}
