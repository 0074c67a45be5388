"""What a marketplace tells by itself, through Amazon SNS: hints that hasten collecting, and never more than that.

The poller is the truth. A hint says only which campaigns to ask about now; anybody can post
to the address, so a message counts only with Amazon's signature and from a topic that an
environment names.
"""

import base64
import json
import re
from datetime import timedelta
from functools import lru_cache
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from django.utils import timezone

from crowd.models import Campaign, Environment, Hint

LARGEST_BYTES = 256 * 1024  # SNS sends no more
KEPT = timedelta(days=14)
HOST = re.compile(r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?")
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
DIGESTS = {"1": hashes.SHA1, "2": hashes.SHA256}


class NotGenuine(Exception):
    """The message is not what SNS would send for one of our topics; the reason is for the log."""


def receive(body: bytes) -> set[int]:
    """Check one message and return the campaigns (primary keys) about which there may be news.

    A subscription to a topic of ours is confirmed; an event that was told before is no news.

    Raises: NotGenuine.
    """
    message = _read(body)
    environments = list(Environment.objects.filter(topic_arn=message["TopicArn"]).exclude(topic_arn=""))
    if not environments:
        raise NotGenuine("no environment names this topic")
    _verify(message)
    if message["Type"] == "SubscriptionConfirmation":
        _fetch(message["SubscribeURL"])
        return set()
    event = _event(message["Message"])
    Hint.objects.filter(received_at__lt=timezone.now() - KEPT).delete()
    if not Hint.objects.get_or_create(event_id=event["EventDocId"][:100])[1]:
        return set()
    hit_ids = {str(each.get("HITId", "")) for each in event.get("Events", []) if isinstance(each, dict)} - {""}
    campaigns = Campaign.objects.filter(environment__in=environments, hits__hit_id__in=hit_ids)
    return set(campaigns.values_list("pk", flat=True))


def _read(body: bytes) -> dict[str, str]:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise NotGenuine("no JSON") from error
    if not isinstance(message, dict) or message.get("Type") not in SIGNED:
        raise NotGenuine("no kind of message that is known")
    wanted = {*SIGNED[message["Type"]], "Signature", "SignatureVersion", "SigningCertURL"} - {"Subject"}
    if missing := [name for name in sorted(wanted) if not isinstance(message.get(name), str)]:
        raise NotGenuine(f"{', '.join(missing)} missing")
    return message


def _verify(message: dict[str, str]) -> None:
    """Amazon's signature over the named fields. Raises: NotGenuine."""
    text = "".join(f"{name}\n{message[name]}\n" for name in SIGNED[message["Type"]] if message.get(name) is not None)
    digest = DIGESTS.get(message["SignatureVersion"])
    if digest is None:
        raise NotGenuine("a signature of an unknown version")
    try:
        certificate = x509.load_pem_x509_certificate(_certificate(message["SigningCertURL"]))
        signature = base64.b64decode(message["Signature"], validate=True)
        certificate.public_key().verify(signature, text.encode(), padding.PKCS1v15(), digest())
    except (ValueError, InvalidSignature) as error:
        raise NotGenuine("the signature does not fit") from error


@lru_cache(maxsize=16)
def _certificate(url: str) -> bytes:
    if not url.endswith(".pem"):
        raise NotGenuine("no certificate of Amazon's")
    return _fetch(url)


def _fetch(url: str) -> bytes:
    """From Amazon alone, whatever the message says. Raises: NotGenuine."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.port or not HOST.fullmatch(parts.hostname or "") or parts.username:
        raise NotGenuine(f"{url[:100]} is no address of SNS")
    try:
        answer = httpx.get(url, timeout=10, follow_redirects=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise NotGenuine(f"{url[:100]} did not answer: {error}") from error
    return answer.content


def _event(text: str) -> dict:
    try:
        event = json.loads(text)
    except ValueError as error:
        raise NotGenuine("the message holds no event") from error
    is_event = isinstance(event, dict) and isinstance(event.get("EventDocId"), str)
    if not is_event or not isinstance(event.get("Events", []), list):
        raise NotGenuine("the message holds no event")
    return event
