"""What people agree to before they begin, in the words of the way by which they come."""

from django.utils.translation import gettext_noop

from annotation.words import CONSENT_TEXT
from crowd.models import Campaign, Environment

Kind = Environment.Kind

# Instead of the text that ships for marketplaces, where the researcher has left that unchanged.
TEXTS = {
    Kind.PROLIFIC: gettext_noop(
        "You will look at pictures of people and say which of two marked body parts is closer to the camera. Your answers, "
        "the time each one took and your remarks are stored under a pseudonym and may be published for research; your "
        "Prolific id is used to pay you and is not published. Taking part is voluntary: you may stop at any time by "
        "returning your submission."
    ),
    Kind.LINK: gettext_noop(
        "You will look at pictures of people and say which of two marked body parts is closer to the camera. Your answers, "
        "the time each one took and your remarks are stored under a pseudonym and may be published for research; the name "
        "under which you were sent here is used to tell that site that you took part, and is not published. Taking part is "
        "voluntary: you may stop at any time by closing the page."
    ),
    Kind.INVITATION: gettext_noop(
        "You will look at pictures of people and say which of two marked body parts is closer to the camera. Your answers, "
        "the time each one took and your remarks are stored under a pseudonym and may be published for research; your name "
        "and your e-mail address are known to the people who invited you and are not published. Taking part is voluntary "
        "and unpaid: you may stop at any time by closing the page."
    ),
}


def of(campaign: Campaign) -> tuple[str, str] | None:
    """Version and text; None where none is asked for."""
    if not campaign.consent_text:
        return None
    text = campaign.consent_text
    if text.split() == CONSENT_TEXT.split():
        text = TEXTS.get(Kind(campaign.environment.kind), text)
    return campaign.consent_version, text
