"""The few verbs of Mechanical Turk that Nearer uses, over boto3.

Whoever calls here holds no database transaction: a call may take seconds, and the
marketplace may be this very server.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from crowd.models import Environment
from crowd.mturk import credentials

QUESTION_SCHEMA = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd"
PREFIX = "AWS.MechanicalTurk."
RETRYABLE = {"ThrottlingException", "ServiceFault", "RequestTimeout", "ServiceUnavailable", "InternalFailure"}
PAGE = 100


class GatewayError(Exception):
    """Something went wrong between Nearer and the marketplace."""


class GatewayUnavailable(GatewayError):
    """No answer, or one that asks for patience: the same call may succeed later."""


class GatewayRefused(GatewayError):
    """The marketplace understood and said no; the same call will be refused again."""

    def __init__(self, message: str, code: str = ""):
        super().__init__(message)
        self.code = code


class InsufficientFunds(GatewayRefused):
    """The account does not cover what the call would hold or pay."""


@dataclass(frozen=True)
class HitState:
    hit_id: str
    status: str
    max_assignments: int
    pending: int
    expires_at: datetime


@dataclass(frozen=True)
class Submission:
    """What the marketplace says of one assignment that was handed in."""

    assignment_id: str
    worker_id: str
    hit_id: str
    status: str
    accepted_at: datetime
    submitted_at: datetime
    auto_approval_at: datetime | None


class Gateway:
    """One account at one endpoint.

    Raises from every verb: GatewayUnavailable where a retry may help, GatewayRefused where not.
    """

    def __init__(self, environment: Environment):
        try:
            keys = credentials.load(environment.credentials)
        except credentials.CredentialsMissing as error:
            raise GatewayRefused(str(error)) from error
        secret = {"aws_access_key_id": keys.access_key_id, "aws_secret_access_key": keys.secret_access_key} if keys else {}
        self._client = boto3.client(
            "mturk",
            endpoint_url=environment.endpoint_url,
            region_name="us-east-1",
            config=Config(
                retries={"mode": "standard", "max_attempts": 5},
                connect_timeout=5, read_timeout=60, parameter_validation=True,
                # No answer is ever worth waiting for through somebody's proxy on a local endpoint.
                proxies={} if "//127.0.0.1" in environment.endpoint_url or "//localhost" in environment.endpoint_url else None,
            ),
            **secret,
        )

    def balance_usd(self) -> Decimal:
        return Decimal(self._call("get_account_balance")["AvailableBalance"])

    def create_hit_type(
        self, *, title: str, description: str, keywords: str, reward_usd: Decimal, duration_s: int, auto_approval_s: int
    ) -> str:
        """The id of the HIT type with these properties; the same ones always give the same id."""
        answer = self._call(
            "create_hit_type",
            Title=title, Description=description, Keywords=keywords, Reward=f"{reward_usd:.2f}",
            AssignmentDurationInSeconds=duration_s, AutoApprovalDelayInSeconds=auto_approval_s,
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
            if (found := self.find_hit(annotation)) is not None:
                return found
            raise

    def find_hit(self, annotation: str) -> str | None:
        for hit in self._pages("list_hits", "HITs"):
            if hit.get("RequesterAnnotation") == annotation:
                return hit["HITId"]
        return None

    def hit(self, hit_id: str) -> HitState:
        row = self._call("get_hit", HITId=hit_id)["HIT"]
        return HitState(
            hit_id=row["HITId"], status=row["HITStatus"], max_assignments=row["MaxAssignments"],
            pending=row.get("NumberOfAssignmentsPending", 0), expires_at=row["Expiration"],
        )

    def submissions(self, hit_id: str) -> Iterator[Submission]:
        """Every assignment of the HIT that was handed in, whatever was decided since; all pages."""
        statuses = ["Submitted", "Approved", "Rejected"]
        for row in self._pages("list_assignments_for_hit", "Assignments", HITId=hit_id, AssignmentStatuses=statuses):
            yield _submission(row)

    def submission(self, assignment_id: str) -> Submission:
        return _submission(self._call("get_assignment", AssignmentId=assignment_id)["Assignment"])

    def approve(self, assignment_id: str) -> None:
        """Pay for the work; an assignment that is approved already counts as done."""
        try:
            self._call("approve_assignment", AssignmentId=assignment_id)
        except GatewayRefused as refusal:
            if isinstance(refusal, InsufficientFunds) or self.submission(assignment_id).status != "Approved":
                raise

    def expire(self, hit_id: str) -> None:
        """Offer the HIT to nobody else; who has accepted it may still hand in."""
        long_ago = datetime.now(UTC) - timedelta(days=1)
        self._call("update_expiration_for_hit", HITId=hit_id, ExpireAt=long_ago)

    def _pages(self, verb: str, key: str, **arguments: Any) -> Iterator[dict]:
        token: dict = {}
        while True:
            answer = self._call(verb, MaxResults=PAGE, **arguments, **token)
            yield from answer[key]
            if not answer.get("NextToken") or not answer[key]:
                return
            token = {"NextToken": answer["NextToken"]}

    def _call(self, verb: str, **arguments: Any) -> dict:
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
    if details.get("Code") in RETRYABLE or status >= 500 or status == 429:
        return GatewayUnavailable(message)
    if code == f"{PREFIX}InsufficientFunds" or re.search(r"insufficient funds", message, re.IGNORECASE):
        return InsufficientFunds(message, code)
    return GatewayRefused(message, code)


def _submission(row: dict) -> Submission:
    return Submission(
        assignment_id=row["AssignmentId"], worker_id=row["WorkerId"], hit_id=row["HITId"], status=row["AssignmentStatus"],
        accepted_at=row["AcceptTime"], submitted_at=row["SubmitTime"], auto_approval_at=row.get("AutoApprovalTime"),
    )


def external_question(url: str, frame_height: int) -> str:
    """ExternalQuestion XML, built by an XML library as an address may hold `&`."""
    root = ElementTree.Element("ExternalQuestion", xmlns=QUESTION_SCHEMA)
    ElementTree.SubElement(root, "ExternalURL").text = url
    ElementTree.SubElement(root, "FrameHeight").text = str(frame_height)
    return ElementTree.tostring(root, encoding="unicode")
