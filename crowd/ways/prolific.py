"""Prolific: a study sends people to the campaign's own address; they come back with the study's completion code.

Where Prolific differs from what a campaign asks of a way: a study is offered as one, not HIT
by HIT; its places can be raised and never lowered; what was decided about a submission
stays; a bonus is prepared and then paid, and paying it twice pays twice.
"""

import math
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from annotation.models import Task
from crowd import pricing, ways
from crowd.addresses import LOCAL
from crowd.books import outbox
from crowd.models import Assignment, Call, Campaign, Environment, Hit
from crowd.prolific.client import Client, Study, Taking
from crowd.ways.base import Balance, CannotOffer, GatewayError, GatewayRefused, GatewayUnavailable, Submission

Kind = Call.Kind
State = Assignment.State
CENT = Decimal("0.01")
FEE_SHARE = Decimal(1) / 3  # of rewards and bonuses alike; value added tax comes on top where it applies
LEAST_HOURLY_USD = Decimal("8.00")  # Prolific's own floor
LEAST_REASON = 100  # characters of a rejection's message
CATEGORIES = {
    "TOO_QUICKLY": "exceptionally fast", "TOO_SLOWLY": "exceptionally slow", "LOW_EFFORT": "little effort",
    "FAILED_INSTRUCTIONS": "did not follow instructions", "FAILED_CHECK": "failed attention checks",
    "MALINGERING": "lied about who they are", "INCOMP_LONGITUDINAL": "took part of several parts only",
    "NO_CODE": "no completion code", "BAD_CODE": "wrong completion code", "NO_DATA": "no answers here",
    "UNSUPP_DEVICE": "unsupported device", "OTHER": "another reason",
}
STATUSES = {"AWAITING REVIEW": "Submitted", "APPROVED": "Approved", "REJECTED": "Rejected"}
GONE = {"RETURNED": "Returned on Prolific.", "TIMED-OUT": "Prolific's time for it ran out."}
PAID_WITHIN = timedelta(minutes=30)  # Prolific pays bonuses "in the following minutes"
UNCLEAR = (
    "No answer came when this bonus was paid, and Prolific does not show it. Look at the submission there; "
    "if it is not paid, ask again and it is paid anew."
)
PARAMETERS = "?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
OPEN = ("ACTIVE", "PUBLISHING", "SCHEDULED")


