"""Training and using the depth network (`network.DepthLifter`): what a batch costs, what a pose is."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from . import losses
from .config import Config
from .data import LiftingData
from .geometry import about_root, in_space, renormalised, tilted, turned_about_vertical, view
from .network import LOG_BLUR, DepthLifter, Depths
from .skeletons import Skeleton


@dataclass
class People:
    """N people ready for training, on one device; see `geometry.View`. Labels lie in the order of people.

    `truth` (N, K, 3) is in the turned camera and the person's units, `truth_known` (N, K); both None where supervision
    is relative. `pair` numbers the joints a < b as torch.triu_indices does, `p_low` is the probability that a is closer,
    `share_low` the share of the votes for it, NaN where they are not known.
    """

    plane: Tensor
    known: Tensor
    distance: Tensor
    pixel: Tensor
    back: Tensor
    truth: Tensor | None
    truth_known: Tensor | None
    label_start: Tensor
    label_count: Tensor
    pair: Tensor
    p_low: Tensor
    share_low: Tensor

    def __len__(self) -> int:
        return len(self.plane)


def build(skeleton: Skeleton, config: Config) -> DepthLifter:
    return DepthLifter(skeleton, config.width, config.stages, config.dropout)


def prepare(data: LiftingData, config: Config, device: torch.device) -> People:
    """Arrays become tensors, pixels a normalised view; done once, so that a step assembles nothing."""
    known = torch.from_numpy(np.isfinite(data.pose2d).all(-1))
    pose2d = torch.from_numpy(np.nan_to_num(data.pose2d).astype(np.float32))
    seen = view(pose2d, known, torch.from_numpy(np.asarray(data.image_size)), config.focal, config.turn_camera)
    joints = pose2d.shape[1]
    order = np.argsort(data.pair_person, kind="stable")
    low, high = data.pair_joints[order].min(1), data.pair_joints[order].max(1)
    number = np.zeros((joints, joints), dtype=np.int64)
    number[np.triu_indices(joints, 1)] = np.arange(joints * (joints - 1) // 2)
    is_first = data.pair_joints[order, 0] == low
    p_low = np.where(is_first, data.p_first[order], 1 - data.p_first[order])
    share = np.full(len(order), np.nan) if data.share_first is None else data.share_first[order]
    share_low = np.where(is_first, share, 1 - share)
    count = np.bincount(data.pair_person, minlength=len(data))
    truth = truth_known = None
    if config.supervision == "full":
        pose = torch.from_numpy(np.nan_to_num(data.pose3d).astype(np.float32)) @ seen.back
        truth_known = torch.from_numpy(np.isfinite(data.pose3d).all(-1)) & known
        truth = pose * _fitting_scale(pose, seen.plane, seen.distance, truth_known, data.skeleton.root).view(-1, 1, 1)
        truth, truth_known = truth.to(device), truth_known.to(device)
    return People(
        plane=seen.plane.to(device), known=known.to(device), distance=seen.distance.to(device), pixel=seen.pixel.to(device),
        back=seen.back.contiguous().to(device), truth=truth, truth_known=truth_known,
        label_start=torch.from_numpy(np.concatenate([[0], np.cumsum(count)[:-1]])).to(device),
        label_count=torch.from_numpy(count).to(device), pair=torch.from_numpy(number[low, high].ravel()).to(device),
        p_low=torch.from_numpy(p_low.astype(np.float32).ravel()).to(device),
        share_low=torch.from_numpy(share_low.astype(np.float32).ravel()).to(device),
    )  # fmt: skip


def with_mirrored(people: People, mirrored: People) -> People:
    """2 N people: those of `people`, and from row N on the same as `mirrored`, their labels with them."""
    parts = {field.name: (getattr(people, field.name), getattr(mirrored, field.name)) for field in fields(People)}
    parts["label_start"] = (people.label_start, mirrored.label_start + len(people.pair))
    return People(**{name: None if one is None else torch.cat([one, other]) for name, (one, other) in parts.items()})


def _fitting_scale(pose: Tensor, plane: Tensor, distance: Tensor, known: Tensor, root: int) -> Tensor:
    """(B,) by which a pose in mm must be multiplied so that its x, y agree with the plane and its own depths; least squares."""
    seen = plane - plane[:, root : root + 1]
    moved = pose[..., :2] - plane * pose[..., 2:] / distance.view(-1, 1, 1)
    weight = known.to(pose.dtype).unsqueeze(-1)
    return (moved * seen * weight).sum((1, 2)) / (moved.square() * weight).sum((1, 2)).clamp(min=1e-9)


def standardise(net: DepthLifter, people: People) -> None:
    """Fill the network's mean and deviation of the input from the people to learn from."""
    weight = people.known.to(people.plane.dtype).unsqueeze(-1)
    total = weight.sum(0).clamp(min=1)
    mean = (people.plane * weight).sum(0) / total
    std = (((people.plane - mean).square() * weight).sum(0) / total).sqrt()
    net.mean.copy_(mean)
    net.std.copy_(std.clamp(min=0.05))


