"""A release is a set of files that stands alone."""

import csv
import hashlib
import io
import json

import numpy as np
import pytest

from annotation.models import Person
from crowd import merging, releasing
from crowd.models import Release
from jobs import running
from tests.factories import make_voted_campaign

pytestmark = pytest.mark.django_db


def merged(campaign):
    return running.execute(merging.start(campaign, campaign.owner))


def released(merge, **options) -> Release:
    release = running.execute(releasing.start(merge, merge.created_by, **options))
    assert release.is_done, release.error
    return release


def read(release: Release, name: str) -> bytes:
    with releasing.open_file(release, name) as file:
        return file.read()


def rows(release: Release, name: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(read(release, name).decode())))


def test_the_files_hold_pairs_votes_and_workers():
    release = released(merged(make_voted_campaign(n_pairs=12, votes=5)))
    assert len(rows(release, "pairs.csv")) == 12
    assert len(rows(release, "votes.csv")) == 60
    assert len(rows(release, "workers.csv")) == 5
    first = rows(release, "pairs.csv")[0]
    assert first["first_joint"] == "head" and 0 < float(first["p_first"]) < 1


def test_the_manifest_has_the_checksum_of_every_file_and_the_conventions():
    release = released(merged(make_voted_campaign()))
    manifest = json.loads(read(release, "manifest.json"))
    for name, facts in manifest["files"].items():
        assert hashlib.sha256(read(release, name)).hexdigest() == facts["sha256"]
    assert set(manifest["files"]) | {"manifest.json"} == set(release.files)
    assert manifest["counts"] == {"people": 4, "pairs": 20, "votes": 100, "workers": 5}
    assert manifest["skeleton"]["joints"][manifest["skeleton"]["root"]] == "hip"
    assert "closer" in manifest["conventions"]["p_first"]


def test_the_papers_format_says_0_where_the_first_keypoint_is_closer():
    release = released(merged(make_voted_campaign(wrong=0.0)))
    content = json.loads(read(release, "relative_depth.json"))
    truth = {person.image.name: person.truth_mm for person in Person.objects.select_related("image")}
    for image in content["images"]:
        for label in image["anns"]:
            gap = truth[image["im_file"]][label["kp1"]][2] - truth[image["im_file"]][label["kp0"]][2]
            assert (label["label"] == 0) == (gap > 0)
            assert label["prob"] >= 0.5 and label["risk"] == pytest.approx(1 - label["prob"], abs=1e-5)


def test_the_training_arrays_fit_together():
    release = released(merged(make_voted_campaign(n_pairs=10)))
    arrays = np.load(io.BytesIO(read(release, "training.npz")))
    assert arrays["pose2d"].shape == (2, 5, 2) and arrays["pose3d"].shape == (2, 5, 3)
    assert arrays["pair_joints"].shape == (10, 2) and arrays["pair_person"].max() == 1
    assert arrays["p_first"].min() > 0 and arrays["p_first"].max() < 1


def test_a_missing_joint_is_nan_in_the_arrays():
    campaign = make_voted_campaign(n_pairs=5)
    person = Person.objects.get()
    person.keypoints[2] = None
    person.save()
    arrays = np.load(io.BytesIO(read(released(merged(campaign)), "training.npz")))
    assert np.isnan(arrays["pose2d"][0, 2]).all() and not arrays["visible"][0, 2]


def test_workers_are_pseudonyms_that_differ_between_releases():
    campaign = make_voted_campaign()
    merge = merged(campaign)
    first, second = released(merge, name="first"), released(merge, name="second")
    identities = {
        text
        for hit in campaign.hits.all()
        for assignment in hit.assignments.all()
        for text in (assignment.worker.worker_id, assignment.worker.annotator.pseudonym)
    }
    whole = b"".join(read(first, name) for name in first.files).decode(errors="replace")
    assert not any(identity in whole for identity in identities)
    names = [{row["worker"] for row in rows(release, "votes.csv")} for release in (first, second)]
    assert len(names[0]) == 5 and not names[0] & names[1]


def test_the_same_votes_settings_and_name_give_the_same_bytes():
    campaign = make_voted_campaign()
    release = released(merged(campaign), name="twin")
    before = {name: read(release, name) for name in release.files}
    release.delete()
    again = released(merged(campaign), name="twin")
    assert {name: read(again, name) for name in again.files} == before


def test_a_name_in_use_gets_a_number():
    merge = merged(make_voted_campaign())
    assert [released(merge, name="hands").name, released(merge, name="hands").name] == ["hands", "hands-2"]


def test_a_file_that_is_not_in_the_release_cannot_be_opened():
    release = released(merged(make_voted_campaign()))
    with pytest.raises(FileNotFoundError, match="no file"):
        releasing.open_file(release, "../secret-key")
