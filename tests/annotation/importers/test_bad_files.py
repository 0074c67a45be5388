"""Files that are wrong in every way that a format can be: refused with file, place and remedy, before anything is stored."""

import json

import h5py
import numpy as np
import pytest
import scipy.io

from annotation.importers import READERS, BadDataset, Options
from tests.annotation.importers import makers


def rewrite(name, change):
    """Change a JSON file of the folder."""

    def spoil(folder):
        file = folder / name
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))

    return spoil


def cut(name, share=0.6):
    """Keep only the beginning of a file."""

    def spoil(folder):
        file = folder / name
        file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])

    return spoil


def put(name, content):
    def spoil(folder):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def remove(name):
    return lambda folder: (folder / name).unlink()


def replace_line(number, line):
    def spoil(folder):
        lines = (folder / "keypoints.csv").read_text().splitlines()
        lines[number - 1] = line
        (folder / "keypoints.csv").write_text("\n".join(lines) + "\n")

    return spoil


COCO, CSV, NEARER, POSE, LIST = (
    "person_keypoints_test.json", "keypoints.csv", "dataset.json", "frame02_keypoints.json", "train.json",
)
MAT, TREE = "mpii_human_pose_v1_u12_1.mat", "S1/MyPoses/3D_positions/Walking 1.h5"


def coco(change):
    return rewrite(COCO, change)


def note(index, **changes):
    return coco(lambda content: content["annotations"][index].update(changes))


def person(**changes):
    return rewrite(NEARER, lambda content: content["images"][1]["people"][0].update(changes))


def tree(**arrays):
    def spoil(folder):
        with h5py.File(folder / TREE, "w") as file:
            for name, array in arrays.items():
                file[name] = array

    return spoil


def mocap(**changes):
    return lambda folder: makers.write_mocap(folder, **changes)


def mpii(rects):
    return lambda folder: makers.write_mpii_mat(folder, rects)



