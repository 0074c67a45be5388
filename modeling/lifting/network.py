"""The network of Martinez et al. 2017 and the two ways a pose is read from it.

`Trunk` is theirs: a linear layer and residual stages of two, each with batch norm, ReLU and dropout. `CoordinateLifter` reads
three coordinates a joint and a scale from it, as the paper does. `DepthLifter` reads only what the image does not show: the
depth step along each bone and how sure it is of it; x and y stay where they were seen, but for a correction of joints that are
missing or look misplaced, made by a network of its own so that clean input is not paid for.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .skeletons import Skeleton

LOG_BLUR = -1.0  # where the blur of labels starts
STRIP = 2**20  # random numbers that an epoch's dropout masks are cut from


class Trunk(nn.Module):
    """(B, inputs) to (B, width). One stage is two layers around which the input is passed on."""

    def __init__(self, inputs: int, width: int, stages: int, dropout: float):
        super().__init__()
        layers = [nn.Linear(inputs, width)] + [nn.Linear(width, width) for _ in range(2 * stages)]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight)
        self.layers = nn.ModuleList(layers)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in layers)
        self.drop = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self._step(x, 0)
        for first in range(1, len(self.layers), 2):
            y = y + self._step(self._step(y, first), first + 1)
        return y

    def _step(self, x: Tensor, number: int) -> Tensor:
        return self.drop(functional.relu(self.norms[number](self.layers[number](x)), inplace=True))


class Dropout(nn.Module):
    """Dropout whose masks are cut, at a random place each, from one long strip that `train()` draws anew.

    A random number for each unit and step would take a CPU about as long as the matrix products around it.
    """

    def __init__(self, share: float):
        super().__init__()
        self.share = share
        self.strip: Tensor | None = None

    def train(self, mode: bool = True) -> "Dropout":
        self.strip = None
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.share:
            return x
        size, strip = x.numel(), self.strip
        if strip is None or len(strip) < 4 * size or strip.dtype != x.dtype:
            kept = torch.rand(max(STRIP, 8 * size), device=x.device) >= self.share
            strip = self.strip = kept.to(x.dtype) / (1 - self.share)
        start = int(torch.randint(len(strip) - size + 1, ()))
        return x * strip[start : start + size].view_as(x)


class CoordinateLifter(nn.Module):
    """The paper's model: 3 K coordinates times a learnt multiplier, and a scale in (0, scale_range).

    Input is 2D about the root, standardised with the training set's mean and deviation; a coordinate that never
    varies (the root) is divided by 1.
    """

    def __init__(self, joints: int, width: int, stages: int, dropout: float, multiplier: float | None, scale_range: float):
        super().__init__()
        self.trunk = Trunk(2 * joints, width, stages, dropout)
        self.out = nn.Linear(width, 3 * joints)
        self.scale = nn.Linear(width, 1)
        nn.init.kaiming_normal_(self.out.weight)
        nn.init.kaiming_normal_(self.scale.weight)
        self.multiplier = None if multiplier is None else nn.Parameter(torch.full((3 * joints,), float(multiplier)))
        self.scale_range = scale_range
        self.register_buffer("input_mean", torch.zeros(2 * joints))
        self.register_buffer("input_std", torch.ones(2 * joints))
        self.register_buffer("output_mean", torch.zeros(3 * joints))
        self.register_buffer("output_std", torch.ones(3 * joints))

    def forward(self, about_root_px: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, 2) pixels about the root, 0 where missing, to a pose (B, K, 3) and a scale (B, 1)."""
        hidden = self.trunk((about_root_px.flatten(1) - self.input_mean) / self.input_std)
        pose = self.out(hidden)
        if self.multiplier is not None:
            pose = pose * self.multiplier
        pose = pose * self.output_std + self.output_mean
        return pose.unflatten(1, (-1, 3)), self.scale_range * torch.sigmoid(self.scale(hidden))


@dataclass
class Depths:
    """What the depth network says of B people. E = K - 1 edges of the skeleton's tree; units are the person's size.

    Attributes:
        depth: (B, K) about the root's, along the turned camera's axis.
        deviation: (B, E) of the depth step along each edge.
    """

    depth: Tensor
    deviation: Tensor


class DepthLifter(nn.Module):
    """Two networks: `restore` completes and cleans the 2D pose, `lift` gives depth steps along the bones and their deviations.

    The steps are taken to be independent given the image, so the depth difference of two joints has as variance the sum
    over the edges between them (`between`), which makes a probability for every pair out of K - 1 deviations.
    """

    def __init__(self, skeleton: Skeleton, width: int, stages: int, dropout: float):
        super().__init__()
        joints, edges = len(skeleton.joints), skeleton.tree()
        self.joints, self.edges, self.root, self.tree = joints, len(edges), skeleton.root, edges
        self.restore = Trunk(3 * joints, width, stages, min(dropout, 0.05))
        self.shift = nn.Linear(width, 2 * joints)
        self.lift = Trunk(2 * joints, width, stages, dropout)
        self.steps = nn.Linear(width, 2 * self.edges)
        for head in (self.shift, self.steps):
            nn.init.normal_(head.weight, std=0.01)  # nothing moved, a flat pose: depth grows as the labels ask for it
            nn.init.zeros_(head.bias)
        path = torch.zeros(joints, self.edges)
        for number, (parent, child) in enumerate(edges):
            path[child] = path[parent]
            path[child, number] = 1
        first, second = torch.triu_indices(joints, joints, 1)
        self.register_buffer("path", path, persistent=False)
        self.register_buffer("between", (path[first] - path[second]).square().T.contiguous(), persistent=False)
        differ = torch.zeros(joints, len(first))
        differ[first, torch.arange(len(first))] = -1
        differ[second, torch.arange(len(first))] = 1
        self.register_buffer("differ", differ, persistent=False)
        self.register_buffer("mean", torch.zeros(joints, 2))
        self.register_buffer("std", torch.ones(joints, 2))
        # Log; how far eyes misjudge a depth gap, in person sizes. Where `blur_mm` says how far: LOG_BLUR is that far.
        self.label_blur = nn.Parameter(torch.tensor(LOG_BLUR))
        self.lapse = nn.Parameter(torch.tensor(-5.0))  # logit; share of labels given without looking

    def restored(self, plane: Tensor, known: Tensor) -> Tensor:
        """(B, K, 2) with missing joints filled in and misplaced ones put right; known (B, K) bool."""
        seen = known.unsqueeze(-1)
        filled = torch.where(seen, (plane - self.mean) / self.std, torch.zeros_like(plane))
        hidden = self.restore(torch.cat([filled.flatten(1), 1 - known.to(filled.dtype)], 1))
        base = torch.where(seen, plane, self.mean.expand_as(plane))
        return base + self.shift(hidden).unflatten(1, (self.joints, 2))

    def forward(self, plane: Tensor) -> Depths:
        """(B, K, 2) complete and normalised (`geometry.renormalised`)."""
        out = self.steps(self.lift(((plane - self.mean) / self.std).flatten(1)))
        steps, spread = out.split([self.edges, self.edges], dim=1)
        return Depths(depth=steps @ self.path.T, deviation=0.3 * functional.softplus(spread - 2) + 1e-3)

    def pair_variance(self, deviation: Tensor) -> Tensor:
        """(B, pairs) variance of the depth difference of joints a < b, in the order of torch.triu_indices."""
        return deviation.square() @ self.between

    def depth_variance(self, deviation: Tensor) -> Tensor:
        """(B, K) variance of each joint's depth about the root's."""
        return deviation.square() @ self.path.square().T
