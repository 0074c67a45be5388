"""The few verbs of Prolific's REST interface that Nearer uses.

What is known of it, and what of that could not be tried, is in `docs/recruiting.md`. Whoever
calls here holds no database transaction: a call may take seconds.

Asking is repeated while the place does not answer. Telling is not, unless it is certain
that it never arrived: two studies or two bonuses would be real money, and paying a bonus
is not idempotent there. The outbox looks first and then tells again.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httpx

from crowd.addresses import LOCAL
from crowd.books.pacing import slow_down, wait_for_turn
from crowd.models import Environment
from crowd.mturk.credentials import CredentialsMissing
from crowd.prolific import credentials
from crowd.ways.base import GatewayRefused, GatewayUnavailable, InsufficientFunds

API_URL = "https://api.prolific.com/api/v1/"
SITE_URL = "https://app.prolific.com"
PAGE = 100
TRIES = 4
LONGEST_WAIT_S = 30.0  # a longer wish of the place is left to whoever called
NO_MONEY = ("insufficient", "not enough", "top up", "top-up")


@dataclass(frozen=True)
class Study:
    """A study as Prolific tells of it.

    Attributes:
        status: UNPUBLISHED, SCHEDULED, PUBLISHING, ACTIVE, PAUSED, AWAITING REVIEW or COMPLETED.
        reward_cents: for one submission, in the account's currency.
        places: how many people it is for.
        taken: how many of the places have been taken.
        codes: the completion codes that mean a finished submission.
    """

    id: str
    name: str
    internal_name: str
    status: str
    reward_cents: int
    places: int
    taken: int
    url: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Taking:
    """One participant's submission.

    Attributes:
        status: RESERVED, ACTIVE, AWAITING REVIEW, APPROVED, REJECTED, RETURNED, TIMED-OUT, SCREENED OUT, PROCESSING.
        code: the completion code that was given, empty for none.
        bonuses_cents: what was paid on top so far; known only where one submission was asked for.
    """

    id: str
    participant_id: str
    status: str
    started_at: datetime
    completed_at: datetime | None
    code: str
    bonuses_cents: tuple[int, ...] = ()


class Client:
    """One account.

    Raises from every verb: GatewayUnavailable where a retry may help, GatewayRefused where not.
    """

    def __init__(self, environment: Environment, *, sleep: Callable[[float], None] = time.sleep):
        try:
            token = credentials.load(environment.credentials)
        except CredentialsMissing as error:
            raise GatewayRefused(str(error)) from error
        self._environment = environment
        self._sleep = sleep
        url = (environment.endpoint_url or API_URL).rstrip("/") + "/"
        self._http = httpx.Client(
            base_url=url, timeout=httpx.Timeout(60, connect=5), follow_redirects=False,
            trust_env=urlsplit(url).hostname not in LOCAL,  # nothing local is reached through somebody's proxy
            headers={"Authorization": f"Token {token}", "Accept": "application/json"},
        )

    # --- Money ---

    def balance(self) -> tuple[int, int, str]:
        """Cents to spend, cents in all, and the currency, of the environment's workspace or the account's first."""
        workspace = self._environment.workspace or self._first_workspace()
        row = self._ask(f"workspaces/{workspace}/balance/")
        return int(row["available_balance"]), int(row["total_balance"]), str(row["currency_code"])

    def _first_workspace(self) -> str:
        found = next(self._pages("workspaces/"), None)
        if found is None:
            raise GatewayRefused("This account has no workspace. Make one on Prolific, or check whose token it is.")
        return str(found["id"])

    # --- Studies ---

    def create_study(self, facts: dict[str, Any]) -> Study:
        """Make a draft; nobody sees it and nothing is spent before `publish`."""
        return _study(self._tell("POST", "studies/", facts))

    def study(self, study_id: str) -> Study:
        return _study(self._ask(f"studies/{study_id}/"))

    def find_study(self, internal_name: str) -> Study | None:
        """The study that carries this internal name; drafts too."""
        project = self._environment.project
        for row in self._pages(f"projects/{project}/studies/" if project else "studies/"):
            if row.get("internal_name") == internal_name:
                return self.study(str(row["id"]))
        return None

    def transition(self, study_id: str, action: str) -> None:
        """PUBLISH, PAUSE, START or STOP."""
        self._tell("POST", f"studies/{study_id}/transition/", {"action": action})

    def set_places(self, study_id: str, places: int) -> None:
        """More people; fewer is refused there."""
        self._tell("PATCH", f"studies/{study_id}/", {"total_available_places": places})

    # --- Submissions ---

    def submissions(self, study_id: str) -> Iterator[Taking]:
        """All of a study, whatever became of them; all pages."""
        for row in self._pages("submissions/", study=study_id):
            yield _taking(row)

    def submission(self, submission_id: str) -> Taking:
        return _taking(self._ask(f"submissions/{submission_id}/"))

    def approve(self, submission_id: str) -> None:
        self._tell("POST", f"submissions/{submission_id}/transition/", {"action": "APPROVE"})

    def reject(self, submission_id: str, message: str, category: str) -> None:
        body = {"action": "REJECT", "message": message, "rejection_category": category}
        self._tell("POST", f"submissions/{submission_id}/transition/", body)

    def set_up_bonus(self, study_id: str, submission_id: str, amount: Decimal) -> str:
        """The name of a payment that is prepared; nothing is paid by it alone."""
        body = {"study_id": study_id, "csv_bonuses": f"{submission_id},{amount:.2f}"}
        return str(self._tell("POST", "submissions/bonus-payments/", body)["id"])

    def pay_bonus(self, payment_id: str) -> None:
        """Pay what was prepared, some minutes later. Said twice it is paid twice."""
        self._tell("POST", f"bulk-bonus-payments/{payment_id}/pay/", {})

    def message(self, participant_id: str, study_id: str, text: str) -> None:
        self._tell("POST", "messages/", {"recipient_id": participant_id, "study_id": study_id, "body": text})

    # --- Over the wire ---

    def _pages(self, path: str, **query: Any) -> Iterator[dict]:
        number = 1
        while True:
            answer = self._ask(path, page=number, page_size=PAGE, **query)
            rows = answer["results"]
            yield from rows
            links = answer.get("_links")
            has_more = bool((links.get("next") or {}).get("href")) if links else len(rows) == PAGE
            if not rows or not has_more:
                return
            number += 1

    def _ask(self, path: str, **query: Any) -> dict:
        return self._call("GET", path, params=query or None, may_repeat=True)

    def _tell(self, method: str, path: str, body: dict) -> dict:
        return self._call(method, path, json=body, may_repeat=False)

    def _call(self, method: str, path: str, *, may_repeat: bool, **content: Any) -> dict:
        for attempt in range(TRIES):
            wait_for_turn(self._environment)
            what = f"{method} {path}"
            try:
                response = self._http.request(method, path, **content)
            except httpx.HTTPError as error:
                never_arrived = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                trouble = GatewayUnavailable(f"{what}: Prolific does not answer ({type(error).__name__}).")
                if not (may_repeat or never_arrived) or attempt == TRIES - 1:
                    raise trouble from error
                self._wait(attempt, None)
                continue
            if response.status_code < 400:
                return _content(response, what)
            wait_s = _retry_after(response)
            if response.status_code == 429:
                slow_down(self._environment, wait_s or 1.0)
            elif response.status_code < 500:
                raise _refusal(response, what)
            elif not may_repeat:
                raise GatewayUnavailable(f"{what}: {_said(response)}", wait_s)
            if attempt == TRIES - 1 or (wait_s or 0) > LONGEST_WAIT_S:
                raise GatewayUnavailable(f"{what}: {_said(response)}", wait_s)
            self._wait(attempt, wait_s)
        raise AssertionError("every last try returns or raises")

    def _wait(self, attempt: int, wished_s: float | None) -> None:
        """As long as the place wishes, else longer each time and never as long as others do."""
        self._sleep(wished_s if wished_s is not None else 0.5 * 2**attempt * random.uniform(0.5, 1.5))


def _content(response: httpx.Response, what: str) -> dict:
    if not response.content:
        return {}
    try:
        content = response.json()
    except ValueError as error:
        raise GatewayUnavailable(f"{what}: what Prolific answered is no JSON.") from error
    return content if isinstance(content, dict) else {"said": content}


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds; the form with a date is read as unknown."""
    try:
        return max(0.0, float(response.headers.get("Retry-After", "")))
    except ValueError:
        return None


