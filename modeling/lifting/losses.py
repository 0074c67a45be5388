"""The losses: the paper's (Eq. 1-7), and those of the depth network. Every function takes and returns tensors.

B people, K joints, P pairs, E edges. r is the paper's: -1 where the first joint is closer, +1 where the second is, 0 undecided.
"""

import torch
from torch import Tensor
from torch.nn import functional

TINY = 1e-8


# ----------------------------------------------------------------------------------------------- the paper's


def supervised(pose: Tensor, truth: Tensor) -> Tensor:
    """Eq. 1: mean squared error over coordinates; (B, K, 3) each, NaN in the truth left out."""
    known = torch.isfinite(truth)
    return (torch.where(known, pose - truth, torch.zeros_like(pose)).square()).sum() / known.sum().clamp(min=1)


def ranking(z_first: Tensor, z_second: Tensor, r: Tensor, multiplier: float = 2.5, *, paper_code: bool = False) -> Tensor:
    """Eq. 3-4: relative depth loss of labelled pairs, mean over (P,).

    d = multiplier (z_first - z_second) / mean |z_first - z_second|; log(1 + exp(-r d)) for r = -1 or 1, d squared for r = 0.
    The mean is over the batch and is not detached, so the loss does not ask for ever deeper poses.

    With `paper_code`, as released: for r = 0 the square is of the normalised difference without the multiplier, and the
    exponent is capped at 85.
    """
    difference = z_first - z_second
    normalised = difference / difference.abs().mean().clamp(min=TINY)
    exponent = -r * multiplier * normalised
    if paper_code:
        exponent = exponent.clamp(max=85)
        ordered = torch.log1p(torch.exp(exponent))
        equal = normalised.square()
    else:
        ordered = functional.softplus(exponent)
        equal = (multiplier * normalised).square()
    return torch.where(r == 0, equal, ordered).mean()


def expected_ranking(z_first: Tensor, z_second: Tensor, p_first: Tensor, multiplier: float = 2.5) -> Tensor:
    """The ranking loss in expectation over a label that is 'first' with probability p_first; p 0 or 1 gives `ranking`."""
    difference = z_first - z_second
    d = multiplier * difference / difference.abs().mean().clamp(min=TINY)
    return (p_first * functional.softplus(d) + (1 - p_first) * functional.softplus(-d)).mean()


def root(pose: Tensor, index: int) -> Tensor:
    """Eq. 2: mean distance of the root joint from the origin."""
    return (pose[:, index].square().sum(-1) + TINY).sqrt().mean()


def reprojection_orthographic(pose: Tensor, scale: Tensor, seen: Tensor, visible: Tensor) -> Tensor:
    """Eq. 5: mean pixel distance of scale times (x, y) from the 2D pose about the root, over visible joints.

    Args: pose (B, K, 3), scale (B, 1), seen (B, K, 2) pixels about the root, visible (B, K) bool.
    """
    return _mean_distance(pose[..., :2] * scale.unsqueeze(-1), seen, visible)


def reprojection_perspective(pose: Tensor, distance: Tensor, focal_px: Tensor, seen: Tensor, visible: Tensor) -> Tensor:
    """Eq. 6: the same through a pinhole, the root on the axis at `distance` (B, 1); focal_px (B, 1)."""
    depth = pose[..., 2] + distance
    return _mean_distance(focal_px.unsqueeze(-1) * pose[..., :2] / depth.unsqueeze(-1), seen, visible)


def _mean_distance(projected: Tensor, seen: Tensor, visible: Tensor) -> Tensor:
    weight = visible.to(projected.dtype)
    away = torch.where(visible.unsqueeze(-1), projected - seen, torch.zeros_like(projected))
    return ((away.square().sum(-1) + TINY).sqrt() * weight).sum() / weight.sum().clamp(min=1)


def limb_ratio(pose: Tensor, bones: Tensor, reference: Tensor, unit: int) -> Tensor:
    """Eq. 7: mean absolute difference of limb lengths from the reference, each divided by its own limb `unit`.

    Args: bones (L, 2); reference (L,) or (B, L), NaN for limbs to leave out; unit: index of the limb of length one.
    """
    lengths = limb_lengths(pose, bones)
    reference = reference.expand_as(lengths)
    error = lengths / lengths[:, unit : unit + 1] - reference / reference[:, unit : unit + 1]
    known = torch.isfinite(error)
    error = torch.where(known, error, torch.zeros_like(error))
    absolute = torch.where(known, (error.square() + TINY).sqrt(), torch.zeros_like(error))
    return (absolute.sum(1) / known.sum(1).clamp(min=1)).mean()


