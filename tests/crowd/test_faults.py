"""Whatever is cut or killed, and when: counts are exact, and the ledger is the marketplace's account to the cent."""

import os
import random
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from annotation.models import Annotator, Choice, Comparison, Task, Vote
from crowd import deciding, life, paying, publishing, reconciling
from crowd.books import auditing, outbox
from crowd.marketplace import clocks
from crowd.marketplace import hits as market_hits
from crowd.marketplace import models as market
from crowd.models import Assignment, Call, Campaign, Hit, Payment, Publication, Worker
from crowd.mturk.gateway import Gateway
from crowd.ways.base import GatewayError, GatewayUnavailable
from jobs import running
from tests.crowd.campaigns import make_published
from tests.crowd.faults import AFTER, BEFORE, BROKEN, THROTTLED
from tests.crowd.handwork import Hand
from tests.factories import make_campaign, make_pairs, make_user
from tests.workers import database_url

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]


def resume() -> None:
    """What the next process finds: the dead one's leases are over, and everything waiting is due."""
    long_ago = timezone.now() - timedelta(hours=1)
    Publication.objects.exclude(lease_until=None).update(lease_until=long_ago)
    Call.objects.exclude(lease_until=None).update(lease_until=long_ago)
    Call.objects.filter(state="waiting").update(next_try_at=long_ago)


def check_money(place) -> None:
    """Both sides agree, and what the account sets aside is what its HITs say."""
    found = auditing.audit(place)
    assert found.difference_usd == 0 and found.n_waiting == 0
    assert found.held_usd == Gateway(place).held_usd()
    paid = market.Entry.objects.filter(kind__in=["reward", "bonus"]).values_list("amount_usd", flat=True)
    assert sum(paid, Decimal(0)) == found.rewards_usd + found.bonuses_usd


# --- Every paid or creating call, cut before and after the marketplace did it -------------------------


@pytest.mark.parametrize("fault", [BEFORE, AFTER])
def test_every_call_that_creates_pays_or_decides_survives_a_cut(place, network, fault):
    user, hands = make_user(), [Hand() for _ in range(4)]
    campaign = make_campaign(environment=place, votes_per_pair=3, images_per_hit=1, wage_floor_usd=Decimal("30.00"))
    make_pairs(10, campaign.dataset)

    def again(act) -> None:
        """Until it is through, as a person, the clock or the sweeper would."""
        for _ in range(4):
            resume()
            try:
                outbox.sweep()
                return act()
            except GatewayError:
                continue
        raise AssertionError("it never got through")

    def job(start) -> None:
        row = running.execute(start())
        for _ in range(4):
            if row.is_done:
                return
            resume()
            outbox.sweep()
            row = running.execute(running.start(Publication(campaign=campaign, act=row.act, created_by=user)))
        raise AssertionError(row.error)

    for operation in ("CreateQualificationType", "CreateHITType", "CreateHITWithHITType"):
        network.fail(operation, fault)
    job(lambda: publishing.publish(campaign, user))
    first, second = campaign.hits.order_by("number")
    for hand in hands[:2]:
        hand.do(first)
    lazy = hands[2].accept(second)
    hands[2].submit(lazy)
    network.fail("ApproveAssignment", fault, fault)
    again(lambda: reconciling.reconcile(campaign))
    row = hands[2].here(lazy)
    network.fail("RejectAssignment", fault)
    with pytest.raises(GatewayUnavailable):
        deciding.reject(row, user, reason="Empty.")
    again(lambda: None)
    row.refresh_from_db()
    assert row.state == "rejected"
    network.fail("ApproveAssignment", fault)
    with pytest.raises(GatewayUnavailable):
        deciding.override(row, user, reason="A fault of ours.")
    network.fail("SendBonus", fault)
    job(lambda: paying.top_up(campaign, user))
    campaign.refresh_from_db()
    network.fail("UpdateExpirationForHIT", fault)
    network.fail("CreateAdditionalAssignmentsForHIT", fault)
    job(lambda: life.more_votes(campaign, user, n=2))
    network.fail("AssociateQualificationWithWorker", fault)
    with pytest.raises(GatewayUnavailable):
        outbox.perform(deciding.exclude(hands[0].as_worker(place), user))
    network.fail("CreateWorkerBlock", fault)
    with pytest.raises(GatewayUnavailable):
        deciding.block(
            worker := hands[1].as_worker(place), user, reason="Fraud.", typed=worker.annotator.pseudonym
        )
    again(lambda: None)
    campaign.refresh_from_db()
    job(lambda: life.finish(campaign, user))
    campaign.refresh_from_db()
    network.fail("DeleteHIT", fault)
    job(lambda: life.archive(campaign, user))
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.ARCHIVED
    assert market.Hit.objects.count() == 2 and set(market.Hit.objects.values_list("max_assignments", flat=True)) == {5}
    assert market.WorkerBlock.objects.count() == 1 and market.QualificationType.objects.count() == 1
    assert Payment.objects.filter(kind="reward").count() == 3 and not Call.objects.unfinished().exists()
    assert market.Bonus.objects.count() == Payment.objects.filter(kind="bonus").count() == 2
    check_money(place)


# --- Three hundred over several pages, on a bad line ---------------------------------------------------


