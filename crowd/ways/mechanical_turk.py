"""Mechanical Turk's protocol: Amazon's two endpoints, the marketplace that ships, or any other that speaks it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils import timezone

from crowd import pricing
from crowd.books import outbox
from crowd.models import Assignment, Call, Campaign, Environment, Hit
from crowd.mturk import requirements
from crowd.mturk.gateway import Gateway
from crowd.ways.base import Balance, CannotOffer, GatewayRefused, Submission

Kind = Call.Kind
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
EXCLUDED = "Nearer: no further tasks"
FEW = 3  # so many HITs are asked one by one; for more, their counts are listed first
SECOND_FEE_FROM = 10


class MechanicalTurk:
    """See `crowd.ways.base.Way`."""

    pays = True
    verbs = frozenset(Kind.values)
    token_lifetime = timedelta(hours=23)  # 24 by Amazon's word

    def __init__(self, environment: Environment):
        self._environment = environment
        self._gateway = Gateway(environment)

    def check(self, campaign: Campaign) -> None:
        local = urlsplit(self._environment.worker_url).hostname in LOOPBACK
        if not local and not settings.PUBLIC_URL.startswith("https://"):
            raise CannotOffer(
                f"Workers of '{self._environment}' would be sent to {settings.PUBLIC_URL}, which is not https. "
                "Set PUBLIC_URL to the https address under which the world reaches this server."
            )

    def balance(self) -> Balance:
        return self._gateway.balance()

    def fee_usd(self, amount_usd: Decimal, n_assignments: int = 1) -> Decimal:
        return pricing.fee_usd(amount_usd, n_assignments)

    # --- Offering ---

    def offer(self, campaign: Campaign, user) -> list[Call]:
        """One call for each HIT, with the HIT type that its kind of HIT has."""
        types: dict[str, str] = {}
        calls = []
        for hit in campaign.hits.filter(hit_id="", compensates=None).select_related("campaign"):
            sort = "further" if hit.follows_id else "first"
            if sort not in types:
                types[sort] = self._hit_type(campaign, further=bool(hit.follows_id))
            calls.append(self._offer_of(hit, types[sort], user))
        payloads = {call.token: call.payload for call in calls}
        rows = outbox.put_all(calls)
        for call in rows:
            if not call.payload:  # a row from before there was an outbox
                call.payload = payloads[call.token]
                call.save(update_fields=["payload"])
        return rows

    def _offer_of(self, hit: Hit, hit_type_id: str, user) -> Call:
        path = reverse("compensation" if hit.compensates_id else "task", args=[hit.token])
        return Call(
            environment=self._environment, campaign=hit.campaign, hit=hit, kind=Kind.OFFER, token=hit.request_token,
            wanted_by=user, payload={"hit_type_id": hit_type_id, "url": settings.PUBLIC_URL + path},
        )

    def _hit_type(self, campaign: Campaign, *, further: bool = False) -> str:
        wanted = requirements.of_campaign(campaign)
        wanted.append(requirements.without(self._list_of_excluded()))
        if further:
            wanted.append(requirements.without(campaign.voters_type_id))
        hit_type_id = self._gateway.create_hit_type(
            title=campaign.title, description=campaign.description, keywords=campaign.keywords,
            reward_usd=campaign.reward_usd, duration_s=campaign.duration_s, auto_approval_s=campaign.auto_approval_s,
            requirements=wanted,
        )
        if self._environment.topic_arn:
            self._gateway.tell(hit_type_id, self._environment.topic_arn)
        return hit_type_id

    def _list_of_excluded(self) -> str:
        """The qualification of those who get no further task, made with the account's first campaign."""
        self._environment.refresh_from_db(fields=["exclusion_type_id"])
        if not self._environment.exclusion_type_id:
            call = outbox.put(
                self._environment, Kind.LIST, outbox.token("excluded", self._environment.pk), payload={
                    "name": EXCLUDED, "description": "Held by workers who get no further task from this requester.",
                },
            )
            outbox.perform(call)
            self._environment.refresh_from_db(fields=["exclusion_type_id"])
        return self._environment.exclusion_type_id

    def list_of_voters(self, campaign: Campaign, user) -> list[Call]:
        """Calls that give everybody who has taken part a qualification that further HITs do not take."""
        if not campaign.voters_type_id:
            call = outbox.put(
                self._environment, Kind.LIST, outbox.token("voters", campaign.pk), campaign=campaign, user=user, payload={
                    "name": f"Nearer: has taken part ({outbox.token('voters', campaign.pk)[:10]})",
                    "description": "Held by workers who have answered these questions already.", "of": "voters",
                },
            )
            outbox.perform(call)
            campaign.refresh_from_db(fields=["voters_type_id"])
        workers = campaign.hits.filter(assignments__task__isnull=False).values_list("assignments__worker", flat=True).distinct()
        return outbox.put_all(
            Call(
                environment=self._environment, campaign=campaign, kind=Kind.ENLIST, worker_id=worker, wanted_by=user,
                token=outbox.token("voter", campaign.pk, worker), payload={"type_id": campaign.voters_type_id},
            )
            for worker in workers.order_by("assignments__worker")
        )

    def compensate(self, hit: Hit, user) -> list[Call]:
        """Calls that make a HIT for one worker alone: a qualification of its own, given with a message, then the HIT."""
        assignment = hit.compensates
        key = outbox.token("compensation", assignment.pk)
        made = outbox.put(
            self._environment, Kind.LIST, outbox.token("compensation list", assignment.pk), campaign=hit.campaign, user=user,
            payload={"name": f"Payment for your work ({key[:10]})", "of": "compensation",
                     "description": "You did work that could not be handed in. A HIT that only you can see pays for it."},
        )
        type_id = outbox.perform(made).result
        told = outbox.put(
            self._environment, Kind.ENLIST, outbox.token("compensated", assignment.pk), campaign=hit.campaign, user=user,
            worker=assignment.worker, payload={"type_id": type_id, "tell": True},
        )
        hit_type_id = self._gateway.create_hit_type(
            title="Payment for work that could not be handed in", keywords="",
            description="You worked for us and could not hand it in. Nothing is to be done but to press one button.",
            reward_usd=hit.campaign.reward_usd, duration_s=hit.campaign.duration_s, auto_approval_s=0,
            requirements=[requirements.only_with(type_id)],
        )
        return [told, *outbox.put_all([self._offer_of(hit, hit_type_id, user)])]

    def withdraw(self, campaign: Campaign, user) -> list[Call]:
        return self._for_each_hit(campaign, Kind.WITHDRAW, {}, user)

    def extend(self, campaign: Campaign, until: datetime, user) -> list[Call]:
        return self._for_each_hit(campaign, Kind.EXTEND, {"until": until.isoformat()}, user)

    def delete(self, campaign: Campaign, user) -> list[Call]:
        return self._for_each_hit(campaign, Kind.DELETE, {}, user)

    def _for_each_hit(self, campaign: Campaign, kind: str, payload: dict, user) -> list[Call]:
        hits = campaign.hits.exclude(hit_id="").filter(deleted_at=None)
        if kind != Kind.DELETE:
            hits = hits.filter(compensates=None)  # what somebody is owed stays on offer
        return outbox.put_all(
            Call(
                environment=self._environment, campaign=campaign, hit_id=pk, kind=kind, wanted_by=user, payload=payload,
                token=outbox.token(kind, pk, campaign.turn),
            )
            for pk in hits.order_by("number").values_list("pk", flat=True)
        )

    def more_places(self, hit: Hit, n: int, user) -> Call:
        total = hit.max_assignments + n
        if hit.max_assignments < SECOND_FEE_FROM <= total:
            raise CannotOffer(
                f"A HIT of {hit.max_assignments} assignments cannot have {total}: from {SECOND_FEE_FROM} the fee is another. "
                "Make a further HIT instead."
            )
        return outbox.put(
            self._environment, Kind.ADD_PLACES, outbox.token("places", hit.pk, total), campaign=hit.campaign, hit=hit,
            user=user, payload={"n": n, "total": total},
        )

    # --- Collecting ---

    def submissions(self, campaign: Campaign, *, everything: bool = False) -> Iterator[Submission]:
        """HIT by HIT; only those whose counts have changed since they were last listed, unless all are asked for."""
        hits = campaign.hits.exclude(hit_id="").filter(deleted_at=None)
        if not everything:
            decided = Q(assignments__state__in=[Assignment.State.APPROVED, Assignment.State.REJECTED])
            hits = hits.annotate(n_decided=Count("assignments", filter=decided)).filter(n_decided__lt=F("max_assignments"))
        hits = list(hits.order_by("number"))
        counts: dict[str, str] = {}
        if not everything and len(hits) > FEW:
            counts = self._counts({hit.hit_id for hit in hits})
        for hit in hits:
            now = counts.get(hit.hit_id, "")
            if now and now == hit.seen:
                continue
            yield from self._gateway.submissions(hit.hit_id)
            waiting = hit.assignments.filter(state__in=[Assignment.State.SUBMITTED, Assignment.State.VERIFIED]).exists()
            if now and not waiting:
                Hit.objects.filter(pk=hit.pk).update(seen=now)

    def _counts(self, wanted: set[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for state in self._gateway.hits():
            if state.hit_id in wanted:
                found[state.hit_id] = state.counts
                if len(found) == len(wanted):
                    break
        return found

    # --- The outbox ---

    def perform(self, call: Call) -> str:
        return getattr(self, f"_{call.kind}")(call) or ""

    def _offer(self, call: Call) -> str:
        hit = call.hit
        return self._gateway.create_hit(
            call.payload["hit_type_id"], url=call.payload["url"], frame_height=hit.campaign.frame_height,
            lifetime_s=hit.campaign.lifetime_s, max_assignments=hit.max_assignments,
            annotation=_annotation(hit), token=call.token,
        )

    def _add_places(self, call: Call) -> None:
        self._gateway.add_assignments(call.hit.hit_id, call.payload["n"], call.token)

    def _withdraw(self, call: Call) -> None:
        self._gateway.expire(call.hit.hit_id)

    def _extend(self, call: Call) -> None:
        self._gateway.offer_until(call.hit.hit_id, datetime.fromisoformat(call.payload["until"]))

    def _delete(self, call: Call) -> None:
        self._gateway.delete(call.hit.hit_id)

    def _approve(self, call: Call) -> None:
        self._gateway.approve(call.assignment.assignment_id, call.payload.get("feedback", ""))

    def _reject(self, call: Call) -> None:
        self._gateway.reject(call.assignment.assignment_id, call.payload["feedback"])

    def _override(self, call: Call) -> None:
        self._gateway.override(call.assignment.assignment_id, call.payload["feedback"])

    def _bonus(self, call: Call) -> None:
        amount_usd = Decimal(call.payload["amount_usd"])
        self._gateway.send_bonus(
            call.assignment.assignment_id, call.worker.worker_id, amount_usd, _words_of(call), call.token
        )

    def _list(self, call: Call) -> str:
        return self._gateway.create_qualification(call.payload["name"], call.payload["description"])

    def _enlist(self, call: Call) -> None:
        self._gateway.give_qualification(call.payload["type_id"], call.worker.worker_id, tell=call.payload.get("tell", False))

    def _delist(self, call: Call) -> None:
        self._gateway.take_qualification(call.payload["type_id"], call.worker.worker_id)

    def _block(self, call: Call) -> None:
        self._gateway.block(call.worker.worker_id, call.reason)

    def _unblock(self, call: Call) -> None:
        self._gateway.unblock(call.worker.worker_id)

    def _notify(self, call: Call) -> str:
        failed = self._gateway.notify(call.payload["worker_ids"], call.payload["subject"], call.payload["text"])
        return f"{len(failed)} of {len(call.payload['worker_ids'])} could not be written to" if failed else ""

    def find(self, call: Call) -> str | None:
        """By the HIT's annotation, its number of assignments, the bonus's reason, the assignment's state.

        All other calls may simply be made again.
        """
        if call.kind == Kind.OFFER:
            return self._gateway.find_hit(_annotation(call.hit))
        if call.kind == Kind.ADD_PLACES:
            return "" if self._gateway.hit(call.hit.hit_id).max_assignments >= call.payload["total"] else None
        if call.kind == Kind.BONUS:
            mine = (call.worker.worker_id, Decimal(call.payload["amount_usd"]), _words_of(call))
            return "" if mine in self._gateway.bonuses(call.assignment.assignment_id) else None
        if call.kind in (Kind.APPROVE, Kind.OVERRIDE, Kind.REJECT):
            wanted = "Rejected" if call.kind == Kind.REJECT else "Approved"
            return "" if self._gateway.submission(call.assignment.assignment_id).status == wanted else None
        return None

    def recorded(self, call: Call) -> None:
        if call.kind != Kind.LIST:
            return
        if call.payload.get("of") == "voters":
            Campaign.objects.filter(pk=call.campaign_id).update(voters_type_id=call.result)
        elif not call.payload.get("of"):
            Environment.objects.filter(pk=call.environment_id).update(exclusion_type_id=call.result)


def _annotation(hit: Hit) -> str:
    return f"nearer:{hit.request_token[:32]}"


def _words_of(call: Call) -> str:
    """The reason as the worker reads it, with a mark by which the bonus can be found again."""
    return f"{call.reason} [{call.token[:8]}]"


def excluded_type(environment: Environment) -> str:
    """The qualification by which the account's HITs shut workers out; empty before its first campaign."""
    if not environment.exclusion_type_id:
        raise GatewayRefused("No campaign has been offered here yet, so there is nobody to be kept from one.")
    return environment.exclusion_type_id


def is_long_over(hit: Hit) -> bool:
    """Nobody can have the HIT in hand any more."""
    return bool(hit.expires_at) and timezone.now() > hit.expires_at + timedelta(seconds=hit.campaign.duration_s)
