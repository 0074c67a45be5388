"""A task is filled when its worker accepts, with what his votes change most."""

import threading
from collections import Counter

import numpy as np
import pytest
from django.db import connection, transaction

from annotation.models import Comparison
from crowd.lean import selecting, standing
from crowd.models import Standing
from crowd.visits.arriving import TurnedAway
from tests import factories
from tests.crowd.lean.campaigns import accept, do, do_all, lapse, make_lean

pytestmark = pytest.mark.django_db


def asked(assignment) -> list[int]:
    return list(assignment.task.comparisons.order_by("position").values_list("pair_id", flat=True))


def test_everybody_is_asked_about_pairs_that_nobody_has_answered_before_any_is_asked_again():
    campaign = make_lean(n_pairs=40)
    tasks = [accept(campaign) for _ in range(4)]
    assert sorted(pair for task in tasks for pair in asked(task)) == sorted(
        campaign.standings.values_list("pair_id", flat=True)
    )


def test_a_task_shows_the_pairs_of_an_image_one_after_another():
    campaign = make_lean(n_pairs=40)
    images = [c.pair.person.image_id for c in accept(campaign).task.comparisons.select_related("pair__person")]
    assert len(images) == 10 and len(set(images)) == 2
    assert images == sorted(images, key=images.index)


def test_nobody_is_asked_about_a_pair_twice():
    campaign = make_lean(n_pairs=30, most_votes=9)
    worker = factories.make_worker(environment=campaign.environment)
    seen = []
    for _ in range(3):
        task = accept(campaign, worker)
        do(task, lambda pair: True)
        seen += asked(task)
    assert len(seen) == len(set(seen)) == 30
    with pytest.raises(TurnedAway):
        accept(campaign, worker)


def test_what_people_disagree_on_is_asked_again_before_what_they_agree_on():
    campaign = make_lean(n_pairs=10, target_risk=0.01, most_votes=9)
    pairs = list(campaign.standings.order_by("pair_id").values_list("pair_id", flat=True))
    clear, disputed = set(pairs[:5]), set(pairs[5:])
    for number in range(4):
        do(accept(campaign), lambda pair, number=number: pair.pk in clear or number % 2 == 0)
    assert set(campaign.standings.order_by("-rank").values_list("pair_id", flat=True)[:5]) == disputed


def test_no_pair_is_asked_beyond_its_cap_and_the_rest_is_left_at_that():
    campaign = make_lean(n_pairs=20, target_risk=0.001, most_votes=3)
    draw = np.random.default_rng(0)
    do_all(campaign, lambda pair: draw.random() < 0.5)
    given = Counter(Comparison.objects.filter(task__assignment__hit__campaign=campaign).values_list("pair_id", flat=True))
    assert set(given.values()) == {3}
    assert set(campaign.standings.values_list("state", "n_votes", "n_out")) == {("capped", 3, 0)}


def test_a_lapsed_task_gives_its_pairs_back():
    campaign = make_lean(n_pairs=10, most_votes=1)
    first = accept(campaign)
    with pytest.raises(TurnedAway):
        accept(campaign)
    lapse(first)
    assert sorted(asked(accept(campaign))) == sorted(asked(first))


def test_a_pair_with_a_known_answer_is_not_bought():
    campaign = make_lean(n_pairs=10)
    known = campaign.standings.first().pair
    known.gold_first = True
    known.save()
    standing.measure(campaign)
    assert known.pk not in asked(accept(campaign))


def test_the_share_for_exploration_is_drawn_among_all_pairs_whatever_is_known_of_them():
    campaign = make_lean(n_pairs=60, exploration_share=1.0, target_risk=0.4, most_votes=9)
    kept_open = campaign.standings.first()
    campaign.standings.exclude(pk=kept_open.pk).update(state="sure")
    tasks = [asked(accept(campaign)) for _ in range(5)]
    assert all(len(task) == 10 for task in tasks)
    assert len({pair for task in tasks for pair in task}) > 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("people", "most_votes", "served"),
    [(8, 2, 6), (24, 8, 24)],  # 30 pairs, ten to a task: 60 places, and 240
    ids=["more people than places", "as many places as people"],
)
def test_of_many_who_accept_at_once_everybody_is_served_while_there_is_something_and_no_pair_goes_beyond_its_cap(
    people, most_votes, served
):
    campaign = make_lean(n_pairs=30, most_votes=most_votes)
    workers = [factories.make_worker(environment=campaign.environment) for _ in range(people)]
    turned_away, errors = [], []

    def come(worker) -> None:
        try:
            accept(campaign, worker)
        except TurnedAway:
            turned_away.append(worker)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=come, args=[worker]) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    given = Counter(Comparison.objects.values_list("pair_id", flat=True))
    assert set(given.values()) == {most_votes} and len(given) == 30
    assert len(turned_away) == people - served
    tasks = Counter(Comparison.objects.values_list("task_id", flat=True))
    assert set(tasks.values()) == {10} and len(tasks) == served
    assert set(campaign.standings.values_list("n_out", flat=True)) == {most_votes}


def test_the_choice_costs_as_many_queries_for_many_pairs_as_for_few(django_assert_max_num_queries):
    campaign = make_lean(n_pairs=30, exploration_share=0.2)
    annotator = factories.make_annotator()
    with transaction.atomic(), django_assert_max_num_queries(14):
        selecting.fill(campaign, annotator, seed=1)


def test_a_task_is_filled_up_with_what_is_finished_and_nothing_is_bought_once_nothing_is_open():
    campaign = make_lean(n_pairs=20, most_votes=9)
    Standing.objects.filter(campaign=campaign).update(state="agreed")
    with pytest.raises(TurnedAway):
        accept(campaign)
    last = campaign.standings.first()
    Standing.objects.filter(pk=last.pk).update(state="open")
    pairs = asked(accept(campaign))
    assert len(pairs) == 10 and last.pair_id in pairs
