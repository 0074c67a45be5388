"""A marketplace with money in it."""

import pytest

from crowd.marketplace import accounts
from crowd.models import Environment
from crowd.mturk import credentials
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