SPOILT = {
    ("coco", "no file"): (remove(COCO), r"holds no file that could be a COCO file"),
    ("coco", "two files"): (put("other.json", "{}"), r"holds 2 files that could be a COCO file .*other\.json"),
    ("coco", "cut short"): (cut(COCO), rf"{COCO} is no JSON, or its end is missing"),
    ("coco", "no JSON"): (put(COCO, b"\xff\xfe\x00garbage"), rf"{COCO} is no JSON"),
    ("coco", "a list"): (put(COCO, "[1, 2]"), rf"{COCO} has no list categories"),
    ("coco", "no annotations"): (coco(lambda c: c.pop("annotations")), r"has no list annotations"),
    ("coco", "an annotation twice"): (
        coco(lambda c: c["annotations"].append(dict(c["annotations"][0]))), r"annotation id 201: the id occurs twice"
    ),
    ("coco", "a category without a number"): (
        coco(lambda c: c["categories"][0].update(id=[1])), r'category 1: needs "id", a number'
    ),
    ("coco", "boxes only"): (coco(lambda c: c["categories"][0].pop("keypoints")), r"no category has keypoints.*instances"),
    ("coco", "other joints"): (
        coco(lambda c: c["categories"][0]["keypoints"].append("tail")), r"are not COCO's 17\. Put .*skeleton\.json"
    ),
    ("coco", "image without id"): (coco(lambda c: c["images"][1].pop("id")), r'image 2: needs "id"'),
    ("coco", "an id twice"): (coco(lambda c: c["images"][1].update(id=10)), r"image id 10: the id occurs twice"),
    ("coco", "a path out"): (
        coco(lambda c: c["images"][0].update(file_name="../secret.jpg")), r"image id 10: the file \.\./secret\.jpg lies outside"
    ),
    ("coco", "an absolute path"): (coco(lambda c: c["images"][0].update(file_name="/etc/a.jpg")), r"lies outside the folder"),
    ("coco", "a drive's path"): (coco(lambda c: c["images"][0].update(file_name="C:\\a.jpg")), r"lies outside the folder"),
    ("coco", "no such image"): (note(2, image_id=99), r"annotation id 101: there is no image of its image_id"),
    ("coco", "too few numbers"): (note(0, keypoints=[1, 2, 2]), r"annotation id 201: .*51 numbers, .* it has 3"),
    ("coco", "no numbers"): (note(0, keypoints=["x"] * 51), r"annotation id 201: \"keypoints\" must be 51 numbers"),
    ("coco", "a huge number"): (note(0, keypoints=[1e308 * 10] * 51), r"no JSON|51 numbers"),
    ("coco", "an odd flag"): (note(0, keypoints=[5, 5, 7] * 17), r"annotation id 201, keypoint 1: v is 7"),
    ("coco", "nobody"): (
        coco(lambda c: c.update(annotations=[c["annotations"][0] | {"iscrowd": 1}])), r"has no person with keypoints"
    ),
    ("mpii", "cut short"): (cut(MAT), rf"{MAT} cannot be read as a MATLAB file"),
    ("mpii", "another .mat"): (
        lambda f: scipy.io.savemat(f / MAT, {"joints": np.zeros((3, 14, 2))}), r"has no RELEASE\.annolist\.image"
    ),
    ("mpii", "an odd joint"): (
        mpii([makers.mpii_people([(1.0, 2.0, 16, 1)])]), r"annolist\(1\), annorect\(1\): a point's id is 16"
    ),
    ("mpii", "no place"): (
        mpii([makers.mpii_people([(np.nan, 2.0, 3, 1)])]), r"annorect\(1\), joint 3: its place is \(None, 2\.0\)"
    ),
    ("mpii", "a joint twice"): (
        mpii([makers.mpii_people([(1.0, 2.0, 3, 1), (5.0, 6.0, 3, 1)])]), r"annorect\(1\), joint 3: the joint is there twice"
    ),
    ("mpii", "nobody"): (mpii([np.zeros((0, 0))]), r"has no person with joints"),
    ("h36m-h5", "no tree"): (remove(TREE), r"holds no S1/MyPoses/3D_positions"),
    ("h36m-h5", "cut short"): (cut(TREE), r"Walking 1\.h5 holds no array 3D_positions"),
    ("h36m-h5", "another array"): (tree(poses=np.zeros((3, 16, 2))), r"Walking 1\.h5 holds no array 3D_positions"),
    ("h36m-h5", "another shape"): (
        tree(**{"3D_positions": np.zeros((51, 9))}), r"has the shape \(51, 9\); expected \(96, frames\)"
    ),
    ("h36m-h5", "no cameras"): (remove("cameras.h5"), r"neither cameras\.h5 nor cameras\.json nor metadata\.xml"),
    ("h36m-h5", "cameras of others"): (
        lambda f: makers.write_cameras_h5(f / "cameras.h5", subjects=(5,)), r"Walking 1\.h5: there is no camera of S1"
    ),
    ("h36m-h5", "no rotation"): (
        lambda f: h5py.File(f / "cameras.h5", "r+")["subject1/camera1"]["R"].__setitem__((), 5), r"camera1: .*rotation is none"
    ),
    ("h36m-h5", "metres"): (tree(**{"3D_positions": np.full((96, 9), -9e4)}), r"frame 1: a joint lies behind the camera"),
    ("h36m-h5", "no numbers"): (
        tree(**{"3D_positions": np.full((96, 9), np.nan)}), r"frame 1: the pose has a joint that is no number"
    ),
    ("h36m-npz", "no file"): (remove("data_3d_h36m.npz"), r"data_3d_h36m\.npz is missing"),
    ("h36m-npz", "cut short"): (cut("data_3d_h36m.npz"), r"data_3d_h36m\.npz is no archive of arrays"),
    ("h36m-npz", "no poses"): (lambda f: np.savez(f / "data_3d_h36m.npz", other=np.ones(3)), r"holds no positions_3d"),
    ("h36m-npz", "another shape"): (
        lambda f: np.savez(f / "data_3d_h36m.npz", positions_3d={"S1": {"Walk": np.ones((4, 15, 3))}}),
        r"S1, Walk: the poses are \(4, 15, 3\)",
    ),
    ("h36m-npz", "two sets of keypoints"): (
        lambda f: [np.savez(f / f"data_2d_h36m_{name}.npz", a=1) for name in ("gt", "cpn")], r"leave one of them"
    ),
    ("h36m-npz", "keypoints of COCO"): (
        lambda f: np.savez(f / "data_2d_h36m_gt.npz", positions_2d={}, metadata={"layout_name": "coco"}), r"keypoints of 'coco'"
    ),
    ("h36m-npz", "keypoints too short"): (
        lambda f: np.savez(f / "data_2d_h36m_gt.npz", positions_2d={"S1": {"Walking 1": [np.ones((9, 17, 2))]}}, metadata={}),
        r"camera 1: the keypoints are float64 of shape \(9, 17, 2\)",
    ),
    ("h36m-npz", "a hostile pickle"): (
        lambda f: makers.write_pickled_npz(f / "data_3d_h36m.npz", "positions_3d", Evil()), r"asks for .* Only arrays are read"
    ),
    ("h36m-npz", "cameras without JSON"): (put("cameras.json", "{"), r"cameras\.json must hold"),
    ("h36m-npz", "a camera without a place"): (
        rewrite("cameras.json", lambda c: c["extrinsic"]["S1"][2].pop("translation")), r"S1, camera 3: needs"
    ),
    ("h36m-npz", "a camera of words"): (
        rewrite("cameras.json", lambda c: c["intrinsic"][0].update(center=["left", 3])),
        r"S1, camera 1: the camera's middle_px must be numbers",
    ),
    ("h36m-npz", "a bomb of XML"): (
        lambda f: [
            remove("cameras.json")(f),
            put("metadata.xml", '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a><w0>&c;</w0></a>')(f),
        ],
        r"metadata\.xml has no readable <w0>",
    ),
    ("mocap", "no array"): (
        lambda f: np.savez(f / "mocap.npz", pose3d=np.zeros((2, 17, 3), int)), r"the array pose2d is not there"
    ),
    ("mocap", "fractions"): (mocap(pose3d=np.zeros((5, 17, 3))), r"the array pose\w+ is .*expected whole numbers"),
    ("mocap", "another length"): (mocap(cam=np.zeros(4, int)), r"the array cam is .*expected whole numbers of shape \(N\)"),
    ("mocap", "not centred"): (mocap(pose3d=np.ones((5, 17, 3), int)), r"row 0: joint 0 lies at .* Subtract it"),
    ("mocap", "cut short"): (cut("mocap.npz"), r"mocap\.npz is no archive of arrays"),
    ("openpose", "no files"): (lambda f: [file.unlink() for file in f.glob("*.json")], r"holds no file \*_keypoints\.json"),
    ("openpose", "cut short"): (cut(POSE), rf"{POSE} is no JSON"),
    ("openpose", "no people"): (put(POSE, "{}"), rf'{POSE} has no list "people"'),
    ("openpose", "other joints"): (
        put(POSE, json.dumps({"people": [{"pose_keypoints_2d": [1.0] * 45}]})), rf"{POSE}, person 1: .*found 45"
    ),
    ("openpose", "another model"): (
        put(POSE, json.dumps({"people": [makers.openpose_person(18)]})), rf"{POSE}, person 1: 18 joints, but 25"
    ),
    ("openpose", "odd confidence"): (
        put(POSE, json.dumps({"people": [makers.openpose_person(25, 7.0)]})), r"person 1, joint 0: the confidence is 7\.0"
    ),
    ("csv", "no file"): (remove(CSV), r"holds no file that could be a table"),
    ("csv", "no skeleton"): (remove("skeleton.json"), r"does not say which joints.*Name a skeleton"),
    ("csv", "semicolons"): (replace_line(1, "image;person;joint;x;y"), r"line 1: there is no column image .*by commas"),
    ("csv", "no column"): (replace_line(1, "image,person,joint,x,z,visible,occluded"), r"line 1: there is no column y"),
    ("csv", "a column twice"): (replace_line(1, "image,person,joint,x,y,y,occluded"), r"line 1: the column y is there twice"),
    ("csv", "half a truth"): (replace_line(1, "image,person,joint,x,y,x_mm,y_mm"), r"of x_mm, y_mm and z_mm all"),
    ("csv", "no rows"): (put(CSV, "image,joint,x,y\n"), r"has no rows"),
    ("csv", "too few values"): (replace_line(3, "a.jpg,0,neck"), r"line 3: 3 values for 7 columns"),
    ("csv", "an unknown joint"): (replace_line(3, "a.jpg,0,tail,1,2,1,0"), r"line 3: arm-5 has no joint 'tail'; it has neck"),
    ("csv", "no number"): (replace_line(3, "a.jpg,0,neck,1;5,2,1,0"), r"line 3: x is '1;5'"),
    ("csv", "infinity"): (replace_line(3, "a.jpg,0,neck,inf,2,1,0"), r"line 3: x is 'inf'"),
    ("csv", "an odd flag"): (replace_line(3, "a.jpg,0,neck,1,2,yes,0"), r"line 3: visible is 'yes'"),
    ("csv", "an odd person"): (replace_line(3, "a.jpg,-1,neck,1,2,1,0"), r"line 3: the person is '-1'"),
    ("csv", "a joint twice"): (replace_line(3, "a.jpg,0,neck,1,2,1,0"), r"line 5: neck of this person stands in line 3"),
    ("csv", "a path out"): (replace_line(3, "../a.jpg,0,neck,1,2,1,0"), r"line 3: the file \.\./a\.jpg lies outside"),
    ("csv", "other letters"): (put(CSV, "image,joint,x,y\ncafé.jpg,neck,1,2\n".encode("latin-1")), r"is no table in UTF-8"),
    ("nearer", "no file"): (remove(NEARER), r"dataset\.json is missing"),
    ("nearer", "cut short"): (cut(NEARER), r"dataset\.json is no JSON, or its end is missing"),
    ("nearer", "no JSON"): (put(NEARER, "hello"), r"dataset\.json is no JSON"),
    ("nearer", "another version"): (rewrite(NEARER, lambda c: c.update(version=2)), r'must say .*"version": 1'),
    ("nearer", "no images"): (rewrite(NEARER, lambda c: c.update(images=[])), r'needs "images"'),
    ("nearer", "images as an object"): (rewrite(NEARER, lambda c: c.update(images={})), r'needs "images"'),
    ("nearer", "no skeleton"): (rewrite(NEARER, lambda c: c.pop("skeleton")), r'needs "skeleton"'),
    ("nearer", "a bad skeleton"): (rewrite(NEARER, lambda c: c["skeleton"].update(root=9)), r'"skeleton": "root" is 9'),
    ("nearer", "an image without file"): (rewrite(NEARER, lambda c: c["images"][1].pop("file")), r'image 2: needs "file"'),
    ("nearer", "a path out"): (
        rewrite(NEARER, lambda c: c["images"][1].update(file="images/../../x.jpg")), r"image 2: the file .* lies outside"
    ),
    ("nearer", "no keypoints"): (person(keypoints=None), r'image 2, person 1: needs "keypoints"'),
    ("nearer", "an odd keypoint"): (person(keypoints=[[1, 2, 2]]), r"image 2, person 1, keypoint 1: \[1, 2, 2\] is not"),
    ("nearer", "too few flags"): (person(occluded=[0]), r'person 1: "occluded" must have one entry per keypoint, 5'),
    ("nearer", "an odd truth"): (person(pose3d_mm=[[1, 2]] * 5), r'person 1: "pose3d_mm" must be 5 entries'),
}


