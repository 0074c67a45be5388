"""The tutorial: marking, two tries, the pass mark, and lessons read from a folder."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from annotation import lessons, serving, tutorial
from annotation.importers.records import BadDataset
from annotation.models import Choice, TutorialAttempt, Vote
from annotation.refusals import NotReady, TutorialFailed, Unanswered, UnknownComparison
from tests.annotation.people import make_drawn_pairs, write_tutorial
from tests.factories import make_annotator

pytestmark = pytest.mark.django_db


@pytest.fixture
def lesson(tmp_path):
    """One example illustrates the instructions, five are asked."""
    return lessons.load(write_tutorial(tmp_path / "lesson", n_examples=6, kinds=("clear",)), "arms")


def make_newcomer(lesson, **overrides):
    settings = {"seed": 1, "delay_ms": 0, "expires_at": timezone.now() + timedelta(minutes=9), "tutorial": lesson.name}
    annotator = overrides.pop("annotator", None) or make_annotator()
    return serving.hand_out(annotator, make_drawn_pairs(1, 2), **(settings | overrides))


def take(task, number, right: int, of: int | None = None):
    """Answer the attempt's questions, so many of them right; the last marking."""
    marking = None
    for position in range(of or len(lessons.lesson(task.tutorial).questions)):
        marking = tutorial.answer(task, number=number, position=position, chose_first=position < right)
    return marking


def test_each_answer_is_explained(lesson):
    marking = tutorial.answer(make_newcomer(lesson), number=1, position=0, chose_first=True)
    assert marking.right
    assert "arm reaches" in marking.example.explanation
    assert marking.passed is None


def test_passing_unlocks_the_task_and_every_later_one(lesson):
    task = make_newcomer(lesson)
    with pytest.raises(NotReady):
        serving.record_vote(task.pk, number=1, position=0, choice=Choice.FIRST, response_ms=1, elapsed_ms=1, epoch=0)
    assert take(task, 1, right=4).passed
    task.refresh_from_db()
    assert serving.stage(task) == "work"
    assert not make_newcomer(lesson, annotator=task.annotator).needs_tutorial
    assert task.annotator.tutorial_attempts.get().n_right == 4
    task.annotator.refresh_from_db()
    assert task.annotator.tutorial_passed_at


def test_showing_is_not_passing(lesson):
    task = make_newcomer(lesson)
    serving.page_data(task)
    take(task, 1, right=4, of=4)
    task.refresh_from_db()
    assert serving.stage(task) == "tutorial"
    assert serving.page_data(task)["tutorial"]["answered"] == [0, 1, 2, 3]


def test_a_second_try_may_pass(lesson):
    task = make_newcomer(lesson)
    first = take(task, 1, right=3)
    assert (first.passed, first.tries_left) == (False, 1)
    assert take(task, 2, right=5).passed


def test_after_two_failures_there_is_no_third_try(lesson):
    task = make_newcomer(lesson)
    take(task, 1, right=0)
    assert take(task, 2, right=3).tries_left == 0
    with pytest.raises(TutorialFailed):
        take(task, 3, right=5)
    assert serving.stage(task) == "tutorial_failed"


def test_an_answer_sent_twice_stands_as_first_given(lesson):
    task = make_newcomer(lesson)
    tutorial.answer(task, number=1, position=0, chose_first=False)
    assert not tutorial.answer(task, number=1, position=0, chose_first=True).right
    assert TutorialAttempt.objects.get().answers[0] is False


def test_a_try_cannot_be_jumped_over(lesson):
    with pytest.raises(NotReady):
        take(make_newcomer(lesson), 2, right=5)
    with pytest.raises(UnknownComparison):
        tutorial.answer(make_newcomer(lesson), number=1, position=9, chose_first=True)


def test_after_passing_it_may_be_repeated_and_nothing_is_lost(lesson):
    task = make_newcomer(lesson)
    take(task, 1, right=5)
    assert take(task, 2, right=0).passed is False
    assert take(task, 3, right=0).passed is False
    task.refresh_from_db()
    assert serving.stage(task) == "work"
    assert tutorial.has_passed(task.annotator, lesson.name)


