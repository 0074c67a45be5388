"""Files that the lifter reads: a release of Nearer, a mocap .npz, the paper's release JSON."""

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from .data import LiftingData, check
from .errors import BadData, TamperedFile
from .labels import draw_pairs, share_of_votes
from .skeletons import Skeleton

# Human3.6M's 17 joints: left and right swapped.
MIRROR_17 = (0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13)

KNOWN = 2e-6  # a release writes known answers with this risk or less


def load(path: str | Path, **labels) -> LiftingData:
    """Whatever lies at `path`, checked.

    Args:
        path: a release's folder (or its manifest.json or training.npz), a mocap .npz, or the paper's release JSON.
        labels: how to draw labels from true depths (`pairs`, `tolerance_mm`, `flip_rate`, `crowd_votes`, `seed`, see
            `labels.draw_pairs`). Mocap has no labels of its own and gets one exact pair a person by default; for a
            release with 3D poses these settings replace its labels.
    Raises: BadData naming file, row and remedy; TamperedFile where a checksum does not match.
    """
    path = Path(path)
    if path.name in ("manifest.json", "training.npz") and (path.parent / "manifest.json").exists():
        path = path.parent
    if path.is_dir():
        data = load_release(path)
        return check(draw_pairs(data, **labels) if labels else data)
    if not path.exists():
        raise BadData(f"{path}: no such file or folder.")
    if path.suffix == ".json":
        return check(load_paper_json(path))
    data = load_mocap(path)
    return check(draw_pairs(data, **labels))


def load_release(folder: Path) -> LiftingData:
    """A release as `crowd` writes it: manifest.json beside training.npz and votes.npz, whose checksums must match.

    votes.npz may be missing; then the merged probabilities are all that is known.
    """
    manifest_path = folder / "manifest.json"
    if not manifest_path.exists():
        raise BadData(f"{folder}: no manifest.json in it; give the folder of a release.")
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadData(f"{manifest_path}: not valid JSON ({error}); make the release again.") from error
    if manifest.get("format") != "nearer-release" or manifest.get("version") != 1:
        raise BadData(
            f"{manifest_path}: format '{manifest.get('format')}' version {manifest.get('version')}; "
            "'nearer-release' version 1 can be read."
        )
    training = folder / "training.npz"
    if not training.exists():
        raise BadData(f"{training}: missing; make the release again.")
    _as_promised(training, manifest)
    skeleton = Skeleton.from_json(manifest.get("skeleton") or {}, str(manifest_path))
    arrays = _open(training)
    needed = ("pose2d", "visible", "image_size", "person", "is_train", "pair_person", "pair_joints", "p_first")
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise BadData(f"{training}: {', '.join(missing)} missing; make the release again.")
    person = arrays["person"].astype(str)
    # One image's people share a group where their names tell (image#number); otherwise everybody is a group.
    group = np.unique([name.rpartition("#")[0] or name for name in person], return_inverse=True)[1]
    data = LiftingData(
        skeleton=skeleton, pose2d=arrays["pose2d"].astype(np.float32), visible=arrays["visible"].astype(bool),
        image_size=arrays["image_size"].astype(np.int64), person=person, is_train=arrays["is_train"].astype(bool), group=group,
        pair_person=arrays["pair_person"].astype(np.int64), pair_joints=arrays["pair_joints"].astype(np.int64).reshape(-1, 2),
        p_first=arrays["p_first"].astype(np.float32),
        pose3d=arrays["pose3d"].astype(np.float32) if "pose3d" in arrays else None,
        truth_is_for_evaluation=True, where=str(training),
    )  # fmt: skip
    check(data)
    if (folder / "votes.npz").exists() and "votes.npz" in manifest["files"]:
        _as_promised(folder / "votes.npz", manifest)
        data = replace(data, share_first=_share_of_votes(folder / "votes.npz", data.p_first))
    return data


def _as_promised(path: Path, manifest: dict) -> None:
    promised = manifest.get("files", {}).get(path.name, {}).get("sha256")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if promised is None or found != promised:
        raise TamperedFile(f"{path}: its SHA-256 is {found}, the manifest promises {promised}; fetch the release again.")


