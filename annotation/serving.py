"""A task is handed out, shown, answered and handed in.

The server holds the one state of a task: what was asked, every answer with its number,
and which opening of the page (`epoch`) may still answer. The page may send anything
twice.
"""

import hashlib
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from annotation import tutorial as tutorials
from annotation import words
from annotation.lessons import Example, Lesson, lesson
from annotation.models import Annotator, Choice, Comparison, Consent, ConsentText, Pair, Skeleton, Task, Vote
from annotation.refusals import (
    BadToken,
    NotReady,
    NumberTaken,
    OpenedElsewhere,
    TaskClosed,
    TutorialFailed,
    Unanswered,
    UnknownComparison,
)

SALT = "annotation.task"
GRACE = timedelta(minutes=5)  # an answer given in time may be delivered late
TOKEN_OUTLIVES_TASK = timedelta(hours=1)  # so that a late page hears what happened, not "forged"
COMMENT_LENGTH = 2000
HEAD = (("neck", "thorax", "nose"), ("head top", "head"))  # lower and upper end, by what skeletons call them
TORSO = ("left shoulder", "right shoulder", "right hip", "left hip")


class Receipt(NamedTuple):
    """What became of one answer."""

    vote: Vote
    is_new: bool
    gold_first: bool | None  # the known answer, where the annotator may see it


# --- Handing out ------------------------------------------------------------------------------


def hand_out(
    annotator: Annotator,
    pairs: Sequence[Pair],
    *,
    seed: int,
    delay_ms: int,
    expires_at: datetime,
    gold: Sequence[Pair] = (),
    consent: tuple[str, str] | None = None,
    tutorial: str = "",
    pass_mark: float = 0.8,
    gold_feedback: bool = False,
    teaches_lean: bool = True,
) -> Task:
    """A task of these pairs, in their order but grouped by image, with sides and colours drawn from the seed.

    Args:
        gold: pairs with known answers, mixed in at places drawn from the seed.
        consent: version and text that the annotator must have agreed to before the first vote.
        tutorial: name of the tutorial that must have been passed before the first vote; empty for none.
        pass_mark: share of it, 0 to 1, that must be right.
        gold_feedback: whether the annotator learns how the gold went.
    """
    draw = random.Random(seed)
    groups = _by_image(pairs)
    for pair in gold:
        groups.insert(draw.randint(0, len(groups)), [pair])
    gold_ids = {pair.pk for pair in gold}
    text = _consent_text(*consent) if consent else None
    with transaction.atomic():
        task = Task.objects.create(
            annotator=annotator, seed=seed, delay_ms=delay_ms, expires_at=expires_at,
            consent_text=text, needs_consent=bool(text and not annotator.consents.filter(text=text).exists()),
            tutorial=tutorial, pass_mark=pass_mark,
            needs_tutorial=bool(tutorial and not tutorials.has_passed(annotator, tutorial)),
            gold_feedback=gold_feedback, teaches_lean=teaches_lean,
        )
        Comparison.objects.bulk_create(
            Comparison(
                task=task, position=position, pair=pair, is_gold=pair.pk in gold_ids,
                first_is_green=draw.random() < 0.5, first_is_left=draw.random() < 0.5,
            )
            for position, pair in enumerate(pair for group in groups for pair in group)
        )
    return task


def _by_image(pairs: Iterable[Pair]) -> list[list[Pair]]:
    groups: dict[int, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.person.image_id, []).append(pair)
    return list(groups.values())


def _consent_text(version: str, text: str) -> ConsentText:
    sha256 = hashlib.sha256(f"{version}\n{text}".encode()).hexdigest()
    return ConsentText.objects.get_or_create(sha256=sha256, defaults={"version": version, "text": text})[0]


# --- The token that stands in for a cookie ------------------------------------------------------


def token(task: Task) -> str:
    """What the page sends with every call: names the task, is signed, and lapses with it."""
    until = task.expires_at + TOKEN_OUTLIVES_TASK
    return signing.dumps([task.pk, int(until.timestamp())], salt=SALT)


