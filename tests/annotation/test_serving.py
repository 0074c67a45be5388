"""A task's life on the server: handed out, answered, undone, handed in."""

from datetime import timedelta

import pytest
from django.core import signing
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation import serving
from annotation.models import Choice, Vote
from annotation.refusals import (
    BadToken,
    NotReady,
    NumberTaken,
    OpenedElsewhere,
    TaskClosed,
    Unanswered,
    UnknownComparison,
)
from tests.annotation.people import make_drawn_pairs
from tests.factories import make_annotator, make_pair, make_pairs, make_task

pytestmark = pytest.mark.django_db


def hand_out(pairs=None, **overrides):
    settings = {"seed": 7, "delay_ms": 750, "expires_at": timezone.now() + timedelta(minutes=15)} | overrides
    return serving.hand_out(settings.pop("annotator", None) or make_annotator(), pairs or make_drawn_pairs(), **settings)


def answer(task, number, position, choice=Choice.FIRST, **overrides):
    fields = {"response_ms": 900, "elapsed_ms": 950, "epoch": task.epoch} | overrides
    return serving.record_vote(task.pk, number=number, position=position, choice=choice, **fields)


def statements(captured) -> list[str]:
    """What is asked of the database, less the brackets of the transaction."""
    brackets = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
    return [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(brackets)]


def test_pairs_keep_their_order_but_stay_with_their_image():
    a, b = make_drawn_pairs(2, 2)[:2], make_drawn_pairs(1, 2)
    task = hand_out([a[0], b[0], a[1], b[1]])
    assert [row.pair for row in task.comparisons.all()] == [a[0], a[1], b[0], b[1]]


def test_the_same_seed_draws_the_same_sides_and_colours_and_another_seed_others():
    pairs = make_pairs(20)

    def draws(seed):
        return list(hand_out(pairs, seed=seed).comparisons.values_list("first_is_green", "first_is_left"))

    assert draws(1) == draws(1) != draws(2)


def test_side_and_colour_are_drawn_independently_and_evenly():
    rows = [row for seed in range(20) for row in hand_out(make_pairs(20), seed=seed).comparisons.all()]
    both = [(row.first_is_green, row.first_is_left) for row in rows]
    assert all(65 <= both.count((green, left)) <= 135 for green in (True, False) for left in (True, False))


def test_an_answer_repeats_what_the_comparison_says():
    task = hand_out()
    vote = answer(task, 1, 2, Choice.SECOND).vote
    row = task.comparisons.get(position=2)
    assert (vote.pair, vote.annotator, vote.choice) == (row.pair, task.annotator, Choice.SECOND)
    assert (vote.first_is_green, vote.first_is_left) == (row.first_is_green, row.first_is_left)
    assert (vote.response_ms, vote.elapsed_ms) == (900, 950)


def test_an_answer_sent_twice_is_one_vote():
    task = hand_out()
    first, second = answer(task, 1, 0), answer(task, 1, 0)
    assert first.vote == second.vote
    assert (first.is_new, second.is_new) == (True, False)
    assert task.votes.count() == 1


def test_a_number_that_holds_another_answer_is_refused():
    task = hand_out()
    answer(task, 1, 0)
    with pytest.raises(NumberTaken):
        answer(task, 1, 0, Choice.SECOND)
    with pytest.raises(NumberTaken):
        answer(task, 1, 1)


def test_an_undo_adds_a_row_and_the_last_word_stands():
    task = hand_out()
    answer(task, 1, 0, Choice.FIRST)
    answer(task, 2, 0, Choice.UNDONE)
    assert serving.standing_votes(task) == {}
    answer(task, 3, 0, Choice.SECOND)
    assert task.votes.count() == 3
    assert serving.standing_votes(task)[0].choice == Choice.SECOND


@pytest.mark.parametrize("n_pairs", [3, 60])
def test_an_answer_costs_two_queries_whatever_the_size_of_the_data(n_pairs):
    task = hand_out(make_pairs(n_pairs))
    answer(task, 1, 0)
    with CaptureQueriesContext(connection, ) as captured:
        answer(task, 2, 1)
    assert len(statements(captured)) == 2


def test_an_older_opening_of_the_page_may_not_answer():
    task = serving.take_over(hand_out())
    old = task.epoch
    answer(task, 1, 0)
    serving.take_over(task)
    with pytest.raises(OpenedElsewhere):
        answer(task, 2, 1, epoch=old)
    assert answer(task, 2, 1).is_new


def test_a_comparison_that_is_not_there_is_refused():
    with pytest.raises(UnknownComparison):
        answer(hand_out(), 1, 99)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"handed_in_at": timezone.now()}, "handed_in"),
        ({"withdrawn_at": timezone.now()}, "withdrawn"),
        ({"expires_at": timezone.now() - timedelta(hours=1)}, "expired"),
    ],
)
def test_a_closed_task_takes_nothing_new_and_repeats_what_it_has(change, code):
    task = hand_out()
    answer(task, 1, 0)
    type(task).objects.filter(pk=task.pk).update(**change)
    with pytest.raises(TaskClosed) as refusal:
        answer(task, 2, 1)
    assert refusal.value.code == code
    assert not answer(task, 1, 0).is_new
    assert task.votes.count() == 1


