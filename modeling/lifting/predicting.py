"""Using a run: poses, how sure they are, and the probability of an order; arrays in, arrays out."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.special import ndtr

from . import checkpoint, coordinates, depths
from .config import Config
from .data import LiftingData
from .errors import BadData, Stopped
from .fitting import device_for, fit
from .posing import poses_of
from .skeletons import Skeleton


@dataclass(frozen=True)
class Lifter:
    """A run in memory: its folder, record, settings, network, limbs and the summed length of limbs that fixes the scale."""

    folder: Path
    record: dict
    config: Config
    skeleton: Skeleton
    net: torch.nn.Module
    limbs: object
    reference_mm: float
    device: torch.device


def open_run(folder: str | Path, device: str = "cpu") -> Lifter:
    """Raises BadData where there is no finished run, TamperedFile where its weights were changed."""
    record = checkpoint.read_run(folder)
    config, skeleton = Config.from_json(record["config"]), Skeleton.from_json(record["skeleton"], str(folder))
    recipe = depths if config.method == "depth" else coordinates
    at = device_for(device)
    net = recipe.build(skeleton, config).to(at)
    weights, _ = checkpoint.read_tensors(Path(folder) / "weights.safetensors")
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise BadData(f"{folder}: weights and run.json do not belong together ({error}); train again.") from error
    net.eval()
    lengths = np.array(record["limbs_mm"])
    limbs = depths.Limbs.of(skeleton, lengths, net) if config.method == "depth" else skeleton
    return Lifter(Path(folder), record, config, skeleton, net, limbs, float(lengths.sum()), at)


def people_from(lifter: Lifter, pose2d, visible=None, image_size=None) -> LiftingData:
    """2D poses as data without labels, checked against the run's skeleton.

    Raises: BadData naming the row of a pose that cannot be used.
    """
    pose2d = np.asarray(pose2d, dtype=np.float32)
    joints = len(lifter.skeleton.joints)
    if pose2d.ndim != 3 or pose2d.shape[1:] != (joints, 2):
        raise BadData(f"pose2d has shape {pose2d.shape}; the run of '{lifter.skeleton.name}' takes (N, {joints}, 2).")
    if np.isinf(pose2d).any():
        raise BadData(f"pose2d: row {int(np.argwhere(np.isinf(pose2d))[0][0])} is infinite; a missing joint is NaN.")
    known = np.isfinite(pose2d).all(-1)
    if len(pose2d) and known.sum(1).min() < 2:
        raise BadData(f"pose2d: row {int(np.argmin(known.sum(1)))} has fewer than two joints; leave such people out.")
    visible = known if visible is None else np.asarray(visible, dtype=bool)
    if visible.shape != known.shape:
        raise BadData(f"visible has shape {visible.shape}; {known.shape} was expected.")
    size = np.asarray(lifter.record["image_size"] if image_size is None else image_size)
    if size.shape not in ((2,), (len(pose2d), 2)) or not (size > 0).all():
        raise BadData(f"image_size has shape {size.shape}; give (N, 2) or one (width, height), positive.")
    nobody = np.zeros(0, int)
    count = len(pose2d)
    return LiftingData(
        lifter.skeleton, pose2d, visible, np.broadcast_to(size, (count, 2)).copy(), np.arange(count).astype(str),
        np.zeros(count, bool), np.arange(count), nobody, np.zeros((0, 2), int), np.zeros(0, np.float32),
    )  # fmt: skip


def _lifted(lifter: Lifter, data: LiftingData) -> list[np.ndarray]:
    """[pose, depth variance, z_b - z_a, its variance], with the mirrored person's averaged in where the run says so."""
    recipe = depths if lifter.config.method == "depth" else coordinates
    settings = replace(lifter.config, supervision="relative")

    def once(some: LiftingData) -> list[np.ndarray]:
        people = recipe.prepare(some, settings, lifter.device)
        found = poses_of(lifter.net, people, lifter.limbs, lifter.config, lifter.reference_mm)
        return [array.cpu().double().numpy() for array in found]

    found = once(data)
    if lifter.config.mirror and len(data):
        other = once(data.mirrored())
        mirror = np.array(lifter.skeleton.mirror)
        first, second = np.triu_indices(len(mirror), 1)
        number = np.zeros((len(mirror),) * 2, int)
        number[first, second] = np.arange(len(first))
        low, high = np.minimum(mirror[first], mirror[second]), np.maximum(mirror[first], mirror[second])
        sign = np.where(mirror[first] < mirror[second], 1, -1)
        place = number[low, high]
        other = [other[0][:, mirror] * (-1, 1, 1), other[1][:, mirror], other[2][:, place] * sign, other[3][:, place]]
        found = [(a + b) / 2 for a, b in zip(found, other)]
    found[0] = found[0] - found[0][:, lifter.skeleton.root : lifter.skeleton.root + 1]
    factor = lifter.record["calibration"]["deviation_factor"] ** 2
    return [found[0], found[1] * factor, found[2], found[3] * factor]


