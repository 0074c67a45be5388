import json
from dataclasses import replace

import numpy as np
import pytest

from modeling.lifting import BadData, TamperedFile, load
from modeling.lifting.labels import relation
from modeling.lifting.sources import load_keypoints

from .make import BONES_17, NAMES_17, hide, make_people, make_skeleton, write_release


def write_mocap(path, count=12, **overrides):
    data = make_people(count, pairs=None)
    arrays = {
        "pose2d": np.round(data.pose2d * 8).astype(np.int16), "pose3d": np.round(data.pose3d * 4).astype(np.int16),
        "joints": np.array(NAMES_17), "bones": np.array(BONES_17), "subject": np.repeat([3, 4], count // 2),
        "clip": np.arange(count) // 3,
    }  # fmt: skip
    np.savez(path, **{name: value for name, value in (arrays | overrides).items() if value is not None})
    return data


def test_a_release_comes_back_as_it_was_written(tmp_path):
    data = hide(make_people(10), 0.1)
    back = load(write_release(tmp_path / "release", data))
    np.testing.assert_array_equal(back.pose2d, data.pose2d)
    np.testing.assert_array_equal(back.pair_joints, data.pair_joints)
    np.testing.assert_array_equal(back.p_first, data.p_first)
    assert back.skeleton == data.skeleton and back.truth_is_for_evaluation
    assert len(load(tmp_path / "release" / "training.npz")) == 10  # the file's name does as well


def votes_of(pair, worker, chose_first, skill) -> dict:
    return {
        "vote_pair": np.array(pair), "vote_worker": np.array(worker), "chose_first": np.array(chose_first, bool),
        "worker_skill": np.array(skill, np.float32),
    }  # fmt: skip


def test_votes_of_a_release_count_by_skill_and_not_where_the_answer_is_known_or_nobody_was_asked(tmp_path):
    data = make_people(2, pairs=2)
    data = replace(data, p_first=np.array([0.7, 1.0, 0.4, 0.2], np.float32))
    votes = votes_of([0, 0, 0, 1, 3, 3], [0, 1, 2, 1, 2, 3], [True, False, False, False, True, False], [0.9, 0.7, 0.5, np.nan])
    share = load(write_release(tmp_path, data, votes=votes)).share_first
    good, fair = np.log(9), np.log(7 / 3)
    assert share[0] == pytest.approx(good / (good + fair), abs=1e-6)  # who guesses counts for nothing
    assert np.isnan(share[[1, 2]]).all()
    assert share[3] == 0  # of whom nothing is known counts as an ordinary worker


def test_votes_may_stay_behind_but_not_be_changed(tmp_path):
    folder = write_release(tmp_path, make_people(2), votes=votes_of([0], [0], [True], [0.8]))
    with (folder / "votes.npz").open("ab") as file:
        file.write(b"!")
    with pytest.raises(TamperedFile, match=r"votes\.npz.*promises"):
        load(folder)
    (folder / "votes.npz").unlink()
    assert load(folder).share_first is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vote_pair": np.array([10])}, "vote_pair of vote 0 is 10; there are 10"),
        ({"vote_worker": np.array([-1])}, "vote_worker of vote 0 is -1; there are 1"),
        ({"chose_first": np.array([True, True])}, "differ in length"), ({"worker_skill": None}, "worker_skill missing"),
    ],
)  # fmt: skip
def test_votes_that_do_not_fit_the_release_are_refused(tmp_path, change, said):
    votes = votes_of([0], [0], [True], [0.8]) | change
    folder = write_release(tmp_path, make_people(2), votes={name: array for name, array in votes.items() if array is not None})
    with pytest.raises(BadData, match=said):
        load(folder)


def test_people_of_one_image_share_a_group(tmp_path):
    data = make_people(4)
    person = np.array(["a.jpg#0", "a.jpg#1", "b.jpg#0", "c.jpg#0"])
    group = load(write_release(tmp_path, replace(data, person=person))).group
    assert group[0] == group[1] and len(set(group.tolist())) == 3


def test_mocap_is_decoded_to_pixels_and_millimetres_with_one_exact_pair_each(tmp_path):
    data = write_mocap(tmp_path / "m.npz")
    back = load(tmp_path / "m.npz")
    assert np.abs(back.pose2d - data.pose2d).max() < 0.1 and np.abs(back.pose3d - data.pose3d).max() < 0.3
    assert len(back.pair_person) == 12
    z = back.pose3d[..., 2]
    first, second = z[back.pair_person, back.pair_joints[:, 0]], z[back.pair_person, back.pair_joints[:, 1]]
    assert ((first < second) == (back.p_first == 1)).all()