def _share_of_votes(path: Path, p_first: np.ndarray) -> np.ndarray:
    """(P,) float32, see `labels.share_of_votes`; NaN also where the answer is known, which is not left to its votes."""
    arrays = _open(path)
    missing = [name for name in ("vote_pair", "vote_worker", "chose_first", "worker_skill") if name not in arrays]
    if missing:
        raise BadData(f"{path}: {', '.join(missing)} missing; make the release again.")
    pair, worker = arrays["vote_pair"].astype(np.int64), arrays["vote_worker"].astype(np.int64)
    skill, said = arrays["worker_skill"].astype(float), arrays["chose_first"].astype(bool)
    if not pair.shape == worker.shape == said.shape or pair.ndim != 1:
        raise BadData(f"{path}: vote_pair, vote_worker and chose_first differ in length; make the release again.")
    for name, number, limit in (("vote_pair", pair, len(p_first)), ("vote_worker", worker, len(skill))):
        wrong = (number < 0) | (number >= limit)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise BadData(f"{path}: {name} of vote {row} is {number[row]}; there are {limit}, counted from 0.")
    share = share_of_votes(pair, worker, said, skill, len(p_first))
    return np.where(np.minimum(p_first, 1 - p_first) > KNOWN, share, np.nan).astype(np.float32)


def load_mocap(path: Path) -> LiftingData:
    """Motion capture seen by cameras: pose2d int16 in eighths of a pixel, pose3d int16 in quarters of a millimetre.

    Float arrays are taken as they are, in pixels and millimetres. Optional: subject, clip, cam_f, joints, bones, image_size.
    """
    arrays = _open(path)
    missing = [name for name in ("pose2d", "pose3d") if name not in arrays]
    if missing:
        raise BadData(f"{path}: {', '.join(missing)} missing; a mocap file has pose2d (N, K, 2) and pose3d (N, K, 3).")
    pose2d, pose3d = _decoded(arrays["pose2d"], 8), _decoded(arrays["pose3d"], 4)
    if pose2d.ndim != 3 or pose2d.shape[-1] != 2 or pose3d.shape != (*pose2d.shape[:2], 3):
        raise BadData(f"{path}: pose2d {pose2d.shape} and pose3d {pose3d.shape} should be (N, K, 2) and (N, K, 3).")
    people, joints = pose2d.shape[:2]
    if "joints" not in arrays or "bones" not in arrays:
        raise BadData(f"{path}: 'joints' (names) and 'bones' (parent, child) are needed to know the skeleton.")
    names = [str(name) for name in arrays["joints"]]
    skeleton = Skeleton(
        name="h36m-17" if joints == 17 else f"mocap-{joints}", joints=tuple(names),
        bones=tuple((int(a), int(b)) for a, b in arrays["bones"]),
        mirror=MIRROR_17 if joints == 17 else _mirror_by_name(names), root=0,
    )  # fmt: skip
    nobody = np.zeros(people, int)
    subject, clip = arrays.get("subject", nobody), arrays.get("clip", np.arange(people))
    action = None
    if "clip_names" in arrays:
        action = np.array([str(name) for name in arrays["clip_names"]])[clip.astype(int)]
    focal = None
    if {"cam", "cam_f", "cam_subject"} <= set(arrays):
        row = np.searchsorted(arrays["cam_subject"], subject)
        focal = arrays["cam_f"][row, arrays["cam"]].mean(-1).astype(np.float32)
    return LiftingData(
        skeleton=skeleton, pose2d=pose2d, visible=np.isfinite(pose2d).all(-1),
        image_size=arrays["image_size"] if "image_size" in arrays else np.full((people, 2), 1000),
        person=np.array([f"{s}-{c}-{n}" for n, (s, c) in enumerate(zip(subject, clip))]), is_train=np.ones(people, bool),
        group=np.unique(clip.astype(np.int64) + 100_000 * subject.astype(np.int64), return_inverse=True)[1],
        pair_person=np.zeros(0, int), pair_joints=np.zeros((0, 2), int), p_first=np.zeros(0, np.float32),
        pose3d=pose3d - pose3d[:, :1], focal_px=focal, action=action, where=str(path),
    )  # fmt: skip


