"""A release is a set of files that stands alone."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import mlcroissant
import numpy as np
import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from pycocotools.coco import COCO

import nearer
from annotation import skeletons
from annotation.models import Person, Task
from crowd import merging, releasing
from crowd.models import Release
from crowd.releases.documents import paper_joint_names
from jobs import running
from tests import factories
from tests.crowd.releases.make import make_known_campaign, manifest, merged, read, released, rows, unpack
from tests.factories import make_voted_campaign

pytestmark = pytest.mark.django_db


def test_the_files_hold_pairs_votes_and_workers():
    release = released(merged(make_voted_campaign(n_pairs=12, votes=5)))
    assert len(rows(release, "pairs.csv")) == 12
    assert len(rows(release, "votes.csv")) == 60
    assert len(rows(release, "workers.csv")) == 5
    first = rows(release, "pairs.csv")[0]
    assert first["first_joint"] == "head" and 0 < float(first["p_first"]) < 1


def test_the_manifest_has_the_checksum_of_every_file_and_the_conventions():
    release = released(merged(make_voted_campaign()))
    said = manifest(release)
    for name, facts in said["files"].items():
        assert hashlib.sha256(read(release, name)).hexdigest() == facts["sha256"]
    assert set(said["files"]) | {"manifest.json"} == set(release.files)
    assert said["counts"] == {"images": 4, "people": 4, "pairs": 20, "votes": 100, "workers": 5}
    assert said["version"] == 1 and said["software"].startswith("Nearer ") and said["merge"]["seed"] == 0
    assert said["skeleton"]["joints"][said["skeleton"]["root"]] == "hip"
    assert "closer" in said["conventions"]["p_first"]


def test_the_papers_format_says_0_where_the_first_keypoint_is_closer_and_the_probability_of_1():
    release = released(merged(make_voted_campaign(wrong=0.0)))
    content = json.loads(read(release, "relative_depth.json"))
    truth = {person.image.name: person.truth_mm for person in Person.objects.select_related("image")}
    assert set(content) == {"joint_names", "images"}
    for image in content["images"]:
        assert set(image) == {"im_file", "is_train", "keypoints", "occluded", "anns"}
        for label in image["anns"]:
            assert set(label) == {"kp0", "kp1", "label", "prob", "risk", "original_id"}
            gap = truth[image["im_file"]][label["kp1"]][2] - truth[image["im_file"]][label["kp0"]][2]
            assert (label["label"] == 0) == (gap > 0)
            # Lean Crowdsourcing's own numbers: prob is that of label 1, and the risk that of the label being wrong.
            assert label["risk"] == pytest.approx(label["prob"] if label["label"] == 0 else 1 - label["prob"], abs=1e-5)
            assert label["risk"] <= 0.5


def test_the_papers_code_reads_a_release_on_leeds_sports_pose_as_its_own_file(tmp_path):
    """Its class LSP looks joints up by fourteen names; its plots take their order, and the pictures' folder, for granted."""
    by_name = [
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
        "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head",
    ]
    for_granted = ["head", "neck"] + [
        f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
    ]
    lsp = json.loads((Path(skeletons.__file__).parent / "lsp-14.json").read_text())
    dataset = factories.make_dataset(skeleton=factories.make_skeleton(**lsp))
    image = factories.make_image(dataset=dataset, name="im0007.jpg")
    places = [[10.0 * joint, 5.0 + joint] for joint in range(14)]
    person = factories.make_person(image=image, keypoints=places, occluded=[joint == 6 for joint in range(14)], truth_mm=None)
    ankle_or_head = factories.make_pair(person=person, first=0, second=13)
    campaign = factories.make_campaign(dataset=dataset)
    hit = factories.make_hit(campaign=campaign, pairs=[ankle_or_head], max_assignments=3)
    for _ in range(3):
        factories.answer(factories.make_assignment(hit=hit).task, lambda pair: False)  # the head is closer
    folder = unpack(released(merged(campaign)), tmp_path / "out")
    file = json.loads((folder / "relative_depth.json").read_text())

    assert len(by_name) == len(file["joint_names"]) == sum(name in by_name for name in file["joint_names"])
    index = [by_name.index(name) for name in file["joint_names"]]
    (entry,) = file["images"]
    coordinates = np.zeros(28)
    for row, joint in enumerate(index):
        coordinates[2 * joint : 2 * joint + 2] = entry["keypoints"][2 * row : 2 * row + 2]
    assert coordinates.reshape(14, 2).tolist() == places  # its order by name is that of Leeds Sports Pose
    (ann,) = entry["anns"]
    kp0, kp1, sign = index[ann["kp0"]], index[ann["kp1"]], ann["label"] * 2 - 1  # -1: kp0 is closer
    assert {kp0, kp1} == {0, 13} and (sign == -1) == (kp0 == 13)

    assert file["joint_names"] == for_granted and [for_granted[k] for k in np.flatnonzero(entry["occluded"])] == ["right_wrist"]
    assert int(entry["im_file"][9:13]) == 7
    theirs, ours = nearer.load(folder / "relative_depth.json"), nearer.load(folder)
    assert theirs.image.tolist() == ours.image.tolist() == ["im0007.jpg"] and theirs.person.tolist() == ours.person.tolist()
    assert theirs.p_first[0] == pytest.approx(ours.p_first[0], abs=1e-5) and theirs.p_first[0] < 0.5


