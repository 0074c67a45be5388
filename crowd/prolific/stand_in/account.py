"""What Prolific keeps for one researcher: studies, submissions and a wallet; every rule is checked here."""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

FEE_SHARE = Decimal(1) / 3
LEAST_HOURLY_CENTS = 800
CODE_TYPES = {
    "COMPLETED", "FAILED_ATTENTION_CHECK", "FOLLOW_UP_STUDY", "GIVE_BONUS", "INCOMPATIBLE_DEVICE", "NO_CONSENT", "OTHER",
    "FIXED_SCREENOUT",
}
ACTIONS = {"AUTOMATICALLY_APPROVE", "MANUALLY_REVIEW"}
CATEGORIES = {
    "BAD_CODE", "FAILED_CHECK", "FAILED_INSTRUCTIONS", "INCOMP_LONGITUDINAL", "LOW_EFFORT", "MALINGERING", "NO_CODE", "NO_DATA",
    "OTHER", "TOO_QUICKLY", "TOO_SLOWLY", "UNSUPP_DEVICE",
}
DEVICES = {"desktop", "tablet", "mobile"}
CHANGEABLE_AFTERWARDS = {"internal_name", "total_available_places"}
TRANSITIONS = {  # action: states it is allowed in, and the state it leads to
    "PUBLISH": ({"UNPUBLISHED"}, "ACTIVE"), "PAUSE": ({"ACTIVE"}, "PAUSED"), "START": ({"PAUSED"}, "ACTIVE"),
    "STOP": ({"ACTIVE", "PAUSED"}, "AWAITING REVIEW"),
}
UNDECIDED = ("RESERVED", "ACTIVE", "AWAITING REVIEW")
OCCUPYING = (*UNDECIDED, "APPROVED")


class Refused(Exception):
    """An answer of 4xx, with the sentence that goes into it."""

    def __init__(self, status: int, detail: str):
        super().__init__(detail)
        self.status = status


def new_id() -> str:
    return secrets.token_hex(12)


def now() -> str:
    return datetime.now(UTC).isoformat()


def fee_cents(cents: int) -> int:
    return int((cents * FEE_SHARE).to_integral_value())


@dataclass
class Submission:
    """One participant in one study."""

    id: str
    study_id: str
    participant_id: str
    status: str = "ACTIVE"
    started_at: str = field(default_factory=now)
    completed_at: str | None = None
    code: str | None = None
    bonuses: list[int] = field(default_factory=list)
    message: str = ""
    category: str = ""

    def short(self) -> dict:
        return {
            "id": self.id, "participant_id": self.participant_id, "status": self.status, "started_at": self.started_at,
            "completed_at": self.completed_at, "study_code": self.code, "study_id": self.study_id,
        }

    def whole(self) -> dict:
        return {
            "id": self.id, "participant": self.participant_id, "status": self.status, "started_at": self.started_at,
            "completed_at": self.completed_at, "entered_code": self.code, "study_id": self.study_id,
            "bonus_payments": list(self.bonuses),
        }


