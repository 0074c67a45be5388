"""Whatever people a set holds, each format gives them back as written; whatever is in a file, it is read or refused."""

import json
import random
import shutil
from functools import partial

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.importers import READERS, BadDataset, Options
from tests.annotation.importers import makers
from tests.spoiling import odd_bytes, odd_json

settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
steady = partial(settings, settings.get_profile("steady"))

PLACE = st.tuples(st.integers(1, 7900), st.integers(1, 5900)).map(lambda place: (place[0] / 100, place[1] / 100))
MM = st.integers(-20_000, 20_000).map(lambda tenths: tenths / 10)


def people(n_joints: int, *, missing: bool = True, hidden: bool = True, truth: bool = False):
    """Lists of images, each with one to three people; every person has at least one joint, a missing one is not hidden."""
    joint = st.tuples(PLACE, st.booleans() if hidden else st.just(False))
    joints = st.lists((st.none() | joint) if missing else joint, min_size=n_joints, max_size=n_joints).filter(any)
    poses = st.none() | st.lists(st.tuples(MM, MM, MM), min_size=n_joints, max_size=n_joints)
    person = st.tuples(joints, poses if truth else st.none())
    return st.lists(st.lists(person, min_size=1, max_size=3), min_size=1, max_size=4)


def points(person) -> list:
    return [joint and joint[0] for joint in person[0]]


def flags(person) -> list[bool]:
    return [bool(joint and joint[1]) for joint in person[0]]


def read(format: str, folder, **options) -> list:
    """By image, as `expected` has them."""
    found = READERS[format](folder, Options(**options)).images
    return [[(one.keypoints, one.occluded, one.truth_mm) for one in image.people] for image in found]


def expected(images) -> list:
    return [[(points(person), flags(person), person[1]) for person in image] for image in images]


def write_coco(folder, images) -> None:
    rows = [
        {
            "id": 10 * number + place, "image_id": number, "category_id": 1, "iscrowd": 0,
            "keypoints": [value for joint in person[0] for value in ((*joint[0], 2 - joint[1]) if joint else (0, 0, 0))],
        }
        for number, image in enumerate(images) for place, person in enumerate(image)
    ]
    names = [{"id": number, "file_name": f"{number}.jpg"} for number in range(len(images))]
    makers.write_coco(folder, 0, content={"images": names, "annotations": rows})


def write_lists_of_mpii(folder, images) -> None:
    rows = [
        {
            "image": f"{number}.jpg", "joints": [joint[0] if joint else (-1, -1) for joint in person[0]],
            "joints_vis": [int(bool(joint)) for joint in person[0]],
        }
        for number, image in enumerate(images) for person in image
    ]
    (folder / "train.json").write_text(json.dumps(rows))


def write_openpose(folder, images) -> None:
    for number, image in enumerate(images):
        found = [
            {"pose_keypoints_2d": [value for joint in person[0] for value in ((*joint[0], 0.7) if joint else (0, 0, 0))]}
            for person in image
        ]
        (folder / f"{number}_keypoints.json").write_text(json.dumps({"people": found}))


def write_table(folder, images) -> None:
    makers.write_skeleton(folder)
    lines = ["image,person,joint,x,y,visible,occluded,x_mm,y_mm,z_mm"]
    for number, image in enumerate(images):
        for place, (joints, truth) in enumerate(image):
            for joint, entry in enumerate(joints):
                (x, y), hidden = entry or ((0, 0), False)
                pose = ",".join(map(str, truth[joint])) if truth else ",,"
                lines.append(f"{number}.jpg,{place},{joint},{x},{y},{int(bool(entry))},{int(hidden)},{pose}")
    random.Random(len(lines)).shuffle(rows := lines[1:])
    rows.sort(key=lambda row: int(row.partition(".")[0]))  # images keep their order, their rows have none
    (folder / "keypoints.csv").write_text("\n".join([lines[0], *rows]))


def write_ours(folder, images) -> None:
    rows = [
        {
            "file": f"{number}.jpg",
            "people": [
                {
                    "keypoints": [(*joint[0], 1) if joint else (0, 0, 0) for joint in person[0]], "occluded": flags(person),
                    "pose3d_mm": person[1],
                }
                for person in image
            ],
        }
        for number, image in enumerate(images)
    ]
    content = {"format": "nearer-dataset", "version": 1, "skeleton": makers.ARM, "images": rows}
    (folder / "dataset.json").write_text(json.dumps(content))