def _said(response: httpx.Response) -> str:
    """Status and the sentence in the answer, in whichever of its forms."""
    try:
        error = response.json()
    except ValueError:
        return f"status {response.status_code}"
    if isinstance(error, dict):
        error = error.get("error", error)
    if isinstance(error, dict):
        error = error.get("detail") or error.get("title") or error
    return f"status {response.status_code}, {str(error)[:400]}"


def _refusal(response: httpx.Response, what: str) -> GatewayRefused:
    said = _said(response)
    if response.status_code == 401:
        return GatewayRefused("Prolific does not accept the token. Make a new one in its settings and put it into the file.")
    if any(words in said.lower() for words in NO_MONEY):
        return InsufficientFunds(f"{what}: {said}")
    return GatewayRefused(f"{what}: {said}", code=str(response.status_code))


def _study(row: dict) -> Study:
    codes = row.get("completion_codes") or []
    return Study(
        id=str(row["id"]), name=str(row.get("name", "")), internal_name=str(row.get("internal_name") or ""),
        status=_status(row), reward_cents=int(row.get("reward") or 0),
        places=int(row.get("total_available_places") or 0), taken=int(row.get("places_taken") or 0),
        url=str(row.get("external_study_url") or ""),
        codes=tuple(str(one["code"]) for one in codes if one.get("code_type", "COMPLETED") == "COMPLETED"),
    )


def _taking(row: dict) -> Taking:
    return Taking(
        id=str(row["id"]), participant_id=str(row.get("participant_id") or row.get("participant") or ""),
        status=_status(row), started_at=_time(row.get("started_at")) or datetime.now(UTC),
        completed_at=_time(row.get("completed_at")), code=str(row.get("study_code") or row.get("entered_code") or ""),
        bonuses_cents=tuple(round(float(cents)) for cents in row.get("bonus_payments") or ()),
    )


def _status(row: dict) -> str:
    return str(row.get("status", "")).upper().replace("_", " ").replace("TIMED OUT", "TIMED-OUT")


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