class Evil:
    """A pickle of it runs a program when a careless reader opens it."""

    def __reduce__(self):
        return print, ("a program ran",)


WRITERS = {
    "coco": makers.write_coco, "mpii": makers.write_mpii_mat, "h36m-h5": makers.write_h36m_h5,
    "h36m-npz": makers.write_h36m_npz, "mocap": makers.write_mocap, "openpose": makers.write_openpose, "csv": makers.write_csv,
    "nearer": makers.write_nearer,
}


@pytest.mark.parametrize(("format", "kind"), SPOILT, ids=lambda part: part)
def test_a_bad_file_is_refused_with_its_place_and_a_remedy(tmp_path, capsys, format, kind):
    spoil, message = SPOILT[format, kind]
    folder = WRITERS[format](tmp_path / "set")
    spoil(folder)
    with pytest.raises(BadDataset, match=message) as refused:
        list(READERS[format](folder, Options()).images)
    assert str(tmp_path) in str(refused.value)  # the file, or the folder, is named
    assert "program ran" not in capsys.readouterr().out


LISTED = {
    "no list": (put(LIST, "{}"), r"train\.json is no list of people"),
    "cut short": (cut(LIST), r"train\.json is no JSON"),
    "no joints": (rewrite(LIST, lambda rows: rows[1].pop("joints")), r'entry 2: needs "image"'),
    "too few joints": (rewrite(LIST, lambda rows: rows[1].update(joints=[[1, 2]])), r'entry 2: "joints" must be 16'),
    "an odd flag": (rewrite(LIST, lambda rows: rows[1].update(joints_vis=["x"] * 16)), r'entry 2: "joints_vis" must be 16'),
    "a path out": (rewrite(LIST, lambda rows: rows[1].update(image="../x.jpg")), r"entry 2: the file \.\./x\.jpg lies outside"),
}


