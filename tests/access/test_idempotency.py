"""A call with an idempotency key is done once, whoever repeats it, and however two of them race."""

import threading
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from access import idempotency, tasks
from access.models import KeyedCall
from crowd import merging
from crowd.models import Merge
from tests.factories import make_dataset, make_voted_campaign
from tests.programs import client_of, errors_of, make_member

MERGES, VOTES = "/api/v1/merges/", "/api/v1/vote-imports/"


@pytest.fixture
def campaign(db):
    owner = make_member("Manager")
    return make_voted_campaign(owner=owner, dataset=make_dataset(owner=owner), n_pairs=2, votes=1)


def start(campaign, key="night-1", *, client=None, **body):
    client = client or client_of(campaign.owner)
    return client.post(MERGES, {"campaign": campaign.pk} | body, format="json", headers={"Idempotency-Key": key})


def test_a_call_that_is_repeated_gets_the_first_answer_and_makes_nothing(campaign):
    first, again = start(campaign), start(campaign)
    assert (first.status_code, again.status_code) == (201, 201) and first.json() == again.json()
    assert "Idempotent-Replayed" not in first and again["Idempotent-Replayed"] == "true"
    assert start(campaign, "night-2").json()["id"] != first.json()["id"] and Merge.objects.count() == 2


def test_a_key_that_was_used_for_another_body_is_refused(campaign):
    start(campaign)
    answer = start(campaign, seed=2)
    assert answer.status_code == 422 and answer.json()["type"].endswith("key-reused") and Merge.objects.count() == 1


def test_a_call_that_was_refused_may_be_mended_under_the_same_key(campaign):
    assert start(campaign, seed=-1).status_code == 400
    assert start(campaign, seed=1).status_code == 201


def test_a_key_belongs_to_one_person_and_one_operation(campaign):
    other = make_voted_campaign(owner=make_member("Manager"), n_pairs=2, votes=1)
    assert {start(campaign).status_code, start(other).status_code} == {201}
    place = f"/api/v1/campaigns/{campaign.pk}/budget/"
    answer = client_of(campaign.owner).post(place, {"budget_usd": 3}, format="json", headers={"Idempotency-Key": "night-1"})
    assert answer.status_code == 200


def test_a_file_is_known_by_its_content_whatever_boundary_it_comes_between(campaign):
    def send(content: bytes):
        file = SimpleUploadedFile("votes.csv", content)
        body = {"dataset": campaign.dataset_id, "name": "x", "file": file}
        return client_of(campaign.owner).post(VOTES, body, headers={"Idempotency-Key": "votes"})

    first, again, other = send(b"item,worker,label\n"), send(b"item,worker,label\n"), send(b"item,worker,label\n\n")
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json()["id"] == again.json()["id"]


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "ü"])
def test_a_key_that_is_none_is_refused_with_its_place(campaign, key):
    answer = start(campaign, key)
    assert answer.status_code == 400 and list(errors_of(answer)) == ["Idempotency-Key"]
    assert answer.json()["errors"][0]["place"] == "header"


def test_what_ended_in_the_middle_is_not_done_again_by_itself(campaign, monkeypatch):
    client = client_of(campaign.owner)
    client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr(merging, "start", lambda *args, **kwargs: 1 / 0)
        assert start(campaign, client=client).status_code == 500
    answer = start(campaign, client=client)
    assert answer.status_code == 409 and "new key" in answer.json()["remedy"] and not Merge.objects.exists()


def test_what_a_marketplace_refused_is_told_again_as_the_problem_that_it_was(campaign):
    campaign.state, campaign.environment.endpoint_url = campaign.State.COLLECTING, "http://127.0.0.1:9/"
    campaign.environment.save()
    campaign.save()
    client, at = client_of(campaign.owner), f"/api/v1/campaigns/{campaign.pk}/collect/"
    first, again = (client.post(at, headers={"Idempotency-Key": "now"}) for _ in range(2))
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (502, 502, "true")
    assert first["Content-Type"] == again["Content-Type"] == "application/problem+json" and first.json() == again.json()


def test_keys_are_forgotten_after_a_day_by_the_clock_and_when_they_are_used(campaign):
    start(campaign)
    start(campaign, "night-2")
    KeyedCall.objects.update(created_at=timezone.now() - idempotency.KEPT_FOR - timedelta(minutes=1))
    start(campaign)
    assert Merge.objects.count() == 3 and KeyedCall.objects.count() == 2
    tasks.tidy()
    assert KeyedCall.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_calls_at_the_same_time_make_one_thing():
    campaign = make_voted_campaign(owner=make_member("Manager"), n_pairs=2, votes=1)
    clients = [client_of(campaign.owner) for _ in range(4)]
    gate, answers = threading.Barrier(len(clients)), []

    def call(client):
        try:
            gate.wait()
            answers.append(start(campaign, client=client))
        finally:
            connection.close()

    threads = [threading.Thread(target=call, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Merge.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {201, 409} and 201 in {answer.status_code for answer in answers}
    assert {answer.json()["id"] for answer in answers if answer.status_code == 201} == {Merge.objects.get().pk}
