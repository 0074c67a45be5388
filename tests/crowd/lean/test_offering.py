"""Tasks that are out at once: what the present knowledge deserves, and more as votes come in."""

from decimal import Decimal

import pytest

from crowd import life, publishing, reconciling
from crowd.lean import keeping_up, offering
from crowd.marketplace.errors import Refused
from crowd.models import Call, Standing
from jobs import running
from tests.crowd.campaigns import make_published
from tests.crowd.handwork import Hand
from tests.crowd.lean.campaigns import accept, do, make_lean

pytestmark = pytest.mark.django_db


def make_small(**overrides):
    """40 open pairs, ten to a task: four tasks at once are deserved; one HIT with one place."""
    campaign = make_lean(**{"n_pairs": 40, "most_out": 1, "votes_per_pair": 9, "most_votes": 4} | overrides)
    campaign.hits.update(max_assignments=1)
    return campaign


def test_so_many_tasks_may_be_out_as_open_pairs_fill_wholly():
    campaign = make_small()
    assert offering.deserved(campaign) == 4
    tasks = [accept(campaign) for _ in range(3)]
    assert offering.deserved(campaign) == 1
    do(tasks[0], lambda pair: True)
    assert offering.deserved(campaign) == 2


def test_pairs_that_need_several_votes_in_any_case_are_asked_of_several_at_once():
    assert offering.deserved(make_small(least_votes=3)) == 12
    assert offering.deserved(make_small(most_out=2)) == 8


def test_the_last_few_pairs_get_one_task_once_nobody_is_at_work():
    campaign = make_small()
    last = campaign.standings.order_by("pair_id")[:3]
    campaign.standings.exclude(pk__in=[row.pk for row in last]).update(state="agreed")
    assert offering.deserved(campaign) == 1
    Standing.objects.filter(pk=last[0].pk).update(n_out=1)
    assert offering.deserved(campaign) == 0


def test_nobody_is_asked_what_somebody_else_is_at_while_there_is_something_else():
    campaign = make_small()
    for _ in range(4):
        accept(campaign)
    assert set(campaign.standings.values_list("n_out", flat=True)) == {1}
    accept(campaign)  # whoever holds a place all the same is not sent away
    assert campaign.standings.filter(n_out=2).count() == 10


def test_neither_plan_nor_budget_is_exceeded():
    campaign = make_small(votes_per_pair=3, reward_usd=Decimal("1.00"))
    assert publishing.planned_places(campaign) == 3
    assert offering.affordable(campaign) == 2
    campaign.budget_usd = Decimal("2.50")  # 1.20 each with the fee
    assert offering.affordable(campaign) == 1
    campaign.budget_usd = Decimal("1.20")
    assert offering.affordable(campaign) == 0


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_a_crowd_in_a_hurry_cannot_work_off_the_plan_before_its_answers_are_counted(place):
    campaign = make_published(
        place, n_pairs=20, protocol="lean", votes_per_pair=5, target_risk=0.1, most_votes=5, merge_every=10_000,
        exploration_share=0,
    )
    early, late = Hand(), Hand()
    hits = list(campaign.hits.order_by("number"))
    for hit in hits:
        early.do(hit)
    for hit in hits:  # no other place is on offer
        with pytest.raises(Refused):
            late.accept(hit)
    reconciling.reconcile(campaign)
    keeping_up.keep_up(campaign)
    keeping_up.keep_up(campaign)  # what is free is not asked for again
    assert list(campaign.hits.order_by("number").values_list("max_assignments", flat=True)) == [2, 2]
    for hit in hits:
        late.accept(hit)
    plan = publishing.price(campaign)
    assert plan.n_assignments == 10 and publishing.committed_usd(campaign) == plan.total_usd * 4 / 10
    campaign.refresh_from_db()
    assert campaign.state == "collecting"


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_more_votes_for_a_lean_campaign_raise_the_plan_and_offer_nothing_at_once(place):
    campaign = make_published(place, protocol="lean", votes_per_pair=2)
    assert publishing.planned_places(campaign) == 2
    running.execute(life.more_votes(campaign, campaign.owner, n=3))
    campaign.refresh_from_db()
    assert publishing.planned_places(campaign) == 5
    assert campaign.hits.get().max_assignments == 1
    assert not Call.objects.filter(kind=Call.Kind.ADD_PLACES).exists()
