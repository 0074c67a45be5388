"""What is said of agreement with others, and when nothing is said."""

import pytest
from django.utils import timezone

from annotation import agreement, serving
from annotation.models import Choice
from tests.annotation.people import make_drawn_pairs
from tests.factories import make_task

pytestmark = pytest.mark.django_db


def answer_all(task, choices):
    for position, choice in enumerate(choices):
        serving.record_vote(
            task.pk, number=position + 1, position=position, choice=choice, response_ms=1, elapsed_ms=1, epoch=0
        )


def crowd(pairs, n, choice=Choice.FIRST, **fields):
    for _ in range(n):
        answer_all(make_task(pairs=pairs, **fields), [choice] * len(pairs))


def test_agreement_counts_clear_majorities_of_confirmed_votes():
    pairs = make_drawn_pairs(2, 5)
    crowd(pairs, 3, verified_at=timezone.now())
    task = make_task(pairs=pairs)
    answer_all(task, [Choice.FIRST] * 7 + [Choice.SECOND] * 3)
    assert agreement.with_others(task) == {"same": 7, "of": 10}


def test_unconfirmed_votes_are_not_others():
    pairs = make_drawn_pairs(2, 5)
    crowd(pairs, 3)
    task = make_task(pairs=pairs)
    answer_all(task, [Choice.FIRST] * 10)
    assert agreement.with_others(task) is None


def test_ties_and_few_answers_say_nothing():
    pairs = make_drawn_pairs(2, 5)
    crowd(pairs, 2, verified_at=timezone.now())
    crowd(pairs, 2, Choice.SECOND, verified_at=timezone.now())
    task = make_task(pairs=pairs)
    answer_all(task, [Choice.FIRST] * 10)
    assert agreement.with_others(task) is None


def test_a_few_comparisons_are_no_ground_for_a_share():
    pairs = make_drawn_pairs(1, 7)
    crowd(pairs, 5, verified_at=timezone.now())
    task = make_task(pairs=pairs)
    answer_all(task, [Choice.FIRST] * 7)
    assert agreement.with_others(task) is None
