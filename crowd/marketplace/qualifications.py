"""Which workers a HIT is for: requirements are checked when they are set, and whenever a worker looks, previews or accepts."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from django.db.models import Count, Q

from crowd.marketplace.errors import NotSupported, RequestError
from crowd.marketplace.models import Assignment, Qualification, QualificationType, Worker

APPROVAL_RATE = "000000000000000000L0"
HITS_APPROVED = "00000000000000000040"
LOCALE = "00000000000000000071"
ADULT = "00000000000000000060"
SYSTEM = {
    APPROVAL_RATE: "approval rate (%)",
    HITS_APPROVED: "HITs approved",
    LOCALE: "location",
    ADULT: "adult content agreed to",
}
MASTERS = {"2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6"}
MOST_REQUIREMENTS = 10
RATE_COUNTS_FROM = 100  # until so many assignments are decided, Mechanical Turk shows a rate of 100 %

_COMPARISONS = {
    "LessThan": ("less than", lambda value, wanted: value < wanted[0]),
    "LessThanOrEqualTo": ("at most", lambda value, wanted: value <= wanted[0]),
    "GreaterThan": ("more than", lambda value, wanted: value > wanted[0]),
    "GreaterThanOrEqualTo": ("at least", lambda value, wanted: value >= wanted[0]),
    "EqualTo": ("equal to", lambda value, wanted: value == wanted[0]),
    "NotEqualTo": ("other than", lambda value, wanted: value != wanted[0]),
    "In": ("one of", lambda value, wanted: value in wanted),
    "NotIn": ("none of", lambda value, wanted: value not in wanted),
}


class Action(IntEnum):
    """What a worker wants to do; a requirement guards one action and all that follow it."""

    DISCOVER = 0
    PREVIEW = 1
    ACCEPT = 2


_GUARDED_FROM = {
    "DiscoverPreviewAndAccept": Action.DISCOVER, "PreviewAndAccept": Action.PREVIEW, "Accept": Action.ACCEPT,
}


@dataclass(frozen=True)
class Requirement:
    """One requirement as a worker sees it."""

    text: str
    met: bool
    guards: Action
    requestable: QualificationType | None = None


def check_requirements(requirements: list[dict]) -> None:
    """Raises RequestError that names the requirement by its position."""
    if len(requirements) > MOST_REQUIREMENTS:
        raise RequestError(
            f"There are {len(requirements)} QualificationRequirements; the most is {MOST_REQUIREMENTS}.",
            "InvalidParameterValue",
        )
    for position, requirement in enumerate(requirements):
        if problem := _problem(requirement):
            raise RequestError(f"QualificationRequirements[{position}]: {problem}", "InvalidQualificationRequirement")


def _problem(requirement: dict) -> str:
    id_, comparator = requirement["QualificationTypeId"], requirement["Comparator"]
    integers, locales = requirement.get("IntegerValues", []), requirement.get("LocaleValues", [])
    values = locales if id_ == LOCALE else integers
    if "RequiredToPreview" in requirement and "ActionsGuarded" in requirement:
        return "RequiredToPreview is deprecated and must not be combined with ActionsGuarded; give ActionsGuarded alone."
    if id_ in MASTERS:
        raise NotSupported(
            "There are no Masters on this marketplace, so nobody could take the HIT; leave that requirement out, "
            "or create a qualification type and give it to the workers whom you trust."
        )
    if id_ not in SYSTEM and not QualificationType.objects.filter(qualification_type_id=id_, deleted_at=None).exists():
        return f"qualification type {id_} does not exist here. (Types of another marketplace have to be created again.)"
    if comparator in ("Exists", "DoesNotExist"):
        return f"{comparator} takes no values." if integers or locales else ""
    if id_ == LOCALE and (integers or comparator not in ("EqualTo", "NotEqualTo", "In", "NotIn")):
        return "a location is compared by EqualTo, NotEqualTo, In or NotIn with LocaleValues."
    if id_ != LOCALE and locales:
        return f"LocaleValues go with the location ({LOCALE}) alone."
    most = 1 if comparator not in ("In", "NotIn") else 30 if id_ == LOCALE else 15
    if not 1 <= len(values) <= most:
        return f"{comparator} takes {'one value' if most == 1 else f'1 to {most} values'}, not {len(values)}."
    return ""


class Standing:
    """What is known of a worker, read once for as many requirements as a page has to check."""

    def __init__(self, worker: Worker):
        self.worker = worker

    @cached_property
    def _counts(self) -> dict[str, int]:
        counts = self.worker.assignments.aggregate(
            approved=Count("pk", filter=Q(state=Assignment.State.APPROVED)),
            rejected=Count("pk", filter=Q(state=Assignment.State.REJECTED)),
        )
        return {
            "approved": counts["approved"] + self.worker.approved_before,
            "rejected": counts["rejected"] + self.worker.rejected_before,
        }

    @cached_property
    def _granted(self) -> dict[str, int]:
        granted = self.worker.qualifications.filter(status=Qualification.Status.GRANTED)
        return dict(granted.values_list("type__qualification_type_id", "value"))

    @property
    def n_approved(self) -> int:
        return self._counts["approved"]

    @property
    def approval_rate(self) -> int:
        """In whole per cent, rounded down; 100 until a hundred assignments are decided."""
        decided = self._counts["approved"] + self._counts["rejected"]
        return 100 if decided < RATE_COUNTS_FROM else 100 * self._counts["approved"] // decided

    def _value(self, id_: str) -> int | None:
        if id_ == APPROVAL_RATE:
            return self.approval_rate
        if id_ == HITS_APPROVED:
            return self.n_approved
        if id_ == ADULT:
            return int(self.worker.adult_content)
        return self._granted.get(id_)

    def meets(self, requirement: dict) -> bool:
        id_, comparator = requirement["QualificationTypeId"], requirement["Comparator"]
        if id_ == LOCALE:
            return self._is_at(requirement)
        value = self._value(id_)
        if comparator in ("Exists", "DoesNotExist"):
            return (value is not None) == (comparator == "Exists")
        return value is not None and _COMPARISONS[comparator][1](value, requirement["IntegerValues"])

    def _is_at(self, requirement: dict) -> bool:
        comparator = requirement["Comparator"]
        if comparator in ("Exists", "DoesNotExist"):
            return comparator == "Exists"
        here = any(
            place["Country"] == self.worker.country and place.get("Subdivision") in (None, self.worker.subdivision)
            for place in requirement["LocaleValues"]
        )
        return here == (comparator in ("EqualTo", "In"))

    def allows(self, action: Action, requirements: Iterable[dict]) -> bool:
        return all(self.meets(requirement) for requirement in requirements if guards(requirement) <= action)

    def explain(self, requirements: Iterable[dict]) -> list[Requirement]:
        """Each requirement in words, with whether the worker meets it."""
        requirements = list(requirements)
        ids = [requirement["QualificationTypeId"] for requirement in requirements]
        found = QualificationType.objects.select_related("requester").filter(qualification_type_id__in=ids)
        types = {type_.qualification_type_id: type_ for type_ in found}
        return [
            Requirement(_in_words(each, types), self.meets(each), guards(each), types.get(each["QualificationTypeId"]))
            for each in requirements
        ]


def guards(requirement: dict) -> Action:
    if requirement.get("RequiredToPreview"):
        return Action.PREVIEW
    return _GUARDED_FROM[requirement.get("ActionsGuarded", "Accept")]


def _in_words(requirement: dict, types: dict[str, QualificationType]) -> str:
    id_, comparator = requirement["QualificationTypeId"], requirement["Comparator"]
    name = SYSTEM.get(id_) or (types[id_].name if id_ in types else id_)
    if comparator in ("Exists", "DoesNotExist"):
        return f"{name}: {'needed' if comparator == 'Exists' else 'must not be held'}"
    if id_ == LOCALE:
        values = ["-".join(filter(None, [v["Country"], v.get("Subdivision")])) for v in requirement["LocaleValues"]]
    else:
        values = [str(value) for value in requirement["IntegerValues"]]
    return f"{name}: {_COMPARISONS[comparator][0]} {', '.join(values)}"