class Account:
    """One researcher's account. Every method takes the lock, so that requests may come at once."""

    def __init__(self, balance_cents: int = 100_000, currency: str = "USD"):
        self.lock = threading.RLock()
        self.workspace = new_id()
        self.project = new_id()
        self.currency = currency
        self.balance_cents = balance_cents
        self.studies: dict[str, dict] = {}
        self.submissions: dict[str, Submission] = {}
        self.bonuses: dict[str, dict] = {}

    # --- Money ---

    def held_cents(self) -> int:
        """Set aside for places of published studies that are not paid yet."""
        held = 0
        for study in self.studies.values():
            if study["status"] in ("ACTIVE", "PAUSED", "AWAITING REVIEW"):
                each = study["reward"] + fee_cents(study["reward"])
                mine = [one.status for one in self._of(study["id"])]
                n_open = study["total_available_places"] - sum(status in OCCUPYING for status in mine)
                n_open = 0 if study["status"] == "AWAITING REVIEW" else max(n_open, 0)
                held += each * (n_open + sum(status in UNDECIDED for status in mine))
        return held

    def balance(self) -> dict:
        with self.lock:
            available = self.balance_cents - self.held_cents()
            return {"currency_code": self.currency, "total_balance": self.balance_cents, "available_balance": available}

    def _pay(self, cents: int) -> None:
        self.balance_cents -= cents + fee_cents(cents)

    # --- Studies ---

    def create(self, body: dict) -> dict:
        with self.lock:
            row = {"id": new_id(), "status": "UNPUBLISHED", "places_taken": 0, **_checked_study(body)}
            row.setdefault("internal_name", row["name"])
            self.studies[row["id"]] = row
            return self.shown(row["id"])

    def shown(self, study_id: str) -> dict:
        with self.lock:
            row = self._study(study_id)
            return row | {"places_taken": sum(one.status in OCCUPYING for one in self._of(study_id))}

    def change(self, study_id: str, body: dict) -> dict:
        with self.lock:
            row = self._study(study_id)
            if row["status"] == "UNPUBLISHED":
                kept = {name: value for name, value in row.items() if name not in ("id", "status", "places_taken")}
                row.update(_checked_study(kept | body))
                return self.shown(study_id)
            if unknown := set(body) - CHANGEABLE_AFTERWARDS:
                raise Refused(400, f"{sorted(unknown)} cannot be changed after publishing")
            if "total_available_places" in body:
                places = _positive(body, "total_available_places")
                if places < row["total_available_places"]:
                    raise Refused(400, "total_available_places can only be increased")
                more = (places - row["total_available_places"]) * (row["reward"] + fee_cents(row["reward"]))
                if more > self.balance()["available_balance"]:
                    raise Refused(400, "Insufficient funds: top up your workspace's balance")
                if row["status"] in ("AWAITING REVIEW", "COMPLETED") and places > row["total_available_places"]:
                    row["status"] = "ACTIVE"
            row.update(body)
            return self.shown(study_id)

    def transition(self, study_id: str, body: dict) -> dict:
        with self.lock:
            row = self._study(study_id)
            action = body.get("action")
            if action not in TRANSITIONS:
                raise Refused(400, f"action must be one of {sorted(TRANSITIONS)}")
            allowed, state = TRANSITIONS[action]
            if row["status"] not in allowed:
                raise Refused(400, f"A study that is {row['status']} cannot {action}")
            if action == "PUBLISH":
                cost = row["total_available_places"] * (row["reward"] + fee_cents(row["reward"]))
                if cost > self.balance()["available_balance"]:
                    raise Refused(400, "Insufficient funds: top up your workspace's balance")
            row["status"] = state
            self._settle(row)
            return self.shown(study_id)

    def _study(self, study_id: str) -> dict:
        if study_id not in self.studies:
            raise Refused(404, "There is no such study")
        return self.studies[study_id]

    def _of(self, study_id: str) -> list[Submission]:
        return [one for one in self.submissions.values() if one.study_id == study_id]

    def _settle(self, study: dict) -> None:
        """A study without open places awaits review; one in which all is decided is completed."""
        states = [one.status for one in self._of(study["id"])]
        full = sum(state in OCCUPYING for state in states) >= study["total_available_places"]
        working = any(state in ("RESERVED", "ACTIVE") for state in states)
        if study["status"] == "ACTIVE" and full and not working:
            study["status"] = "AWAITING REVIEW"
        if study["status"] == "AWAITING REVIEW" and states and "AWAITING REVIEW" not in states and not working:
            study["status"] = "COMPLETED"

    # --- Participants ---

    def take(self, study_id: str, participant_id: str) -> Submission:
        """A participant begins; the same one has one submission in each study."""
        with self.lock:
            study = self._study(study_id)
            if (mine := self._mine(study_id, participant_id)) is not None:
                return mine
            if study["status"] != "ACTIVE":
                raise Refused(400, "This study is not open")
            if sum(one.status in OCCUPYING for one in self._of(study_id)) >= study["total_available_places"]:
                raise Refused(400, "All places of this study are taken")
            made = Submission(new_id(), study_id, participant_id)
            self.submissions[made.id] = made
            return made

    def _mine(self, study_id: str, participant_id: str) -> Submission | None:
        return next((one for one in self._of(study_id) if one.participant_id == participant_id), None)

    def address(self, submission: Submission) -> str:
        """Where the participant is sent, with the study's placeholders filled in."""
        url = self._study(submission.study_id)["external_study_url"]
        for name, value in (
            ("PROLIFIC_PID", submission.participant_id), ("STUDY_ID", submission.study_id), ("SESSION_ID", submission.id)
        ):
            url = url.replace("{{%" + name + "%}}", value)
        return url

    def complete(self, participant_id: str, code: str) -> Submission:
        """The browser has come back with a code."""
        with self.lock:
            for one in self.submissions.values():
                known = {row["code"] for row in self._study(one.study_id)["completion_codes"]}
                if one.participant_id == participant_id and code in known and one.status != "RETURNED":
                    if one.status == "ACTIVE":
                        one.status, one.code, one.completed_at = "AWAITING REVIEW", code, now()
                        self._settle(self._study(one.study_id))
                    return one
            raise Refused(400, "This code belongs to no study that you are taking part in")

    def give_back(self, submission_id: str) -> None:
        with self.lock:
            one = self._submission(submission_id)
            if one.status in ("ACTIVE", "AWAITING REVIEW"):
                one.status = "RETURNED"

    # --- Decisions ---

    def _submission(self, submission_id: str) -> Submission:
        if submission_id not in self.submissions:
            raise Refused(404, "There is no such submission")
        return self.submissions[submission_id]

    def decide(self, submission_id: str, body: dict) -> dict:
        """Approve or reject; the same again changes nothing, another decision is refused."""
        with self.lock:
            one = self._submission(submission_id)
            action = body.get("action")
            if action not in ("APPROVE", "REJECT"):
                raise Refused(400, "action must be APPROVE or REJECT")
            if action == "REJECT":
                if not isinstance(body.get("message"), str) or len(body["message"]) < 100:
                    raise Refused(400, "message is required and must be at least 100 characters long")
                if body.get("rejection_category") not in CATEGORIES:
                    raise Refused(400, f"rejection_category must be one of {sorted(CATEGORIES)}")
            state = {"APPROVE": "APPROVED", "REJECT": "REJECTED"}[action]
            if one.status == state:
                return one.whole()
            if one.status not in ("AWAITING REVIEW", "TIMED-OUT"):
                raise Refused(400, f"A submission that is {one.status} cannot be {state}")
            one.status, one.message, one.category = state, body.get("message", ""), body.get("rejection_category", "")
            study = self._study(one.study_id)
            if state == "APPROVED":
                self._pay(study["reward"])
            self._settle(study)
            return one.whole()

    def set_up_bonus(self, body: dict) -> dict:
        with self.lock:
            study = self._study(_text(body, "study_id"))
            payments = []
            for line in _text(body, "csv_bonuses").strip().splitlines():
                who, _, amount = line.partition(",")
                one = next((row for row in self._of(study["id"]) if who in (row.id, row.participant_id)), None)
                if one is None:
                    raise Refused(400, f"{who} has not taken part in this study")
                payments.append((one.id, _cents(amount)))
            total = sum(cents for _, cents in payments)
            made = {"id": new_id(), "study": study["id"], "payments": payments}
            self.bonuses[made["id"]] = made
            fees = fee_cents(total)
            shown = {"id": made["id"], "study": study["id"], "amount": total, "fees": fees, "vat": 0}
            return shown | {"total_amount": total + fees}

    def pay_bonus(self, payment_id: str) -> str:
        """Pays whenever it is said: it is not idempotent at Prolific either."""
        with self.lock:
            if payment_id not in self.bonuses:
                raise Refused(404, "There is no such bonus payment")
            payments = self.bonuses[payment_id]["payments"]
            cost = sum(cents + fee_cents(cents) for _, cents in payments)
            if cost > self.balance()["available_balance"]:
                raise Refused(400, "Insufficient funds: top up your workspace's balance")
            for submission_id, cents in payments:
                self._submission(submission_id).bonuses.append(cents)
                self._pay(cents)
            return f"Bulk bonus payment with ID {payment_id} is being processed asynchronously."


