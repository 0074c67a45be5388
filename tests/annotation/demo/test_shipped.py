"""The data that ships: whole, exact, small, and the tutorial's answers true."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotation.demo import generate, tutorial
from annotation.demo.skeleton import HIP, JOINTS

FOLDER = Path(generate.__file__).parent
FOLDERS = ("dataset", "tutorial")


def record(name):
    return json.loads((FOLDER / name / "dataset.json").read_text())


@pytest.mark.parametrize("name", FOLDERS)
def test_every_image_is_there_in_the_size_its_record_says(name):
    images = record(name)["images"]
    for image in images:
        with Image.open(FOLDER / name / image["file"]) as picture:
            assert picture.size == (image["width"], image["height"])
            assert picture.format == "JPEG"
    assert len(list((FOLDER / name / "images").iterdir())) == len(images)


@pytest.mark.parametrize("name", FOLDERS)
def test_the_3d_joints_project_onto_the_keypoints(name):
    for image in record(name)["images"]:
        (person,) = image["people"]
        keypoints = np.array(person["keypoints"])
        joints = np.array(person["pose3d_mm"]) + person["root_mm"]
        assert keypoints.shape == (len(JOINTS), 3)
        assert person["pose3d_mm"][HIP] == [0, 0, 0]
        place = joints[:, :2] / joints[:, 2:] * person["focal_px"] + [image["width"] / 2, image["height"] / 2]
        np.testing.assert_allclose(keypoints[:, :2], place, atol=0.01)
        assert keypoints[:, 2].all()
        assert ((keypoints[:, :2] > 0) & (keypoints[:, :2] < [image["width"], image["height"]])).all()


def test_the_data_set_has_96_people_in_less_than_3_megabytes():
    assert len(record("dataset")["images"]) == 96
    files = [path for name in FOLDERS for path in (FOLDER / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000


@pytest.mark.parametrize("name", FOLDERS)
def test_terms_and_the_source_of_the_motions_stand_with_the_data(name):
    assert "MIT" in record(name)["licence"]
    assert "mocap.cs.cmu.edu" in record(name)["citation"]
    assert "mocap.cs.cmu.edu" in json.loads((FOLDER / "poses.json").read_text())["attribution"]


def test_the_shipped_pictures_are_those_of_the_generator():
    poses = generate.load_poses()
    shots = generate.plan(96, 2018, len(poses))
    for number in (0, 50, 95):
        shipped = record("dataset")["images"][number]
        person = generate.person_record(generate.stage(shots[number], poses[shots[number].pose], shipped["width"]))
        for field in ("keypoints", "pose3d_mm", "root_mm", "focal_px"):
            np.testing.assert_allclose(person[field], shipped["people"][0][field], atol=0.02)


def test_some_joints_are_hidden_and_most_are_seen():
    hidden = np.array([image["people"][0]["occluded"] for image in record("dataset")["images"]])
    assert 0.05 < hidden.mean() < 0.35


def test_the_tutorials_answers_follow_from_the_truth_with_a_clear_gap():
    kinds = []
    for image in record("tutorial")["images"]:
        (person,) = image["people"]
        for comparison in image["comparisons"]:
            first, second = comparison["first"], comparison["second"]
            gap = person["pose3d_mm"][second][2] - person["pose3d_mm"][first][2]
            assert comparison["first_is_closer"] == (gap > 0)
            assert abs(gap) >= (300 if comparison["kind"] in ("clear", "left-right") else tutorial.LEAST_GAP_MM)
            hidden = person["occluded"][first] or person["occluded"][second]
            assert hidden == (comparison["kind"] == "occluded")
            assert comparison["explanation"].endswith(".")
            kinds.append(comparison["kind"])
    assert set(kinds) == {"clear", "left-right", "occluded", "lean", "hard"}
    answers = [comparison["first_is_closer"] for image in record("tutorial")["images"] for comparison in image["comparisons"]]
    assert 0.3 < np.mean(answers) < 0.7  # the side of the answer gives nothing away


def test_joints_too_near_in_depth_are_refused_as_a_lesson():
    lesson = tutorial.LESSONS[0]
    person = {"pose3d_mm": [[0, 0, 0]] * len(JOINTS)}
    with pytest.raises(ValueError, match="at least 120 mm apart"):
        tutorial.comparison(lesson, person)