def test_a_skeleton_of_other_joints_keeps_their_order_and_names():
    assert paper_joint_names(["nose", "head top", "left knee"]) == ["nose", "head", "left_knee"]
    assert paper_joint_names(["head", "head top"]) == ["head", "head_top"]


def test_the_training_arrays_fit_together():
    release = released(merged(make_voted_campaign(n_pairs=10)))
    arrays = np.load(io.BytesIO(read(release, "training.npz")))
    assert arrays["pose2d"].shape == (2, 5, 2) and arrays["pose3d"].shape == (2, 5, 3)
    assert arrays["pair_joints"].shape == (10, 2) and arrays["pair_person"].max() == 1
    assert arrays["p_first"].min() > 0 and arrays["p_first"].max() < 1


def test_a_missing_joint_is_nan_in_the_arrays_and_absent_in_the_documents():
    campaign = make_voted_campaign(n_pairs=5)
    person = Person.objects.get()
    person.keypoints[2], person.occluded[1] = None, True
    person.save()
    release = released(merged(campaign))
    arrays = np.load(io.BytesIO(read(release, "training.npz")))
    assert np.isnan(arrays["pose2d"][0, 2]).all() and not arrays["visible"][0, 2] and arrays["occluded"][0, 1]
    assert json.loads(read(release, "relative_depth.json"))["images"][0]["keypoints"][4:6] == [-1, -1]
    annotation = json.loads(read(release, "coco_keypoints.json"))["annotations"][0]
    assert annotation["keypoints"][6:9] == [0, 0, 0] and annotation["keypoints"][5] == 1 and annotation["num_keypoints"] == 4


def test_workers_are_pseudonyms_that_differ_between_releases():
    campaign = make_voted_campaign()
    merge = merged(campaign)
    first, second = released(merge, name="first"), released(merge, name="second")
    identities = {
        text
        for hit in campaign.hits.all()
        for assignment in hit.assignments.all()
        for text in (assignment.worker.worker_id, assignment.worker.annotator.pseudonym)
    } | {first.pseudonym_key}
    whole = b"".join(read(first, name) for name in first.files).decode(errors="replace")
    assert not any(identity in whole for identity in identities)
    names = [{row["worker"] for row in rows(release, "votes.csv")} for release in (first, second)]
    assert len(names[0]) == 5 and not names[0] & names[1]


def test_the_same_votes_settings_and_name_give_the_same_bytes():
    campaign = make_voted_campaign()
    release = released(merged(campaign), name="twin")
    before = {name: read(release, name) for name in release.files} | {"zip": b"".join(releasing.zipped(release))}
    release.delete()
    again = released(merged(campaign), name="twin")
    assert {name: read(again, name) for name in again.files} | {"zip": b"".join(releasing.zipped(again))} == before