def labels_of(people: People, rows: Tensor, per_visit: int) -> tuple[Tensor, Tensor]:
    """Labels of a batch: (P,) row within the batch, (P,) which of the labels; `per_visit` drawn at random, 0 for all."""
    count, start = people.label_count[rows], people.label_start[rows]
    if per_visit:
        has = torch.nonzero(count > 0).squeeze(1).repeat_interleave(per_visit)
        place = start[has] + (torch.rand(len(has), device=rows.device) * count[has]).long().clamp(max=count[has] - 1)
        return has, place
    row = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), count)
    within = torch.arange(len(row), device=rows.device) - torch.repeat_interleave(count.cumsum(0) - count, count)
    return row, start[row] + within


def terms(net: DepthLifter, people: People, rows: Tensor, limbs: "Limbs", config: Config, training: bool) -> dict[str, Tensor]:
    """The weighted losses of a batch by name: order (or pose), skeleton, depth, place, turn."""
    plane, known, distance, pixel = people.plane[rows], people.known[rows], people.distance[rows], people.pixel[rows]
    cost: dict[str, Tensor] = {}
    plane, distance, pixel, extent, place = _input(net, plane, known, distance, pixel, config, training)
    if place is not None:
        cost["place"] = config.place_weight * place
    said = net(plane)
    pose = about_root(in_space(plane, said.depth, distance), net.root)
    back = people.back[rows]
    if config.supervision == "full":
        truth, weight = people.truth[rows] / extent.view(-1, 1, 1), people.truth_known[rows].to(pose.dtype)
        cost["pose"] = losses.mean_distance(pose, truth, weight)
        cost["deviation"] = 0.1 * _deviation_loss(net, said, truth[..., 2] - truth[:, net.root, 2:], weight)
        return cost
    row, label = labels_of(people, rows, config.pairs_per_visit if training else 0)
    if len(row) and config.rank_weight:
        # Depths are taken along the true camera's axis, as people judge them.
        nearer_by, variance, blur = order_terms(net, said, pose, back, row, people.pair[label], limbs, config)
        lapse = torch.sigmoid(net.lapse).clamp(min=1e-4)
        pull = labels_pull(len(row), len(rows), float(lapse.detach())) if config.label_noise == "held_out" else 1.0
        cost["order"] = config.rank_weight * pull * losses.order_log_loss(
            nearer_by, variance, people.p_low[label], people.share_low[label], blur, lapse
        )
        if config.blur_weight is not None and training:
            cost["blur"] = config.blur_weight * (net.label_blur - LOG_BLUR).square()
    wide, high, deep = _squared_steps(pose, said, limbs)
    weight = limbs.weight.expand(len(pose), -1)
    if config.skeleton_weight:
        cost["skeleton"] = config.skeleton_weight * losses.limb_shape(wide + high + deep, limbs.length, weight)
    if config.depth_weight:
        cost["depth"] = config.depth_weight * losses.as_deep_as_wide(deep, wide, weight)
    if training and config.turn_weight:
        cost["turn"] = config.turn_weight * _turn_loss(net, pose.detach(), distance.detach(), limbs)
    return cost


def labels_pull(labels: int, people: int, lapse: float) -> float:
    """By how much to weigh the order loss of so many labels of a batch, that it may stand its ground against the others.

    Near the truth a label of which a share `lapse` says nothing curves the loss by (1 - lapse)^2 of what an exact one does; the
    losses of limbs and of turned people do not get weaker with it. Where people have several labels each these make up for
    it, up to their number; one label is not made to count for more than it knows.
    """
    return min(max(labels / people, 1.0), (1 - lapse) ** -2)


