"""A marketplace with money in it, and a network to it that can fail."""

from collections.abc import Iterator

import pytest

from crowd.books import performing
from crowd.marketplace import accounts
from crowd.models import Environment
from crowd.mturk import credentials, gateway
from tests.crowd.faults import FaultyNetwork
from tests.factories import make_environment


@pytest.fixture
def place(site, settings, tmp_path, transactional_db) -> Environment:
    """The marketplace of the running site, with 100 dollars of this account's."""
    settings.VAR_DIR = tmp_path
    key_id, secret = accounts.ensure_requester("lab", "100.00")
    credentials.save("lab", credentials.Credentials(key_id, secret))
    return make_environment(
        endpoint_url=f"{settings.MARKETPLACE_URL}/api", worker_url=settings.MARKETPLACE_URL, credentials="lab"
    )


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Nobody waits between tries."""
    monkeypatch.setattr(gateway, "WAITS_S", ())
    monkeypatch.setattr(performing, "WAITS_S", ())


@pytest.fixture
def network(place, impatient) -> Iterator[FaultyNetwork]:
    """The place is reached through a network that fails when told to, and each call is tried once."""
    faulty = FaultyNetwork(place.endpoint_url)
    place.endpoint_url = faulty.url
    place.save()
    yield faulty
    faulty.close()
