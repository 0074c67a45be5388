"""Work, workers and invitations by programs: the panel's decisions, its rights, and nobody's real name."""

import pytest

from access.models import Scope
from annotation.models import Pair
from crowd import reconciling
from crowd.marketplace import models as market
from crowd.models import Assignment, Call, Campaign, Payment, Worker
from tests.access.test_tokens import make_token
from tests.crowd.campaigns import make_published
from tests.crowd.handwork import Hand
from tests.factories import (
    answer,
    make_assignment,
    make_campaign,
    make_dataset,
    make_environment,
    make_hit,
    make_pairs,
    make_voted_campaign,
)
from tests.programs import client_of, errors_of, make_member

WORK, WORKERS, INVITATIONS = "/api/v1/work/", "/api/v1/workers/", "/api/v1/invitations/"


@pytest.fixture
def half(place):
    """Somebody handed in three of ten answers: (campaign, row of the work, hand)."""
    owner = make_member("Manager")
    campaign = make_published(place, owner=owner, dataset=make_dataset(owner=owner))
    hit, hand = campaign.hits.get(), Hand()
    accepted = hand.accept(hit)
    hand.submit(accepted, hand.answer(hit, accepted, n=3))
    reconciling.reconcile(campaign)
    return campaign, Assignment.objects.get(), hand


@pytest.mark.once
def test_deciding_on_work_is_for_who_may_spend(half):
    campaign, row, _ = half
    runner, spender = make_token(campaign.owner, Scope.RUN)[1], make_token(campaign.owner, Scope.SPEND)[1]
    at = f"{WORK}{row.pk}/"
    assert runner.post(f"{at}approve/", {}, format="json").status_code == 403
    assert runner.post(f"{at}reject/", {"reason": "No."}, format="json").status_code == 403
    assert "reason" in errors_of(spender.post(f"{at}reject/", {"reason": " "}, format="json"))
    assert spender.post(f"{at}approve/", {}, format="json").json()["state"] == "approved"


@pytest.mark.once
def test_a_decision_is_answered_with_the_row_and_told_to_the_worker(half):
    campaign, row, hand = half
    client, at = client_of(campaign.owner), f"{WORK}{row.pk}/"
    rejected = client.post(f"{at}reject/", {"reason": "Only 3 of 10 were answered."}, format="json").json()
    assert rejected["state"] == "rejected" and rejected["can_be_reversed_until"]
    assert "Only 3 of 10" in hand.row.messages.get().text
    assert client.post(f"{at}approve/", {}, format="json").status_code == 409
    assert client.post(f"{at}reverse/", {"reason": "Our fault."}, format="json").json()["state"] == "approved"
    bonus = {"amount_usd": "0.50", "reason": "For your patience."}
    for _ in range(2):
        assert client.post(f"{at}bonus/", bonus, format="json", headers={"Idempotency-Key": "b1"}).status_code == 200
    assert Payment.objects.get(kind="bonus").amount_usd == market.Bonus.objects.get().amount_usd
    assert client.post(f"{at}bonus/", bonus | {"amount_usd": "100.01"}, format="json").status_code == 400
    assert client.post(f"{at}confirm/", {}, format="json").status_code == 409
    assert client.post(f"{at}compensate/", {}, format="json").status_code == 409


@pytest.mark.once
def test_a_worker_is_excluded_written_to_blocked_and_readmitted(half):
    campaign, row, hand = half
    client = client_of(campaign.owner)
    client.post(f"{WORK}{row.pk}/approve/", {"feedback": "Thanks."}, format="json")
    at = f"{WORKERS}{row.worker_id}/"
    assert client.post(f"{at}exclude/", {"reason": "Guesses."}, format="json").json()["excluded_at"]
    letter = {"subject": "About your work", "text": "Please read the instructions."}
    for key, letters in (("l1", 1), ("l1", 1), ("l2", 2)):
        said = client.post(f"{at}message/", letter, format="json", headers={"Idempotency-Key": key})
        assert said.status_code == 200, said.content
        assert hand.row.messages.filter(text__contains="Please read").count() == letters
    assert client.post(f"{at}block/", {"reason": "Fraud.", "pseudonym": "somebody"}, format="json").status_code == 409
    pseudonym = row.worker.annotator.pseudonym
    assert client.post(f"{at}block/", {"reason": "Fraud.", "pseudonym": pseudonym}, format="json").json()["blocked_at"]
    assert client.post(f"{at}unblock/", {}, format="json").json()["blocked_at"] is None
    assert client.post(f"{at}unblock/", {}, format="json").status_code == 409
    assert client.post(f"{at}readmit/", {}, format="json").json()["excluded_at"] is None


