import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import ndtr

from modeling.lifting import (
    BadData,
    Config,
    Stopped,
    TamperedFile,
    WrongSkeleton,
    calibrate,
    cross_fit,
    evaluate,
    fit,
    order_probability,
    predict,
)  # fmt: skip

from .make import hide, make_people


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.set_num_threads(1)
    return fit(make_people(300), Config(width=64, epochs=12, batch=32), tmp_path_factory.mktemp("lifting") / "run").folder


def test_poses_are_about_the_root_in_millimetres_of_the_assumed_stature(run):
    data = make_people(50, pairs=None, seed=3)
    pose, sigma = predict(run, data.pose2d, data.visible)
    assert pose.shape == (50, 17, 3) and sigma.shape == (50, 17) and pose.dtype == np.float32
    assert (pose[:, 0] == 0).all() and np.allclose(sigma[:, 0], 0)
    bones = np.array(data.skeleton.bones)
    stature = np.linalg.norm(pose[:, bones[:, 0]] - pose[:, bones[:, 1]], axis=-1).sum(1)
    truth = np.linalg.norm(data.pose3d[:, bones[:, 0]] - data.pose3d[:, bones[:, 1]], axis=-1).sum(1)
    assert 0.75 < np.median(stature) / np.median(truth) < 1.1
    assert (sigma[:, 1:] > 0).all()


def test_the_pose_lies_behind_its_own_pixels(run):
    """x and y come from the image: seen from the front, pose and 2D input are the same drawing."""
    data = make_people(30, pairs=None, seed=3)
    pose, _ = predict(run, data.pose2d)
    for one, seen in zip(pose, data.pose2d - data.pose2d[:, :1]):
        assert np.corrcoef(one[:, 0], seen[:, 0])[0, 1] > 0.97
        assert np.corrcoef(one[:, 1], seen[:, 1])[0, 1] > 0.97


def test_order_probability_of_a_swapped_pair_is_the_complement(run):
    data = make_people(300, seed=4)
    pairs, person = data.pair_joints, data.pair_person
    p = order_probability(run, data.pose2d, data.visible, pairs, person)
    swapped = order_probability(run, data.pose2d, data.visible, pairs[:, ::-1], person)
    assert np.allclose(p + swapped, 1) and ((p > 0) & (p < 1)).all()
    sure = np.abs(p - 0.5) > 0.4
    assert ((p > 0.5) == (data.p_first > 0.5))[sure].mean() > 0.9


def test_one_pose_answers_for_many_pairs(run):
    data = make_people(1, pairs=None)
    p = order_probability(run, data.pose2d, data.visible, [[3, 9], [9, 3]])
    assert p.shape == (2,) and np.isclose(p.sum(), 1)


def test_a_mirrored_person_gets_the_mirrored_pose(run):
    data = make_people(20, pairs=None, seed=6)
    pose, sigma = predict(run, data.pose2d)
    other = data.mirrored()
    pose_m, sigma_m = predict(run, other.pose2d)
    mirror = list(data.skeleton.mirror)
    assert np.allclose(pose_m[:, mirror] * (-1, 1, 1), pose, atol=0.5)
    assert np.allclose(sigma_m[:, mirror], sigma, atol=0.5)


def test_missing_joints_are_filled_in(run):
    data = make_people(60, pairs=None, seed=7)
    whole, _ = predict(run, data.pose2d)
    pose, sigma = predict(run, hide(data, 0.1).pose2d)
    assert np.isfinite(pose).all() and np.isfinite(sigma).all()
    assert np.linalg.norm(pose - whole, axis=-1).mean() < 150


def test_nobody_to_predict_gives_nothing(run):
    pose, sigma = predict(run, np.zeros((0, 17, 2)))
    assert pose.shape == (0, 17, 3) and sigma.shape == (0, 17)


