"""Where each pair stands follows from votes, leases and the newest merge, at any time."""

import numpy as np
import pytest

from crowd import merging
from crowd.aggregation.fitted import Fitted
from crowd.lean import keeping_up, outlook, standing, stopping
from crowd.models import Assignment, Standing
from jobs import running
from tests import factories
from tests.crowd.lean.campaigns import accept, do, do_all, make_lean

pytestmark = pytest.mark.django_db
SHOWN = ("pair_id", "state", "n_votes", "n_out", "p_first", "risk", "worth")


def table(campaign) -> list[tuple]:
    """All but the last digits, which depend on how many pairs are worked out together."""
    rows = campaign.standings.order_by("pair_id").values_list(*SHOWN)
    return [tuple(round(value, 9) if isinstance(value, float) else value for value in row) for row in rows]


def test_votes_count_at_once_when_they_are_verified():
    campaign = make_lean(n_pairs=10)
    task = accept(campaign)
    assert set(campaign.standings.values_list("n_votes", "n_out", "risk")) == {(0, 1, 0.5)}
    do(task, lambda pair: True)
    assert set(campaign.standings.values_list("n_votes", "n_out")) == {(1, 0)}
    assert all(0.6 < row.p_first < 0.8 and row.risk == pytest.approx(1 - row.p_first) for row in campaign.standings.all())


def test_a_recount_at_any_time_gives_the_same_rows():
    campaign = make_lean(n_pairs=20)
    draw = np.random.default_rng(1)
    for _ in range(4):
        do(accept(campaign), lambda pair: draw.random() < 0.7)
    before = table(campaign)
    campaign.standings.update(n_votes=9, n_out=9, p_first=0.1, risk=0.1, worth=0)
    standing.measure(campaign)
    assert table(campaign) == before


def test_counting_twice_changes_nothing():
    campaign = make_lean(n_pairs=10)
    do(accept(campaign), lambda pair: True)
    before = table(campaign)
    assert standing.catch_up(campaign) == 0
    Assignment.objects.update(counted_as="")
    assert standing.catch_up(campaign) == 1
    assert table(campaign) == before


def test_a_merge_brings_every_pair_to_its_own_probabilities():
    campaign = make_lean(n_pairs=20, most_votes=6, target_risk=0.001)
    draw = np.random.default_rng(2)
    do_all(campaign, lambda pair: pair.truth_first != (draw.random() < 0.2))
    merge = running.execute(merging.start(campaign, campaign.owner))
    standing.measure(campaign)
    merged = dict(merge.consensuses.values_list("pair_id", "p_first"))
    now = dict(campaign.standings.values_list("pair_id", "p_first"))
    # The merge weighs a vote by what its worker's other votes say without this one; afterwards he weighs the same everywhere.
    assert max(abs(merged[pair] - now[pair]) for pair in merged) < 0.1
    assert np.corrcoef([merged[pair] for pair in merged], [now[pair] for pair in merged])[0, 1] > 0.99
    assert set(campaign.standings.values_list("merge", flat=True)) == {merge.pk}


def test_a_vote_on_one_pair_tells_of_the_other_pairs_of_its_person():
    campaign = make_lean(n_pairs=60, most_votes=6, target_risk=0.001, images_per_hit=1)
    for _ in range(6):
        do(accept(campaign), lambda pair: pair.truth_first)
    running.execute(merging.start(campaign, campaign.owner))
    standing.measure(campaign)
    unasked = campaign.standings.filter(n_votes=0).values("pair__person")
    one = campaign.standings.filter(pair__person__in=unasked).select_related("pair").first()
    others = campaign.standings.filter(pair__person=one.pair.person_id).exclude(pk=one.pk)
    before, rest = dict(others.values_list("pk", "p_first")), table(campaign)
    hit = factories.make_hit(campaign=campaign, pairs=[one.pair])
    do(factories.make_assignment(hit=hit), lambda pair: not pair.truth_first)
    changed = {pk: p for pk, p in others.values_list("pk", "p_first") if abs(p - before[pk]) > 1e-3}
    assert changed and {row.n_votes for row in others.filter(pk__in=changed)} == {0}
    assert len([True for old, new in zip(rest, table(campaign), strict=True) if old != new]) <= 5  # nobody else's
    said = stopping.explain(others.select_related("pair", "campaign").first())
    assert said.startswith("open after 0 votes: risk") and "; by this person's other pairs 0." in said