def _text(body: dict, name: str) -> str:
    if not isinstance(body.get(name), str) or not body[name].strip():
        raise Refused(400, f"{name} is required and must be text")
    return body[name]


def _positive(body: dict, name: str) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Refused(400, f"{name} is required and must be a whole number above 0")
    return value


def _cents(amount: str) -> int:
    try:
        value = Decimal(amount.strip())
    except InvalidOperation as error:
        raise Refused(400, f"{amount} is no amount") from error
    if value <= 0 or value != value.quantize(Decimal("0.01")):
        raise Refused(400, f"{amount} is no amount in whole cents")
    return int(value * 100)


def _checked_study(body: dict) -> dict:
    """The facts of a study, if they are complete and of the right kinds; unknown ones are refused."""
    for name in ("name", "description", "external_study_url"):
        _text(body, name)
    for name in ("total_available_places", "estimated_completion_time", "reward"):
        _positive(body, name)
    url = urlsplit(body["external_study_url"])
    if url.scheme not in ("http", "https") or not url.hostname:
        raise Refused(400, "external_study_url is no address")
    if body.get("prolific_id_option") not in ("question", "url_parameters", "not_required"):
        raise Refused(400, "prolific_id_option must be question, url_parameters or not_required")
    if body["prolific_id_option"] == "url_parameters" and "{{%PROLIFIC_PID%}}" not in body["external_study_url"]:
        raise Refused(400, "external_study_url must contain {{%PROLIFIC_PID%}}")
    codes = body.get("completion_codes")
    if not isinstance(codes, list) or not codes:
        raise Refused(400, "completion_codes must name at least one code")
    for one in codes:
        if not isinstance(one, dict) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", str(one.get("code", ""))):
            raise Refused(400, "each of completion_codes needs a code of letters and digits")
        if one.get("code_type") not in CODE_TYPES:
            raise Refused(400, f"code_type must be one of {sorted(CODE_TYPES)}")
        if not one.get("actions") or any(action.get("action") not in ACTIONS for action in one["actions"]):
            raise Refused(400, f"actions must be of {sorted(ACTIONS)}")
    if not set(body.get("device_compatibility", ["desktop"])) <= DEVICES:
        raise Refused(400, f"device_compatibility must be of {sorted(DEVICES)}")
    if body.get("maximum_allowed_time") is not None:
        _positive(body, "maximum_allowed_time")
    if body["reward"] * 60 < LEAST_HOURLY_CENTS * body["estimated_completion_time"]:
        raise Refused(400, f"The reward must be at least {LEAST_HOURLY_CENTS} cents an hour")
    known = {
        "name", "internal_name", "description", "external_study_url", "prolific_id_option", "completion_codes", "reward",
        "total_available_places", "estimated_completion_time", "maximum_allowed_time", "device_compatibility",
        "peripheral_requirements", "project",
    }
    if unknown := set(body) - known:
        raise Refused(400, f"{sorted(unknown)} is not known")
    return dict(body)