WRITERS = {
    "coco": (write_coco, people(17)), "mpii": (write_lists_of_mpii, people(16, hidden=False)),
    "openpose": (write_openpose, people(25, hidden=False)), "csv": (write_table, people(5, truth=True)),
    "nearer": (write_ours, people(5, truth=True)),
}


@pytest.mark.parametrize("format", WRITERS)
def test_people_come_back_as_they_were_written(tmp_path, format):
    write, strategy = WRITERS[format]

    @steady(max_examples=15)
    @given(strategy)
    def comes_back(images):
        folder = tmp_path / "set"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        write(folder, images)
        assert read(format, folder) == expected(images)

    comes_back()


@pytest.mark.parametrize("extended", [True, False])
def test_both_forms_of_leeds_sports_pose_come_back(tmp_path, extended):
    """The flag of (14, 3, N) says that a joint is there; that of (3, 14, N) that it is hidden."""

    @steady(max_examples=3)
    @given(people(14, missing=extended, hidden=not extended))
    def comes_back(images):
        images = [image[:1] for image in images]
        joints = np.zeros((14, 3, len(images)))
        for number, (person,) in enumerate(images):
            for joint, entry in enumerate(person[0]):
                joints[joint, :, number] = (*entry[0], extended or entry[1]) if entry else (-3, 7, 0)
        scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints if extended else joints.transpose(1, 0, 2)})
        assert read("lsp", tmp_path) == expected(images)

    comes_back()


@steady(max_examples=3)
@given(people(16))
def test_mpiis_release_comes_back(tmp_path, images):
    def listed(person):
        return [(*entry[0], joint, int(not entry[1])) for joint, entry in enumerate(person[0]) if entry]

    makers.write_mpii_mat(tmp_path, [makers.mpii_people(*map(listed, image)) for image in images])
    assert read("mpii", tmp_path) == expected(images)


@steady(max_examples=15)
@given(st.lists(st.lists(st.tuples(*[st.integers(-8000, 8000)] * 5), min_size=17, max_size=17), min_size=1, max_size=4))
def test_motion_capture_comes_back(tmp_path, views):
    arrays = np.array(views)
    pose2d, pose3d = np.abs(arrays[:, :, :2]), arrays[:, :, 2:] * (np.arange(17)[:, None] > 0)
    makers.write_mocap(tmp_path, len(views), pose2d=pose2d.astype("int16"), pose3d=pose3d.astype("int16"))
    found = read("mocap", tmp_path)
    assert len(found) == len(views)
    for ((keypoints, _, truth),), seen, posed in zip(found, pose2d, pose3d):
        assert (np.array(keypoints) * 8 == seen).all() and (np.array(truth) * 4 == posed).all()


MADE = {
    "coco": makers.write_coco, "mpii": makers.write_mpii_json, "h36m-h5": partial(makers.write_h36m_h5, n_frames=60),
    "h36m-npz": partial(makers.write_h36m_npz, n_frames=60, keypoints=True), "mocap": makers.write_mocap,
    "openpose": makers.write_openpose, "csv": makers.write_csv, "nearer": makers.write_nearer,
}


@pytest.mark.parametrize("format", MADE)
def test_whatever_is_in_a_file_it_is_read_or_refused_with_its_name(tmp_path, format):
    """The seeds are fixed; a longer hunt with others: raise the number of examples."""
    folder = tmp_path / "set"
    MADE[format](folder)
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".json", ".csv", ".h5", ".npz"))
    outcomes = {"read": 0, "refused": 0}
    for seed in range(40):
        draw = random.Random(seed)
        file = draw.choice(files)
        whole = file.read_bytes()
        spoil = odd_json if file.suffix == ".json" and draw.random() < 0.7 else odd_bytes
        file.write_bytes(spoil(draw, whole))
        try:
            for image in READERS[format](folder, Options()).images:
                for person in image.people:
                    assert np.isfinite([place for place in person.keypoints if place]).all()
                    assert person.truth_mm is None or np.isfinite(person.truth_mm).all()
            outcomes["read"] += 1
        except BadDataset as refused:
            assert str(folder) in str(refused), seed
            outcomes["refused"] += 1
        finally:
            file.write_bytes(whole)
    assert outcomes["refused"] > 10
