"""A newcomer's way through a lesson: answer, explanation, next; two tries, and a pass mark kept by the server.

Answers given here are no votes and never enter the data.
"""

import math
import random
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from annotation.lessons import Example, Lesson, lesson
from annotation.models import Annotator, Task, TutorialAttempt
from annotation.refusals import NotReady, TutorialFailed, UnknownComparison

TRIES = 2


class Marking(NamedTuple):
    """What the annotator hears after one answer; `passed` is None until the attempt's last one."""

    right: bool
    example: Example
    n_right: int
    n_questions: int
    passed: bool | None
    tries_left: int


def needed(n_questions: int, pass_mark: float) -> int:
    """How many answers must be right."""
    return math.ceil(round(n_questions * pass_mark, 6))


def has_passed(annotator: Annotator, name: str) -> bool:
    return annotator.tutorial_attempts.filter(tutorial=name, passed=True).exists()


def has_failed(annotator: Annotator, name: str) -> bool:
    """Whether all tries are used up and none was passed."""
    outcomes = list(annotator.tutorial_attempts.filter(tutorial=name).values_list("passed", flat=True))
    return True not in outcomes and outcomes.count(False) >= TRIES


def was_paid_before(task: Task) -> bool:
    """Whether the annotator handed in another task without having passed its tutorial: trying is paid once."""
    tried = Task.objects.filter(annotator=task.annotator_id, tutorial=task.tutorial, needs_tutorial=True)
    return tried.exclude(pk=task.pk).exclude(handed_in_at=None).exists()


def current_number(task: Task) -> int:
    """Of the attempt that is running or comes next, from 1."""
    attempts = TutorialAttempt.objects.filter(annotator=task.annotator_id, tutorial=task.tutorial)
    last = attempts.order_by("-number").first()
    if last is None:
        return 1
    return last.number if last.passed is None else last.number + 1


def answers_so_far(task: Task, number: int) -> list:
    attempt = TutorialAttempt.objects.filter(annotator=task.annotator_id, tutorial=task.tutorial, number=number).first()
    return attempt.answers if attempt else []


def sides(lesson: Lesson, number: int) -> list[tuple[bool, bool]]:
    """For each question (first is green, first is left); other draws at every attempt, the same for everybody."""
    draw = random.Random(f"{lesson.name}/{number}")
    return [(draw.random() < 0.5, draw.random() < 0.5) for _ in lesson.questions]


@transaction.atomic
def answer(task: Task, *, number: int, position: int, chose_first: bool) -> Marking:
    """Mark one answer; the first answer to a question stands, so it may be sent twice.

    Passing unlocks every open task of this annotator with the same tutorial. After that,
    further attempts are practice.

    Raises: UnknownComparison, TutorialFailed when both tries are used up, NotReady for an
        attempt whose turn it is not.
    """
    if task.needs_consent:
        raise NotReady("consent comes first")
    Annotator.objects.select_for_update(no_key=True).get(pk=task.annotator_id)
    questions = lesson(task.tutorial).questions
    if not 0 <= position < len(questions):
        raise UnknownComparison(f"the tutorial has no question {position}")
    attempt = task.annotator.tutorial_attempts.filter(tutorial=task.tutorial, number=number).first()
    if attempt is None:
        if has_failed(task.annotator, task.tutorial):
            raise TutorialFailed("both tries are used up")
        if number != current_number(task):
            raise NotReady(f"attempt {number} is not the next one")
        attempt = TutorialAttempt(
            annotator=task.annotator, tutorial=task.tutorial, number=number, answers=[None] * len(questions)
        )
    if attempt.answers[position] is None:
        attempt.answers[position] = chose_first
        attempt.n_right += chose_first == questions[position].first_is_closer
        if None not in attempt.answers:
            _end(attempt, task)
        attempt.save()
    return _marking(attempt, questions, position)


def _end(attempt: TutorialAttempt, task: Task) -> None:
    now = timezone.now()
    attempt.passed = attempt.n_right >= needed(len(attempt.answers), task.pass_mark)
    attempt.ended_at = now
    if attempt.passed:
        Task.objects.filter(annotator=task.annotator_id, tutorial=task.tutorial).update(needs_tutorial=False)
        Annotator.objects.filter(pk=task.annotator_id, tutorial_passed_at=None).update(tutorial_passed_at=now)


def _marking(attempt: TutorialAttempt, questions: list[Example], position: int) -> Marking:
    example = questions[position]
    right = attempt.answers[position] == example.first_is_closer
    return Marking(right, example, attempt.n_right, len(questions), attempt.passed, max(0, TRIES - attempt.number))