def three_hundred(place) -> Hit:
    """One HIT, done by 300 workers both here and there; the marketplace has paid most by itself. Written in bulk."""
    campaign = make_published(place, n_pairs=1, reward_usd=Decimal("0.05"))
    hit, there = campaign.hits.get(), market.Hit.objects.get()
    Hit.objects.update(max_assignments=300)
    market_hits.extend(there, 7)
    market.Hit.objects.update(max_assignments=300, fee_usd=Decimal("0.02"))
    hands = market.Worker.objects.bulk_create(market.Worker(username=f"hand{n:04d}", password="!") for n in range(300))
    now = timezone.now()
    done = market.Assignment.objects.bulk_create(
        market.Assignment(
            hit=there, worker=hand, state="Submitted", reward_usd=Decimal("0.05"), fee_usd=Decimal("0.02"), accepted_at=now,
            deadline=now + timedelta(minutes=15), submitted_at=now, auto_approve_at=now + timedelta(days=n < 30), answer="",
        )
        for n, hand in enumerate(hands)
    )
    with transaction.atomic():
        market_hits.settle(market_hits.locked(there.pk), now)
    clocks.advance()
    people = Annotator.objects.bulk_create(Annotator() for _ in hands)
    workers = Worker.objects.bulk_create(
        Worker(environment=place, worker_id=hand.worker_id, annotator=person) for hand, person in zip(hands, people)
    )
    tasks = Task.objects.bulk_create(
        Task(annotator=person, seed=1, expires_at=now + timedelta(minutes=15), handed_in_at=now) for person in people
    )
    pair = hit.pairs.get()
    shown = Comparison.objects.bulk_create(
        Comparison(task=task, position=0, pair=pair, first_is_green=True, first_is_left=True) for task in tasks
    )
    Vote.objects.bulk_create(
        Vote(
            task=task, number=1, comparison=one, pair=pair, annotator=task.annotator, choice=Choice.FIRST,
            first_is_green=True, first_is_left=True, response_ms=2000, elapsed_ms=2000,
        )
        for task, one in zip(tasks, shown)
    )
    Assignment.objects.bulk_create(
        Assignment(hit=hit, worker=worker, assignment_id=one.assignment_id, task=task)
        for worker, one, task in zip(workers, done, tasks)
    )
    return hit


@pytest.mark.long
def test_three_hundred_assignments_over_four_pages_are_each_paid_once_on_a_bad_line(place, network):
    hit = three_hundred(place)
    draw = random.Random(4)
    faults = draw.choices(["", BEFORE, AFTER, THROTTLED, BROKEN], weights=[84, 4, 4, 4, 4], k=100)
    network.fail("ApproveAssignment", *faults)
    network.fail("ListAssignmentsForHIT", "", AFTER, "", BEFORE)
    for _ in range(60):
        resume()
        try:
            outbox.sweep()
            reconciling.reconcile(hit.campaign)
            break
        except GatewayError:
            continue
    assert network.served["ListAssignmentsForHIT"] > 4
    assert set(Assignment.objects.values_list("state", flat=True)) == {"approved"}
    assert Payment.objects.filter(kind="reward").count() == 300 and Vote.objects.verified().count() == 300
    resume()
    outbox.sweep()
    check_money(place)
    assert auditing.audit(place).rewards_usd == Decimal("15.00")


# --- Killed, really ------------------------------------------------------------------------------------


@pytest.fixture
def killed_at(network, tmp_path):
    """`killed_at("SendBonus", 2, "publish", job)` lets a process begin and kills it (-9) in the middle of its second bonus."""

    def act(operation: str, number: int, step: str, row) -> None:
        env = os.environ | {
            "DATABASE_URL": database_url(), "NEARER_VAR": str(tmp_path), "ENV_FILE": os.devnull, "OMP_NUM_THREADS": "1",
            "SECRET_KEY": django_settings.SECRET_KEY, "PUBLIC_URL": django_settings.PUBLIC_URL,
            "DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": "memory://",
        }
        process = None
        network.watch(operation, number, lambda: process.kill())
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.crowd.errand", step, str(row.pk)], env=env, cwd=ROOT, stderr=subprocess.PIPE
        )
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == -9, errors.decode()[-2000:]

    return act


@pytest.mark.long
def test_killed_while_publishing_approving_and_paying_it_ends_as_if_nothing_had_happened(place, network, killed_at):
    user, hands = make_user(), [Hand() for _ in range(3)]
    campaign = make_campaign(environment=place, votes_per_pair=3, images_per_hit=1, wage_floor_usd=Decimal("30.00"))
    make_pairs(30, campaign.dataset)
    job = publishing.publish(campaign, user)
    killed_at("CreateHITWithHITType", 3, "publish", job)
    assert market.Hit.objects.count() == 3 and campaign.hits.exclude(hit_id="").count() == 2
    resume()
    assert running.execute(job).is_done
    assert market.Hit.objects.count() == campaign.hits.exclude(hit_id="").count() == 6

    for hand in hands:
        hand.do(campaign.hits.get(number=0))
        hand.do(campaign.hits.get(number=1))
    killed_at("ApproveAssignment", 4, "collect", campaign)
    assert market.Assignment.objects.filter(state="Approved").count() == 4
    assert Payment.objects.filter(kind="reward").count() == 3
    resume()
    outbox.sweep()
    reconciling.reconcile(campaign)
    assert market.Assignment.objects.filter(state="Approved").count() == 6
    assert Payment.objects.filter(kind="reward").count() == 6

    job = paying.top_up(campaign, user)
    killed_at("SendBonus", 2, "pay", job)
    assert market.Bonus.objects.count() == 2 and Payment.objects.filter(kind="bonus").count() == 1
    resume()
    assert running.execute(job).is_done
    assert market.Bonus.objects.count() == Payment.objects.filter(kind="bonus").count() == 3
    check_money(place)
