"""What the marketplace's tests share: an account with money, boto3 pointed at it, workers with a browser of their own."""

from datetime import UTC, datetime

import boto3
import pytest
from botocore.config import Config
from django.test import Client

from crowd.marketplace import accounts
from crowd.marketplace.models import Requester
from tests.crowd.marketplace.makers import QUESTION, sign_in


@pytest.fixture
def clock(time_machine):
    """Stands still at nine o'clock until the test moves it: `clock.shift(seconds)`."""
    time_machine.move_to(datetime(2026, 3, 2, 9, 0, tzinfo=UTC), tick=False)
    return time_machine


@pytest.fixture
def boto(site):
    """`boto("a lab", deposit_usd="100")` is a boto3 client of that requester's account on the running site."""

    clients = []

    def connect(name: str = "a lab", deposit_usd: str = "100.00"):
        key, secret = accounts.ensure_requester(name, deposit_usd)
        client = boto3.client(
            "mturk",
            endpoint_url=f"{site}/marketplace/api",
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 1, "mode": "standard"}),
        )
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def mturk(boto):
    return boto()


@pytest.fixture
def requester(mturk) -> Requester:
    return Requester.objects.get(name="a lab")


@pytest.fixture
def make_hit(mturk):
    """Creates a HIT through boto3 and returns its structure."""

    def make(client=None, **overrides) -> dict:
        fields = {
            "Title": "Which is closer?",
            "Description": "Say which of two body parts is closer to the camera.",
            "Keywords": "image, depth",
            "Reward": "0.10",
            "MaxAssignments": 2,
            "LifetimeInSeconds": 3600,
            "AssignmentDurationInSeconds": 900,
            "AutoApprovalDelayInSeconds": 86400,
            "Question": QUESTION,
        } | overrides
        return (client or mturk).create_hit(**fields)["HIT"]

    return make


@pytest.fixture
def worker_client(db):
    """`worker_client("ana")` is a Django test client in which a new worker is signed in; its `worker` is the row."""

    def make(username: str, **fields) -> Client:
        client = Client()
        client.worker = accounts.make_worker(username, "correct horse", **fields)
        sign_in(client, username)
        return client

    return make