def predict(folder: str | Path, pose2d, visible=None, image_size=None, device: str = "cpu") -> tuple[np.ndarray, np.ndarray]:
    """3D poses of people.

    Args:
        folder: of a finished run, or a `Lifter` from `open_run`.
        pose2d: (N, K, 2) pixels, NaN where a joint is missing (its place is then guessed).
        visible: (N, K) bool, for completeness; a hidden joint whose place is known is used like any other.
        image_size: (N, 2) or (2,) width and height; the training set's median where not given.
    Returns: pose (N, K, 3) float32, camera axes x right, y down, z away, root at 0, millimetres up to the assumed body size;
        deviation of each joint's depth about the root's (N, K) float32, mm (zeros for the paper's model, which has none).
    """
    lifter = folder if isinstance(folder, Lifter) else open_run(folder, device)
    pose, variance, _, _ = _lifted(lifter, people_from(lifter, pose2d, visible, image_size))
    return pose.astype(np.float32), np.sqrt(variance).astype(np.float32)


def order_probability(folder, pose2d, visible, pairs, person=None, image_size=None) -> np.ndarray:
    """Calibrated probability that the first joint of each pair is closer to the camera, (P,) inside (0, 1).

    Args:
        pairs: (P, 2) joints, first and second.
        person: (P,) index into the poses; where not given there must be one pose for all pairs, or one for each.
    """
    lifter = folder if isinstance(folder, Lifter) else open_run(folder)
    data = people_from(lifter, pose2d, visible, image_size)
    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    if person is None:
        if len(data) not in (1, len(pairs)):
            raise BadData(f"{len(pairs)} pairs of {len(data)} poses: say by 'person' (P,) whose pair each is.")
        person = np.zeros(len(pairs), int) if len(data) == 1 else np.arange(len(pairs))
    joints = len(lifter.skeleton.joints)
    if len(pairs) and not (pairs.min() >= 0 and pairs.max() < joints and (pairs[:, 0] != pairs[:, 1]).all()):
        raise BadData(f"pairs: each needs two different joints in [0, {joints}) of the skeleton '{lifter.skeleton.name}'.")
    return _probabilities(lifter, data, np.asarray(person, int), pairs)


def _probabilities(lifter: Lifter, data: LiftingData, person: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    _, _, apart, variance = _lifted(lifter, data)
    joints = len(lifter.skeleton.joints)
    number = np.zeros((joints, joints), int)
    number[np.triu_indices(joints, 1)] = np.arange(apart.shape[1])
    low, high = pairs.min(1), pairs.max(1)
    place = number[low, high]
    sign = np.where(pairs[:, 0] == low, 1, -1)
    gap, spread = apart[person, place] * sign, np.sqrt(variance[person, place])
    if lifter.config.method == "paper":  # no variance of its own: the paper's link at the predictions' own spread
        return 1 / (1 + np.exp(-np.clip(lifter.config.multiplier * gap / max(np.abs(apart).mean(), 1e-9), -30, 30)))
    return np.clip(ndtr(gap / np.maximum(spread, 1.0)), 1e-4, 1 - 1e-4)


@dataclass(frozen=True)
class CrossFit:
    """Predictions for labelled people by runs that have not seen their labels. (N, K, 3) mm, (N, K) mm, (P,), (N,) fold."""

    pose3d: np.ndarray
    depth_sigma: np.ndarray
    p_first: np.ndarray
    fold: np.ndarray


def cross_fit(
    data: LiftingData, config: Config | None, output: str | Path, folds: int = 5, on_epoch=None,
    pairs: tuple[np.ndarray, np.ndarray] | None = None,
) -> CrossFit:  # fmt: skip
    """Train `folds` runs, each without one part of the people, and predict each person by the run that did not see him.

    So no prior has seen its own pair's label, nor another label of the same image.

    Args:
        pairs: (person (P,), joints (P, 2)) whose p_first is wanted; the data's labelled pairs where not given.
        on_epoch: as in `fit`, with "fold" and "folds" added.
    Raises: BadData with fewer groups of people than folds; Stopped if on_epoch returned False.
    """
    from .data import folds as draw_folds

    config = config or Config()
    fold = draw_folds(data, folds, config.seed)
    if len(np.unique(fold)) < folds or folds < 2:
        groups = len(np.unique(data.group))
        raise BadData(f"{data.where}: cannot be cut into {folds} parts; there are {groups} groups of people.")
    person, joints = (data.pair_person, data.pair_joints) if pairs is None else pairs
    pose = np.zeros((*data.pose2d.shape[:2], 3), np.float32)
    sigma, p_first = np.zeros(data.pose2d.shape[:2], np.float32), np.zeros(len(person))
    for number in range(folds):
        rest, part = fold != number, np.flatnonzero(fold == number)
        told = None if on_epoch is None else lambda entry, n=number: on_epoch(entry | {"fold": n, "folds": folds})
        run = fit(data.people(rest), config, Path(output) / f"fold-{number}", told)
        if run.stopped.startswith("stopped on request"):
            raise Stopped(f"cross-fitting was stopped in part {number + 1} of {folds}.")
        lifter = open_run(run.folder)
        some = people_from(lifter, data.pose2d[part], data.visible[part], data.image_size[part])
        pose[part], sigma[part] = predict(lifter, some.pose2d, some.visible, some.image_size)
        mine = np.isin(person, part)
        place = np.full(len(data), -1)
        place[part] = np.arange(len(part))
        p_first[mine] = _probabilities(lifter, some, place[person[mine]], joints[mine])
    return CrossFit(pose, sigma, p_first, fold)