def order_terms(net, said, pose, back, row, pair, limbs, config) -> tuple[Tensor, Tensor, Tensor]:
    """Of labelled pairs, (P,) each (blur () or (P,)): z_b - z_a along the true axis, its variance, the eyes' blur."""
    z = (pose * back[:, 2].unsqueeze(1)).sum(-1)
    at = row * net.differ.shape[1] + pair
    nearer_by = (z @ net.differ).flatten()[at]
    variance = net.pair_variance(said.deviation).flatten()[at]
    blur = net.label_blur.exp().clamp(min=0.01)
    if config.blur_mm is not None:  # known in millimetres; a person's size in them follows from the limbs
        lengths = squared_limbs(pose, said, limbs).clamp(min=1e-9).sqrt().sum(1).detach()
        blur = (max(config.blur_mm, 1.0) * lengths / limbs.total_mm)[row]
        if config.blur_weight is not None:
            blur = blur * (net.label_blur - LOG_BLUR).exp()
    return nearer_by, variance, blur


def _input(net, plane, known, distance, pixel, config, training):
    """What the depth network gets to see, and the cost of restoring it.

    In training, half of the batch is damaged (disturbed or partly hidden) and restored; the cost is its distance from what it
    was, and part of the depth network's input is such a restored pose, so that it meets what it will get in use.
    """
    if not training:
        plane = net.restored(plane, known)
        return *renormalised(plane, distance, pixel), None
    half = max(2, len(plane) // 2) if bool(known.all()) else len(plane)
    clean, seen = plane[:half], known[:half]
    bad, bad_known = damaged(clean, seen, config)
    weight = bad_known.to(plane.dtype).unsqueeze(-1)
    middle = (bad * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
    bad = torch.where(bad_known.unsqueeze(-1), bad - middle, torch.zeros_like(bad))
    extent = ((bad.square() * weight).sum((1, 2)) / weight.sum((1, 2))).sqrt().clamp(min=1e-6).view(-1, 1, 1)
    restored = net.restored(bad / extent, bad_known)
    place = losses.mean_distance(restored, (clean - middle) / extent, seen.to(plane.dtype))
    use = torch.rand(half, 1, 1, device=plane.device) < 0.6
    use |= ~seen.all(1).view(-1, 1, 1)
    back_in_place = restored.detach() * extent + middle
    fed = torch.cat([torch.where(use, back_in_place, clean), plane[half:]])
    return *renormalised(fed, distance, pixel), place


def damaged(plane: Tensor, known: Tensor, config: Config) -> tuple[Tensor, Tensor]:
    """Some people's joints disturbed, some people's joints hidden; two joints at least stay known."""
    people, joints = known.shape
    device = plane.device
    disturbed = torch.rand(people, 1, 1, device=device) < config.noise_share
    level = config.noise * torch.rand(people, 1, 1, device=device) * disturbed
    noisy = plane + level * torch.randn(plane.shape, device=device)
    hidden = (torch.rand(people, joints, device=device) < config.drop) & (
        torch.rand(people, 1, device=device) < config.drop_share
    )
    left = known & ~hidden
    left = torch.where((left.sum(1) >= 2).unsqueeze(1), left, known)
    return noisy, left


def _squared_steps(pose: Tensor, said: Depths, limbs: "Limbs") -> tuple[Tensor, Tensor, Tensor]:
    """(B, L) each: how far limbs reach along x, y and z, squared and expected."""
    joints, count = limbs.step.shape
    # One product of matrices: picking joints by index takes several times as long in the gradient.
    along = (pose.transpose(1, 2).reshape(-1, joints) @ limbs.step).view(-1, 3, count).square()
    wide, high, deep = along.unbind(1)
    return wide, high, deep + said.deviation.square() @ limbs.variance


def squared_limbs(pose: Tensor, said: Depths, limbs: "Limbs") -> Tensor:
    """(B, L) expected squared lengths."""
    return sum(_squared_steps(pose, said, limbs))


def _deviation_loss(net: DepthLifter, said: Depths, truth_depth: Tensor, weight: Tensor) -> Tensor:
    """Gaussian log loss of depth steps along the edges; teaches the deviations only."""
    child, parent = net.path.new_tensor(net.tree).long().T
    error = (said.depth[:, child] - said.depth[:, parent] - truth_depth[:, child] + truth_depth[:, parent]).detach()
    usable = weight[:, child] * weight[:, parent]
    loss = 0.5 * (error / said.deviation).square() + said.deviation.log()
    return (loss * usable).sum() / usable.sum().clamp(min=1)


def _turned(pose: Tensor, distance: Tensor, downwards: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """People turned by a random angle about the vertical and seen again: turned pose (B, K, 3), plane, distance.

    The vertical is where bodies point on average (leaning every way, they lean no way), so a camera that looks down on
    people is allowed for.
    """
    pose = pose - pose.mean(1, keepdim=True)
    axis = (pose.detach() * downwards.view(1, -1, 1)).sum(1).mean(0)
    pitch = torch.atan2(axis[2], axis[1].clamp(min=1e-6)).clamp(-0.6, 0.6).expand(len(pose))
    angle = (torch.rand(len(pose), device=pose.device) * 2 - 1) * np.pi
    turned = tilted(turned_about_vertical(tilted(pose, -pitch), angle), pitch)
    plane = turned[..., :2] / (1 + turned[..., 2:] / distance.view(-1, 1, 1)).clamp(min=0.3)
    plane, far, _, extent = renormalised(plane, distance, distance)
    return turned / extent.view(-1, 1, 1), plane, far


def _turn_loss(net: DepthLifter, pose: Tensor, distance: Tensor, limbs: "Limbs") -> Tensor:
    """A person seen from elsewhere must be lifted to the same pose again (after Chen et al. 2019).

    A quarter of the batch says nearly as much as all of it, for a quarter of the time.
    """
    some = max(2, len(pose) // 4)
    turned, plane, far = _turned(pose[:some], distance[:some], limbs.downwards)
    again = about_root(in_space(plane, net(plane).depth, far), net.root)
    return losses.mean_distance(again, about_root(turned, net.root), torch.ones_like(again[..., 0]))


@dataclass
class Limbs:
    """The skeleton loss's side of a skeleton of L limbs.

    Attributes:
        step: (K, L), -1 at a limb's parent and 1 at its child, so that positions times it are limbs.
        length: (L,) of the reference, their mean 1.
        weight: (L,), 0 for limbs that may be of any length.
        variance: (E, L), 1 where an edge of the tree lies between a limb's ends, for the variance of its depth.
        downwards: (K,) weights whose sum over joints points down the body.
        total_mm: the limbs' summed length.
    """

    step: Tensor
    length: Tensor
    weight: Tensor
    variance: Tensor
    downwards: Tensor
    total_mm: float

    @classmethod
    def of(cls, skeleton: Skeleton, length: np.ndarray, net: DepthLifter) -> "Limbs":
        device, total_mm, count = net.path.device, float(length.sum()), len(skeleton.bones)
        parent, child = torch.tensor(skeleton.bones, dtype=torch.long).T
        step = torch.zeros(len(skeleton.joints), count)
        step[parent, torch.arange(count)] = -1
        step[child, torch.arange(count)] = 1
        step = step.to(device)
        length = torch.as_tensor(length / length.mean(), dtype=torch.float32, device=device)
        rigid = torch.as_tensor(skeleton.rigid_bones().astype(np.float32), device=device)
        variance = (net.path.T @ step).square()
        downwards = torch.as_tensor(skeleton.downwards().astype(np.float32), device=device)
        return cls(step, length, rigid, variance, downwards, total_mm)


@torch.no_grad()
def poses(net: DepthLifter, data: People, limbs: Limbs, reference_mm: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Poses of people in the true camera.

    Args: reference_mm: summed length of the limbs, which fixes the scale.
    Returns: pose (N, K, 3) mm about the root; (N, K) variance of depth; (N, pairs) z_b - z_a in mm and its variance.
    """
    plane, distance, _, _ = renormalised(net.restored(data.plane, data.known), data.distance, data.pixel)
    said = net(plane)
    pose = about_root(in_space(plane, said.depth, distance), net.root)
    lengths = (squared_limbs(pose, said, limbs) + 1e-9).sqrt()
    scale = reference_mm / lengths.sum(1, keepdim=True).clamp(min=1e-6)
    pose = (pose * scale.unsqueeze(-1)) @ data.back.transpose(1, 2)
    squared = scale.square()
    joint, pair = net.depth_variance(said.deviation) * squared, net.pair_variance(said.deviation) * squared
    return pose, joint, pose[..., 2] @ net.differ, pair
