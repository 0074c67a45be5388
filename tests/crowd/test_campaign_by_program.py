"""A campaign from draft to archive by programs alone, on the real marketplace: what the panel does, with its words."""

import pytest
from django.contrib.admin.models import LogEntry

from access.models import Scope
from crowd.models import Campaign, Publication
from jobs import running
from tests.access.test_tokens import make_token
from tests.crowd.handwork import Hand
from tests.factories import make_dataset, make_pairs
from tests.programs import client_of, errors_of, make_member

pytestmark = pytest.mark.once
CAMPAIGNS = "/api/v1/campaigns/"


def carried_out() -> None:
    for job in Publication.objects.exclude(state__in=Publication.ENDED):
        assert running.execute(job).is_done, job.error


@pytest.fixture
def manager(place):
    return make_member("Manager")


@pytest.fixture
def draft(place, manager) -> dict:
    """As the program sees it."""
    dataset = make_dataset(owner=manager)
    make_pairs(10, dataset)
    body = {
        "name": "by night", "dataset": dataset.pk, "environment": place.name, "votes_per_pair": 2, "images_per_hit": 2,
        "has_tutorial": False, "consent_text": "", "lifetime_s": 3600,
    }
    made = client_of(manager).post(CAMPAIGNS, body, format="json")
    assert made.status_code == 201, made.content
    return made.json()


def test_a_campaign_goes_from_draft_to_archive(draft, manager, place):
    runner, spender = make_token(manager, Scope.RUN, Scope.READ)[1], make_token(manager, Scope.SPEND)[1]
    at = f"{CAMPAIGNS}{draft['id']}/"

    def act(client, name: str, **body) -> str:
        answer = client.post(f"{at}{name}/", body, format="json")
        assert answer.status_code == 200, answer.content
        carried_out()
        return Campaign.objects.get().state

    def refused(client, name: str, **body) -> int:
        return client.post(f"{at}{name}/", body, format="json").status_code

    assert (draft["state"], draft["reward_usd"], draft["spent_usd"]) == ("draft", "0.10", "0.00")
    assert runner.patch(at, {"reward_usd": "0.20"}, format="json").json()["reward_usd"] == "0.20"
    expected = runner.get(f"{at}expected/").json()
    assert 0.5 < expected["right"] < 1 and expected["usd"] == "0.48"
    assert {check["what"]: check["state"] for check in runner.get(f"{at}checks/").json()}["Balance"] == "good"
    assert refused(runner, "launch", agreed_usd="0.48") == 403 and refused(spender, "launch", agreed_usd="0.24") == 409
    assert act(spender, "launch", agreed_usd="0.48") == "collecting"
    assert runner.patch(at, {"reward_usd": "0.30"}, format="json").status_code == 409
    assert runner.get("/api/v1/publications/", {"campaign": draft["id"]}).json()["results"][0]["act"] == "publish"

    assert refused(spender, "pause") == 403 and act(runner, "pause") == "paused"
    assert refused(runner, "resume") == 403 and act(spender, "resume") == "collecting"
    assert act(spender, "extend", days=3) == "collecting" and refused(runner, "extend", days=3) == 403
    assert act(spender, "more_votes", votes=1) == "collecting" and Campaign.objects.get().more_votes == 1
    assert act(spender, "budget", budget_usd="20.00") == "collecting" and refused(spender, "budget", budget_usd="-1") == 400

    hand = Hand()
    hand.do(Campaign.objects.get().hits.get())
    act(runner, "collect")
    work = runner.get("/api/v1/work/", {"campaign": draft["id"]}).json()["results"]
    assert [(row["state"], row["report"]) for row in work] == [("approved", None)]
    ledger = runner.get("/api/v1/ledger/", {"campaign": draft["id"]}).json()["results"]
    assert [(line["kind"], line["amount_usd"], line["fee_usd"]) for line in ledger] == [("reward", "0.20", "0.04")]
    account = runner.get(f"/api/v1/environments/{place.pk}/account/").json()
    assert account["agrees"] and account["rewards_usd"] == "0.20"

    assert act(spender, "wage_floor", wage_floor_usd="500.00") == "collecting"
    (wage,) = runner.get(f"{at}wages/").json()
    assert float(wage["owed_usd"]) > 0 and refused(runner, "top_up") == 403 and act(spender, "top_up")
    assert runner.get(f"{at}wages/").json()[0]["owed_usd"] == "0.00"

    assert refused(runner, "archive") == 409
    assert act(runner, "finish") == "finished" and act(runner, "archive") == "archived"
    assert refused(spender, "resume") == 409
    said = [row["did"] for row in runner.get("/api/v1/audit/", {"thing": "campaign"}).json()["results"]]
    assert said[:3] == ["Archived.", "Finished.", "The difference is being paid."] and said[-1] == "Drafted."
    assert LogEntry.objects.filter(user=manager).count() == len(said)


def test_a_draft_is_deleted_and_one_that_makes_no_sense_is_refused_by_field(draft, manager):
    client = client_of(manager)
    wrong = {"name": "by night", "dataset": make_dataset().pk, "environment": "moon", "votes_per_pair": 12, "countries": "us"}
    answer = client.post(CAMPAIGNS, wrong, format="json")
    assert answer.status_code == 400 and set(errors_of(answer)) == set(wrong)
    assert client.delete(f"{CAMPAIGNS}{draft['id']}/").status_code == 204 and not Campaign.objects.exists()


def test_only_who_may_add_and_change_campaigns_drafts_and_edits_them(draft, manager):
    viewer, stranger = make_member("Viewer"), make_member("Manager")
    assert client_of(viewer).post(CAMPAIGNS, {}, format="json").status_code == 403
    for client, status in ((client_of(viewer), 403), (client_of(stranger), 404)):
        assert client.patch(f"{CAMPAIGNS}{draft['id']}/", {"name": "x"}, format="json").status_code == status
        assert client.delete(f"{CAMPAIGNS}{draft['id']}/").status_code == status
    assert Campaign.objects.get().name == "by night"
