"""The few verbs of Mechanical Turk that Nearer uses, over boto3.

Whoever calls here holds no database transaction: a call may take seconds, and the
marketplace may be this very server.
"""

import os
import random
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from crowd import pricing
from crowd.books import pacing
from crowd.models import Environment
from crowd.mturk import credentials, receipts
from crowd.ways.base import Balance, GatewayError, GatewayRefused, GatewayUnavailable, InsufficientFunds, Submission

__all__ = ["Gateway", "GatewayError", "GatewayRefused", "GatewayUnavailable", "InsufficientFunds", "external_question"]

QUESTION_SCHEMA = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd"
PREFIX = "AWS.MechanicalTurk."
THROTTLED = {"ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}
RETRYABLE = THROTTLED | {"ServiceFault", "RequestTimeout", "ServiceUnavailable", "InternalFailure"}
WAITS_S = (0.3, 1.0)  # between tries of one call; longer silences are the outbox's to wait out
PAGE = 100
EVENTS = ["AssignmentSubmitted", "AssignmentReturned", "AssignmentAbandoned", "HITReviewable", "HITExpired"]


@dataclass(frozen=True)
class HitState:
    """What the marketplace says of a HIT; `pending` are accepted and not handed in, `completed` decided."""

    hit_id: str
    status: str
    max_assignments: int
    available: int
    pending: int
    completed: int
    expires_at: datetime
    annotation: str

    @property
    def counts(self) -> str:
        """Changes whenever somebody hands in: what is submitted and undecided is what these leave over."""
        return f"{self.status}/{self.max_assignments}/{self.available}/{self.pending}/{self.completed}"


@lru_cache(maxsize=16)
def _client(process: int, endpoint_url: str, key_id: str, secret: str):
    """One client, with its connections, for each process and account: making one costs more than a call."""
    is_here = any(f"//{host}" in endpoint_url for host in ("127.0.0.1", "localhost"))
    keys = {"aws_access_key_id": key_id, "aws_secret_access_key": secret} if key_id else {}
    return boto3.session.Session().client(
        "mturk",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 1},  # repeating is done below, under the account's limit
            connect_timeout=5, read_timeout=40, parameter_validation=True,
            proxies={} if is_here else None,  # no answer is worth waiting for through a proxy on a local endpoint
        ),
        **keys,
    )