def test_two_databases_with_other_keys_and_another_order_of_rows_give_the_same_bytes():
    key = "5eed" * 16
    found = []
    for backwards in (False, True):
        if backwards:
            make_voted_campaign()  # so that every primary key is another one
        with transaction.atomic():
            campaign = make_known_campaign(backwards=backwards)
            release = released(merged(campaign), name="known", pseudonym_key=key)
            found.append({name: read(release, name) for name in release.files} | {"pk": campaign.pk})
            transaction.set_rollback(True)
    first, second = found
    assert first.pop("pk") != second.pop("pk")
    different = [name for name in first if first[name] != second[name]]
    assert not different and len(first) == 13


def test_only_the_formats_asked_for_are_written():
    merge = merged(make_voted_campaign(n_pairs=5))
    release = released(merge, formats=["paper"])
    assert set(release.files) == {"training.npz", "votes.npz", "relative_depth.json", "README.md", "manifest.json"}
    with pytest.raises(ValueError, match="no format 'xml'"):
        releasing.start(merge, merge.created_by, formats=["xml"])
    with pytest.raises(ValueError, match="describes tables"):
        releasing.start(merge, merge.created_by, formats=["croissant"])


def test_a_name_in_use_gets_a_number_and_a_name_that_is_no_file_name_is_refused():
    merge = merged(make_voted_campaign())
    assert [released(merge, name="hands").name, released(merge, name="hands").name] == ["hands", "hands-2"]
    with pytest.raises(ValueError, match="letters, digits"):
        releasing.start(merge, merge.created_by, name="../hands")
    with pytest.raises(ValueError, match="64 hexadecimal"):
        releasing.start(merge, merge.created_by, pseudonym_key="short")


def test_a_file_that_is_not_in_the_release_cannot_be_opened():
    release = released(merged(make_voted_campaign()))
    with pytest.raises(FileNotFoundError, match="no file"):
        releasing.open_file(release, "../secret-key")


def test_votes_that_were_confirmed_after_the_merge_are_not_released_with_it():
    campaign = make_voted_campaign(n_pairs=5, votes=3)
    merge = merged(campaign)
    late = factories.make_assignment(hit=campaign.hits.get())
    factories.answer(late.task, lambda pair: True)
    assert manifest(released(merge))["counts"]["votes"] == 15


def test_a_merge_whose_votes_were_taken_back_is_not_released():
    campaign = make_voted_campaign(n_pairs=5, votes=3)
    merge = merged(campaign)
    Task.objects.filter(pk=campaign.hits.get().assignments.first().task_id).update(verified_at=None)
    release = running.execute(releasing.start(merge, campaign.owner))
    assert not release.is_done and "Merge again" in release.error and release.files == {}


def test_parquet_says_what_the_csv_says():
    release = released(merged(make_known_campaign()))
    for name in ("pairs", "votes", "workers"):
        table = pyarrow.parquet.read_table(io.BytesIO(read(release, f"{name}.parquet"))).to_pylist()
        text = rows(release, f"{name}.csv")
        assert [set(row) for row in table] == [set(row) for row in text]
        for typed, written in zip(table, text):
            for column, value in typed.items():
                said = written[column]
                if value is None:
                    assert said == ""
                elif isinstance(value, bool | int | float):
                    assert float(said) == pytest.approx(float(value), abs=1e-6)
                else:
                    assert said == value


