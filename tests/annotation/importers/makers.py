"""Small data sets written as their authors publish them, one function for each format."""

import copy
import json
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from PIL import Image as Picture

COCO_JOINTS = [
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
]
H36M_IDS = ("54138969", "55011271", "58860488", "60457274")


def write_picture(file: Path, size=(80, 60), seed: int = 1) -> Path:
    """A JPEG or PNG unlike those of other seeds."""
    file.parent.mkdir(parents=True, exist_ok=True)
    picture = Picture.linear_gradient("L").resize(size).convert("RGB")
    picture.putpixel((seed % size[0], seed // size[0] % size[1]), (255, seed % 256, 0))
    picture.paste((seed * 7 % 256, seed * 13 % 256, seed * 29 % 256), (0, 0, 12, 12))
    picture.save(file)
    return file


def write_coco(folder: Path, n: int = 2, **changes) -> Path:
    """n images with two people, one of them with a hidden and a missing joint; `changes` replace parts of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    images = [{"id": 10 * number, "file_name": f"{number:012d}.jpg", "width": 80, "height": 60} for number in range(1, n + 1)]
    annotations = []
    for number in range(1, n + 1):
        for person in range(2):
            flags = [2] * 17 if person else [1, 0, *[2] * 15]
            rows = [(4 + joint * 4, 3 + joint * 3, flag) if flag else (0, 0, 0) for joint, flag in enumerate(flags)]
            keypoints = [value for row in rows for value in row]
            annotations.append({
                "id": 100 * number + person, "image_id": 10 * number, "category_id": 1, "iscrowd": 0,
                "num_keypoints": sum(flag > 0 for flag in flags), "keypoints": keypoints, "bbox": [0, 0, 80, 60], "area": 4800,
            })
    annotations.reverse()  # the published files have them in no order
    content = {
        "info": {"description": "Made for a test"}, "licenses": [], "images": images, "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": COCO_JOINTS, "skeleton": [[16, 14], [14, 12]]}],
    } | changes.get("content", {})
    for edit in changes.get("edits", ()):
        edit(content)
    (folder / "person_keypoints_test.json").write_text(changes.get("text", json.dumps(content)))
    for number in range(1, n + 1):
        write_picture(folder / "images" / f"{number:012d}.jpg", seed=number)
    return folder


def mpii_people(*people: list[tuple]) -> np.ndarray:
    """annorect of the release; each person is a list of (x, y, id, is_visible)."""
    rects = np.zeros((1, len(people)), dtype=[("x1", "O"), ("annopoints", "O"), ("scale", "O")])
    for index, rows in enumerate(people):
        points = np.zeros((1, len(rows)), dtype=[("x", "O"), ("y", "O"), ("id", "O"), ("is_visible", "O")])
        for place, row in enumerate(rows):
            points[0, place] = row
        rects[0, index] = (1.0, {"point": points} if rows else np.zeros((0, 0)), 2.5)
    return rects


def write_mpii_mat(folder: Path, rects: list | None = None) -> Path:
    """The release's structure: the last image has no people, as its test part."""
    everybody = [(4.0 + 4 * joint, 3.0 + 3 * joint, joint, "1" if joint % 2 else 0) for joint in range(16)]
    rects = rects if rects is not None else [mpii_people(everybody, everybody[:9]), mpii_people(everybody), np.zeros((0, 0))]
    annolist = np.zeros((1, len(rects)), dtype=[("image", "O"), ("annorect", "O")])
    for index, rect in enumerate(rects):
        annolist[0, index] = ({"name": f"{index + 1:09d}.jpg"}, rect)
        write_picture(folder / "images" / f"{index + 1:09d}.jpg", seed=index)
    scipy.io.savemat(folder / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": {"annolist": annolist, "version": "12"}})
    return folder


def write_mpii_json(folder: Path, n: int = 3, edits=()) -> Path:
    """A list of people; the first and the last are in the same image."""
    rows = [
        {
            "image": f"{number % (n - 1):09d}.jpg", "center": [40, 30], "scale": 1.5,
            "joints": [[4.0 + 4 * joint, 3.0 + 3 * joint] for joint in range(16)],
            "joints_vis": [1] * 15 + [number % 2],
        }
        for number in range(n)
    ]
    for row in rows:
        write_picture(folder / "images" / row["image"], seed=int(row["image"][:9]))
    for edit in edits:
        edit(rows)
    (folder / "train.json").write_text(json.dumps(rows))
    return folder


def h36m_world(n_frames: int, seed: int = 0) -> np.ndarray:
    """(T, 32, 3) mm: a person near the middle of the room, z up; joint 0 is between the hips."""
    draw = np.random.default_rng(seed)
    still = draw.uniform(-300, 300, (32, 3)) + np.array([0, 0, 900])
    return still + np.arange(n_frames)[:, None, None] * [1.0, 0.5, 0]


def h36m_camera(number: int) -> dict:
    """A camera that stands 4 m away, number quarter turns round, and looks at the middle: x right, y down, z away."""
    angle = number * np.pi / 2
    away = np.array([np.cos(angle), np.sin(angle), 0])
    right, down = np.array([np.sin(angle), -np.cos(angle), 0]), np.array([0, 0, -1.0])
    centre = -4000 * away + [0, 0, 1000]
    return {
        "R": np.stack([right, down, away]), "T": centre, "f": np.array([1145.0, 1143.8]), "c": np.array([512.5, 515.4]),
        "k": np.array([-0.2, 0.24, -0.003]), "p": np.array([-0.001, -0.0014]), "Name": H36M_IDS[number],
    }


def write_cameras_h5(file: Path, subjects=(1,), cameras=range(4)) -> None:
    with h5py.File(file, "w") as tree:
        for subject in subjects:
            for number in cameras:
                camera, group = h36m_camera(number), tree.create_group(f"subject{subject}/camera{number + 1}")
                group["R"] = camera["R"].T  # by columns, as MATLAB
                for key in ("T", "f", "c", "k", "p"):
                    group[key] = camera[key][:, None]
                group["Name"] = np.array([[ord(letter)] for letter in camera["Name"]], dtype="u2")


def quaternion(rotation: np.ndarray) -> list[float]:
    """w, x, y, z."""
    from scipy.spatial.transform import Rotation

    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    return [w, x, y, z]


def write_cameras_json(file: Path, subjects=("S1",)) -> None:
    rows = [h36m_camera(number) for number in range(4)]
    intrinsic = [
        {
            "id": row["Name"], "center": row["c"].tolist(), "focal_length": row["f"].tolist(),
            "radial_distortion": row["k"].tolist(), "tangential_distortion": row["p"].tolist(), "res_w": 1000, "res_h": 1002,
        }
        for row in rows
    ]
    extrinsic = [{"orientation": quaternion(row["R"].T), "translation": row["T"].tolist()} for row in rows]
    file.write_text(json.dumps({"intrinsic": intrinsic, "extrinsic": dict.fromkeys(subjects, extrinsic) | {"S2": [{}] * 4}}))


def write_cameras_xml(file: Path) -> None:
    """Human3.6M's own: camera 1 of subject 1 turned about y, all others alike."""
    numbers = np.zeros(300)
    numbers[: 6 * 44] = np.tile([np.pi / 2, 0, 0, 0, -4000, 1000], 44)
    numbers[264:] = np.tile([1145, 1143.8, 512.5, 515.4, -0.2, 0.24, -0.003, -0.001, -0.0014], 4)
    file.write_text("<metadata><w0>[" + " ".join(str(number) for number in numbers) + "]</w0></metadata>")


def write_h36m_h5(folder: Path, n_frames: int = 120, subjects=(1,)) -> Path:
    for subject in subjects:
        above = folder / f"S{subject}" / "MyPoses" / "3D_positions"
        above.mkdir(parents=True)
        with h5py.File(above / "Walking 1.h5", "w") as tree:
            tree["3D_positions"] = h36m_world(n_frames, subject).reshape(n_frames, 96).T
    write_cameras_h5(folder / "cameras.h5", subjects)
    return folder


def write_h36m_npz(folder: Path, n_frames: int = 120, keypoints: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    poses = {"S1": {"Walking 1": (h36m_world(n_frames, 1) / 1000).astype("float32")}}
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=poses)
    write_cameras_json(folder / "cameras.json")
    if keypoints:
        draw = np.random.default_rng(3)
        views = [draw.uniform(100, 900, (n_frames + 3, 17, 2)).astype("float32") for _ in range(4)]
        np.savez_compressed(
            folder / "data_2d_h36m_gt.npz", positions_2d={"S1": {"Walking 1": views}},
            metadata={"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": [[4, 5, 6], [1, 2, 3]]},
        )
    return folder


def write_mocap(folder: Path, n: int = 5, **changes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(5)
    pose3d = draw.integers(-2000, 2000, (n, 17, 3)).astype("int16")
    pose3d[:, 0] = 0
    arrays = {
        "pose2d": draw.integers(800, 7200, (n, 17, 2)).astype("int16"), "pose3d": pose3d,
        "cam": (np.arange(n) % 4).astype("uint8"), "subject": np.full(n, 3, "uint8"), "clip": np.zeros(n, "uint16"),
        "frame": (np.arange(n) // 4).astype("uint16"), "clip_names": np.array(["03_01"]),
    } | changes
    np.savez_compressed(folder / "mocap.npz", **arrays)
    return folder


def openpose_person(n_joints: int = 25, confidence: float = 0.8) -> dict:
    values = [value for joint in range(n_joints) for value in (4 + 2 * joint, 3 + 2 * joint, confidence)]
    return {"person_id": [-1], "pose_keypoints_2d": values, "face_keypoints_2d": [], "hand_left_keypoints_2d": []}


def write_openpose(folder: Path, n: int = 2, n_joints: int = 25, people: int = 2) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, n + 1):
        content = {"version": 1.3, "people": [openpose_person(n_joints) for _ in range(people)]}
        (folder / f"frame{number:02d}_keypoints.json").write_text(json.dumps(content))
        write_picture(folder / f"frame{number:02d}.png", seed=number)
    return folder


def write_csv(folder: Path, rows: list[str] | None = None, header: str = "image,person,joint,x,y,visible,occluded") -> Path:
    """Two images, three people of the five joints of a skeleton of its own, rows in no order."""
    folder.mkdir(parents=True, exist_ok=True)
    write_skeleton(folder)
    rows = rows if rows is not None else [
        "b.jpg,0,neck,30,10,1,0", "a.jpg,0,left wrist,20,30,1,1", "b.jpg,0,2,40,30,1,0", "a.jpg,0,Neck,30,10,1,0",
        "a.jpg,0,right_elbow,0,0,0,0", "b.jpg,1,neck,50,10,,", "b.jpg,1,left elbow,55,20.5,1,0",
    ]
    (folder / "keypoints.csv").write_text("\n".join([header, *rows]) + "\n")
    for seed, name in enumerate(("a.jpg", "b.jpg")):
        write_picture(folder / "images" / name, seed=seed)
    return folder


ARM = {
    "name": "arm-5", "title": "Two arms", "joints": ["neck", "left elbow", "left wrist", "right elbow", "right wrist"],
    "bones": [[0, 1], [1, 2], [0, 3], [3, 4]], "mirror": [0, 3, 4, 1, 2], "root": 0,
}


def write_skeleton(folder: Path, **changes) -> Path:
    file = folder / "skeleton.json"
    file.write_text(json.dumps(ARM | changes))
    return file


def nearer_person(**changes) -> dict:
    person = {"keypoints": [[10 + 5 * joint, 8 + 4 * joint, 1] for joint in range(5)], "occluded": [0, 1, 0, 0, 0]}
    return person | {"pose3d_mm": [[10 * joint, -5 * joint, 3 * joint] for joint in range(5)]} | changes


def write_nearer(folder: Path, n: int = 2, edits=(), text: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    images = [{"file": f"images/{number:04d}.jpg", "people": [nearer_person()]} for number in range(1, n + 1)]
    content = {
        "format": "nearer-dataset", "version": 1, "description": "Made for a test", "licence": "CC0", "citation": "",
        "images": images, "skeleton": copy.deepcopy(ARM),
    }
    for number in range(1, n + 1):
        write_picture(folder / "images" / f"{number:04d}.jpg", seed=number)
    for edit in edits:
        edit(content)
    (folder / "dataset.json").write_text(text if text is not None else json.dumps(content))
    return folder


def write_pickled_npz(file: Path, name: str, value: object, protocol: int = 4) -> None:
    """An archive whose one array is an object pickled as it is, hostile or not."""
    import io

    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.npy", header.getvalue() + pickle.dumps(value, protocol))


def zipped(folder: Path, file: Path, top: str = "") -> Path:
    """Everything in the folder as one zip."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(folder.rglob("*")):
            if one.is_file():
                archive.write(one, f"{top}{one.relative_to(folder).as_posix()}")
    return file
