"""The worker's words in the reader's language, for the parts of the page that a script writes."""

from django.utils.translation import gettext, gettext_noop, ngettext, pgettext

from annotation.models import Choice

CHOICES = {Choice.FIRST: "first", Choice.SECOND: "second", Choice.UNDONE: "undone"}
CHOICE_OF = {name: choice for choice, name in CHOICES.items()}

# Joints of the shipped skeletons; others appear as the data set names them.
JOINTS = [
    gettext_noop("right ankle"), gettext_noop("right knee"), gettext_noop("right hip"), gettext_noop("left hip"),
    gettext_noop("left knee"), gettext_noop("left ankle"), gettext_noop("right wrist"), gettext_noop("right elbow"),
    gettext_noop("right shoulder"), gettext_noop("left shoulder"), gettext_noop("left elbow"), gettext_noop("left wrist"),
    gettext_noop("neck"), gettext_noop("head top"), gettext_noop("head"), gettext_noop("nose"), gettext_noop("pelvis"),
    gettext_noop("hip"), gettext_noop("spine"), gettext_noop("thorax"), gettext_noop("chest"), gettext_noop("jaw"),
    gettext_noop("left eye"), gettext_noop("right eye"), gettext_noop("left ear"), gettext_noop("right ear"),
    gettext_noop("left big toe"), gettext_noop("right big toe"), gettext_noop("left heel"), gettext_noop("right heel"),
    gettext_noop("left small toe"), gettext_noop("right small toe"),
]  # fmt: skip


# What campaigns ask agreement to unless their researcher writes something else; shown in the reader's language while unchanged.
CONSENT_TEXT = gettext_noop(
    "You will look at pictures of people and say which of two marked body parts is closer to the camera. "
    "Your answers, the time each one took and your remarks are stored under a pseudonym and may be published for "
    "research; your marketplace identity is used to pay you and is not published. Taking part is voluntary: you may "
    "stop at any time by returning the task."
)


def joint(name: str) -> str:
    """A body part as buttons and markers name it, with a capital where the language wants one."""
    word = gettext(name) if name else ""
    return word[:1].upper() + word[1:]


def explanation(text: str) -> str:
    """A tutorial's explanation; translated where the catalogue has it."""
    return gettext(text) if text else ""


def for_page(n_comparisons: int) -> dict:
    """Every sentence that the page's script shows; numbered ones as a list indexed by the number."""
    return {
        "to_go": [
            ngettext("%(n)s comparison to go", "%(n)s comparisons to go", n) % {"n": n} for n in range(n_comparisons + 1)
        ],
        "place": gettext("%(n)s of %(of)s"),
        "practice_place": gettext("Practice %(n)s of %(of)s"),
        "announce": gettext("Comparison %(n)s of %(of)s: on the left button %(left)s, on the right button %(right)s."),
        "green_ring": gettext("green ring"),
        "pink_diamond": gettext("pink diamond"),
        "is_closer": pgettext("button, below the name of a body part", "is closer"),
        "saved": gettext("Saved"),
        "saving": gettext("Saving…"),
        "unsaved": gettext("Not saved yet – trying again"),
        "offline": gettext("No connection – go on, your answers are kept here"),
        "time_left": gettext("%(time)s left"),
        "right": gettext("Right."),
        "wrong": gettext("Not quite."),
        "closer_was": gettext("%(part)s is closer."),
        "practice_passed": gettext("%(right)s of %(of)s right. You have passed: the task can begin."),
        "practice_repeated": gettext("%(right)s of %(of)s right."),
        "practice_failed_once": gettext(
            "%(right)s of %(of)s right; %(needed)s are needed. Read the explanations once more and try again."
        ),
        "next": gettext("Next"),
        "begin": gettext("Begin"),
        "again": gettext("Try again"),
        "back": gettext("Back to the task"),
        "image_failed": gettext("The picture does not load. Trying again…"),
        "agreement": gettext(
            "On %(of)s comparisons several others have answered too; on %(same)s of them you chose what most of them chose."
        ),
        "kinds": {
            "clear": gettext("A clear one"),
            "hard": gettext("A hard one"),
            "occluded": gettext("A hidden body part"),
            "left-right": gettext("Left and right"),
            "lean": gettext("Judge from the camera"),
        },
    }