class Prolific:
    """See `crowd.ways.base.Way`."""

    pays = True
    verbs = frozenset({
        Kind.OFFER, Kind.ADD_PLACES, Kind.WITHDRAW, Kind.EXTEND, Kind.DELETE, Kind.APPROVE, Kind.REJECT, Kind.BONUS,
    })
    token_lifetime = timedelta(0)  # it knows no tokens: before anything is said again, `find` looks

    def __init__(self, environment: Environment):
        self._environment = environment
        self._client = Client(environment)

    # --- Before the launch ---

    def check(self, campaign: Campaign) -> None:
        api = urlsplit(self._environment.endpoint_url).hostname
        if not settings.PUBLIC_URL.startswith("https://") and api not in LOCAL:
            raise CannotOffer(
                f"Prolific would send people to {settings.PUBLIC_URL}, which is not https. "
                "Set PUBLIC_URL to the https address under which the world reaches this server."
            )
        if not self._environment.worker_url:
            raise CannotOffer("The environment does not say where people return to; on Prolific itself: https://app.prolific.com.")
        hourly = pricing.hourly_wage_usd(campaign.reward_usd, 60 * minutes(campaign))
        if hourly < LEAST_HOURLY_USD:
            least = (LEAST_HOURLY_USD * minutes(campaign) / 60).quantize(CENT, ROUND_HALF_UP)
            raise CannotOffer(
                f"Prolific wants at least {LEAST_HOURLY_USD} USD an hour; {campaign.reward_usd} USD for {minutes(campaign)} "
                f"minutes are {hourly}. Pay at least {least} USD for a task."
            )
        if campaign.study_id and campaign.is_draft:
            try:
                self._check_adopted(campaign, self._client.study(campaign.study_id))
            except GatewayError as error:
                raise CannotOffer(f"The study {campaign.study_id} cannot be read: {error}") from error

    @staticmethod
    def _check_adopted(campaign: Campaign, study: Study) -> None:
        """An existing study must send people here and end as this campaign does."""
        if not study.url.startswith(entry_url(campaign)) or not all(
            name in study.url for name in ("PROLIFIC_PID", "SESSION_ID")
        ):
            raise CannotOffer(f"The study sends people to {study.url}. On Prolific, make it {entry_url(campaign)}{PARAMETERS}")
        if study.reward_cents != cents(campaign.reward_usd):
            raise CannotOffer(
                f"The study pays {study.reward_cents / 100:.2f}, the campaign {campaign.reward_usd}. Make both the same."
            )
        if not study.codes:
            raise CannotOffer("The study has no completion code for finished submissions. Add one on Prolific.")
        if campaign.completion_code and campaign.completion_code not in study.codes:
            raise CannotOffer(f"The study's completion code is {study.codes[0]}, the campaign's {campaign.completion_code}.")

    @staticmethod
    def check_rejection(reason: str) -> None:
        """Raises: GatewayRefused for words that Prolific would not take."""
        if len(reason.strip()) < LEAST_REASON:
            raise GatewayRefused(
                f"Prolific wants at least {LEAST_REASON} characters of reason, which the participant reads; "
                f"this has {len(reason.strip())}."
            )

    def balance(self) -> Balance:
        """Raises also: GatewayRefused for an account that is not in dollars, as amounts would be mistaken."""
        available, total, currency = self._client.balance()
        if currency.upper() != "USD":
            raise GatewayRefused(
                f"The workspace holds {currency}. Nearer's ledger is in US dollars: name a workspace in USD in the environment."
            )
        return Balance(Decimal(available).scaleb(-2), Decimal(total - available).scaleb(-2))

    def fee_usd(self, amount_usd: Decimal, n_assignments: int = 1) -> Decimal:
        return (amount_usd * FEE_SHARE).quantize(CENT, ROUND_HALF_UP)

    # --- Offering ---

    def offer(self, campaign: Campaign, user) -> list[Call]:
        if not campaign.hits.filter(hit_id="", compensates=None).exists():
            return []
        if not campaign.completion_code:
            adopted = self._client.study(campaign.study_id).codes if campaign.study_id else ()
            campaign.completion_code = adopted[0] if adopted else "N" + secrets.token_hex(4).upper()
            Campaign.objects.filter(pk=campaign.pk).update(completion_code=campaign.completion_code)
        call = outbox.put(
            self._environment, Kind.OFFER, outbox.token("study", campaign.pk), campaign=campaign, user=user,
            payload={"places": campaign.hits.filter(compensates=None).aggregate(n=Sum("max_assignments"))["n"]},
        )
        return [call]

    def withdraw(self, campaign: Campaign, user) -> list[Call]:
        """A pause, also at the end: on Prolific a stopped study cannot be resumed. `delete` stops it."""
        return self._about_study(campaign, Kind.WITHDRAW, {}, user)

    def extend(self, campaign: Campaign, until: datetime, user) -> list[Call]:
        """On offer again; Prolific keeps no date until which."""
        return self._about_study(campaign, Kind.EXTEND, {"until": until.isoformat()}, user)

    def delete(self, campaign: Campaign, user) -> list[Call]:
        """The study is stopped, which returns what was set aside for it; Prolific keeps it."""
        return self._about_study(campaign, Kind.DELETE, {}, user)

    def _about_study(self, campaign: Campaign, kind: str, payload: dict, user) -> list[Call]:
        if not campaign.study_id:
            return []
        token = outbox.token(kind, "study", campaign.pk, campaign.turn)
        return [outbox.put(self._environment, kind, token, campaign=campaign, user=user, payload=payload)]

    def more_places(self, hit: Hit, n: int, user) -> Call:
        total = hit.max_assignments + n
        return outbox.put(
            self._environment, Kind.ADD_PLACES, outbox.token("places", hit.pk, total), campaign=hit.campaign, hit=hit,
            user=user, payload={"n": n, "total": total},
        )

    def replace_lost(self, campaign: Campaign, n: int, user) -> Call:
        """Ask for `n` people more than the study is for now, as so many handed in without a usable answer."""
        wanted = self._client.study(campaign.study_id).places + n
        return outbox.put(
            self._environment, Kind.ADD_PLACES, outbox.token("replacements", campaign.pk, wanted), campaign=campaign,
            user=user, payload={"n": n, "total": n, "places": wanted},
        )

    # --- Collecting ---

    def submissions(self, campaign: Campaign, *, everything: bool = False) -> Iterator[Submission]:
        """All that wait for a decision or have one; whoever gave the submission back loses their place here."""
        if not campaign.study_id:
            return
        for taking in self._client.submissions(campaign.study_id):
            if taking.status in STATUSES:
                yield _submission(taking)
            elif taking.status in GONE:
                _gone(campaign, taking)

    # --- The outbox ---

    def perform(self, call: Call) -> str:
        return getattr(self, f"_{call.kind}")(call) or ""

    def _offer(self, call: Call) -> str:
        """Draft, then publish; a draft that an earlier try has made is found by its internal name."""
        campaign = call.campaign
        study_id = campaign.study_id or call.payload.get("study_id")
        if not study_id:
            found = self._client.find_study(internal_name(call)) if call.attempts > 1 else None
            study_id = (found or self._client.create_study(self._facts(call))).id
            _remember(call, study_id=study_id)
        study = self._client.study(study_id)
        if study.places < call.payload["places"]:
            self._client.set_places(study_id, call.payload["places"])
        elif study.places > call.payload["places"]:
            _remember(call, places=study.places)  # an adopted study may be for more
        if study.status in ("UNPUBLISHED", "DRAFT"):
            self._client.transition(study_id, "PUBLISH")
        elif study.status == "PAUSED":
            self._client.transition(study_id, "START")
        return study_id

    def _facts(self, call: Call) -> dict[str, Any]:
        campaign = call.campaign
        facts = {
            "name": campaign.title, "internal_name": internal_name(call), "description": campaign.description,
            "external_study_url": entry_url(campaign) + PARAMETERS, "prolific_id_option": "url_parameters",
            "completion_codes": [
                {"code": campaign.completion_code, "code_type": "COMPLETED", "actions": [{"action": "MANUALLY_REVIEW"}]}
            ],
            "total_available_places": call.payload["places"], "reward": cents(campaign.reward_usd),
            "estimated_completion_time": minutes(campaign),
            "maximum_allowed_time": max(math.ceil(campaign.duration_s / 60), minutes(campaign)),
            "device_compatibility": ["desktop", "tablet", "mobile"], "peripheral_requirements": [],
        }
        return facts | ({"project": self._environment.project} if self._environment.project else {})

    def _add_places(self, call: Call) -> None:
        """To a number that was settled before, so that saying it again raises nothing twice."""
        wanted = call.payload.get("places") or self._places_until(call)
        study = self._client.study(call.campaign.study_id)
        if study.places < wanted:
            self._client.set_places(study.id, wanted)

    @staticmethod
    def _places_until(call: Call) -> int:
        """What the study was offered for, and all that was asked for until this call."""
        earlier = call.campaign.calls.exclude(state__in=[Call.State.DROPPED, Call.State.REFUSED]).filter(pk__lt=call.pk)
        places = 0
        for payload in earlier.filter(kind__in=[Kind.OFFER, Kind.ADD_PLACES]).order_by("pk").values_list("payload", flat=True):
            places = payload.get("places") or places + payload["n"]
        return places + call.payload["n"]

    def _withdraw(self, call: Call) -> None:
        if self._client.study(call.campaign.study_id).status in OPEN:
            self._client.transition(call.campaign.study_id, "PAUSE")

    def _extend(self, call: Call) -> None:
        if self._client.study(call.campaign.study_id).status == "PAUSED":
            self._client.transition(call.campaign.study_id, "START")

    def _delete(self, call: Call) -> None:
        if self._client.study(call.campaign.study_id).status in (*OPEN, "PAUSED"):
            self._client.transition(call.campaign.study_id, "STOP")

    def _approve(self, call: Call) -> None:
        self._client.approve(call.assignment.assignment_id)

    def _reject(self, call: Call) -> None:
        category = call.payload.get("category", "OTHER")
        self._client.reject(call.assignment.assignment_id, call.payload["feedback"], category)

    def _bonus(self, call: Call) -> str:
        """Prepared and paid, each step written down before it is made.

        Raises also: GatewayUnavailable while a payment that got no answer may still show, GatewayRefused once it does not.
        """
        submission_id, payload = call.assignment.assignment_id, call.payload
        if paid_at := payload.get("paying_at"):
            if timezone.now() - datetime.fromisoformat(paid_at) < PAID_WITHIN:
                raise GatewayUnavailable("The payment got no answer and does not show yet; it is looked for again.", 300)
            _remember(call, paying_at="")
            raise GatewayRefused(UNCLEAR)
        before = list(self._client.submission(submission_id).bonuses_cents)
        payment = self._client.set_up_bonus(call.campaign.study_id, submission_id, Decimal(payload["amount_usd"]))
        _remember(call, before=before, paying_at=timezone.now().isoformat())
        try:
            self._client.pay_bonus(payment)
        except GatewayRefused:
            _remember(call, paying_at="")  # understood and not done
            raise
        return payment

    def find(self, call: Call) -> str | None:
        """Places, status, decision and bonus are looked at; a study that is only a draft is not yet on offer."""
        if call.kind == Kind.OFFER:
            study_id = call.campaign.study_id or call.payload.get("study_id")
            study = self._client.study(study_id) if study_id else self._client.find_study(internal_name(call))
            return study.id if study and study.status in (*OPEN, "AWAITING REVIEW", "COMPLETED") else None
        if call.kind in (Kind.APPROVE, Kind.REJECT):
            wanted = "APPROVED" if call.kind == Kind.APPROVE else "REJECTED"
            return "" if self._client.submission(call.assignment.assignment_id).status == wanted else None
        if call.kind == Kind.BONUS and call.payload.get("paying_at"):
            now = Counter(self._client.submission(call.assignment.assignment_id).bonuses_cents)
            new = now - Counter(call.payload["before"])
            return "" if new[cents(Decimal(call.payload["amount_usd"]))] else None
        return None  # the rest looks by itself before it does anything

    def recorded(self, call: Call) -> None:
        if call.kind == Kind.OFFER:
            Campaign.objects.filter(pk=call.campaign_id).update(study_id=call.result, study_status="ACTIVE")
            ways.offered_here(call.campaign)
        elif call.kind in (Kind.WITHDRAW, Kind.EXTEND, Kind.DELETE):
            said = {Kind.WITHDRAW: "PAUSED", Kind.EXTEND: "ACTIVE", Kind.DELETE: "COMPLETED"}[call.kind]
            Campaign.objects.filter(pk=call.campaign_id).update(study_status=said)


