"""Training and using the paper's model (`network.CoordinateLifter`): Eq. 1 with full supervision, Eq. 2-7 with relative."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from . import depths, losses
from .config import Config
from .data import LiftingData
from .network import CoordinateLifter
from .skeletons import Skeleton


@dataclass
class People:
    """N people ready for the paper's model; labels as in `depths.People`.

    `seen` (N, K, 2) is in pixels about the root, 0 where missing; `reference` is (L,) limb lengths of a mean skeleton or
    (N, L) of each subject; `focal_px` (N,).
    """

    seen: Tensor
    known: Tensor
    visible: Tensor
    focal_px: Tensor
    truth: Tensor | None
    reference: Tensor | None
    label_start: Tensor
    label_count: Tensor
    pair: Tensor
    p_low: Tensor

    def __len__(self) -> int:
        return len(self.seen)


def build(skeleton: Skeleton, config: Config) -> CoordinateLifter:
    relative = config.supervision == "relative"
    return CoordinateLifter(
        len(skeleton.joints), config.width, config.stages, config.dropout,
        multiplier=config.output_multiplier if relative else None,
        scale_range=1.0 if config.projection == "orthographic" else 0.001,
    )  # fmt: skip


def prepare(data: LiftingData, config: Config, device: torch.device, reference: np.ndarray | None = None) -> People:
    """Args: reference: limb lengths (L,) or (N, L) in mm, NaN for limbs to leave out; None without a skeleton loss."""
    base = depths.prepare(data, replace(config, supervision="relative"), device)
    root = data.skeleton.root
    known = np.isfinite(data.pose2d).all(-1)
    # A missing root is stood in for by the middle of what is known.
    middle = np.where(known[:, root, None], data.pose2d[:, root], np.nanmean(data.pose2d, axis=1))
    seen = np.where(known[..., None], data.pose2d - middle[:, None], 0)
    truth = None
    if config.supervision == "full":
        truth = torch.from_numpy(data.pose3d.astype(np.float32)).to(device)
    focal = data.focal_px if data.focal_px is not None else config.focal * np.max(data.image_size, axis=1)
    return People(
        seen=torch.from_numpy(seen.astype(np.float32)).to(device), known=base.known,
        visible=torch.from_numpy(data.visible & known).to(device),
        focal_px=torch.from_numpy(np.asarray(focal, np.float32)).to(device), truth=truth,
        reference=None if reference is None else torch.from_numpy(reference.astype(np.float32)).to(device),
        label_start=base.label_start, label_count=base.label_count, pair=base.pair, p_low=base.p_low,
    )  # fmt: skip


def standardise(net: CoordinateLifter, people: People) -> None:
    """Mean and deviation of the input, and with full supervision of the output, over the people to learn from."""
    flat = people.seen.flatten(1)
    net.input_mean.copy_(flat.mean(0))
    net.input_std.copy_(_safe(flat.std(0, unbiased=False)))
    if people.truth is not None:
        truth = people.truth.flatten(1)
        net.output_mean.copy_(torch.nanmean(truth, 0))
        deviation = torch.nanmean((truth - torch.nanmean(truth, 0)).square(), 0).sqrt()
        net.output_std.copy_(_safe(deviation))


def _safe(std: Tensor) -> Tensor:
    return torch.where(std > 1e-6, std, torch.ones_like(std))


def terms(
    net: CoordinateLifter, people: People, rows: Tensor, skeleton: Skeleton, config: Config, training: bool
) -> dict[str, Tensor]:  # fmt: skip
    """The weighted losses of a batch by name: pose, or root, order, reprojection, skeleton."""
    seen = people.seen[rows]
    pose, scale = net(seen)
    if config.supervision == "full":
        return {"pose": losses.supervised(pose, people.truth[rows])}
    cost = {"root": config.root_weight * losses.root(pose, skeleton.root)}
    per_visit = 1 if config.paper_code and training else config.pairs_per_visit if training else 0
    row, label = depths.labels_of(people, rows, per_visit)
    pair, p_low = people.pair[label], people.p_low[label]
    if len(row) and config.rank_weight:
        first, second = torch.triu_indices(pose.shape[1], pose.shape[1], 1, device=pose.device)
        r = torch.sign(0.5 - p_low)
        cost["order"] = config.rank_weight * losses.ranking(
            pose[row, first[pair], 2], pose[row, second[pair], 2], r, config.multiplier, paper_code=config.paper_code
        )
    visible = torch.ones_like(people.visible[rows]) if config.paper_code else people.visible[rows]
    if config.projection == "orthographic":
        reprojection = losses.reprojection_orthographic(pose, scale, seen, visible)
    else:
        focal = people.focal_px[rows].unsqueeze(1)
        reprojection = losses.reprojection_perspective(pose, 1 / scale.clamp(min=1e-9), focal, seen, visible)
    cost["reprojection"] = config.reprojection_weight * reprojection
    if people.reference is not None:
        reference = people.reference if people.reference.dim() == 1 else people.reference[rows]
        bones = torch.tensor(skeleton.bones, device=pose.device)
        cost["skeleton"] = config.skeleton_weight * losses.limb_ratio(pose, bones, reference, unit_limb(skeleton))
    return cost


def unit_limb(skeleton: Skeleton) -> int:
    """The paper's limb of length one, the right lower leg; the first limb where there is none."""
    for number, (a, b) in enumerate(skeleton.bones):
        names = {skeleton.joints[a].lower(), skeleton.joints[b].lower()}
        if any("knee" in n for n in names) and any("ankle" in n for n in names) and all(n.startswith("r") for n in names):
            return number
    return 0


@torch.no_grad()
def poses(net: CoordinateLifter, people: People, skeleton: Skeleton) -> Tensor:
    """(N, K, 3) about the root, in the network's own units (mm with full supervision)."""
    pose, _ = net(people.seen)
    return pose - pose[:, skeleton.root : skeleton.root + 1]
