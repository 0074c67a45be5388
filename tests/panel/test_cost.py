"""No page of the panel asks the database more often because there is more to see, and none asks twenty times."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from access.sharing import Role
from tests.panel import every_page
from tests.programs import make_member

pytestmark = pytest.mark.django_db
MOST = 20
ENDS = {"logout"}  # would end the visit


def visit(client, user, world: dict) -> dict[str, int]:
    """How often each page that answers asks the database, with nothing kept from before."""
    client.force_login(user)
    cache.clear()
    asked = {}
    for name, url in every_page.addresses(world).items():
        if name not in ENDS:
            with CaptureQueriesContext(connection) as found:
                status = client.get(url).status_code
            assert status in (200, 302, 403, 404), (url, status)
            if status == 200:
                asked[name] = len(found)
    return asked


def test_every_page_asks_less_than_twenty_times_whatever_its_size(client, admin_user):
    few = visit(client, admin_user, every_page.make_world(admin_user, n_pairs=15))
    many = visit(client, admin_user, every_page.make_world(admin_user, n_pairs=60))
    assert len(many) > 120, "the panel's own table of addresses was walked"
    assert {name: n for name, n in many.items() if n >= MOST} == {}
    grown = {name: (few[name], n) for name, n in many.items() if n > few[name]}
    assert grown == {}, "pages that ask more often because there is more"
    assert many["crowd_merge_progress"] <= 3, "asked every two seconds; session and user come with every request"
    assert many["crowd_campaign_live"] <= 7


def test_a_colleague_with_a_share_asks_less_than_twenty_times_too(client):
    grace, ada = make_member("Manager"), make_member("Manager")
    world = every_page.make_world(grace, n_pairs=20)
    world["annotation_dataset"].shares.create(user=ada, role=Role.SPEND)
    asked = visit(client, ada, world)
    assert {"crowd_campaign_change", "crowd_merge_review", "modeling_run_change", "annotation_person_change"} <= asked.keys()
    assert {name: n for name, n in asked.items() if n >= MOST} == {}

