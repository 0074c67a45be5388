"""Sharing by programs: as on the panel's page, by the owner alone, and never more than the token may do itself."""

import pytest
from django.contrib.admin.models import LogEntry

from access.models import Scope
from access.sharing import Role
from tests import factories
from tests.access.test_tokens import make_token
from tests.programs import client_of, errors_of, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["datasets", "campaigns"])
def shared(request):
    """The owner, the thing and its address, once a data set, once a campaign."""
    owner = make_member("Manager")
    thing = factories.make_dataset(owner=owner)
    if request.param == "campaigns":
        thing = factories.make_campaign(owner=owner, dataset=thing)
    return owner, thing, f"/api/v1/{request.param}/{thing.pk}/shares/"


def test_a_colleague_is_let_in_given_another_role_and_shown_out(shared):
    owner, thing, at = shared
    ada, client = make_member("Manager"), client_of(owner)
    said = client.post(at, {"user": ada.username, "role": "view"}, format="json")
    assert said.status_code == 200 and said.json() | {"shared_at": ""} == {
        "user": ada.username, "role": "view", "shared_by": owner.username, "shared_at": "",
    }
    assert client_of(ada).get(at.removesuffix("shares/")).status_code == 200
    client.post(at, {"user": ada.username, "role": "manage"}, format="json")
    assert [row["role"] for row in client.get(at).json()] == ["manage"] and thing.shares.get().role == Role.MANAGE
    assert client_of(ada).post(at, {"user": owner.username, "role": "view"}, format="json").status_code == 403
    assert client.delete(f"{at}{ada.username}/").status_code == 204
    assert client.delete(f"{at}{ada.username}/").status_code == 404
    assert client_of(ada).get(at.removesuffix("shares/")).status_code == 404
    assert list(LogEntry.objects.filter(user=owner).order_by("pk").values_list("change_message", flat=True)) == [
        f"Shared with {ada}, who may look.", f"{ada} may now also change, merge, release and train.",
        f"No longer shared with {ada}.",
    ]


def test_who_cannot_be_shared_with_is_refused(shared):
    owner, _, at = shared
    gone = factories.make_user(is_superuser=False, is_active=False)
    for name in (owner.username, gone.username, "nobody"):
        refused = client_of(owner).post(at, {"user": name, "role": "view"}, format="json")
        assert refused.status_code == 400 and "No colleague" in errors_of(refused)["user"][0]
    assert "role" in errors_of(client_of(owner).post(at, {"user": "x", "role": "own"}, format="json"))


def test_a_token_that_may_not_spend_lets_nobody_else_spend(shared):
    owner, thing, at = shared
    ada = make_member("Manager")
    scope = Scope.DATA if "datasets" in at else Scope.RUN
    some, more = make_token(owner, scope)[1], make_token(owner, scope, Scope.SPEND)[1]
    refused = some.post(at, {"user": ada.username, "role": "spend"}, format="json")
    assert refused.status_code == 403 and "spend" in refused.json()["detail"] and not thing.shares.exists()
    assert more.post(at, {"user": ada.username, "role": "spend"}, format="json").json()["role"] == "spend"