@pytest.mark.parametrize("kind", LISTED)
def test_a_bad_list_of_mpiis_people_is_refused(tmp_path, kind):
    spoil, message = LISTED[kind]
    folder = makers.write_mpii_json(tmp_path)
    spoil(folder)
    with pytest.raises(BadDataset, match=message):
        list(READERS["mpii"](folder, Options()).images)


@pytest.mark.parametrize("format", WRITERS)
def test_a_folder_that_is_not_there_is_named(tmp_path, format):
    with pytest.raises(BadDataset, match="nowhere"):
        list(READERS[format](tmp_path / "nowhere", Options()).images)


def test_a_pattern_of_frames_can_name_four_things_and_nothing_inside_them(tmp_path):
    folder = makers.write_h36m_h5(tmp_path, n_frames=1)
    for pattern in ("{subject.__class__}.jpg", "{frame!r}.jpg", "{other}.jpg", "{subject:06d}.jpg"):
        with pytest.raises(BadDataset, match="may hold"):
            list(READERS["h36m-h5"](folder, Options(frames=pattern)).images)


def test_openpose_is_not_handed_over_to_a_skeleton_of_other_joints(tmp_path):
    folder = makers.write_openpose(tmp_path)
    with pytest.raises(BadDataset, match="There is no skeleton 'hand'; known are coco-17"):
        READERS["openpose"](folder, Options(skeleton="hand"))


def test_an_array_that_lies_in_another_file_of_the_server_is_never_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(96 * 8))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["3D_positions"] = np.zeros((96, 1))
    layout = h5py.VirtualLayout((96, 1), "f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "3D_positions", (96, 1))
    elsewhere = {
        "content": lambda tree: tree.create_dataset("3D_positions", (96, 1), "f8", external=[(str(secret), 0, 96 * 8)]),
        "a link": lambda tree: tree.__setitem__("3D_positions", h5py.ExternalLink(str(tmp_path / "other.h5"), "3D_positions")),
        "a view": lambda tree: tree.create_virtual_dataset("3D_positions", layout),
    }
    for number, write in enumerate(elsewhere.values()):
        folder = makers.write_h36m_h5(tmp_path / str(number))
        with h5py.File(folder / TREE, "w") as file:
            write(file)
        with pytest.raises(BadDataset, match=r"Walking 1\.h5: .* Copy the array itself into the file"):
            list(READERS["h36m-h5"](folder, Options()).images)