def test_an_answer_given_in_time_may_arrive_a_little_late():
    task = hand_out(expires_at=timezone.now() - timedelta(minutes=2))
    assert answer(task, 1, 0).is_new


def test_no_vote_before_consent():
    task = hand_out(consent=("1", "We store your answers."))
    with pytest.raises(NotReady):
        answer(task, 1, 0)
    assert serving.stage(task) == "consent"
    serving.give_consent(task)
    serving.give_consent(task)
    task.refresh_from_db()
    assert serving.stage(task) == "work"
    assert task.annotator.consents.get().text.text == "We store your answers."
    assert answer(task, 1, 0).is_new


def test_consent_is_asked_once_for_a_text_and_again_for_a_changed_one():
    annotator = make_annotator()
    serving.give_consent(hand_out(annotator=annotator, consent=("1", "One text.")))
    assert not hand_out(annotator=annotator, consent=("1", "One text.")).needs_consent
    assert hand_out(annotator=annotator, consent=("2", "One text.")).needs_consent
    assert hand_out(annotator=annotator, consent=("1", "Another text.")).needs_consent


def test_gold_is_mixed_in_and_known_only_after_the_answer():
    pairs, gold = make_drawn_pairs(4, 2), make_drawn_pairs(1, 2, gold_first=True)
    task = hand_out(pairs, gold=gold, gold_feedback=True)
    rows = list(task.comparisons.all())
    assert sorted(row.pair_id for row in rows if row.is_gold) == sorted(pair.pk for pair in gold)
    assert [row.pair for row in rows if not row.is_gold] == pairs
    assert "gold" not in str(serving.page_data(task)["comparisons"])
    position = next(row.position for row in rows if row.is_gold)
    assert answer(task, 1, position, Choice.SECOND).gold_first is True


def test_hidden_gold_tells_nothing():
    task = hand_out(gold=make_drawn_pairs(1, 1, gold_first=True), gold_feedback=False)
    position = task.comparisons.get(is_gold=True).position
    assert answer(task, 1, position).gold_first is None


def test_only_gold_of_the_task_is_told_not_every_pair_with_a_known_answer():
    task = hand_out([make_pair(gold_first=True)], gold_feedback=True)
    assert answer(task, 1, 0).gold_first is None


def test_hand_in_waits_for_every_answer():
    task = hand_out(make_drawn_pairs(1, 3))
    answer(task, 1, 0)
    answer(task, 2, 1)
    answer(task, 3, 1, Choice.UNDONE)
    with pytest.raises(Unanswered) as refusal:
        serving.hand_in(task, {})
    assert refusal.value.positions == [1, 2]


def test_hand_in_keeps_the_first_feedback_and_nothing_that_is_not_asked_for():
    task = hand_out(make_drawn_pairs(1, 1))
    answer(task, 1, 0)
    serving.hand_in(task, {"problem": True, "ease": 11, "comment": "x" * 5000, "other": 1})
    task = serving.hand_in(task, {"problem": False})
    assert task.feedback == {"problem": True, "ease": None, "comment": "x" * 2000}
    assert task.handed_in_at


def test_a_token_names_its_task_and_cannot_be_made_up():
    task = hand_out()
    assert serving.open_task(serving.token(task)) == task
    for forged in ("", "nonsense", serving.token(task)[:-1] + "!", signing.dumps([task.pk, 9e12], salt="other")):
        with pytest.raises(BadToken):
            serving.read_token(forged)


def test_a_token_lapses_after_its_task():
    with pytest.raises(BadToken):
        serving.read_token(serving.token(hand_out(expires_at=timezone.now() - timedelta(hours=2))))


def test_page_data_shows_each_person_once_and_where_the_task_stands():
    task = hand_out(make_drawn_pairs(2, 3))
    answer(task, 1, 0, Choice.SECOND)
    data = serving.page_data(task)
    assert len(data["comparisons"]) == 6
    assert [row["scene"] for row in data["comparisons"]] == [0, 0, 0, 1, 1, 1]
    assert data["answers"] == {"last": 1, "standing": [{"position": 0, "choice": "second", "number": 1}]}
    assert data["skeletons"]["lsp-14"]["joints"][0] == "Right ankle"
    assert data["words"]["to_go"][1] == "1 comparison to go"


def test_page_data_needs_as_many_queries_for_many_comparisons_as_for_few():
    few, many = hand_out(make_drawn_pairs(1, 2)), hand_out(make_drawn_pairs(5, 5))
    counts = []
    for task in (few, many):
        with CaptureQueriesContext(connection) as captured:
            serving.page_data(task)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 4


def test_a_task_made_elsewhere_is_served_too():
    task = make_task(n_pairs=2)
    assert answer(task, 1, 1).is_new
    assert Vote.objects.standing().count() == 1
