"""What a campaign releases is what a lifter learns from, by the lifter's own reader and by the loader's arrays."""

import json

import numpy as np
import pytest

import nearer
from modeling import lifting
from modeling.lifting.data import LiftingData, check
from modeling.lifting.skeletons import Skeleton
from tests.crowd.releases.make import make_known_campaign, merged, released, unpack

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    return unpack(released(merged(make_known_campaign(n_images=30))), tmp_path / "release")


def from_arrays(release: nearer.Release) -> LiftingData:
    skeleton = Skeleton.from_json(release.manifest["skeleton"], release.where)
    return check(LiftingData(
        skeleton=skeleton, pose2d=release.keypoints, visible=release.visible, image_size=release.image_size,
        person=release.person, is_train=release.is_train, group=np.unique(release.image, return_inverse=True)[1],
        pair_person=release.pair_person.astype(np.int64), pair_joints=release.pairs.astype(np.int64), p_first=release.p_first,
        pose3d=release.truth, truth_is_for_evaluation=True,
    ))  # fmt: skip


def test_the_lifter_reads_the_same_from_a_release_and_from_the_loaders_arrays(folder):
    read, given = lifting.load(folder), from_arrays(nearer.load(folder))
    for name in ("pose2d", "visible", "image_size", "is_train", "pair_person", "pair_joints", "p_first", "pose3d", "group"):
        np.testing.assert_array_equal(getattr(read, name), getattr(given, name), err_msg=name)
    assert read.skeleton == given.skeleton


def test_a_lifter_trains_from_the_loaders_arrays(folder, tmp_path):
    config = lifting.Config.from_json({"epochs": 2, "seed": 0})
    curve = []
    lifting.fit(from_arrays(nearer.load(folder)), config, output=tmp_path / "run", on_epoch=curve.append)
    assert len(curve) == 2 and all(np.isfinite(epoch["loss"]) for epoch in curve)


def test_a_joint_that_is_missing_in_the_papers_form_is_missing_for_the_lifter(tmp_path):
    image = {"im_file": "a.jpg", "keypoints": [5, 6, -1, -1, 7, 8], "anns": [{"kp0": 0, "kp1": 2, "label": 0}]}
    other = image | {"keypoints": [5, 6, 1, 2, 7, 8]}
    (tmp_path / "p.json").write_text(json.dumps({"joint_names": ["neck", "nose", "left_hip"], "images": [image, other]}))
    assert lifting.load(tmp_path / "p.json").visible.tolist() == [[True, False, True], [True, True, True]]


def test_the_papers_form_teaches_the_same_labels(folder):
    read, paper = lifting.load(folder), lifting.load(folder / "relative_depth.json")
    np.testing.assert_array_equal(paper.pair_joints, read.pair_joints)
    assert ((paper.p_first == 1) == (read.p_first >= 0.5)).all()
