"""A lean campaign on the marketplace, with people who come over HTTP."""

from contextlib import suppress

import pytest

from annotation.models import Vote
from crowd import merging, publishing, reconciling
from crowd.lean import keeping_up
from crowd.simulation.browser import Lost
from crowd.simulation.visitor import Answer
from jobs import running
from tests.crowd.campaigns import Person, make_published

pytestmark = pytest.mark.django_db(transaction=True)


def sees_well(shown) -> Answer:
    return Answer(chose_first=shown.first < shown.second, response_ms=2000)


@pytest.mark.once
def test_a_lean_campaign_buys_fewer_votes_than_the_fixed_plan_and_ends_by_itself(place):
    campaign = make_published(
        place, n_pairs=20, protocol="lean", votes_per_pair=6, target_risk=0.1, most_votes=6, merge_every=40,
        exploration_share=0, pairs_per_image=5,
    )
    assert not campaign.hits.filter(pairs__isnull=False).exists() and campaign.standings.count() == 20
    assert set(campaign.hits.values_list("max_assignments", flat=True)) == {1}  # of six: the rest comes with knowledge
    plan = publishing.price(campaign)
    assert (plan.n_hits, plan.n_votes) == (2, 120)
    people = [Person(f"person{n}") for n in range(6)]
    first, second = campaign.hits.order_by("number")
    for person in people * 2:
        for hit in (first, second):
            if campaign.state != "collecting":
                break
            with suppress(Lost):  # just now no place of this one may be on offer
                person.do(hit, sees_well)
            reconciling.reconcile(campaign)
            keeping_up.keep_up(campaign)
            for merge in campaign.merges.filter(state="waiting"):
                running.execute(merge)
            for job in campaign.publications.filter(state="waiting"):
                running.execute(job)
            campaign.refresh_from_db()
    assert campaign.state == "finished"
    n_votes = Vote.objects.filter(task__assignment__hit__campaign=campaign).count()
    assert 40 <= n_votes <= 100 < plan.n_votes
    assert campaign.spent_usd < plan.total_usd
    assert campaign.merges.count() >= 1 and merging.latest(campaign).parameters is not None
    assert set(campaign.standings.values_list("state", flat=True)) <= {"sure", "agreed", "capped"}
