"""What goes out comes in again: people from the COCO file, votes from their table, and from these the same labels."""

import json

import pytest
from django.core.management import call_command

from annotation.models import Dataset, Person
from crowd.models import Campaign
from tests.annotation.importers import makers
from tests.crowd.releases.make import make_known_campaign, manifest, merged, read, released, rows, unpack

pytestmark = pytest.mark.django_db


def people(dataset: Dataset) -> list:
    found = Person.objects.filter(image__dataset=dataset).order_by("image__name", "number")
    return list(found.values_list("image__name", "number", "image__width", "image__height", "keypoints", "occluded"))


def labels(release) -> list:
    images = json.loads(read(release, "relative_depth.json"))["images"]
    return [(image["im_file"], image["keypoints"], image["occluded"], image["anns"]) for image in images]


def test_a_release_that_is_imported_again_gives_the_same_people_pairs_votes_and_labels(tmp_path):
    campaign = make_known_campaign()
    first, second = Person.objects.order_by("image__name")[:2]
    first.keypoints[0], first.occluded[1], second.occluded[4] = None, True, True
    first.save()
    second.save()
    release = released(merged(campaign, seed=5), name="out")
    folder = unpack(release, tmp_path / "out")
    source = tmp_path / "again"
    for entry in json.loads((folder / "coco_keypoints.json").read_text())["images"]:
        makers.write_picture(source / "images" / entry["file_name"], (entry["width"], entry["height"]), entry["id"])
    (source / "coco_keypoints.json").write_bytes((folder / "coco_keypoints.json").read_bytes())
    (source / "skeleton.json").write_text(json.dumps(manifest(release)["skeleton"]))
    owner = campaign.owner.username
    call_command("import_dataset", str(source), format="coco", name="again", owner=owner, pairs=0)
    dataset = Dataset.objects.get(name="again")
    assert people(dataset) == people(campaign.dataset)
    call_command("import_votes", folder / "votes.csv", dataset="again", name="their votes")
    again = released(merged(Campaign.objects.get(name="their votes"), seed=5), name="in", pseudonym_key="5eed" * 16)
    told = ("image", "person", "first", "second", "p_first", "risk", "votes")
    assert [[row[name] for name in told] for row in rows(again, "pairs.csv")] == [
        [row[name] for name in told] for row in rows(release, "pairs.csv")
    ]
    assert labels(again) == labels(release)
    facts = ("image", "person", "first", "second", "chose_first", "first_is_green", "first_is_left", "response_ms")
    assert sorted([row[name] for name in facts] for row in rows(again, "votes.csv")) == sorted(
        [row[name] for name in facts] for row in rows(release, "votes.csv")
    )
