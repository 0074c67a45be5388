"""What a data set holds, by programs: read with few queries, changed with the panel's rights, and noted in the audit trail."""

import pytest

from annotation.models import Dataset, Pair
from config.api import router
from crowd import deciding, merging
from crowd.models import Campaign, Merge
from jobs import running
from tests.factories import make_campaign, make_dataset, make_pairs, make_voted_campaign
from tests.programs import client_of, errors_of, make_member

pytestmark = pytest.mark.django_db
MOST_QUERIES = 12
DATASETS, PAIRS = "/api/v1/datasets/", "/api/v1/pairs/"


def rows(client, place: str, **filters) -> list[dict]:
    answer = client.get(f"/api/v1/{place}/", filters)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def make_manager_and_dataset():
    owner = make_member("Manager")
    return owner, make_dataset(owner=owner, name="street")


def test_images_people_and_pairs_are_read_with_their_joints_and_found_by_filters():
    owner, dataset = make_manager_and_dataset()
    make_pairs(7, dataset)
    client = client_of(owner)
    image, person = rows(client, "images", dataset=dataset.pk)[0], rows(client, "people", dataset=dataset.pk)[0]
    assert client.get(image["url"]).status_code == 200 and person["image"] == image["id"]
    assert person["keypoints"][0] == [100, 30] and person["truth_mm"][2] == [0, 0, 0]
    pair = rows(client, "pairs", person=person["id"])[0]
    assert (pair["first_joint"], pair["second_joint"], pair["gold_first"]) == ("hip", "neck", None)
    assert len(rows(client, "pairs", dataset=dataset.pk)) == 7 and rows(client, "pairs", has_gold=True) == []
    assert client.get(DATASETS).json()["results"][0]["pairs"] == 7


def test_an_experts_answer_is_stored_and_taken_back_by_who_may_answer():
    owner, dataset = make_manager_and_dataset()
    (pair,) = make_pairs(1, dataset)
    client, at = client_of(owner), f"{PAIRS}{pair.pk}/"
    assert client.patch(at, {"gold_first": True, "first": 3}, format="json").json()["gold_first"] is True
    pair.refresh_from_db()
    assert pair.gold_first is True and pair.first == 0
    assert rows(client, "audit", thing="pair")[0]["did"] == "Known answer: True."
    assert client.patch(at, {"gold_first": None}, format="json").json()["gold_first"] is None
    assert client.patch(at, {"gold_first": "perhaps"}, format="json").status_code == 400
    Dataset.objects.update(owner=(viewer := make_member("Viewer")))
    assert client_of(viewer).patch(at, {"gold_first": True}, format="json").status_code == 403
    assert client.patch(at, {"gold_first": True}, format="json").status_code == 404


def test_further_pairs_are_counted_before_they_are_added():
    owner, dataset = make_manager_and_dataset()
    make_pairs(5, dataset)
    client, at, bones = client_of(owner), f"{DATASETS}{dataset.pk}/further-pairs/", {"strategy": "bones"}
    preview = client.get(at, bones).json()
    assert preview["n_pairs"] > 0 and Pair.objects.count() == 5
    added = client.post(at, bones, format="json")
    assert added.status_code == 201 and added.json()["n_pairs"] == preview["n_pairs"] == Pair.objects.count() - 5
    assert errors_of(client.get(at, {"strategy": "guess"})).keys() == {"strategy"}
    assert client.post(at, {"strategy": "random", "count": 0}, format="json").status_code == 400
    Dataset.objects.update(owner=(viewer := make_member("Viewer")))
    assert client_of(viewer).post(at, bones, format="json").status_code == 403


def test_a_data_set_is_described_anew_and_deleted_unless_campaigns_were_made_of_it():
    owner, dataset = make_manager_and_dataset()
    make_pairs(1, dataset)
    make_dataset(owner=owner, name="taken")
    client, at = client_of(owner), f"{DATASETS}{dataset.pk}/"
    changed = client.patch(at, {"licence": "CC0-1.0", "source": "mine", "seed": 9}, format="json").json()
    assert changed["licence"] == "CC0-1.0" and changed["source"] == "test" and changed["seed"] == 0
    assert errors_of(client.patch(at, {"name": "taken"}, format="json")).keys() == {"name"}
    campaign = make_campaign(dataset=dataset, owner=owner)
    assert client.delete(at).status_code == 409
    Campaign.objects.filter(pk=campaign.pk).delete()
    assert client.delete(at).status_code == 204 and not Pair.objects.exists()
    assert rows(client, "audit", thing="dataset")[0]["did"] == "Deleted."


def test_what_votes_amount_to_is_read_under_pseudonyms():
    owner, dataset = make_manager_and_dataset()
    campaign = make_voted_campaign(dataset=dataset, owner=owner)
    merge, client = merging.start(campaign, owner), client_of(owner)
    at = f"/api/v1/merges/{merge.pk}/cancel/"
    running.execute(merge)
    assert client.post(at).status_code == 409
    labels, skills = rows(client, "consensus", merge=merge.pk), rows(client, "skills", merge=merge.pk)
    assert len(labels) == 20 and len(skills) == 5 and {row["n_votes"] for row in labels} == {5}
    doubtful = rows(client, "consensus", merge=merge.pk, risk_over=0.1)
    assert {row["id"] for row in doubtful} == {row["id"] for row in labels if row["risk"] > 0.1}
    votes = rows(client, "votes", campaign=campaign.pk, worker=skills[0]["worker"])
    assert len(votes) == 20 and {vote["choice"] for vote in votes} == {1, 2}
    stranger = client_of(make_member("Manager"))
    assert [rows(stranger, place) for place in ("consensus", "skills", "votes", "pairs", "audit")] == [[]] * 5
    waiting = merging.start(campaign, owner)
    assert client.post(f"/api/v1/merges/{waiting.pk}/cancel/").json()["state"] == "cancelled"
    assert Merge.objects.filter(state="cancelled").count() == 1


def test_no_list_asks_the_database_more_for_more_rows(django_assert_max_num_queries):
    owner, dataset = make_manager_and_dataset()
    for _ in range(4):
        make_dataset(owner=owner)
        make_campaign(dataset=dataset, owner=owner)
    campaign = make_voted_campaign(dataset=dataset, owner=owner)
    for worker in {row.worker for row in campaign.hits.get().assignments.all()}:
        deciding.exclude(worker, owner)
    running.execute(merging.start(campaign, owner))
    client = client_of(owner)
    for prefix, _, _ in router.registry:
        if prefix == "cadences":  # one by one, by the campaign's number
            continue
        with django_assert_max_num_queries(MOST_QUERIES):
            rows(client, prefix)
