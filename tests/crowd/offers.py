"""Campaigns, HITs and visits to them, for tests."""

import itertools
import random

from annotation.models import Pair, Task
from crowd.models import Assignment, Campaign, Environment, Hit, HitPair
from crowd.visits import arriving
from tests.annotation.people import make_drawn_pairs

_number = itertools.count(1)


def make_environment(**overrides) -> Environment:
    fields = {
        "name": f"marketplace {next(_number)}",
        "endpoint_url": "http://market.example/api",
        "worker_url": "http://market.example/workers",
    } | overrides
    return Environment.objects.create(**fields)


def make_campaign(**overrides) -> Campaign:
    """Collecting votes already; no tutorial and no consent unless asked for."""
    fields = {
        "name": f"campaign {next(_number)}", "state": Campaign.State.COLLECTING,
        "has_tutorial": False, "consent_text": "", "contact": "someone@example.org",
    } | overrides
    fields["dataset"] = fields.get("dataset") or make_drawn_pairs(1, 1)[0].person.image.dataset
    fields.setdefault("owner", fields["dataset"].owner)
    fields["environment"] = fields.get("environment") or make_environment()
    return Campaign.objects.create(**fields)


def make_hit(pairs: list[Pair] | None = None, *, campaign: Campaign | None = None, **overrides) -> Hit:
    pairs = pairs if pairs is not None else make_drawn_pairs()
    campaign = campaign or make_campaign(dataset=pairs[0].person.image.dataset)
    number = next(_number)
    fields = {"number": number, "request_token": f"token{number}", "hit_id": f"3HIT{number}", "max_assignments": 5}
    hit = Hit.objects.create(campaign=campaign, **(fields | overrides))
    HitPair.objects.bulk_create(HitPair(hit=hit, pair=pair, position=i) for i, pair in enumerate(pairs))
    return hit


def visit(hit: Hit, **overrides) -> dict[str, str]:
    """What a marketplace appends to the address."""
    number = random.getrandbits(32)
    query = {
        "assignmentId": f"3ASSIGNMENT{number}", "hitId": hit.hit_id, "workerId": f"AWORKER{number}",
        "turkSubmitTo": hit.campaign.environment.worker_url,
    }
    return query | overrides


def accept(hit: Hit, **overrides) -> tuple[Assignment, Task]:
    arrival = arriving.arrive(hit, visit(hit, **overrides))
    return arrival.assignment, arrival.task