def test_pycocotools_loads_the_coco_file_and_finds_the_relative_depth(tmp_path):
    campaign = make_known_campaign()
    image = campaign.dataset.images.order_by("name").first()
    second = factories.make_person(image=image, number=1)
    pair = factories.make_pair(person=second, first=4, second=0)
    factories.answer(factories.make_assignment(hit=factories.make_hit(campaign=campaign, pairs=[pair])).task, lambda _: True)
    folder = unpack(released(merged(campaign)), tmp_path / "release")
    coco = COCO(folder / "coco_keypoints.json")
    assert len(coco.getImgIds()) == 6 and len(coco.getAnnIds()) == 7
    two = coco.loadAnns(coco.getAnnIds(imgIds=coco.getImgIds()[0]))
    assert len(two) == 2 and two[1]["relative_depth"][0]["first"] == 4
    assert coco.loadCats(1)[0]["keypoints"][3] == "left_knee" and coco.loadCats(1)[0]["skeleton"][0] == [1, 2]
    done = coco.loadRes(str(_as_results(tmp_path, coco)))  # what an evaluation of keypoints needs is there
    assert len(done.getAnnIds()) == 7


def _as_results(folder, coco):
    found = [
        {"image_id": one["image_id"], "category_id": 1, "keypoints": one["keypoints"], "score": 1.0}
        for one in coco.loadAnns(coco.getAnnIds())
    ]
    (folder / "results.json").write_text(json.dumps(found))
    return folder / "results.json"


@pytest.mark.parametrize("formats", [["csv", "croissant"], ["parquet", "croissant"]])
def test_the_croissant_metadata_are_valid_and_their_records_can_be_read(tmp_path, formats):
    folder = unpack(released(merged(make_known_campaign()), formats=formats), tmp_path / "release")
    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert dataset.metadata.license == ["CC BY 4.0"] and len(dataset.metadata.distribution) >= 6
    pairs = list(dataset.records("pairs"))
    assert len(pairs) == 18 and pairs[0]["pairs/image"] == b"known-00.png" and 0 < pairs[0]["pairs/p_first"] < 1
    assert len(list(dataset.records("votes"))) == 90 and len(list(dataset.records("workers"))) == 5


def test_the_zip_holds_every_file_and_can_be_loaded_as_it_is(tmp_path):
    release = released(merged(make_known_campaign()), name="whole")
    path = tmp_path / "whole.zip"
    path.write_bytes(b"".join(releasing.zipped(release)))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name.removeprefix("whole/") for name in archive.namelist()} == set(release.files)
    assert nearer.verify(path) == []
    assert len(nearer.load(path)) == 18


def test_a_release_that_dies_half_way_is_written_anew_and_whole():
    merge = merged(make_voted_campaign(n_pairs=5))
    release = running.execute(releasing.start(merge, merge.created_by, name="again"))
    before = read(release, "pairs.csv")
    Release.objects.filter(pk=release.pk).update(state=Release.State.WAITING, files={})
    again = running.execute(Release.objects.get(pk=release.pk))
    assert again.is_done and read(again, "pairs.csv") == before


def test_a_merge_that_is_not_done_cannot_be_released():
    campaign = make_voted_campaign(n_pairs=5)
    with pytest.raises(ValueError, match="done"):
        releasing.start(merging.start(campaign, campaign.owner), campaign.owner)


def test_the_command_writes_the_newest_merge_and_repeats_another_servers_release(tmp_path, capsys):
    campaign = make_known_campaign()
    merged(campaign, method="majority")
    merged(campaign)
    (tmp_path / "key").write_text("5eed" * 16 + "\n")
    options = {"pseudonym_key_file": tmp_path / "key", "formats": ["csv"], "licence": "CC0-1.0"}
    call_command("release", "known", name="by-command", output=tmp_path / "out", **options)
    assert "18 pairs with 90 votes as 'by-command', copied to" in capsys.readouterr().out
    found = nearer.load(tmp_path / "out")
    assert nearer.verify(tmp_path / "out") == [] and found.manifest["merge"]["method"] == "nearer"
    assert found.manifest["licence"] == "CC0-1.0" and Release.objects.get().pseudonym_key == "5eed" * 16
    for wrong, said in (({"output": tmp_path / "out"}, "not empty"), ({"merge": 99999}, "no such merge")):
        with pytest.raises(CommandError, match=said):
            call_command("release", "known", **wrong)
    with pytest.raises(CommandError, match="no campaign 'none'"):
        call_command("release", "none")