def read_token(signed: str) -> int:
    """The task's primary key. Raises: BadToken."""
    try:
        task_id, until = signing.loads(signed, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadToken("not a token of this site") from error
    if timezone.now().timestamp() > until:
        raise BadToken("the token is too old")
    return task_id


def open_task(signed: str) -> Task:
    """The task of a token. Raises: BadToken."""
    task = Task.objects.select_related("annotator", "consent_text").filter(pk=read_token(signed)).first()
    if task is None:
        raise BadToken("the task is gone")
    return task


def take_over(task: Task) -> Task:
    """The page was opened: from now on only this opening may answer."""
    Task.objects.filter(pk=task.pk).update(epoch=F("epoch") + 1)
    task.refresh_from_db(fields=["epoch"])
    return task


def closed_because(task: Task, now: datetime | None = None) -> str:
    """Why the task takes no new answer: "handed_in", "withdrawn", "expired"; empty while it does."""
    if task.handed_in_at:
        return "handed_in"
    if task.withdrawn_at:
        return "withdrawn"
    return "" if task.is_open((now or timezone.now()) - GRACE) else "expired"


def check_epoch(task: Task, epoch: int) -> None:
    """Raises: OpenedElsewhere for a page that a newer opening has replaced."""
    if epoch < task.epoch:
        raise OpenedElsewhere(f"epoch {epoch} is over, {task.epoch} has begun")


# --- Answers ----------------------------------------------------------------------------------------


def record_vote(
    task_id: int, *, number: int, position: int, choice: Choice, response_ms: int, elapsed_ms: int, epoch: int
) -> Receipt:
    """Append one answer, numbered by the page; the same number again returns the same row.

    Two queries: one reads the comparison and takes the task's turn (so that a hand-in and
    a late answer do not cross), one inserts.

    Raises: UnknownComparison, OpenedElsewhere, NotReady, TaskClosed for a new answer after
        the end, NumberTaken where the number holds a different answer.
    """
    try:
        with transaction.atomic():
            comparison = _comparison(task_id, position, lock_task=True)
            task = comparison.task
            check_epoch(task, epoch)
            if task.needs_consent or task.needs_tutorial:
                raise NotReady("consent and tutorial come first")
            if reason := closed_because(task):
                if vote := Vote.objects.filter(task=task, number=number).first():
                    return _repeated(vote, comparison, choice)
                raise TaskClosed(reason)
            vote = Vote(
                task=task, number=number, comparison=comparison, pair_id=comparison.pair_id,
                annotator_id=task.annotator_id, choice=choice,
                first_is_green=comparison.first_is_green, first_is_left=comparison.first_is_left,
                response_ms=response_ms, elapsed_ms=elapsed_ms,
            )
            vote.save(force_insert=True)
            return Receipt(vote, True, _known_answer(comparison))
    except IntegrityError:
        return _repeated(Vote.objects.get(task_id=task_id, number=number), _comparison(task_id, position), choice)


OF_AN_ANSWER = (
    "position", "is_gold", "first_is_green", "first_is_left", "pair__gold_first",
    *(f"task__{name}" for name in (
        "annotator", "epoch", "needs_consent", "needs_tutorial", "handed_in_at", "withdrawn_at", "expires_at", "gold_feedback"
    )),
)


def _comparison(task_id: int, position: int, *, lock_task: bool = False) -> Comparison:
    rows = Comparison.objects.select_related("task", "pair").only(*OF_AN_ANSWER).order_by()  # one row: nothing to sort
    if lock_task:
        rows = rows.select_for_update(of=("task",), no_key=True)
    try:
        return rows.get(task_id=task_id, position=position)
    except Comparison.DoesNotExist as error:
        raise UnknownComparison(f"task {task_id} has no comparison {position}") from error


def _repeated(vote: Vote, comparison: Comparison, choice: Choice) -> Receipt:
    if (vote.comparison_id, vote.choice) != (comparison.pk, choice):
        raise NumberTaken(f"number {vote.number} holds another answer")
    return Receipt(vote, False, _known_answer(comparison))


def _known_answer(comparison: Comparison) -> bool | None:
    return comparison.pair.gold_first if comparison.is_gold and comparison.task.gold_feedback else None


def standing_votes(task: Task) -> dict[int, Vote]:
    """For each answered position the answer that counts."""
    votes = Vote.objects.standing().filter(task=task).select_related("comparison")
    return {vote.comparison.position: vote for vote in votes}


def last_number(task: Task) -> int:
    """Of the answers and undos stored so far; 0 before the first."""
    return task.votes.order_by("-number").values_list("number", flat=True).first() or 0


# --- Before and after -----------------------------------------------------------------------------


def give_consent(task: Task) -> None:
    """Store that the annotator agreed to the task's text; safe to repeat."""
    if task.consent_text_id:
        Consent.objects.get_or_create(annotator_id=task.annotator_id, text_id=task.consent_text_id)
        Task.objects.filter(annotator_id=task.annotator_id, consent_text_id=task.consent_text_id).update(needs_consent=False)
        task.needs_consent = False


def hand_in(task: Task, feedback: dict | None = None) -> Task:
    """Close the task; safe to repeat, the first feedback stays.

    Who has not passed the tutorial in all tries may hand in without answers, so that the
    time is paid; once, as more tasks of that tutorial are not to be had.

    Raises: Unanswered while comparisons are open, TutorialFailed where trying was paid with
        another task, TaskClosed if it was withdrawn or is past its time.
    """
    with transaction.atomic():
        if task.needs_tutorial:  # two tasks of one annotator take turns
            Annotator.objects.select_for_update(no_key=True).get(pk=task.annotator_id)
        task = Task.objects.select_for_update(no_key=True).get(pk=task.pk)
        if task.handed_in_at:
            return task
        if reason := closed_because(task):
            raise TaskClosed(reason)
        if task.needs_tutorial and tutorials.has_failed(task.annotator, task.tutorial):
            if tutorials.was_paid_before(task):
                raise TutorialFailed("the tutorial was paid with another task; return this one")
            return _close(task, feedback)
        asked = task.comparisons.values_list("position", flat=True)
        if missing := sorted(set(asked) - set(standing_votes(task))):
            raise Unanswered(missing)
        return _close(task, feedback)


def _close(task: Task, feedback: dict | None) -> Task:
    task.feedback = _clean(feedback or {})
    task.handed_in_at = timezone.now()
    task.save(update_fields=["feedback", "handed_in_at"])
    return task


def _clean(feedback: dict) -> dict:
    """The paper's three questions, each None where it was left open."""
    problem, ease = feedback.get("problem"), feedback.get("ease")
    is_ease = isinstance(ease, int) and not isinstance(ease, bool) and 0 <= ease <= 10
    return {
        "problem": problem if isinstance(problem, bool) else None,
        "ease": ease if is_ease else None,
        "comment": str(feedback.get("comment") or "")[:COMMENT_LENGTH],
    }


# --- What the page is given ------------------------------------------------------------------------


def stage(task: Task) -> str:
    """Where this annotator stands: one of consent, tutorial, tutorial_failed, work, or why the task is closed."""
    if reason := closed_because(task):
        return reason
    if task.needs_consent:
        return "consent"
    if task.needs_tutorial:
        return "tutorial_failed" if tutorials.has_failed(task.annotator, task.tutorial) else "tutorial"
    return "work"


def page_data(task: Task) -> dict:
    """All that the page needs for the whole task, ready for JSON; `docs/task-page.md` explains each field.

    Known answers are not in it.
    """
    comparisons = list(task.comparisons.select_related("pair__person__image__dataset__skeleton"))
    scenes, skeletons = _Scenes(), {}
    rows = []
    for comparison in comparisons:
        person = comparison.pair.person
        skeleton = person.image.dataset.skeleton
        skeletons[skeleton.name] = skeleton
        rows.append({
            "position": comparison.position, "pair": comparison.pair_id, "scene": scenes.of_person(person),
            "first": comparison.pair.first, "second": comparison.pair.second,
            "first_is_green": comparison.first_is_green, "first_is_left": comparison.first_is_left,
        })
    data = {
        "task": task.pk,
        "token": token(task),
        "epoch": task.epoch,
        "stage": stage(task),
        "expires_at": task.expires_at.isoformat(),
        "seconds_left": max(0, int((task.expires_at - timezone.now()).total_seconds())),
        "delay_ms": task.delay_ms,
        "teaches_lean": task.teaches_lean,
        "comparisons": rows,
        "answers": answers(task),
        "tutorial": None,
        "illustrations": [],
        "urls": _urls(),
        "words": words.for_page(len(rows)),
    }
    if task.tutorial:
        course = lesson(task.tutorial)
        skeletons[course.skeleton.name] = course.skeleton
        data["tutorial"] = tutorial_data(task, course, scenes)
        data["illustrations"] = illustrations(course, scenes, lean=task.teaches_lean)
    data["scenes"] = scenes.rows
    data["skeletons"] = {name: skeleton_data(skeleton) for name, skeleton in skeletons.items()}
    return data


def preview_data(tutorial: str, *, teaches_lean: bool) -> dict:
    """What the preview shows: illustrated instructions, and nothing of the task itself."""
    data = {"illustrations": [], "scenes": [], "skeletons": {}, "words": words.for_page(0), "teaches_lean": teaches_lean}
    if tutorial:
        course, scenes = lesson(tutorial), _Scenes()
        data["illustrations"] = illustrations(course, scenes, lean=teaches_lean)
        data["scenes"] = scenes.rows
        data["skeletons"] = {course.skeleton.name: skeleton_data(course.skeleton)}
    return data


class _Scenes:
    """The people of a task, each once, in the order of their first comparison."""

    def __init__(self):
        self.rows: list[dict] = []
        self._number: dict = {}

    def of_person(self, person) -> int:
        image = person.image
        return self._add(("person", person.pk), {
            "image": image.url, "width": image.width, "height": image.height,
            "keypoints": person.keypoints, "skeleton": image.dataset.skeleton.name,
        })

    def of_example(self, example: Example, skeleton: Skeleton) -> int:
        return self._add(("example", example.name, str(example.keypoints)), {
            "image": reverse("example-image", args=[example.name]), "width": example.width, "height": example.height,
            "keypoints": example.keypoints, "skeleton": skeleton.name,
        })

    def _add(self, key: tuple, scene: dict) -> int:
        if key not in self._number:
            self._number[key] = len(self.rows)
            self.rows.append(scene)
        return self._number[key]


def skeleton_data(skeleton: Skeleton) -> dict:
    """Names in the reader's language, bones and reference figure, and what of it is head and torso."""
    index = {name: joint for joint, name in enumerate(skeleton.joints)}
    low, high = (next((index[name] for name in names if name in index), None) for names in HEAD)
    torso = [index.get(name) for name in TORSO]
    return {
        "joints": [words.joint(name) for name in skeleton.joints],
        "bones": skeleton.bones,
        "figure": skeleton.figure,
        "head": None if low is None or high is None else [low, high],
        "torso": None if None in torso else torso,
    }


def tutorial_data(task: Task, course: Lesson, scenes: _Scenes) -> dict:
    """The attempt that is running or comes next, and the answers it has so far; no known answers."""
    number = tutorials.current_number(task)
    given = tutorials.answers_so_far(task, number)
    questions = [
        {
            "position": position, "scene": scenes.of_example(example, course.skeleton),
            "first": example.first, "second": example.second, "first_is_green": is_green, "first_is_left": is_left,
        }
        for position, (example, (is_green, is_left)) in enumerate(
            zip(course.questions, tutorials.sides(course, number), strict=True)
        )
    ]
    return {
        "attempt": number,
        "tries": tutorials.TRIES,
        "needed": tutorials.needed(len(questions), task.pass_mark),
        "passed": not task.needs_tutorial,
        "answered": [position for position, choice in enumerate(given) if choice is not None],
        "comparisons": questions,
    }


def illustrations(course: Lesson, scenes: _Scenes, *, lean: bool) -> list[dict]:
    """Answered examples for the instructions, one of each kind; the camera's lean only where it is taught."""
    return [
        {
            "kind": example.kind, "scene": scenes.of_example(example, course.skeleton),
            "first": example.first, "second": example.second, "first_is_closer": example.first_is_closer,
            "first_is_green": True, "first_is_left": True, "explanation": words.explanation(example.explanation),
        }
        for example in course.illustrations
        if lean or example.kind != "lean"
    ]


def answers(task: Task) -> dict:
    """The last number used, and for each answered position the choice that stands, in the order of answering."""
    votes = sorted(standing_votes(task).items(), key=lambda item: item[1].number)
    return {
        "last": last_number(task),
        "standing": [
            {"position": position, "choice": words.CHOICES[vote.choice], "number": vote.number} for position, vote in votes
        ],
    }


def _urls() -> dict:
    """Addresses of the page's calls; answers and tutorial end where numbers are appended."""
    return {
        "state": reverse("task-state"),
        "consent": reverse("task-consent"),
        "answers": reverse("task-answer", args=[0]).removesuffix("0"),
        "tutorial": reverse("task-tutorial", args=[0, 0]).removesuffix("0/0"),
        "hand_in": reverse("task-hand-in"),
    }
