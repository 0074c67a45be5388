"""Messages of Amazon SNS hasten collecting where they are genuine, and do nothing else."""

import base64
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from crowd import hint_views, hints
from crowd.marketplace import models as market
from crowd.models import Hint
from tests.crowd.campaigns import make_published
from tests.factories import make_environment, make_hit

pytestmark = pytest.mark.once

TOPIC = "arn:aws:sns:us-east-1:123456789012:nearer"
CERTIFICATE = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def amazon(key, monkeypatch):
    """Amazon's certificate and confirmations, without Amazon; what was fetched is noted."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    certificate = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    certificate = certificate.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    fetched = []

    def get(url: str, **options) -> httpx.Response:
        fetched.append(url)
        content = certificate.public_bytes(serialization.Encoding.PEM)
        return httpx.Response(200, content=content, request=httpx.Request("GET", url))

    monkeypatch.setattr(hints.httpx, "get", get)
    hints._certificate.cache_clear()
    yield fetched
    hints._certificate.cache_clear()


def signed(key, *, version: str = "2", **overrides) -> dict:
    message = {
        "Type": "Notification", "MessageId": "m1", "TopicArn": TOPIC, "Timestamp": "2026-11-23T04:00:00.000Z",
        "SignatureVersion": version, "SigningCertURL": CERTIFICATE,
        "Message": json.dumps({"EventDocId": "e1", "Events": [{"EventType": "AssignmentSubmitted", "HITId": "HITX"}]}),
    } | overrides
    text = "".join(f"{name}\n{message[name]}\n" for name in hints.SIGNED[message["Type"]] if name in message)
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = key.sign(text.encode(), padding.PKCS1v15(), digest)
    return message | {"Signature": base64.b64encode(signature).decode()}


@pytest.fixture
def hastened(monkeypatch) -> list[int]:
    found = []
    monkeypatch.setattr(hint_views.reconcile_one, "apply_async", lambda arguments, **options: found.extend(arguments))
    return found


def post(client, message) -> int:
    return client.post("/task/events/", json.dumps(message), content_type="text/plain; charset=UTF-8").status_code


@pytest.mark.django_db
@pytest.mark.parametrize("version", ["1", "2"])
def test_a_genuine_message_hastens_the_campaign_it_is_about_once(client, key, amazon, hastened, version):
    place = make_environment(topic_arn=TOPIC)
    hit = make_hit(hit_id="HITX")
    hit.campaign.environment = place
    hit.campaign.save()
    message = signed(key, version=version)
    assert post(client, message) == post(client, message) == 204
    assert hastened == [hit.campaign_id] and Hint.objects.get().event_id == "e1"
    assert amazon == [CERTIFICATE]  # fetched once and kept


@pytest.mark.django_db
def test_what_is_not_genuine_is_not_taken(client, key, amazon, hastened):
    make_environment(topic_arn=TOPIC)
    good = signed(key)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for bad in (
        good | {"Message": good["Message"].replace("HITX", "HITY")},
        signed(other),
        signed(key, TopicArn=TOPIC + "2"),
        signed(key, SigningCertURL="https://sns.us-east-1.amazonaws.com.evil.example/c.pem"),
        signed(key, SigningCertURL="http://sns.us-east-1.amazonaws.com/c.pem"),
        good | {"SignatureVersion": "3"},
        {"Type": "Notification"}, [], "text", signed(key, Message="no event"),
    ):
        assert post(client, bad) == 403
    assert client.post("/task/events/", b"\xff", content_type="text/plain").status_code == 403
    assert client.get("/task/events/").status_code == 405
    assert hastened == [] and not Hint.objects.exists()


@pytest.mark.django_db
def test_a_subscription_is_confirmed_for_a_topic_of_ours_only(client, key, amazon):
    url = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    message = signed(key, Type="SubscriptionConfirmation", SubscribeURL=url, Token="t", Message="Confirm")
    assert post(client, message) == 403 and amazon == []
    make_environment(topic_arn=TOPIC)
    assert post(client, message) == 204 and amazon == [CERTIFICATE, url]


def test_hits_of_an_environment_with_a_topic_tell_it(place):
    place.topic_arn = TOPIC
    place.save()
    make_published(place)
    told = market.HitType.objects.get(hits__isnull=False).notification
    assert told["Destination"] == TOPIC and "AssignmentSubmitted" in told["EventTypes"]