def load_paper_json(path: Path) -> LiftingData:
    """The Relative Depth LSP data set as the paper's authors release it.

    `images` hold `keypoints` (x, y by joint), `is_train` and `anns` with kp0, kp1 and label (0: kp0 is closer, 1: kp1
    is); `joint_names` name the joints. Root: the neck, as in the paper's LSP experiments.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        names, images = [str(name).replace("_", " ") for name in record["joint_names"]], record["images"]
        pose2d = np.array([image["keypoints"] for image in images], np.float32).reshape(len(images), len(names), -1)[..., :2]
        labels = [(row, ann["kp0"], ann["kp1"], ann["label"]) for row, image in enumerate(images) for ann in image["anns"]]
    except (KeyError, TypeError, ValueError) as error:
        raise BadData(f"{path}: not the paper's release (joint_names, images with keypoints and anns): {error!r}.") from error
    pose2d[(pose2d == -1).all(-1)] = np.nan  # how a release of Nearer says in this form that a joint is missing
    index = {name: k for k, name in enumerate(names)}
    wanted = [
        ("neck", "head"), ("neck", "head top"), ("neck", "nose"),
        ("neck", "right shoulder"), ("right shoulder", "right elbow"),
        ("right elbow", "right wrist"),
        ("neck", "left shoulder"), ("left shoulder", "left elbow"), ("left elbow", "left wrist"),
        ("neck", "right hip"), ("right hip", "right knee"), ("right knee", "right ankle"), ("neck", "left hip"),
        ("left hip", "left knee"), ("left knee", "left ankle"), ("right hip", "left hip"),
    ]  # fmt: skip
    bones = tuple((index[a], index[b]) for a, b in wanted if a in index and b in index)
    skeleton = Skeleton("lsp-14", tuple(names), bones, _mirror_by_name(names), index.get("neck", 0))
    table = np.array(labels, dtype=np.int64).reshape(-1, 4)
    if not np.isin(table[:, 3], (0, 1)).all():
        row = int(np.flatnonzero(~np.isin(table[:, 3], (0, 1)))[0])
        raise BadData(f"{path}: label {row} is {table[row, 3]}; 0 (kp0 is closer) or 1 was expected.")
    known = np.isfinite(pose2d).all(-1)
    size = np.stack([np.nanmax(pose2d[..., axis], axis=1) for axis in (0, 1)], axis=1).clip(1)
    return LiftingData(
        skeleton=skeleton, pose2d=pose2d, visible=known, image_size=np.ceil(size).astype(int),
        person=np.array([str(image.get("im_file", row)) for row, image in enumerate(images)]),
        is_train=np.array([bool(image.get("is_train", True)) for image in images]), group=np.arange(len(images)),
        pair_person=table[:, 0], pair_joints=table[:, 1:3], p_first=(1 - table[:, 3]).astype(np.float32), where=str(path),
    )  # fmt: skip


def load_keypoints(path: Path) -> dict[str, np.ndarray | None]:
    """`pose2d`, `visible`, `image_size` of a keypoints .npz; in pixels, or in eighths of one if stored as integers."""
    arrays = _open(Path(path))
    if "pose2d" not in arrays:
        raise BadData(f"{path}: 'pose2d' (N, K, 2) is missing.")
    return {"pose2d": _decoded(arrays["pose2d"], 8), "visible": arrays.get("visible"), "image_size": arrays.get("image_size")}


def _open(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise BadData(f"{path}: not a readable .npz of plain arrays ({error}).") from error


def _decoded(array: np.ndarray, parts: int) -> np.ndarray:
    return array.astype(np.float32) / parts if np.issubdtype(array.dtype, np.integer) else array.astype(np.float32)


def _mirror_by_name(names: list[str]) -> tuple[int, ...]:
    """Left and right swapped by name; a joint without a counterpart is its own mirror."""
    swaps = (("left", "right"), ("right", "left"), ("l_", "r_"), ("r_", "l_"))
    index = {name: k for k, name in enumerate(names)}
    mirror = []
    for k, name in enumerate(names):
        others = [index[new + name[len(old):]] for old, new in swaps if name.startswith(old) and new + name[len(old):] in index]
        mirror.append(others[0] if others else k)
    return tuple(mirror)