class Gateway:
    """One account at one endpoint.

    Raises from every verb: GatewayUnavailable where a retry may help, GatewayRefused where not.
    """

    def __init__(self, environment: Environment):
        try:
            keys = credentials.load(environment.credentials)
        except credentials.CredentialsMissing as error:
            raise GatewayRefused(str(error)) from error
        self._environment = environment
        self._client = _client(
            os.getpid(), environment.endpoint_url, keys.access_key_id if keys else "",
            keys.secret_access_key if keys else "",
        )

    # --- The account ---

    def balance(self) -> Balance:
        """What is free, and what is set aside for HITs; added up from the HITs where the account does not say."""
        answer = self._call("get_account_balance")
        held = answer.get("OnHoldBalance")
        return Balance(Decimal(answer["AvailableBalance"]), Decimal(held) if held is not None else self.held_usd())

    def held_usd(self) -> Decimal:
        """What all HITs of the account may still cost: places on offer, work in hand, and work that waits for a decision."""
        total = Decimal(0)
        for row in self._pages("list_hits", "HITs"):
            each = Decimal(row["Reward"])
            each += pricing.fee_usd(each, row["MaxAssignments"])
            n = row["NumberOfAssignmentsAvailable"] + row["NumberOfAssignmentsPending"]
            if n + row["NumberOfAssignmentsCompleted"] < row["MaxAssignments"]:
                waiting = self._pages(
                    "list_assignments_for_hit", "Assignments", HITId=row["HITId"], AssignmentStatuses=["Submitted"]
                )
                n += sum(1 for _ in waiting)
            total += n * each
        return total

    def balance_usd(self) -> Decimal:
        return self.balance().available_usd

    # --- HITs ---

    def create_hit_type(
        self, *, title: str, description: str, keywords: str, reward_usd: Decimal, duration_s: int, auto_approval_s: int,
        requirements: Iterable[dict] = (),
    ) -> str:
        """The id of the HIT type with these properties; the same ones always give the same id."""
        answer = self._call(
            "create_hit_type",
            Title=title, Description=description, Keywords=keywords, Reward=f"{reward_usd:.2f}",
            AssignmentDurationInSeconds=duration_s, AutoApprovalDelayInSeconds=auto_approval_s,
            QualificationRequirements=list(requirements),
        )
        return answer["HITTypeId"]

    def create_hit(
        self, hit_type_id: str, *, url: str, frame_height: int, lifetime_s: int, max_assignments: int,
        annotation: str, token: str,
    ) -> str:
        """The id of the HIT made with this token, whether by this call or by an earlier one whose answer was lost.

        The marketplace knows a token for 24 hours; later the HIT has to be looked for by
        its annotation first (`find_hit`).

        Raises also: InsufficientFunds.
        """
        try:
            answer = self._call(
                "create_hit_with_hit_type",
                HITTypeId=hit_type_id, Question=external_question(url, frame_height), LifetimeInSeconds=lifetime_s,
                MaxAssignments=max_assignments, RequesterAnnotation=annotation, UniqueRequestToken=token,
            )
            return answer["HIT"]["HITId"]
        except GatewayRefused as refusal:
            if refusal.code != f"{PREFIX}HitAlreadyExists":
                raise
            if (found := self._named_in(refusal, annotation) or self.find_hit(annotation)) is not None:
                return found
            raise

    def _named_in(self, refusal: GatewayRefused, annotation: str) -> str | None:
        """The HIT whose id the refusal ends with, if it is the one that was meant."""
        if (match := re.search(r"\b([A-Z0-9]{20,64})\W*$", str(refusal))) is None:
            return None
        try:
            return match[1] if self.hit(match[1]).annotation == annotation else None
        except GatewayRefused:
            return None

    def find_hit(self, annotation: str) -> str | None:
        return next((hit.hit_id for hit in self.hits() if hit.annotation == annotation), None)

    def hits(self) -> Iterator[HitState]:
        """All HITs of the account that are not deleted, the newest first."""
        for row in self._pages("list_hits", "HITs"):
            yield _hit_state(row)

    def hit(self, hit_id: str) -> HitState:
        return _hit_state(self._call("get_hit", HITId=hit_id)["HIT"])

    def add_assignments(self, hit_id: str, n: int, token: str) -> None:
        try:
            self._call(
                "create_additional_assignments_for_hit", HITId=hit_id, NumberOfAdditionalAssignments=n, UniqueRequestToken=token
            )
        except GatewayRefused as refusal:
            if refusal.code not in (f"{PREFIX}DuplicateRequest", f"{PREFIX}HitAlreadyExists"):
                raise

    def expire(self, hit_id: str) -> None:
        """Offer the HIT to nobody else; who has accepted it may still hand in."""
        self.offer_until(hit_id, datetime.now(UTC) - timedelta(days=1))

    def offer_until(self, hit_id: str, at: datetime) -> None:
        self._call("update_expiration_for_hit", HITId=hit_id, ExpireAt=at)

    def delete(self, hit_id: str) -> None:
        """A HIT that is gone already counts as deleted."""
        try:
            self._call("delete_hit", HITId=hit_id)
        except GatewayRefused as refusal:
            if refusal.code != f"{PREFIX}HITDoesNotExist" and self.hit(hit_id).status != "Disposed":
                raise

    def tell(self, hit_type_id: str, topic_arn: str) -> None:
        """Have what happens to HITs of this type told to an SNS topic."""
        self._call(
            "update_notification_settings", HITTypeId=hit_type_id, Active=True, Notification={
                "Destination": topic_arn, "Transport": "SNS", "Version": "2014-08-15", "EventTypes": EVENTS,
            },
        )

    # --- Assignments and money ---

    def submissions(self, hit_id: str) -> Iterator[Submission]:
        """Every assignment of the HIT that was handed in, whatever was decided since; all pages."""
        statuses = ["Submitted", "Approved", "Rejected"]
        for row in self._pages("list_assignments_for_hit", "Assignments", HITId=hit_id, AssignmentStatuses=statuses):
            yield _submission(row)

    def submission(self, assignment_id: str) -> Submission:
        return _submission(self._call("get_assignment", AssignmentId=assignment_id)["Assignment"])

    def approve(self, assignment_id: str, feedback: str = "") -> None:
        """Pay for the work; an assignment that is approved already counts as done."""
        self._decide("approve_assignment", assignment_id, "Approved", RequesterFeedback=feedback)

    def reject(self, assignment_id: str, feedback: str) -> None:
        """Do not pay for the work; the worker reads why."""
        self._decide("reject_assignment", assignment_id, "Rejected", RequesterFeedback=feedback)

    def override(self, assignment_id: str, feedback: str) -> None:
        """Pay for work that was rejected, within 30 days and while the HIT is there."""
        self._decide("approve_assignment", assignment_id, "Approved", RequesterFeedback=feedback, OverrideRejection=True)

    def _decide(self, verb: str, assignment_id: str, wanted: str, **arguments: Any) -> None:
        if not arguments["RequesterFeedback"]:
            del arguments["RequesterFeedback"]
        try:
            self._call(verb, AssignmentId=assignment_id, **arguments)
        except GatewayRefused as refusal:
            if isinstance(refusal, InsufficientFunds) or self.submission(assignment_id).status != wanted:
                raise

    def send_bonus(self, assignment_id: str, worker_id: str, amount_usd: Decimal, reason: str, token: str) -> None:
        try:
            self._call(
                "send_bonus", AssignmentId=assignment_id, WorkerId=worker_id, BonusAmount=f"{amount_usd:.2f}",
                Reason=reason, UniqueRequestToken=token,
            )
        except GatewayRefused as refusal:
            if refusal.code != f"{PREFIX}DuplicateRequest":
                raise

    def bonuses(self, assignment_id: str) -> list[tuple[str, Decimal, str]]:
        """Worker, amount and reason of every bonus paid through this assignment."""
        rows = self._pages("list_bonus_payments", "BonusPayments", AssignmentId=assignment_id)
        return [(row["WorkerId"], Decimal(row["BonusAmount"]), row.get("Reason", "")) for row in rows]

    # --- Workers ---

    def create_qualification(self, name: str, description: str) -> str:
        """The id of the account's qualification of that name, made if need be; nobody can ask for it."""
        try:
            answer = self._call(
                "create_qualification_type", Name=name, Description=description, QualificationTypeStatus="Active"
            )
            return answer["QualificationType"]["QualificationTypeId"]
        except GatewayRefused as refusal:
            if "AlreadyExists" not in refusal.code and "already" not in str(refusal):
                raise
            if (found := self.find_qualification(name)) is not None:
                return found
            raise

    def find_qualification(self, name: str) -> str | None:
        rows = self._pages(
            "list_qualification_types", "QualificationTypes", MustBeRequestable=False, MustBeOwnedByCaller=True, Query=name
        )
        return next((row["QualificationTypeId"] for row in rows if row["Name"] == name), None)

    def give_qualification(self, type_id: str, worker_id: str, *, tell: bool = False) -> None:
        self._call(
            "associate_qualification_with_worker", QualificationTypeId=type_id, WorkerId=worker_id, IntegerValue=1,
            SendNotification=tell,
        )

    def take_qualification(self, type_id: str, worker_id: str) -> None:
        """A worker who does not hold it is left as he is."""
        try:
            self._call("disassociate_qualification_from_worker", QualificationTypeId=type_id, WorkerId=worker_id)
        except GatewayRefused as refusal:
            if "DoesNotExist" not in refusal.code:
                raise

    def block(self, worker_id: str, reason: str) -> None:
        self._call("create_worker_block", WorkerId=worker_id, Reason=reason)

    def unblock(self, worker_id: str) -> None:
        self._call("delete_worker_block", WorkerId=worker_id)

    def notify(self, worker_ids: list[str], subject: str, text: str) -> dict[str, str]:
        """Write to at most 100 workers; those who could not be written to, and why."""
        answer = self._call("notify_workers", WorkerIds=worker_ids, Subject=subject, MessageText=text)
        rows = answer.get("NotifyWorkersFailureStatuses", [])
        return {row["WorkerId"]: row.get("NotifyWorkersFailureMessage", "") for row in rows}

    # --- The wire ---

    def _pages(self, verb: str, key: str, **arguments: Any) -> Iterator[dict]:
        token: dict = {}
        while True:
            answer = self._call(verb, MaxResults=PAGE, **arguments, **token)
            yield from answer[key]
            if not answer.get("NextToken") or not answer[key]:
                return
            token = {"NextToken": answer["NextToken"]}

    def _call(self, verb: str, **arguments: Any) -> dict:
        """Ask, and ask again a little later where that may help: every verb here may be said twice."""
        if verb == "notify_workers":
            return self._ask(verb, arguments)
        for wait_s in WAITS_S:
            try:
                return self._ask(verb, arguments)
            except GatewayUnavailable as error:
                if error.wait_s is not None:
                    pacing.slow_down(self._environment, error.wait_s)
                time.sleep(wait_s * random.uniform(0.5, 1.5))
        return self._ask(verb, arguments)

    def _ask(self, verb: str, arguments: dict) -> dict:
        pacing.wait_for_turn(self._environment)
        try:
            return getattr(self._client, verb)(**arguments)
        except ClientError as error:
            raise _translated(verb, error) from error
        except BotoCoreError as error:
            if type(error).__name__ in ("ParamValidationError", "NoCredentialsError", "PartialCredentialsError"):
                raise GatewayRefused(f"{verb}: {error}") from error
            raise GatewayUnavailable(f"{verb}: {error}") from error