def test_the_papers_json_is_read_with_its_labels(tmp_path):
    names = ["right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
             "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head"]  # fmt: skip
    points = np.random.default_rng(0).uniform(0, 200, (2, 28)).tolist()
    images = [
        {"im_file": f"{n}.jpg", "keypoints": points[n], "is_train": n == 0, "anns": [{"kp0": 3, "kp1": 12, "label": n}]}
        for n in range(2)
    ]
    (tmp_path / "paper.json").write_text(json.dumps({"joint_names": names, "images": images}))
    data = load(tmp_path / "paper.json")
    assert data.pose2d.shape == (2, 14, 2) and data.is_train.tolist() == [True, False]
    assert relation(data.p_first).tolist() == [-1, 1]  # label 0: kp0 is closer
    assert data.skeleton.joints[data.skeleton.root] == "neck" and data.skeleton.mirror[0] == 5


def test_a_changed_file_is_refused(tmp_path):
    folder = write_release(tmp_path, make_people(5))
    with (folder / "training.npz").open("ab") as file:
        file.write(b"!")
    with pytest.raises(TamperedFile, match=r"training\.npz.*promises"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "other"}, "'nearer-release' version 1"), ({"version": 9}, "version 9"),
        ({"skeleton": {"name": "x"}}, "joints, bones and mirror"), ({"files": {}}, "promises None"),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_used_is_named(tmp_path, change, said):
    with pytest.raises(BadData, match=said):
        load(write_release(tmp_path, make_people(5), **change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: {"pose2d": np.where(np.arange(17)[:, None] == 9, np.nan, d.pose2d)}, "nose missing in all"),
        (lambda d: {"pose2d": np.full_like(d.pose2d, np.nan)}, "fewer than two joints"),
        (lambda d: {"pose2d": np.full_like(d.pose2d, np.inf)}, "infinite"),
        (lambda d: {"pose2d": d.pose2d[:, :14]}, r"'pose2d' has shape \(6, 14, 2\)"),
        (lambda d: {"pair_joints": d.pair_joints + 10}, "unknown joints"),
        (lambda d: {"pair_joints": d.pair_joints * 0}, "with itself"),
        (lambda d: {"pair_person": d.pair_person + 100}, "speaks of person"),
        (lambda d: {"p_first": d.p_first + np.nan}, "a probability in"),
        (lambda d: {"p_first": d.p_first + 1.5}, "a probability in"),
    ],
)  # fmt: skip
def test_bad_arrays_are_refused_with_row_and_remedy(tmp_path, change, said):
    data = make_people(6)
    with pytest.raises(BadData, match=said):
        load(write_release(tmp_path, replace(data, **change(data))))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"not a zip", "not a readable"), (b"", "not a readable")],
)
def test_an_unreadable_file_is_named(tmp_path, content, said):
    (tmp_path / "m.npz").write_bytes(content)
    with pytest.raises(BadData, match=said):
        load(tmp_path / "m.npz")


def test_missing_things_are_named(tmp_path):
    with pytest.raises(BadData, match="no such file"):
        load(tmp_path / "nothing.npz")
    with pytest.raises(BadData, match=r"no manifest\.json"):
        load(tmp_path)
    write_mocap(tmp_path / "m.npz", pose3d=None)
    with pytest.raises(BadData, match="pose3d missing"):
        load(tmp_path / "m.npz")
    (tmp_path / "p.json").write_text("{}")
    with pytest.raises(BadData, match="not the paper's release"):
        load(tmp_path / "p.json")


def test_objects_in_a_file_are_not_executed(tmp_path):
    np.savez(tmp_path / "m.npz", pose2d=np.array([{"a": 1}], dtype=object))
    with pytest.raises(BadData, match="not a readable"):
        load(tmp_path / "m.npz")


def test_joints_can_be_dropped_and_bones_are_bridged():
    slim = make_people(5).drop_joints(["nose"])
    assert slim.pose2d.shape == (5, 16, 2) and "nose" not in slim.skeleton.joints
    thorax, head = slim.skeleton.joints.index("thorax"), slim.skeleton.joints.index("head top")
    assert (thorax, head) in slim.skeleton.bones
    assert slim.pair_joints.max() < 16
    with pytest.raises(BadData, match="root"):
        make_people(5).drop_joints(["hip"])


def test_a_skeleton_that_contradicts_itself_is_refused():
    with pytest.raises(BadData, match="own inverse"):
        make_skeleton(mirror=(1, 2, 0, *range(3, 17)))
    with pytest.raises(BadData, match="does not join"):
        make_skeleton(bones=((0, 99),))
    with pytest.raises(BadData, match="names a joint twice"):
        make_skeleton(joints=("a",) * 17)


def test_keypoints_may_be_pixels_or_eighths_of_them(tmp_path):
    pixels = make_people(4).pose2d.round()
    np.savez(tmp_path / "pixels.npz", pose2d=pixels)
    np.savez(tmp_path / "eighths.npz", pose2d=(pixels * 8).astype(np.int16))
    one, other = load_keypoints(tmp_path / "pixels.npz"), load_keypoints(tmp_path / "eighths.npz")
    assert np.array_equal(one["pose2d"], other["pose2d"]) and one["visible"] is None
    np.savez(tmp_path / "none.npz", poses=pixels)
    with pytest.raises(BadData, match=r"'pose2d' .* is missing"):
        load_keypoints(tmp_path / "none.npz")
