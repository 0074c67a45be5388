"""Making the depth network's probabilities keep their word: one factor on its deviations, fitted on held-out people."""

import numpy as np
import torch

from . import depths

ENOUGH = 50  # held-out labels below which the factor stays 1: a handful would move it more than they know


def calibration_of(net, watched, limbs, config) -> dict:
    """The factor on deviations with the lowest log loss on held-out labels, and the label noise that training found.

    Returns: deviation_factor; label_blur (person sizes) and lapse, as learnt; held_out_labels.
    """
    found = {
        "deviation_factor": 1.0, "label_blur": float(net.label_blur.detach().exp()),
        "lapse": float(torch.sigmoid(net.lapse.detach())), "held_out_labels": 0,
    }  # fmt: skip
    if watched is None or len(watched.pair) < ENOUGH:
        return found | {"held_out_labels": 0 if watched is None else len(watched.pair)}
    with torch.no_grad():
        rows = torch.arange(len(watched), device=watched.plane.device)
        plane, distance, _, _ = depths.renormalised(net.restored(watched.plane, watched.known), watched.distance, watched.pixel)
        said = net(plane)
        pose = depths.about_root(depths.in_space(plane, said.depth, distance), net.root)
        row, pair, p_low = depths.labels_of(watched, rows, 0)
        factors = np.exp(np.linspace(np.log(0.5), np.log(4.0), 41))
        costs = []
        for factor in factors:
            wider = depths.Depths(said.depth, said.deviation * float(factor))
            costs.append(float(depths.order_loss(net, wider, pose, watched.back, (row, pair, p_low), limbs, config)))
    # Shrunk towards 1 as if two hundred more labels had said so.
    best, count = float(factors[int(np.argmin(costs))]), len(row)
    factor = float(np.exp(np.log(best) * count / (count + 200)))
    return found | {"deviation_factor": factor, "held_out_labels": count}
