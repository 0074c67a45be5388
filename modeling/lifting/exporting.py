"""A run as ONNX: pixels in, a pose out, for whoever has no PyTorch."""

from pathlib import Path

import torch
from torch import Tensor, nn

from . import depths
from .errors import LiftingError
from .geometry import about_root, in_space, renormalised, view
from .predicting import Lifter, open_run


class Portable(nn.Module):
    """One pass of a run without mirroring.

    From pose2d (N, K, 2) pixels, NaN where missing, and image_size (N, 2) to pose3d (N, K, 3) and depth_sigma (N, K), mm.
    """

    def __init__(self, lifter: Lifter):
        super().__init__()
        self.net, self.limbs, self.config = lifter.net, lifter.limbs, lifter.config
        self.reference_mm, self.root = lifter.reference_mm, lifter.skeleton.root
        self.factor = lifter.record["calibration"]["deviation_factor"]

    def forward(self, pose2d: Tensor, image_size: Tensor) -> tuple[Tensor, Tensor]:
        known = torch.isfinite(pose2d).all(-1)
        pose2d = torch.where(known.unsqueeze(-1), pose2d, torch.zeros_like(pose2d))
        if self.config.method == "paper":
            root = pose2d[:, self.root : self.root + 1]
            pose, _ = self.net(torch.where(known.unsqueeze(-1), pose2d - root, torch.zeros_like(pose2d)))
            return about_root(pose, self.root), torch.zeros_like(pose[..., 2])
        seen = view(pose2d, known, image_size, self.config.focal, self.config.turn_camera)
        plane, distance, _, _ = renormalised(self.net.restored(seen.plane, known), seen.distance, seen.pixel)
        said = self.net(plane)
        pose = about_root(in_space(plane, said.depth, distance), self.root)
        lengths = (depths.squared_limbs(pose, said, self.limbs) + 1e-9).sqrt()
        scale = self.reference_mm / lengths.sum(1, keepdim=True).clamp(min=1e-6)
        sigma = self.net.depth_variance(said.deviation).sqrt() * scale * self.factor
        return (pose * scale.unsqueeze(-1)) @ seen.back.transpose(1, 2), sigma


def export(folder: str | Path, onnx: str | Path) -> Path:
    """Write a run as an ONNX file with a free batch size.

    Inputs: pose2d (N, K, 2) float32, image_size (N, 2) float32. Outputs: pose3d (N, K, 3) mm, depth_sigma (N, K) mm.
    Equals `predict` of a run with `mirror` off; with mirroring, call it on the mirrored pose too and average.
    Raises: LiftingError where the packages onnx and onnxscript are not installed.
    """
    lifter = folder if isinstance(folder, Lifter) else open_run(folder)
    module = Portable(lifter).eval()
    pose2d = torch.randn(3, len(lifter.skeleton.joints), 2) * 100 + 500
    size = torch.full((3, 2), 1000.0)
    path = Path(onnx)
    people = torch.export.Dim("people", min=1)
    try:
        torch.onnx.export(
            module, (pose2d, size), str(path), input_names=["pose2d", "image_size"], output_names=["pose3d", "depth_sigma"],
            dynamic_shapes=({0: people}, {0: people}), dynamo=True, external_data=False, verbose=False, optimize=True,
        )  # fmt: skip
    except ImportError as error:
        raise LiftingError(f"export needs the packages onnx and onnxscript ({error}); install them and try again.") from error
    return path
