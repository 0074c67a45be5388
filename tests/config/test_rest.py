"""The programming interface: the panel's rights, nobody else's rows, steps started and watched."""

import pytest
from rest_framework.test import APIClient

from access.models import Scope
from crowd import merging, releasing
from crowd.models import Merge
from jobs import running
from tests.access.test_tokens import make_token
from tests.factories import make_dataset, make_user, make_voted_campaign
from tests.programs import client_of, errors_of, make_member

pytestmark = pytest.mark.django_db


def test_everybody_sees_his_own_data_sets_and_administrators_see_all():
    mine, other = make_member("Viewer"), make_member("Viewer")
    make_dataset(name="mine", owner=mine)
    make_dataset(name="other", owner=other)
    assert [row["name"] for row in client_of(mine).get("/api/v1/datasets/").json()["results"]] == ["mine"]
    assert len(client_of(make_user()).get("/api/v1/datasets/").json()["results"]) == 2


@pytest.mark.parametrize("place", ["datasets", "campaigns", "merges", "releases", "runs"])
def test_strangers_and_people_without_a_role_get_nothing(place):
    assert APIClient().get(f"/api/v1/{place}/").status_code == 401
    assert client_of(make_user(is_superuser=False)).get(f"/api/v1/{place}/").status_code == 403
    assert client_of(make_user(is_superuser=False, is_staff=False)).get(f"/api/v1/{place}/").status_code == 403


def test_votes_become_a_merge_and_a_release_whose_files_can_be_fetched():
    campaign = make_voted_campaign(owner=make_member("Manager"))
    client = client_of(campaign.owner)
    started = client.post("/api/v1/merges/", {"campaign": campaign.pk, "method": "lean"}, format="json")
    assert started.status_code == 201 and started.json()["state"] == "waiting"
    merge = running.execute(Merge.objects.get())
    seen = client.get(f"/api/v1/merges/{merge.pk}/").json()
    assert seen["state"] == "done" and seen["figures"]["votes"] == 100
    started = client.post("/api/v1/releases/", {"merge": merge.pk, "name": "first"}, format="json")
    release = running.execute(merge.releases.get(name=started.json()["name"]))
    answer = client.get(f"/api/v1/releases/{release.pk}/files/pairs.csv/")
    with releasing.open_file(release, "pairs.csv") as file:
        assert b"".join(answer.streaming_content) == file.read()
    assert client.get(f"/api/v1/releases/{release.pk}/files/secrets.txt/").status_code == 404


def test_nobody_starts_work_on_somebody_elses_campaign_or_without_the_right():
    campaign = make_voted_campaign(owner=make_member("Manager"))
    body = {"campaign": campaign.pk}
    stranger = client_of(make_member("Manager")).post("/api/v1/merges/", body, format="json")
    assert stranger.status_code == 400 and "does not exist" in errors_of(stranger)["campaign"][0]
    viewer = make_member("Viewer")
    campaign.owner = viewer
    campaign.save()
    assert client_of(viewer).post("/api/v1/merges/", body, format="json").status_code == 403
    assert not Merge.objects.exists()


def test_a_merge_that_is_not_done_is_not_released():
    campaign = make_voted_campaign(owner=make_member("Manager"))
    merge = merging.start(campaign, campaign.owner)
    answer = client_of(campaign.owner).post("/api/v1/releases/", {"merge": merge.pk}, format="json")
    assert answer.status_code == 400 and "done" in errors_of(answer)["merge"][0]


def test_a_campaigns_price_and_spending_are_exact():
    campaign = make_voted_campaign(owner=make_member("Viewer"))
    client, place = client_of(campaign.owner), f"/api/v1/campaigns/{campaign.pk}/"
    assert (client.get(f"{place}price/").json()["total_usd"], client.get(place).json()["spent_usd"]) == ("0.60", "0.00")


def test_the_description_is_for_people_who_are_signed_in_and_programs_with_a_token():
    stranger, somebody = APIClient(), make_member("Viewer")
    refused = stranger.get("/api/v1/schema/")
    assert refused.status_code == 401 and refused.json()["type"].endswith("unknown-caller")
    assert stranger.get("/api/v1/docs/")["Location"].startswith("/panel/login/?next=/api/v1/docs/")
    assert make_token(somebody, Scope.LEARN)[1].get("/api/v1/schema/").status_code == 200
    assert client_of(somebody).get("/api/v1/docs/").status_code == 200


def test_the_description_is_readable_in_a_browser_under_the_site_s_policy(site, page, transactional_db):
    make_user(username="ada", password="correct horse")
    page.goto(f"{site}/panel/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{site}/api/v1/docs/")
    page.get_by_text("/api/v1/audit/", exact=True).first.wait_for()  # others are drawn as they come in sight