@pytest.mark.django_db
def test_nobody_without_the_right_decides_and_nobody_sees_anothers_people():
    campaign = make_voted_campaign(owner=make_member("Viewer"), n_pairs=2, votes=1)
    row = Assignment.objects.get()
    viewer, stranger = client_of(campaign.owner), client_of(make_member("Manager"))
    acts = [f"{WORK}{row.pk}/{act}/" for act in ("approve", "reject", "reverse", "bonus", "compensate", "confirm")]
    acts += [f"{WORKERS}{row.worker_id}/{act}/" for act in ("exclude", "readmit", "block", "unblock", "message")]
    assert {viewer.post(act, {}, format="json").status_code for act in acts} == {403}
    assert {stranger.post(act, {}, format="json").status_code for act in acts} == {404}
    seen = viewer.get(f"{WORKERS}{row.worker_id}/")
    assert seen.json()["pseudonym"] == row.worker.annotator.pseudonym and row.worker.worker_id not in seen.content.decode()
    assert [stranger.get(place).json()["results"] for place in (WORK, WORKERS, "/api/v1/votes/")] == [[], [], []]
    assert not Payment.objects.exists() and not Call.objects.exists()


@pytest.mark.django_db
def test_visits_that_a_platform_lists_are_confirmed_and_count():
    owner = make_member("Manager")
    dataset, way = make_dataset(owner=owner), make_environment(kind="link", endpoint_url="")
    campaign = make_campaign(owner=owner, dataset=dataset, environment=way, state=Campaign.State.COLLECTING)
    hit, client = make_hit(campaign=campaign, pairs=make_pairs(5, dataset)), client_of(owner)
    rows = [make_assignment(hit=hit, state=Assignment.State.SUBMITTED) for _ in range(2)]
    for row in rows:
        answer(row.task, lambda pair: True, verified=False)
    at = f"/api/v1/campaigns/{campaign.pk}/"
    entry = client.get(f"{at}entry/").json()
    assert "worker=…" in entry["url"] and (entry["finished"], entry["waiting"]) == (2, 2)
    listed = client.post(f"{at}confirm/", {"listed": f"{rows[0].worker.worker_id}, nobody"}, format="json").json()
    assert listed == {"confirmed": 1, "known": 0, "unknown": ["nobody"]}
    assert client.post(f"{WORK}{rows[1].pk}/confirm/").json()["state"] == "approved"
    assert client.get("/api/v1/votes/", {"campaign": campaign.pk, "verified": True}).json()["results"][0]["is_verified"]
    assert client.post(f"{WORK}{rows[1].pk}/confirm/").status_code == 409


@pytest.mark.django_db
def test_people_are_invited_and_their_answers_become_known_ones():
    owner = make_member("Manager")
    dataset, client = make_dataset(owner=owner), client_of(owner)
    campaign = make_campaign(owner=owner, dataset=dataset, environment=make_environment(kind="invitation"))
    made = client.post(INVITATIONS, {"campaign": campaign.pk, "name": "Ada", "email": "ada@example.org"}, format="json").json()
    assert "/task/" in made["link"] and made["revoked_at"] is None
    at = f"{INVITATIONS}{made['id']}/"
    assert client.post(f"{at}renew/").json()["link"] != made["link"] and client.post(f"{at}revoke/").json()["revoked_at"]
    assert client.post(f"{at}send/").status_code == 409
    hit, worker = make_hit(campaign=campaign, pairs=make_pairs(5, dataset)), Worker.objects.get()
    answer(make_assignment(hit=hit, worker=worker, state=Assignment.State.APPROVED).task, lambda pair: True)
    known = f"/api/v1/campaigns/{campaign.pk}/known_answers/"
    assert client.post(known, {"invitation": made["id"]}, format="json").json() == {"n_pairs": 5}
    assert Pair.objects.filter(gold_first=True).count() == 5
    assert client.get(f"/api/v1/campaigns/{campaign.pk}/agreements/").json() == []
    assert client.post(f"{at}forget/").json()["name"] == "(forgotten)"
    assert client_of(make_member("Viewer")).get(INVITATIONS).status_code == 403
    other = make_campaign(owner=owner, dataset=dataset)
    refused = client.post(INVITATIONS, {"campaign": other.pk, "name": "Ada", "send": True}, format="json")
    assert refused.status_code == 400 and set(errors_of(refused)) == {"campaign"}
