"""Lists: in pages that new rows do not shift, filtered by what is documented, and never wider than was asked for."""

import pytest

from tests.factories import make_dataset
from tests.programs import client_of, errors_of, make_member

pytestmark = pytest.mark.django_db
DATASETS = "/api/v1/datasets/"


@pytest.fixture
def client():
    return client_of(make_member("Viewer"))


def names(answer) -> list[str]:
    return [row["name"] for row in answer.json()["results"]]


def test_rows_that_come_while_somebody_turns_pages_neither_repeat_nor_hide_any():
    user = make_member("Viewer")
    client, skeleton = client_of(user), make_dataset(name="0", owner=user).skeleton
    for number in range(1, 5):
        make_dataset(name=str(number), owner=user, skeleton=skeleton)
    first = client.get(DATASETS, {"page_size": 2})
    make_dataset(name="new", owner=user, skeleton=skeleton)
    second = client.get(first.json()["next"])
    third = client.get(second.json()["next"])
    assert [names(page) for page in (first, second, third)] == [["4", "3"], ["2", "1"], ["0"]]
    assert third.json()["next"] is None and names(client.get(second.json()["previous"])) == ["4", "3"]


@pytest.mark.parametrize("query, field", [
    ({"page_size": "0"}, "page_size"), ({"page_size": "201"}, "page_size"), ({"page_size": "²"}, "page_size"),
    ({"cursor": "x"}, "cursor"), ({"cursor": "cD14"}, "cursor"), ({"cursor": "cD0x%00"}, "cursor"),
    ({"created_after": "yesterday"}, "created_after"), ({"created_after": "0001-01-01T00:00:00+15:00"}, "created_after"),
    ({"owner": "1"}, "owner"), ({"name": "\0"}, "name"),
])
def test_a_page_or_filter_that_makes_no_sense_is_refused_by_its_name(client, query, field):
    answer = client.get(DATASETS, query)
    assert answer.status_code == 400 and list(errors_of(answer)) == [field]
    assert answer.json()["errors"][0]["place"] == "query"


def test_filters_narrow_what_is_ones_own_and_never_widen_it():
    user = make_member("Viewer")
    mine = make_dataset(name="Street people", owner=user)
    make_dataset(name="Sports", owner=user)
    make_dataset(name="Street of others")
    client = client_of(user)
    assert names(client.get(DATASETS, {"name": "street"})) == ["Street people"]
    assert names(client.get(DATASETS, {"skeleton": mine.skeleton.name})) == ["Street people"]
    assert names(client.get(DATASETS, {"created_before": "2020-01-01T00:00:00Z"})) == []
    assert names(client.get(DATASETS, {"created_after": "4740-08-25T04:51:44-17:38"})) == []
    assert client.get("/api/v1/campaigns/", {"dataset": 10**30}).status_code == 400
    assert client.get("/api/v1/merges/", {"state": "done", "campaign": 1}).json()["results"] == []