def test_a_merge_keeps_what_it_learnt_of_its_workers():
    campaign = factories.make_voted_campaign(n_pairs=10, votes=3)
    merge = running.execute(merging.start(campaign, campaign.owner))
    merge.refresh_from_db()
    assert Fitted.from_bytes(bytes(merge.parameters)).n_workers == merge.skills.count() == 3
    majority = running.execute(merging.start(campaign, campaign.owner, method="majority"))
    majority.refresh_from_db()
    assert majority.parameters is None
    assert standing.known(campaign).merge == merge.pk


def test_a_sure_prior_needs_fewer_votes():
    campaign = make_lean(n_pairs=20, target_risk=0.3, least_votes=1, most_votes=9)
    rows = list(campaign.standings.select_related("pair").order_by("pair_id"))
    for row in rows[:10]:
        row.pair.prior, row.pair.prior_source = 0.93, "run 7"
        row.pair.save()
    standing.measure(campaign)
    first = accept(campaign)
    asked = set(first.task.comparisons.values_list("pair_id", flat=True))
    assert asked == {row.pair_id for row in rows[10:]}  # what nobody knows anything of comes first
    do_all(campaign, lambda pair: True)
    said = stopping.explain(campaign.standings.select_related("pair", "campaign").get(pair=rows[0].pair))
    assert said.startswith("stopped after 1 vote: risk") and said.endswith("prior 0.93 from run 7")
    rows[0].foretold, rows[0].campaign = 0.951, campaign
    assert stopping.explain(rows[0]).endswith("prior 0.93 from run 7; with this person's other pairs 0.95")
    assert stopping.explain(rows[0], prior=False).endswith("%; foretold 0.95")


def test_rows_that_an_earlier_version_wrote_are_chosen_from_too():
    campaign = make_lean(n_pairs=30)
    for row in campaign.standings.order_by("pk")[:15]:
        row.evidence = row.evidence[:-4]  # no model's opinion was kept apart
        row.save()
    assert accept(campaign).task.comparisons.count() == campaign.comparisons_per_hit
    assert outlook.outlook(campaign).left > 0


def test_more_pairs_than_a_query_can_name_are_counted_alike():
    campaign = make_lean(n_pairs=standing.FEW + 20)
    do(accept(campaign), lambda pair: True)
    before = table(campaign)
    campaign.standings.update(n_votes=9, n_out=9, p_first=0.1, risk=0.1, worth=0)
    standing.measure(campaign)
    assert table(campaign) == before
    assert sum(row[2] for row in before) == campaign.comparisons_per_hit


def test_pairs_that_were_made_later_stand_with_the_others_of_their_person(monkeypatch):
    campaign = make_lean(n_pairs=20)
    for _ in range(3):
        do(accept(campaign), lambda pair: pair.truth_first)
    running.execute(merging.start(campaign, campaign.owner))
    factories.make_pairs(30)  # somebody else's, so that the next ones are far away
    more = [factories.make_pair(person=pair.person, first=1, second=4) for pair in first_pairs(campaign)]
    standing.begin(campaign)
    before = table(campaign)
    foretold = campaign.standings.filter(pair__in=more).values_list("foretold", flat=True)
    assert len(foretold) == 4 and all(abs(p - 0.5) > 0.01 for p in foretold)
    for few in (standing.FEW, 3):
        monkeypatch.setattr(standing, "FEW", few)
        campaign.standings.update(n_votes=9, p_first=0.1, foretold=None)
        standing.measure(campaign)
        assert table(campaign) == before


def first_pairs(campaign) -> list:
    """One pair of each person."""
    rows = {row.pair.person_id: row.pair for row in campaign.standings.select_related("pair__person")}
    return list(rows.values())