def _translated(verb: str, error: ClientError) -> GatewayError:
    details = error.response.get("Error", {})
    code = error.response.get("TurkErrorCode") or details.get("Code", "")
    message = f"{verb}: {error.response.get('Message') or details.get('Message') or error}"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if details.get("Code") in THROTTLED or status == 429:
        return GatewayUnavailable(message, wait_s=2.0)
    if details.get("Code") in RETRYABLE or status >= 500:
        return GatewayUnavailable(message)
    if code == f"{PREFIX}InsufficientFunds" or re.search(r"insufficient funds", message, re.IGNORECASE):
        return InsufficientFunds(message, code)
    return GatewayRefused(message, code)


def _hit_state(row: dict) -> HitState:
    return HitState(
        hit_id=row["HITId"], status=row["HITStatus"], max_assignments=row["MaxAssignments"],
        available=row.get("NumberOfAssignmentsAvailable", 0), pending=row.get("NumberOfAssignmentsPending", 0),
        completed=row.get("NumberOfAssignmentsCompleted", 0), expires_at=row["Expiration"],
        annotation=row.get("RequesterAnnotation") or "",
    )


def _submission(row: dict) -> Submission:
    return Submission(
        assignment_id=row["AssignmentId"], worker_id=row["WorkerId"], hit_id=row["HITId"], status=row["AssignmentStatus"],
        accepted_at=row["AcceptTime"], submitted_at=row["SubmitTime"], auto_approval_at=row.get("AutoApprovalTime"),
        receipt=receipts.read(row.get("Answer") or ""), feedback=row.get("RequesterFeedback") or "",
    )


def external_question(url: str, frame_height: int) -> str:
    """ExternalQuestion XML, built by an XML library as an address may hold `&`."""
    root = ElementTree.Element("ExternalQuestion", xmlns=QUESTION_SCHEMA)
    ElementTree.SubElement(root, "ExternalURL").text = url
    ElementTree.SubElement(root, "FrameHeight").text = str(frame_height)
    return ElementTree.tostring(root, encoding="unicode")
