"""A stand-in for Prolific over real HTTP, and an environment that speaks to it."""

from collections.abc import Iterator

import pytest

from crowd.models import Environment
from crowd.prolific import credentials
from crowd.prolific.stand_in.server import StandIn
from tests.crowd.ways.people import make_way

TOKEN = "a-token-of-the-lab"


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn(token=TOKEN) as running:
        yield running


@pytest.fixture
def prolific(stand_in, settings, tmp_path, db) -> Environment:
    settings.VAR_DIR = tmp_path
    credentials.save("prolific-lab", TOKEN)
    return make_way(
        Environment.Kind.PROLIFIC, endpoint_url=stand_in.api_url, worker_url=stand_in.url, credentials="prolific-lab",
        requests_per_s=0,
    )