@pytest.mark.parametrize(
    ("pose2d", "said"),
    [
        (np.zeros((3, 14, 2)), r"takes \(N, 17, 2\)"), (np.full((2, 17, 2), np.nan), "row 0 has fewer than two"),
        (np.full((2, 17, 2), np.inf), "row 0 is infinite"),
    ],
)  # fmt: skip
def test_keypoints_that_cannot_be_used_are_refused(run, pose2d, said):
    with pytest.raises(BadData, match=said):
        predict(run, pose2d)


def test_changed_weights_and_foreign_folders_are_refused(run, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(run, folder)
    with (folder / "weights.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    with pytest.raises(TamperedFile, match=r"run\.json promises"):
        predict(folder, np.zeros((1, 17, 2)))
    with pytest.raises(BadData, match="no finished run"):
        predict(tmp_path, np.zeros((1, 17, 2)))
    (folder / "run.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(BadData, match="not a run of this lifter"):
        predict(folder, np.zeros((1, 17, 2)))


def test_data_of_another_skeleton_is_refused(run):
    with pytest.raises(WrongSkeleton, match="16 joints"):
        evaluate(run, make_people(5).drop_joints(["nose"]))


def test_evaluation_knows_errors_labels_and_gaps(run):
    data = make_people(100, pairs=3, seed=8)
    found = evaluate(run, replace(data, is_train=np.arange(100) < 40), people="test")
    assert found["people"] == 60 and found["labels"] == 180
    assert found["pa_mpjpe_mm"] < found["mpjpe_mm"]
    assert found["labels_wrong"] < 0.3 and 0 < found["pck_150"] <= 1
    assert found["per_joint_mm"]["hip"] == 0
    shares = found["order_by_gap"]
    assert shares["over 400"]["share"] > shares["0-50"]["share"]
    json.dumps(found)


def test_noise_on_the_input_costs_accuracy(run):
    data = make_people(100, pairs=None, seed=8)
    assert evaluate(run, data, noise_px=30)["mpjpe_mm"] > evaluate(run, data)["mpjpe_mm"]


def test_cross_fitted_predictions_never_saw_their_own_label(tmp_path):
    """One person's labels are turned into lies: his own prediction must not change, only other people's."""
    data = make_people(60, seed=2)
    config = Config(width=16, epochs=2, batch=16)
    before = cross_fit(data, config, tmp_path / "a", folds=3)
    mine = data.pair_person == 7
    lied = replace(data, p_first=np.where(mine, 1 - data.p_first, data.p_first))
    after = cross_fit(lied, config, tmp_path / "b", folds=3)
    fold = before.fold == before.fold[7]
    assert np.array_equal(before.pose3d[fold], after.pose3d[fold])
    assert np.array_equal(before.p_first[mine], after.p_first[mine])
    assert not np.array_equal(before.pose3d[~fold], after.pose3d[~fold])


def test_cross_fitting_can_be_stopped_and_needs_enough_people(tmp_path):
    data = make_people(30)
    with pytest.raises(Stopped):
        cross_fit(data, Config(width=16, epochs=2, batch=16), tmp_path / "a", 3, lambda entry: entry["fold"] < 1)
    with pytest.raises(BadData, match="cannot be cut"):
        cross_fit(data.people(np.arange(2)), Config(), tmp_path / "b", 5)


def test_probabilities_that_claim_too_much_are_softened_until_they_keep_their_word():
    rng = np.random.default_rng(0)
    true = ndtr(rng.normal(size=4000))
    label = (rng.random(4000) < true).astype(float)
    assert calibrate.softness(true, label) > 0.93
    boastful = calibrate.softened(true, 3.0)
    assert abs(calibrate.softness(boastful, label) * 3 - 1) < 0.1
    useless = calibrate.softened(rng.permutation(true), calibrate.softness(rng.permutation(true), label))
    assert np.abs(useless - 0.5).max() < 0.1  # a model that knows nothing claims next to nothing
    assert calibrate.softness(np.zeros(0), np.zeros(0)) == 1.0
