"""Why a request of the task page is not followed: one exception for each thing that can have happened."""


class Refused(Exception):
    """Why a request of the page is not followed; `code` is what the page acts on."""

    code = "refused"
    status = 409


class BadToken(Refused):
    """The token was not made here, or was altered, or is too old."""

    code, status = "bad_token", 401


class TaskClosed(Refused):
    """Handed in, withdrawn or past its time. What was answered before stays."""

    status = 410

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


class OpenedElsewhere(Refused):
    """A newer tab or another device has the task now."""

    code = "elsewhere"


class NotReady(Refused):
    """Consent or the tutorial comes first."""

    code, status = "not_ready", 403


class NumberTaken(Refused):
    """This number holds a different answer; the page must read the state again."""

    code = "number_taken"


class UnknownComparison(Refused):
    """The task has no comparison at this position."""

    code, status = "unknown_comparison", 404


class Unanswered(Refused):
    """Comparisons are still open; `positions` says which."""

    code = "unanswered"

    def __init__(self, positions: list[int]):
        super().__init__(f"unanswered: {positions}")
        self.positions = positions


class TutorialFailed(NotReady):
    """Both tries at the tutorial are used up."""

    code = "tutorial_failed"
