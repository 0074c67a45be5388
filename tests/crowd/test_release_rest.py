"""Releases and votes from elsewhere through the programming interface."""

import io
import json
import zipfile

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from annotation.panel import roles
from crowd.models import Campaign, Release, VoteImport
from jobs import running
from tests import factories
from tests.crowd.releases.make import make_known_campaign, merged, read, released
from tests.programs import errors_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher():
    roles.ensure()
    user = factories.make_user(is_superuser=False)
    user.groups.add(Group.objects.get(name="Manager"))
    return user


@pytest.fixture
def client(researcher):
    client = APIClient()
    client.force_login(researcher)
    return client


@pytest.fixture
def campaign(researcher):
    campaign = make_known_campaign(owner=researcher)
    campaign.dataset.owner = researcher
    campaign.dataset.save()
    return campaign


def body(answer) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_a_release_is_made_with_words_and_formats_and_says_them(client, campaign):
    merge = merged(campaign)
    asked = {"merge": merge.pk, "name": "by-program", "licence": "CC0-1.0", "citation": "Me 2026", "formats": ["paper", "csv"]}
    started = client.post("/api/v1/releases/", asked, format="json")
    assert started.status_code == 201, started.content
    running.execute(Release.objects.get(name="by-program"))
    row = client.get(f"/api/v1/releases/{started.json()['id']}/").json()
    assert row["state"] == "done" and row["formats"] == ["csv", "paper"] and row["licence"] == "CC0-1.0"
    assert row["figures"]["counts"]["votes"] == 90 and "pseudonym_key" not in json.dumps(row)
    assert "coco_keypoints.json" not in row["files"] and "pairs.csv" in row["files"]
    wrong = client.post("/api/v1/releases/", asked | {"formats": ["croissant"]}, format="json")
    assert wrong.status_code == 400 and "describes tables" in errors_of(wrong)["formats"][0]


def test_a_file_that_the_caller_has_is_not_sent_again(client, campaign):
    release = released(merged(campaign), name="known")
    contents = {"files/pairs.csv/": read(release, "pairs.csv"), "manifest/": read(release, "manifest.json"), "archive/": None}
    for place, content in contents.items():
        url = f"/api/v1/releases/{release.pk}/{place}"
        first = client.get(url)
        assert first.status_code == 200 and (content is None or body(first) == content)
        if content is None:
            assert len(zipfile.ZipFile(io.BytesIO(body(first))).namelist()) == len(release.files)
        again = client.get(url, HTTP_IF_NONE_MATCH=first["ETag"])
        assert again.status_code == 304 and not again.content and again["ETag"] == first["ETag"]
        assert client.get(url, HTTP_IF_NONE_MATCH='"another"', HTTP_ACCEPT="text/csv").status_code == 200
        gone = client.get(url, HTTP_IF_MATCH='"another"')
        assert gone.status_code == 412 and gone.json()["type"].endswith("changed")
    assert release.files["pairs.csv"]["sha256"] in client.get(f"/api/v1/releases/{release.pk}/files/pairs.csv/")["ETag"]
    url = f"/api/v1/releases/{release.pk}/"
    first = client.get(url)
    assert client.get(url, HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 304
    Release.objects.update(description="moved on")
    assert client.get(url, HTTP_IF_NONE_MATCH=first["ETag"]).json()["description"] == "moved on"


def test_a_release_that_is_not_written_has_no_files_yet(client, campaign):
    merge = merged(campaign)
    number = client.post("/api/v1/releases/", {"merge": merge.pk}, format="json").json()["id"]
    for place in ("manifest", "archive", "files/pairs.csv"):
        assert client.get(f"/api/v1/releases/{number}/{place}/").status_code == 404


def test_two_releases_are_compared(client, campaign):
    old = released(merged(campaign, method="majority"), name="old")
    new = released(merged(campaign), name="new")
    found = client.get(f"/api/v1/releases/{new.pk}/comparison/?with={old.pk}").json()
    assert found["in_both"] == 18 and found["added"] == found["removed"] == 0
    assert found["pairs"][0].keys() == {"image", "person", "first", "second", "p_old", "p_new", "changed"}
    assert client.get(f"/api/v1/releases/{new.pk}/comparison/?with=99999").status_code == 400
    waiting = client.post("/api/v1/releases/", {"merge": new.merge_id}, format="json").json()["id"]
    refused = client.get(f"/api/v1/releases/{waiting}/comparison/?with={old.pk}")
    assert refused.status_code == 400 and "done" in refused.json()["detail"]


def test_nobody_elses_release_is_there(client):
    release = released(merged(factories.make_voted_campaign(n_pairs=5)))
    for place in ("", "manifest/", "archive/", "files/pairs.csv/", "comparison/?with=1"):
        assert client.get(f"/api/v1/releases/{release.pk}/{place}").status_code in (400, 404)


def test_a_file_of_votes_is_sent_looked_at_and_imported(client, campaign):
    content = b'item,worker,label\n"known-00.png_0,1",a,1\n"known-01.png_0,1",b,0\n'
    asked = {"dataset": campaign.dataset_id, "name": "sent"}

    def send(**more):
        file = SimpleUploadedFile("votes.csv", content)
        return client.post("/api/v1/vote-imports/", asked | {"file": file} | more, format="multipart")

    looked = send(dry_run="true")
    assert looked.status_code == 201, looked.content
    running.execute(VoteImport.objects.get(pk=looked.json()["id"]))
    row = client.get(f"/api/v1/vote-imports/{looked.json()['id']}/").json()
    assert row["state"] == "done" and row["figures"]["votes"] == 2 and row["campaign"] is None
    sent = send(settings='{"first_means": 0}')
    running.execute(VoteImport.objects.get(pk=sent.json()["id"]))
    row = client.get(f"/api/v1/vote-imports/{sent.json()['id']}/").json()
    assert Campaign.objects.get(pk=row["campaign"]).name == "sent" and row["sha256"] and row["filename"] == "votes.csv"
    assert "stored" not in row
    assert send(settings="[]").status_code == 400
    wrong = send(name="other", settings='{"colour": 1}')
    assert wrong.status_code == 400 and "no setting 'colour'" in wrong.json()["detail"]


def test_votes_are_not_put_on_somebody_elses_pictures(client):
    dataset = factories.make_dataset()
    file = SimpleUploadedFile("votes.csv", b"item,worker,label\n")
    answer = client.post("/api/v1/vote-imports/", {"dataset": dataset.pk, "name": "x", "file": file}, format="multipart")
    assert answer.status_code == 400 and "does not exist" in errors_of(answer)["dataset"][0]
    assert APIClient().get("/api/v1/vote-imports/").status_code in (401, 403)
