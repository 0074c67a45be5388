"""Making the depth network's probabilities keep their word: one factor on its deviations, fitted on held-out people."""

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from . import depths, losses
from .network import LOG_BLUR

ENOUGH = 50  # held-out labels below which the factor stays 1: a handful would move it more than they know
ENOUGH_FOR_NOISE = 500  # below, the noise of labels is learnt with the rest
PLENTY = 20_000  # held-out labels that an epoch is judged by, evenly spread over all
FACTORS = np.exp(np.linspace(np.log(0.05), 0.0, 61))


def softness(said: np.ndarray, label: np.ndarray) -> float:
    """By how much to soften probabilities so that they keep their word on labels that did not teach them; see `softened`.

    The factor in (0, 1] under which the labels are likeliest, shrunk towards 1 as if fifty more labels had said so. A label is
    doubted as much as it doubts itself, or else the best of lifters would seem no better than the crowd that taught it. It
    never makes anything surer.

    Args: said (P,) inside (0, 1), label (P,) in [0, 1], the probability that the first is closer.
    """
    if not len(said):
        return 1.0
    best = float(FACTORS[int(np.argmin([surprise(softened(said, factor), label) for factor in FACTORS]))])
    return best ** (len(label) / (len(label) + 50))


def surprise(said: np.ndarray, label: np.ndarray) -> float:
    """Mean negative log likelihood, in nats, of labels (P,) that doubt themselves under probabilities (P,) of the truth."""
    label = np.asarray(label, float)
    return float(-np.log(label * said + (1 - label) * (1 - said)).mean())


def softened(said: np.ndarray, factor: float) -> np.ndarray:
    """Probabilities as if the deviations behind them were 1 / factor times as large; 0 would make all of them one half."""
    return np.clip(ndtr(ndtri(np.clip(said, 1e-6, 1 - 1e-6)) * factor), 1e-6, 1 - 1e-6)


def calibration_of(net, watched, limbs, config) -> dict:
    """The factor on deviations with the lowest log loss on held-out labels, and the label noise that training found.

    Returns: deviation_factor; label_blur (person sizes; `blur_mm` instead where the settings have one) and lapse, as learnt;
        held_out_labels.
    """
    blur = net.label_blur.detach().exp()
    if config.blur_mm is None:
        learnt = {"label_blur": float(blur)}
    else:
        learnt = {"blur_mm": float(config.blur_mm if config.blur_weight is None else config.blur_mm * blur / np.exp(LOG_BLUR))}
    found = {
        "deviation_factor": 1.0, **learnt, "lapse": float(torch.sigmoid(net.lapse.detach())), "held_out_labels": 0,
    }  # fmt: skip
    if watched is None or len(watched.pair) < ENOUGH:
        return found | {"held_out_labels": 0 if watched is None else len(watched.pair)}
    best, _ = best_factor(net, seen_orders(net, watched, limbs, config))
    count = len(watched.pair)
    factor = float(np.exp(np.log(best) * count / (count + 200)))  # shrunk towards 1 as if two hundred more labels had said so
    return found | {"deviation_factor": factor, "held_out_labels": count}


@torch.no_grad()
def best_factor(net, orders: tuple) -> tuple[float, float]:
    """The factor on deviations with the lowest log loss on `seen_orders`, and that loss."""
    nearer_by, variance, p_low, share_low, blur = orders
    lapse = torch.sigmoid(net.lapse)
    factors = np.exp(np.linspace(np.log(0.5), np.log(4.0), 41))
    costs = [
        float(losses.order_log_loss(nearer_by, variance * float(f) ** 2, p_low, share_low, blur, lapse)) for f in factors
    ]
    best = int(np.argmin(costs))
    return float(factors[best]), costs[best]


@torch.no_grad()
def seen_orders(net, watched, limbs, config, at_most: int | None = None) -> tuple:
    """Of the held-out labels: expected depth difference, its variance, p_first, the votes' share (NaN where they are not
    known), and the blur in the same units as the difference; (P,) each.
    """
    rows = torch.arange(len(watched), device=watched.plane.device)
    plane, distance, _, _ = depths.renormalised(net.restored(watched.plane, watched.known), watched.distance, watched.pixel)
    said = net(plane)
    pose = depths.about_root(depths.in_space(plane, said.depth, distance), net.root)
    row, label = depths.labels_of(watched, rows, 0)
    if at_most and len(row) > at_most:
        some = torch.linspace(0, len(row) - 1, at_most, device=row.device).long()
        row, label = row[some], label[some]
    nearer_by, variance, blur = depths.order_terms(net, said, pose, watched.back, row, watched.pair[label], limbs, config)
    return nearer_by, variance, watched.p_low[label], watched.share_low[label], blur.expand_as(nearer_by)


@torch.no_grad()
def find_label_noise(net, watched, limbs, config) -> None:
    """Set the network's blur and lapse to those that explain held-out labels best.

    On the labels it learns from, a network partly learns the noise by heart and takes the rest for all there is. That it is
    too sure of its depths is allowed for, lest its own faults be laid to the labels.
    """
    nearer_by, variance, p_low, share_low, blur = seen_orders(net, watched, limbs, config, PLENTY)
    lapses = torch.tensor([1e-3, 0.01, 0.03, 0.08, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95])
    blurs = [None] if config.blur_mm is not None else torch.linspace(-4.0, 0.5, 10)
    best = (np.inf, None, None)
    for log_blur in blurs:
        width = blur if log_blur is None else log_blur.exp().to(p_low.device).expand_as(p_low)
        for lapse in lapses.to(p_low.device):
            for factor in (1.0, 1.7, 3.0):
                cost = float(losses.order_log_loss(nearer_by, variance * factor**2, p_low, share_low, width, lapse))
                if cost < best[0]:
                    best = (cost, log_blur, lapse)
    net.lapse.copy_(torch.logit(best[2]))
    if best[1] is not None:
        net.label_blur.copy_(best[1])
