"""Which further pairs teach the lifter most: python -m benchmarks.teaching TRAIN.npz TEST.npz [--people 2000] [--seeds 2]

People are asked about one random pair each, a lifter learns from that, and then as many further pairs are made by each
strategy; consensuses see the gap with the blur of the paper's crowd. Prints a Markdown table of test errors.
"""

import argparse
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from annotation.diversity import farthest_first
from benchmarks.which_pairs import OWN_BLUR_MM, looks
from crowd.planning import orders
from crowd.simulation import PaperCrowd
from modeling.lifting import Config, evaluate, fit, load, predict

CONFIG = Config(width=256, epochs=30)


def chosen(by: str, data, folder: Path, pairs, p_first, asked, rng) -> np.ndarray:
    """(N, P) bool: as many further pairs as there are people."""
    n = len(data)
    new, chance, number = np.zeros_like(asked), rng.random(asked.shape), np.arange(n)
    if by == "random":
        new[number, np.where(asked, -1, chance).argmax(1)] = True
        return new
    if by == "diverse":
        shape = data.pose2d - data.pose2d.mean(1, keepdims=True)
        shape = (shape / np.sqrt(np.square(shape).mean((1, 2), keepdims=True))).reshape(n, -1)
        far = np.array(farthest_first(shape.astype(np.float32), n // 4))
        for _ in range(4):
            new[far, np.where(asked | new, -1, chance)[far].argmax(1)] = True
        return new
    if by.startswith("uncertain"):
        pose, deviation = predict(folder, data.pose2d, data.visible, data.image_size)
        covariance = orders.tree_covariance(data.skeleton.tree(), data.skeleton.root, deviation.astype(float))
        depths = orders.Depths(pose[..., 2].astype(float), covariance, PaperCrowd().shared_mm)
    else:
        person, which = np.nonzero(asked)
        right = float(np.maximum(p_first, 1 - p_first).mean())
        depths = orders.from_consensus(n, data.pose2d.shape[1], person, pairs[which], p_first[person, which], right)
    turns = orders.most_telling(depths, pairs, ~asked, 4 if by.endswith("4") else 1, 0.0, chance)
    person, which, bits = (np.concatenate(part) for part in zip(*turns))
    best = np.argsort(-bits, kind="stable")[:n]
    new[person[best], which[best]] = True
    return new


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    whole, test = load(options.train), load(options.test)
    pairs = np.array(list(combinations(range(whole.pose2d.shape[1]), 2)))
    blur = float(np.hypot(PaperCrowd().shared_mm, OWN_BLUR_MM))
    print("| further pairs | seed | MPJPE, optimal scale, mm | PA-MPJPE, mm |\n|---|---|---|---|", flush=True)
    for seed in range(options.seeds):
        rng = np.random.default_rng(seed)
        data = whole.people(rng.permutation(len(whole))[: options.people])
        depth = data.pose3d[..., 2].astype(float)
        p_first = looks(depth[:, pairs[:, 1]] - depth[:, pairs[:, 0]], blur, rng)
        asked = np.zeros(p_first.shape, bool)
        asked[np.arange(len(data)), rng.integers(0, len(pairs), len(data))] = True
        with TemporaryDirectory() as name:
            folder = Path(name)
            for by in ("none", "random", "diverse", "untold", "uncertain", "uncertain, up to 4"):
                now = asked if by == "none" else asked | chosen(by, data, folder / "none", pairs, p_first, asked, rng)
                person, which = np.nonzero(now)
                labelled = data.with_pairs(person, pairs[which], p_first[person, which])
                fit(labelled, CONFIG, folder / by.replace(",", ""))
                found = evaluate(folder / by.replace(",", ""), test)
                print(f"| {by} | {seed} | {found['mpjpe_mm']:.1f} | {found['pa_mpjpe_mm']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