def limb_lengths(pose: Tensor, bones: Tensor) -> Tensor:
    """(B, L)."""
    return ((pose[:, bones[:, 0]] - pose[:, bones[:, 1]]).square().sum(-1) + TINY).sqrt()


# --------------------------------------------------------------------------------- of the depth network


def order_log_loss(
    nearer_by: Tensor, variance: Tensor, p_first: Tensor, share: Tensor, blur: Tensor, lapse: Tensor
) -> Tensor:
    """Log loss of votes, or of probabilities merged from them, under a Gaussian depth difference; mean over (P,).

    A vote says 'first' with probability c = lapse / 2 + (1 - lapse) `blurred_order`: the depths are uncertain, the eyes that
    compared them are blurred, and some votes are given without looking. The last two are learnt for the whole set, so wrong
    votes are explained instead of obeyed.

    Where the votes are known, theirs is the log loss: -(share log c + (1 - share) log(1 - c)). Where only a probability
    p is, it has the doubt about the votes in it already, so what counts is how probable the order is that it is
    about: -log(p c + (1 - p)(1 - c)). A doubtful one pulls little, one of a half not at all. (Its expected log loss would ask
    for depths of which voters were in doubt as often: joints far apart, of whose order everybody is sure, pulled together.)

    Args:
        nearer_by: (P,) z_second - z_first, expected.
        variance: (P,) of that difference.
        p_first: (P,) in [0, 1].
        share: (P,) of the votes that say 'first'; NaN where they are not known.
    """
    chance = lapse / 2 + (1 - lapse) * blurred_order(nearer_by, (variance + 1e-6).sqrt(), blur)
    counted = share.isfinite()
    share = torch.where(counted, share, p_first)
    voted = share * (chance + TINY).log() + (1 - share) * (1 - chance + TINY).log()
    merged = (p_first * chance + (1 - p_first) * (1 - chance) + TINY).log()
    return -torch.where(counted, voted, merged).mean()


def blurred_order(nearer_by: Tensor, deviation: Tensor, blur: Tensor) -> Tensor:
    """Probability that a Gaussian difference (P,) is positive as seen by eyes that misjudge it by up to +-blur, evenly.

    Even errors are what the paper's user study found: the share of right votes rises in a straight line with the gap, from
    50 % to 100 % (at some 40 cm). The integral of the normal distribution function over the interval, divided by its length.
    """

    def integral(x: Tensor) -> Tensor:
        z = x / deviation
        return x * torch.special.ndtr(z) + deviation * (-0.5 * z.square()).exp() * 0.3989422804014327

    chance = (integral(nearer_by + blur) - integral(nearer_by - blur)) / (2 * blur)
    return chance.clamp(0, 1)


def limb_shape(squared: Tensor, reference: Tensor, weight: Tensor) -> Tensor:
    """Squared relative error of limb lengths, free of scale, mean over people.

    Each limb's length is divided by the reference's, and by the person's mean such ratio: a skeleton of any size costs nothing
    and no single limb sets the unit.

    Args:
        squared: (B, L) expected squared lengths, the variance of depth included: a limb whose direction is uncertain
            may be short on average and yet be as long as it should be.
        reference: (L,) lengths.
        weight: (B, L), 0 for limbs to leave out.
    """
    ratio = (squared + 1e-6).sqrt() / reference
    total = weight.sum(1, keepdim=True).clamp(min=TINY)
    mean = (ratio * weight).sum(1, keepdim=True) / total
    return (((ratio / mean.clamp(min=TINY) - 1).square() * weight).sum(1, keepdim=True) / total).mean()


def as_deep_as_wide(squared_depth: Tensor, squared_width: Tensor, weight: Tensor) -> Tensor:
    """How far limbs extend in depth and sideways, over the batch: squared log ratio.

    Neither orders nor limb ratios say how deep a pose is as a whole, since longer limbs along the axis satisfy both.
    People turn every way, though, so limbs reach as far from the camera as sideways on average.
    """
    depth = (squared_depth * weight).sum() / weight.sum().clamp(min=TINY)
    width = (squared_width * weight).sum() / weight.sum().clamp(min=TINY)
    return ((depth + TINY).log() - (width + TINY).log()).square()


def mean_distance(pose: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean distance of joints, (B, K, D) each, over those of (B, K) weight."""
    away = torch.where(weight.unsqueeze(-1) > 0, pose - truth, torch.zeros_like(pose))
    return ((away.square().sum(-1) + 1e-6).sqrt() * weight).sum() / weight.sum().clamp(min=TINY)
