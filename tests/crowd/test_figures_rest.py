"""What the panel shows of a campaign, for programs; who finished where, and calls that are made again."""

import pytest

from crowd import merging, reconciling
from crowd.books import outbox
from crowd.models import Call, Publication
from jobs import running
from tests.crowd.campaigns import make_published
from tests.crowd.handwork import Hand
from tests.crowd.ways.people import finish_visits, make_open_campaign
from tests.factories import make_campaign, make_dataset, make_voted_campaign
from tests.programs import client_of, make_member


@pytest.mark.django_db
def test_a_campaigns_figures_are_those_of_its_page():
    campaign = make_voted_campaign(owner=make_member("Manager"), n_pairs=6, votes=4, state="collecting")
    said = client_of(campaign.owner).get(f"/api/v1/campaigns/{campaign.pk}/figures/").json()
    assert (said["votes"]["votes"], said["votes"]["pairs"], said["votes"]["workers"]) == (24, 6, 4)
    assert 0 < said["votes"]["agreement"] <= 1 and said["progress"]["spent_usd"] == "0.00"
    assert said["known_answers"] is None and float(said["wage"]["forecast_usd"]) > 0
    empty = make_voted_campaign(owner=campaign.owner, n_pairs=1, votes=0)
    said = client_of(campaign.owner).get(f"/api/v1/campaigns/{empty.pk}/figures/").json()
    assert (said["votes"]["votes"], said["votes"]["agreement"], said["wage"]["measured_usd"]) == (0, None, None)


@pytest.mark.django_db
def test_what_labels_are_worth_is_told_at_any_moment_and_better_after_a_merge():
    campaign = make_voted_campaign(owner=make_member("Manager"), n_pairs=20, votes=5, state="collecting")
    client, at = client_of(campaign.owner), f"/api/v1/campaigns/{campaign.pk}/worth/"
    empty = make_campaign(owner=campaign.owner, dataset=make_dataset(owner=campaign.owner))
    assert client.get(f"/api/v1/campaigns/{empty.pk}/worth/").status_code == 409, "no pairs"
    said = client.get(at).json()
    assert said["merge"] is None and said["n_votes"] == 100 and 0.5 < said["right"] < 1
    merge = running.execute(merging.start(campaign, campaign.owner, method="nearer"))
    said = client.get(at).json()
    assert said["merge"] == merge.pk and said["n_pairs"] == 20
    assert 0.5 < said["right"] < 1 and said["low"] <= said["left"] <= said["high"]


@pytest.mark.django_db
def test_who_finished_is_told_by_the_platforms_names_to_who_may_run_the_campaign(client):
    campaign = make_open_campaign(2, places=2)
    campaign.owner = make_member("Manager")
    campaign.save()
    finish_visits(client, campaign, "ada", "bob")
    at = f"/api/v1/campaigns/{campaign.pk}/finished/"
    said = client_of(campaign.owner).get(at).json()
    assert [(row["person"], row["answers"], row["state"]) for row in said] == [("bob", 2, "submitted"), ("ada", 2, "submitted")]
    viewer = make_member("Viewer")
    campaign.shares.create(user=viewer, role=1)
    assert client_of(viewer).get(at).status_code == 403
    assert client_of(make_member("Manager")).get(at).status_code == 404
    nobody_is_missing = client_of(campaign.owner).post(f"/api/v1/campaigns/{campaign.pk}/replace/")
    assert nobody_is_missing.status_code == 409


@pytest.mark.once
def test_a_refused_call_is_seen_with_its_reason_and_made_again(place):
    owner = make_member("Manager")
    campaign = make_published(place, owner=owner, dataset=make_dataset(owner=owner))
    hit, hand, client = campaign.hits.get(), Hand(), client_of(owner)
    accepted = hand.accept(hit)
    hand.submit(accepted, hand.answer(hit, accepted))
    reconciling.reconcile(campaign)
    work = hit.assignments.get()
    call = outbox.put(
        place, Call.Kind.BONUS, outbox.token("test", work.pk), campaign=campaign, assignment=work, worker=work.worker,
        reason="For your patience.", payload={"amount_usd": "0.20"},
    )
    assert client.post(f"/api/v1/calls/{call.pk}/again/").status_code == 409
    Call.objects.filter(pk=call.pk).update(state=Call.State.REFUSED, error="No.")
    refused = client.get("/api/v1/calls/", {"state": "refused"}).json()["results"]
    assert [(row["kind"], row["error"], row["work"]) for row in refused] == [("bonus", "No.", work.pk)]
    assert client.post(f"/api/v1/calls/{call.pk}/again/").json()["state"] == "done"
    assert client_of(make_member("Manager")).post(f"/api/v1/calls/{call.pk}/again/").status_code == 404


@pytest.mark.django_db
def test_a_change_of_an_offer_is_stopped_by_who_asked_for_it():
    campaign = make_voted_campaign(owner=make_member("Manager"), state="collecting")
    client, other = client_of(campaign.owner), make_member("Manager")
    campaign.shares.create(user=other, role=4)
    client.post(f"/api/v1/campaigns/{campaign.pk}/pause/")
    at = f"/api/v1/publications/{Publication.objects.get().pk}/"
    assert client_of(other).post(f"{at}cancel/").status_code == 403
    assert client.post(f"{at}cancel/").json()["state"] == "cancelled"
    assert client.post(f"{at}cancel/").status_code == 409