def test_tutorial_answers_are_no_votes(lesson):
    take(make_newcomer(lesson), 1, right=5)
    assert Vote.objects.count() == 0


def test_the_page_is_not_told_the_answers(lesson):
    data = serving.page_data(make_newcomer(lesson))["tutorial"]
    assert "closer" not in json.dumps(data)
    assert "explanation" not in json.dumps(data)


def test_pass_mark_is_a_share_rounded_up():
    assert [tutorial.needed(5, mark) for mark in (0, 0.5, 0.8, 0.81, 1)] == [0, 3, 4, 5, 5]
    assert tutorial.needed(10, 0.7) == 7


def test_the_lean_of_the_camera_is_taught_only_where_the_campaign_wants_it(tmp_path):
    lesson = lessons.load(write_tutorial(tmp_path / "lesson"), "all-kinds")
    kinds = [row["kind"] for row in serving.page_data(make_newcomer(lesson))["illustrations"]]
    assert kinds == ["clear", "hard", "occluded", "left-right", "lean"]
    without = serving.page_data(make_newcomer(lesson, teaches_lean=False))
    assert "lean" not in [row["kind"] for row in without["illustrations"]]


def test_pictures_of_a_lesson_are_served(lesson, client):
    data = serving.page_data(make_newcomer(lesson))
    response = client.get(data["scenes"][-1]["image"])
    assert response.status_code == 200
    assert response["Content-Type"] == "image/png"
    assert client.get("/task/examples/" + "0" * 64 + ".png").status_code == 404
    assert client.get("/task/examples/..%2f..%2fsecret-key").status_code == 404


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first": 99}, "not a visible keypoint"),
        ({"first": 0, "second": 0}, "same keypoint"),
        ({"first_is_closer": "yes"}, "true or false"),
        ({"kind": "odd"}, "none of"),
    ],
)
def test_a_bad_lesson_names_file_and_row(tmp_path, change, message):
    folder = write_tutorial(tmp_path / "lesson")
    content = json.loads((folder / "dataset.json").read_text())
    content["images"][1]["comparisons"][0].update(change)
    (folder / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(BadDataset, match=f"dataset.json, image 2, comparison 1.*{message}"):
        lessons.read(folder)


def test_the_command_loads_a_lesson_once(tmp_path, capsys):
    folder = write_tutorial(tmp_path / "lesson")
    call_command("load_tutorial", folder, name="mine")
    assert "5 comparisons" in capsys.readouterr().out
    with pytest.raises(CommandError, match="already"):
        call_command("load_tutorial", folder, name="mine")


def make_failed(lesson, **overrides):
    task = make_newcomer(lesson, **overrides)
    for number in (1, 2):
        take(task, number, right=1)
    return task


def test_who_failed_may_hand_in_without_answers_so_that_the_time_is_paid(lesson):
    task = make_failed(lesson)
    assert serving.stage(task) == "tutorial_failed"
    task = serving.hand_in(task, {"comment": "too hard"})
    assert task.was_only_tried
    assert task.feedback["comment"] == "too hard"
    assert serving.stage(task) == "handed_in"
    assert not Vote.objects.exists()


def test_one_try_left_is_not_failed_and_hands_nothing_in(lesson):
    task = make_newcomer(lesson)
    take(task, 1, right=1)
    with pytest.raises(Unanswered):
        serving.hand_in(task, {})


def test_trying_is_paid_once_however_many_tasks_were_accepted(lesson):
    annotator = make_annotator()
    other = make_newcomer(lesson, annotator=annotator)
    task = make_failed(lesson, annotator=annotator)
    assert serving.hand_in(task) == serving.hand_in(task)
    with pytest.raises(TutorialFailed):
        serving.hand_in(other)
    other.refresh_from_db()
    assert other.handed_in_at is None


def test_who_passed_hands_in_answers_not_tries(lesson):
    task = make_newcomer(lesson)
    take(task, 1, right=5)
    task.refresh_from_db()
    with pytest.raises(Unanswered):
        serving.hand_in(task, {})
