"""The generator's promises: exact joints, bodies under them, the same pictures for the same seed."""

import json

import numpy as np
import pytest
from PIL import Image

from annotation.demo import generate
from annotation.demo.scene import render
from annotation.demo.skeleton import HEAD_TOP, HIP, L_ANKLE, L_SHOULDER, L_WRIST, NOSE, R_ANKLE, R_SHOULDER, R_WRIST

SIZE = 96


@pytest.fixture(scope="module")
def poses():
    return generate.load_poses()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A data set of two people, made by the command."""
    folder = tmp_path_factory.mktemp("mannequins")
    assert generate.main(["--output", str(folder), "--people", "2", "--seed", "7", "--size", str(SIZE)]) == 0
    return folder


def make_scene(poses, number=0, size=SIZE, **changes):
    shot = generate.plan(len(poses), 5, len(poses))[number]
    for name, value in changes.items():
        setattr(shot, name, value)
    return generate.stage(shot, poses[shot.pose], size)


def test_the_command_writes_a_picture_and_a_record_for_each_person(small):
    record = json.loads((small / "dataset.json").read_text())
    assert (record["format"], record["version"], record["skeleton"]) == ("nearer-dataset", 1, "h36m-17")
    assert len(record["images"]) == 2
    for image in record["images"]:
        with Image.open(small / image["file"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (SIZE, SIZE)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_picture(small, tmp_path):
    generate.main(["--output", str(tmp_path / "again"), "--people", "2", "--seed", "7", "--size", str(SIZE)])
    generate.main(["--output", str(tmp_path / "other"), "--people", "1", "--seed", "8", "--size", str(SIZE)])
    for file in ("dataset.json", "images/0001.jpg", "images/0002.jpg"):
        assert (small / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    assert (small / "images/0001.jpg").read_bytes() != (tmp_path / "other" / "images/0001.jpg").read_bytes()


def test_a_folder_that_holds_a_data_set_is_not_overwritten(small, capsys):
    before = (small / "dataset.json").read_bytes()
    with pytest.raises(SystemExit) as stop:
        generate.main(["--output", str(small), "--people", "1"])
    assert stop.value.code != 0
    assert "already holds a data set" in capsys.readouterr().err
    assert (small / "dataset.json").read_bytes() == before


def test_more_people_than_poses_are_refused_with_the_number_that_is_possible(tmp_path, capsys):
    with pytest.raises(SystemExit):
        generate.main(["--output", str(tmp_path), "--people", "5000"])
    assert "choose 1 to 96" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_visible_joint_lies_on_the_body_and_the_picture_has_room_around_it(poses):
    for number in (3, 40):
        scene = make_scene(poses, number, size=160)
        person = generate.person_record(scene)
        coverage = render(scene).coverage
        for (x, y, visible), hidden in zip(person["keypoints"], person["occluded"], strict=True):
            assert visible == 1
            if not hidden:
                assert coverage[int(y), int(x)] >= 0.5
        assert coverage[0].max() == coverage[-1].max() == coverage[:, 0].max() == coverage[:, -1].max() == 0
        assert 0.03 < coverage.mean() < 0.6


def test_seen_from_behind_the_nose_is_hidden_and_the_left_shoulder_is_on_the_left(poses):
    upright = int(np.argmax(poses[:, HEAD_TOP, 2]))
    front = generate.person_record(make_scene(poses, pose=upright, azimuth_deg=0, elevation_deg=5))
    back = generate.person_record(make_scene(poses, pose=upright, azimuth_deg=180, elevation_deg=5))
    assert not front["occluded"][NOSE]
    assert back["occluded"][NOSE]
    assert front["keypoints"][L_SHOULDER][0] > front["keypoints"][R_SHOULDER][0]
    assert back["keypoints"][L_SHOULDER][0] < back["keypoints"][R_SHOULDER][0]


def test_seen_from_the_persons_left_the_left_shoulder_is_closer(poses):
    person = generate.person_record(make_scene(poses, azimuth_deg=90, elevation_deg=5))
    assert person["pose3d_mm"][L_SHOULDER][2] < person["pose3d_mm"][R_SHOULDER][2] - 100


def test_a_hand_before_the_trunk_is_seen_and_hidden_from_the_other_side(poses):
    scene = make_scene(poses, pose=86, azimuth_deg=0, elevation_deg=8)
    assert generate.person_record(scene)["occluded"][L_WRIST]
    scene = make_scene(poses, pose=86, azimuth_deg=180, elevation_deg=8)
    assert not generate.person_record(scene)["occluded"][L_WRIST]


def test_a_raised_camera_sees_the_head_closer_than_the_feet(poses):
    upright = int(np.argmax(poses[:, HEAD_TOP, 2] - poses[:, [L_WRIST, R_WRIST], 2].max(1)))
    depth = np.array(generate.person_record(make_scene(poses, pose=upright, elevation_deg=50))["pose3d_mm"])[:, 2]
    assert depth[HEAD_TOP] < depth[HIP] < max(depth[L_ANKLE], depth[R_ANKLE])


def test_azimuths_go_round_and_every_outfit_and_pose_is_used(poses):
    shots = generate.plan(96, 1, len(poses))
    quarters = np.bincount((np.array([shot.azimuth_deg for shot in shots]) % 360 // 90).astype(int), minlength=4)
    assert quarters.min() >= 15
    assert sorted(shot.pose for shot in shots) == list(range(96))
    assert len({shot.look.outfit for shot in shots}) == 12