def entry_url(campaign: Campaign) -> str:
    """The campaign's own address, where the study sends people."""
    return settings.PUBLIC_URL + reverse("entry", args=[campaign.entry])


def minutes(campaign: Campaign) -> int:
    """Expected for one task, tutorial and consent included: whole minutes, as a study has it."""
    extra_s = 90 if campaign.has_tutorial else 20
    return max(1, math.ceil((pricing.expected_seconds(campaign.comparisons_per_hit, campaign.delay_ms) + extra_s) / 60))


def cents(amount_usd: Decimal) -> int:
    return int((amount_usd * 100).to_integral_value(ROUND_HALF_UP))


def internal_name(call: Call) -> str:
    """What researchers see, with a mark by which the study is found again."""
    return f"{call.campaign.name[:80]} [{call.token[:12]}]"


def _remember(call: Call, **facts: Any) -> None:
    """Written down at once: what the next try must know if this one dies."""
    call.payload = call.payload | facts
    Call.objects.filter(pk=call.pk).update(payload=call.payload)


def _submission(taking: Taking) -> Submission:
    return Submission(
        assignment_id=taking.id, worker_id=taking.participant_id, hit_id="", status=STATUSES[taking.status],
        accepted_at=taking.started_at, submitted_at=taking.completed_at or datetime.now(UTC),
    )


def _gone(campaign: Campaign, taking: Taking) -> None:
    """The submission was given back, or ran out of time before anything was handed in here: its place is free."""
    rows = Assignment.objects.filter(
        hit__campaign=campaign, assignment_id=taking.id, worker__worker_id=taking.participant_id, task__verified_at=None,
        state__in=(State.ACCEPTED, State.SUBMITTED),
    )
    if taking.status == "TIMED-OUT":
        rows = rows.filter(task__handed_in_at=None)
    for row in rows:
        Task.objects.filter(pk=row.task_id, withdrawn_at=None, handed_in_at=None).update(withdrawn_at=timezone.now())
        Assignment.objects.filter(pk=row.pk).update(state=State.UNSUBMITTED, note=GONE[taking.status])