def test_an_explanation_says_why_a_pair_was_left():
    campaign = make_lean(n_pairs=10, most_votes=2, target_risk=0.001)
    answers = iter([True, False])
    for _ in range(2):
        now = next(answers)
        do(accept(campaign), lambda pair, now=now: now)
    row = campaign.standings.select_related("pair", "campaign").first()
    assert stopping.explain(row) == "left at 2 votes: people find the two about equally close, risk 50 %"


def test_a_campaign_merges_by_itself_after_so_many_votes_and_ends_when_nothing_is_open():
    campaign = make_lean(n_pairs=20, merge_every=25, most_votes=3, target_risk=0.001)
    assert not keeping_up.is_due(campaign)
    do_all(campaign, lambda pair: pair.truth_first)
    assert keeping_up.is_due(campaign)
    keeping_up.keep_up(campaign)
    merge = campaign.merges.get()
    assert not keeping_up.is_due(campaign)  # one is on its way
    running.execute(merge)
    keeping_up.keep_up(campaign)
    assert set(campaign.standings.values_list("merge", flat=True)) == {merge.pk}
    campaign.refresh_from_db()
    assert campaign.state == "finished"


def test_a_campaign_goes_on_while_somebody_is_at_work():
    campaign = make_lean(n_pairs=10, most_votes=1)
    accept(campaign)
    assert not keeping_up.is_complete(campaign)
    Standing.objects.update(state="sure")
    assert not keeping_up.is_complete(campaign)


def test_a_few_last_pairs_are_not_bought_at_the_price_of_a_whole_task():
    campaign = make_lean(n_pairs=40, images_per_hit=4, pairs_per_image=5, least_votes=1, least_open_share=0.15)
    assert campaign.comparisons_per_hit == 20
    campaign.standings.update(state="agreed", n_votes=2)
    last = [row.pk for row in campaign.standings.order_by("pk")[:3]]
    campaign.standings.filter(pk__in=last).update(state="open")
    assert not keeping_up.is_complete(campaign)
    campaign.standings.filter(pk=last[0]).update(state="capped")
    assert keeping_up.is_complete(campaign)
    campaign.standings.filter(pk=last[1]).update(n_votes=0)  # nobody was ever asked about it
    assert not keeping_up.is_complete(campaign)
    campaign.standings.filter(pk=last[1]).update(n_votes=2)
    campaign.least_open_share = 0
    assert not keeping_up.is_complete(campaign)
    campaign.standings.update(state="agreed")
    assert keeping_up.is_complete(campaign)


def test_a_data_set_hardly_larger_than_a_task_is_not_left_open_after_its_first_vote():
    campaign = make_lean(n_pairs=10, images_per_hit=5, pairs_per_image=5, least_votes=1, most_votes=3, target_risk=0.001)
    do(accept(campaign), lambda pair: True)
    assert set(campaign.standings.values_list("state", "n_votes")) == {("open", 1)}
    assert not keeping_up.is_complete(campaign)  # ten of 25 are less than half of a task, and all that there is


def test_what_was_left_open_says_so_once_the_campaign_has_ended():
    campaign = make_lean(n_pairs=20, least_votes=1, most_votes=9, target_risk=0.001, least_open_share=1)
    for _ in range(2):
        do(accept(campaign), lambda pair: True)
    campaign.standings.filter(pk__in=campaign.standings.order_by("pk")[1:]).update(state="agreed")
    left = campaign.standings.select_related("pair", "campaign").order_by("pk").first()
    assert stopping.explain(left).startswith("open after 1 vote: risk")
    keeping_up.keep_up(campaign)
    left = campaign.standings.select_related("pair", "campaign").get(pk=left.pk)
    assert stopping.explain(left).startswith("left open after 1 vote: risk")


def test_a_pair_on_which_all_agree_is_finished_though_people_may_be_misled_together():
    campaign = make_lean(n_pairs=10, most_votes=9, target_risk=0.05, least_votes=2)
    tasks = do_all(campaign, lambda pair: True)
    assert 3 <= tasks < 9
    assert set(campaign.standings.values_list("state", flat=True)) == {"agreed"}
    row = campaign.standings.select_related("pair", "campaign").first()
    assert row.risk > 0.05  # as long as no gold says that people are right in the end
    assert "more of them would say the same" in stopping.explain(row)
