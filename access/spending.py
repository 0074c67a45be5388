"""Who may spend: where the site asks for it (TWO_STEP_TO_SPEND), only somebody who logged in with a second step."""

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from access import second_step

SWITCH_ON = (
    "On this site only who has two-step sign-in may spend money. Switch it on under “Two-step sign-in” in the panel's menu; "
    "then you can go on at once."
)
LOG_IN_AGAIN = "You switched on two-step sign-in elsewhere: log out and in again with a code, and you may spend."
MAKE_ANOTHER = (
    "This token was made without two-step sign-in and may not spend on this site. Switch it on in the panel, then make "
    "another token there."
)


def obstacle(request: HttpRequest) -> str:
    """Why this person may not spend now and what to do about it; empty if nothing is in the way."""
    user = request.user
    if not settings.TWO_STEP_TO_SPEND or getattr(user, "otp_device", None) is not None:
        return ""
    return LOG_IN_AGAIN if second_step.is_on(user) else SWITCH_ON


def require(request: HttpRequest) -> None:
    """Raises: PermissionDenied with a sentence that names the remedy."""
    if problem := obstacle(request):
        raise PermissionDenied(problem)
