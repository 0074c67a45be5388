"""From pixels to a normalised view of a person, and from depths back to a pose in space.

A joint at ray (u, v, 1) and depth Z lies at Z (u, v, 1). The camera is turned so that its axis passes through the middle
of the person (a person at the image's edge then looks like one in its centre), and everything is measured in units of the
person's own size in the image, so the network sees neither distance nor position. Undoing the perspective needs the focal
length; a nominal one does, as only its ratio to the person's size in pixels matters.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

NEAREST = 7.0  # nobody is taken to stand closer than this many of his own sizes (RMS about his middle): some 3.2 m


@dataclass
class View:
    """People as the network sees them. B people, K joints.

    Attributes:
        plane: (B, K, 2) rays' crossings with a plane one distance away, in units of the person's size; 0 where missing.
        known: (B, K) bool.
        distance: (B,) of the person from the camera, in units of his size.
        back: (B, 3, 3) rotation from the turned camera to the true one.
        pixel: (B,) size of a pixel in the units of `plane`.
    """

    plane: Tensor
    known: Tensor
    distance: Tensor
    back: Tensor
    pixel: Tensor

    def rows(self, index: Tensor) -> "View":
        return View(self.plane[index], self.known[index], self.distance[index], self.back[index], self.pixel[index])


def view(pose2d: Tensor, known: Tensor, image_size: Tensor, focal: float, turn: bool = True) -> View:
    """Normalise 2D poses.

    Args:
        pose2d: (B, K, 2) pixels; anything where not known.
        known: (B, K) bool, at least two a person.
        image_size: (B, 2) width, height.
        focal: nominal focal length in units of the image's longer side.
        turn: turn the camera towards the person (else only shift).
    """
    size = image_size.to(pose2d.dtype)
    focal_px = (focal * size.amax(-1)).view(-1, 1, 1)
    rays = (pose2d - size.unsqueeze(1) / 2) / focal_px
    rays = torch.where(known.unsqueeze(-1), rays, torch.zeros_like(rays))
    middle = centre(rays, known)
    back = rotation_to(middle) if turn else torch.eye(3, dtype=rays.dtype, device=rays.device).expand(len(rays), 3, 3)
    if turn:
        turned = torch.cat([rays, torch.ones_like(rays[..., :1])], -1) @ back  # v = back^T r
        rays = turned[..., :2] / turned[..., 2:].clamp(min=0.05)
    rays = rays - centre(rays, known).unsqueeze(1)
    rays = torch.where(known.unsqueeze(-1), rays, torch.zeros_like(rays))
    extent = spread(rays, known).clamp(min=1e-6)
    return View(
        plane=rays / extent.view(-1, 1, 1), known=known, distance=(1 / extent).clamp(min=NEAREST), back=back,
        pixel=1 / (focal_px.view(-1) * extent),
    )  # fmt: skip


def renormalised(plane: Tensor, distance: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A complete plane about its own mean, in units of its own size (returned fourth); distance and pixel follow."""
    plane = plane - plane.mean(1, keepdim=True)
    extent = plane.square().sum(-1).mean(1).sqrt().clamp(min=1e-6)
    return plane / extent.view(-1, 1, 1), distance / extent, pixel / extent, extent


def centre(points: Tensor, known: Tensor) -> Tensor:
    """Mean of the known joints, (B, 2)."""
    weight = known.to(points.dtype).unsqueeze(-1)
    return (points * weight).sum(1) / weight.sum(1).clamp(min=1)


def spread(points: Tensor, known: Tensor) -> Tensor:
    """Root mean square distance of the known joints from the origin, (B,)."""
    weight = known.to(points.dtype)
    return ((points.square().sum(-1) * weight).sum(1) / weight.sum(1).clamp(min=1)).sqrt()


def rotation_to(direction: Tensor) -> Tensor:
    """(B, 3, 3) rotation R with R (0, 0, 1) along the ray (x, y, 1); first a turn about y, then about x."""
    x, y = direction.unbind(-1)
    one, zero = torch.ones_like(x), torch.zeros_like(x)
    level = (x * x + 1).sqrt()
    length = (x * x + y * y + 1).sqrt()
    cos_y, sin_y, cos_x, sin_x = 1 / level, x / level, level / length, y / length
    about_y = torch.stack([cos_y, zero, sin_y, zero, one, zero, -sin_y, zero, cos_y], -1).view(-1, 3, 3)
    about_x = torch.stack([one, zero, zero, zero, cos_x, sin_x, zero, -sin_x, cos_x], -1).view(-1, 3, 3)
    return about_y @ about_x


def in_space(plane: Tensor, depth: Tensor, distance: Tensor) -> Tensor:
    """Joints in the turned camera, (B, K, 3), from their places on the plane and their depths about it, in person sizes."""
    return torch.cat([plane * (1 + depth / distance.unsqueeze(-1)).unsqueeze(-1), depth.unsqueeze(-1)], -1)


def about_root(pose: Tensor, root: int) -> Tensor:
    return pose - pose[:, root : root + 1]


def tilted(pose: Tensor, angle: Tensor) -> Tensor:
    """(B, K, 3) poses turned by (B,) radians about the camera's x axis; positive brings y (down) towards z (away)."""
    cos, sin = angle.cos().unsqueeze(-1), angle.sin().unsqueeze(-1)
    x, y, z = pose.unbind(-1)
    return torch.stack([x, cos * y - sin * z, sin * y + cos * z], -1)


def turned_about_vertical(pose: Tensor, angle: Tensor) -> Tensor:
    """(B, K, 3) poses turned by (B,) radians about the camera's y axis."""
    cos, sin = angle.cos().unsqueeze(-1), angle.sin().unsqueeze(-1)
    x, y, z = pose.unbind(-1)
    return torch.stack([cos * x + sin * z, y, cos * z - sin * x], -1)
