"""From files to a `Release`: a release's folder or zip, or the JSON that the paper's authors published."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from pathlib import Path

import numpy as np

from nearer.errors import BadRelease
from nearer.files import MANIFEST, Files
from nearer.release import Release, Votes, Workers

PEOPLE = {"pose2d": ("K", 2), "visible": ("K",), "image_size": (2,), "person": (), "is_train": ()}
PAIRS = {"pair_person": (), "pair_joints": (2,), "p_first": (), "risk": (), "votes": ()}
VOTES = ("vote_pair", "vote_worker", "chose_first", "first_is_green", "first_is_left", "response_ms")
KINDS = dict.fromkeys(("person", "worker", "worker_kind"), "U")  # of arrays; of all others, numbers
KINDS |= dict.fromkeys(("pair_person", "pair_joints", "vote_pair", "vote_worker"), "iu")
WORKERS = ("votes", "agreement", "skill", "skill_low", "skill_high", "green_bias", "left_bias")


def load(path: str | Path) -> Release:
    """Read a release.

    Args:
        path: its folder, the `manifest.json` in it, its zip, or a JSON file in the paper's form.
    Returns: arrays, checked against the manifest and against each other; votes are read when first asked for.
    Raises: BadRelease naming file, row and remedy; TamperedRelease where a checksum does not match.
    """
    path = Path(path)
    if path.name == MANIFEST and path.is_file():
        path = path.parent
    if not path.exists():
        raise BadRelease(f"{path}: there is no such file or folder.")
    if path.is_file() and not zipfile.is_zipfile(path):
        return _load_paper(path)
    return _load_release(Files(path))


def _load_release(files: Files) -> Release:
    manifest, where = files.manifest, f"{files.path}: training.npz"
    joints, bones, mirror, root = _skeleton(manifest, f"{files.path}: {MANIFEST}")
    arrays = _arrays(files.read("training.npz"), where)
    count = len(arrays.get("person", ()))
    n_pairs = len(arrays.get("pair_person", ()))
    for rows, shapes in ((count, PEOPLE), (n_pairs, PAIRS)):
        for name, shape in shapes.items():
            expected = (rows, *(len(joints) if size == "K" else size for size in shape))
            _has_shape(arrays, name, expected, where)
    if "pose3d" in arrays:
        _has_shape(arrays, "pose3d", (count, len(joints), 3), where)
    person = arrays["person"].astype(str)
    occluded = arrays.get("occluded", np.zeros((count, len(joints)), bool))
    found = Release(
        name=str(manifest.get("name", files.path.stem)), where=str(files.path), manifest=manifest, joints=joints, bones=bones,
        mirror=mirror, root=root, person=person,
        image=np.array([name.rpartition("#")[0] or name for name in person.tolist()], dtype=str),
        image_size=arrays["image_size"], keypoints=arrays["pose2d"].astype(np.float32), visible=arrays["visible"].astype(bool),
        occluded=occluded.astype(bool), is_train=arrays["is_train"].astype(bool), pair_person=arrays["pair_person"],
        pairs=arrays["pair_joints"], p_first=arrays["p_first"].astype(np.float32), risk=arrays["risk"].astype(np.float32),
        n_votes=arrays["votes"], truth=arrays["pose3d"].astype(np.float32) if "pose3d" in arrays else None,
        _read_votes=lambda: _votes(files, n_pairs),
    )  # fmt: skip
    return _checked(found, where)


def _skeleton(manifest: dict, where: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, int]:
    skeleton = manifest.get("skeleton")
    try:
        joints = tuple(str(name) for name in skeleton["joints"])
        bones = np.array(skeleton["bones"], np.int64).reshape(-1, 2)
        mirror, root = np.array(skeleton["mirror"], np.int64), int(skeleton["root"])
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise BadRelease(f"{where} has no skeleton with joints, bones, mirror and root ({error!r}).") from error
    k = len(joints)
    if mirror.shape != (k,) or not all(0 <= index < k for index in (*bones.flat, *mirror, root)):
        raise BadRelease(f"{where}: bones, mirror or root speak of joints beyond the {k} that are named.")
    return joints, bones, mirror, root


def _arrays(content: io.BytesIO, where: str) -> dict[str, np.ndarray]:
    try:
        with np.load(content, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    # NotImplementedError is what zipfile says of a compression that it does not know.
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError) as error:
        raise BadRelease(f"{where} is no archive of plain arrays ({error}); make or fetch the release again.") from error


def _has_shape(arrays: dict[str, np.ndarray], name: str, expected: tuple[int, ...], where: str) -> None:
    if name not in arrays:
        raise BadRelease(f"{where} has no array '{name}'; make or fetch the release again.")
    if arrays[name].shape != expected:
        raise BadRelease(f"{where}: '{name}' has the shape {arrays[name].shape}, {expected} was expected.")
    kinds = KINDS.get(name, "iufb")
    if arrays[name].dtype.kind not in kinds:
        wanted = {"U": "text", "iu": "whole numbers"}.get(kinds, "numbers")
        raise BadRelease(f"{where}: '{name}' holds {arrays[name].dtype}, {wanted} were expected.")


def _checked(release: Release, where: str) -> Release:
    """The release, if its pairs speak of people and joints that are there, with probabilities."""
    for values, limit, what in (
        (release.pair_person, len(release.person), "person"), (release.pairs, len(release.joints), "joint"),
    ):
        wrong = (values < 0) | (values >= limit)
        if wrong.any():
            row = int(np.argwhere(wrong)[0][0])
            raise BadRelease(f"{where}: pair {row} speaks of {what} {values[row].tolist()}; there are {limit}, counted from 0.")
    for name in ("p_first", "risk"):
        values = getattr(release, name)
        wrong = ~((values >= 0) & (values <= 1))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise BadRelease(f"{where}: {name} of pair {row} is {values[row]}, which is no probability.")
    return release


def _votes(files: Files, n_pairs: int) -> tuple[Votes, Workers]:
    where = f"{files.path}: votes.npz"
    arrays = _arrays(files.read("votes.npz"), where)
    n_votes, n_workers = len(arrays.get("vote_pair", ())), len(arrays.get("worker", ()))
    for name in VOTES:
        _has_shape(arrays, name, (n_votes,), where)
    for name in ("worker", "worker_kind", *(f"worker_{field}" for field in WORKERS)):
        _has_shape(arrays, name, (n_workers,), where)
    for name, limit in (("vote_pair", n_pairs), ("vote_worker", n_workers)):
        wrong = (arrays[name] < 0) | (arrays[name] >= limit)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise BadRelease(f"{where}: {name} of vote {row} is {arrays[name][row]}; there are {limit}, counted from 0.")
    votes = Votes(*(arrays[name] for name in VOTES))
    return votes, Workers(
        name=arrays["worker"].astype(str), kind=arrays["worker_kind"].astype(str),
        **{field: arrays[f"worker_{field}"] for field in WORKERS},
    )


def _load_paper(path: Path) -> Release:
    """The form of "Relative Depth LSP": joint_names; images with keypoints, occluded, is_train and anns.

    The probability is taken from label and risk, which say it without ambiguity; a file without risks gives certain
    labels. (-1, -1) is a missing keypoint.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadRelease(f"{path}: neither a release nor JSON in the paper's form ({error}).") from error
    try:
        joints = tuple(str(name).replace("_", " ") for name in record["joint_names"])
        images = record["images"]
        if not isinstance(record["joint_names"], list) or not isinstance(images, list):
            raise BadRelease(f"{path}: joint_names and images must be lists.")
    except (KeyError, TypeError) as error:
        raise BadRelease(f"{path}: JSON in the paper's form has joint_names and images; {error} is missing.") from error
    k = len(joints)
    keypoints = np.full((len(images), k, 2), np.nan, np.float32)
    occluded, is_train = np.zeros((len(images), k), bool), np.ones(len(images), bool)
    names, pair_person, pairs, p_first, risks = [], [], [], [], []
    for row, image in enumerate(images):
        place = f"{path}: image {row}"
        try:
            keypoints[row] = np.array(image["keypoints"], np.float32).reshape(k, 2)
            occluded[row] = np.array(image.get("occluded", [0] * k), bool)
            is_train[row] = bool(image.get("is_train", True))
            names.append(_picture(image))
            for number, ann in enumerate(image["anns"]):
                place = f"{path}: image {row}, ann {number}"
                label, risk = int(ann["label"]), float(ann.get("risk", 0.0))
                if label not in (0, 1):
                    raise ValueError(f"the label is {label}, 0 or 1 was expected")
                pair_person.append(row)
                pairs.append(tuple(_joint(ann[name], k) for name in ("kp0", "kp1")))
                p_first.append(risk if label else 1 - risk)
                risks.append(risk)
        except KeyError as error:
            raise BadRelease(f"{place}: {error} is missing.") from error
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            raise BadRelease(f"{place}: {error}.") from error
    missing = (keypoints == -1).all(-1)
    keypoints[missing] = np.nan
    nobody: dict[str, int] = {}
    person = []
    for name in names:  # the n-th entry of a picture is its n-th person
        person.append(f"{name}#{nobody.setdefault(name, 0)}")
        nobody[name] += 1
    index = {name: number for number, name in enumerate(joints)}
    found = Release(
        name=path.stem, where=str(path), manifest={"format": "relative-depth-json"}, joints=joints,
        bones=np.zeros((0, 2), np.int64), mirror=np.array([index.get(_mirrored(name), n) for n, name in enumerate(joints)]),
        root=index.get("neck", 0), person=np.array(person, str), image=np.array(names, str), image_size=None,
        keypoints=keypoints, visible=np.isfinite(keypoints).all(-1), occluded=occluded, is_train=is_train,
        pair_person=np.array(pair_person, np.int32), pairs=np.array(pairs, np.int16).reshape(-1, 2),
        p_first=np.array(p_first, np.float32), risk=np.array(risks, np.float32), n_votes=None, truth=None,
    )  # fmt: skip
    return _checked(found, str(path))


def _picture(image: dict) -> str:
    """Its name; without the folder that a release of Nearer adds where `original_id` names the picture itself."""
    said = str(image["im_file"])
    bare = said.removeprefix("images/")
    anns = image["anns"] if isinstance(image["anns"], list) else []
    ids = (str(ann.get("original_id", "")) for ann in anns if isinstance(ann, dict))
    return bare if any(one.startswith(f"{bare}#") for one in ids) else said


def _joint(said: object, k: int) -> int:
    """Raises: ValueError for what is no index of K joints."""
    if not isinstance(said, int) or not 0 <= said < k:
        raise ValueError(f"the joint is {said!r}; there are {k}, counted from 0")
    return said


def _mirrored(name: str) -> str:
    side, _, rest = name.partition(" ")
    return {"left": f"right {rest}", "right": f"left {rest}"}.get(side, name)
