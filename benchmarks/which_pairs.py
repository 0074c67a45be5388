"""Which pairs to make, measured: python -m benchmarks.which_pairs FILE.npz [--people 1500] [--seeds 3]

FILE.npz is in the form of `shared` motion capture: `pose3d` (N, K, 3) in quarters of a millimetre, root-relative, camera axes.
People are asked about five random pairs each, then about five more at a time, at random or by what a look tells; each
consensus sees the gap with the blur of the paper's crowd. Prints a Markdown table: how many of all K (K - 1) / 2 orders are
right, how many are known at a risk of 5 %, and how many of those are wrong.
"""

import argparse
from itertools import combinations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_ndtr, ndtr

from crowd.planning import orders
from crowd.simulation import PaperCrowd

STEP = 5
ASKED = (5, 10, 15, 20, 30, 40)
OWN_BLUR_MM = 60.0  # what five people's own blur leaves
KNOWN_AT = 0.05


def looks(gap_mm: np.ndarray, blur_mm: float, rng: np.random.Generator) -> np.ndarray:
    """(N, P) consensus of each pair, calibrated: a look with that blur, read as Phi(k look) with the best k."""
    seen = gap_mm + blur_mm * rng.normal(size=gap_mm.shape)
    towards = np.where(gap_mm > 0, seen, -seen)
    steep = minimize_scalar(lambda k: -log_ndtr(k * towards).mean(), bounds=(1e-4, 0.1), method="bounded").x
    return ndtr(steep * seen)


def ask(p_first: np.ndarray, pairs: np.ndarray, by: str, seed: int) -> dict[int, orders.Depths]:
    """What is known after each number of pairs."""
    n = len(p_first)
    n_joints = int(pairs.max()) + 1
    right = float(np.maximum(p_first, 1 - p_first).mean())
    chance = np.random.default_rng(seed).random(p_first.shape)
    asked = np.zeros(p_first.shape, bool)
    np.put_along_axis(asked, chance.argsort(1)[:, :STEP], True, axis=1)
    known = {}
    while True:
        person, which = np.nonzero(asked)
        depths = orders.from_consensus(n, n_joints, person, pairs[which], p_first[person, which], right)
        known[int(asked[0].sum())] = depths
        if len(known) * STEP >= ASKED[-1]:
            return known
        if by == "random":
            new = np.where(asked, 2.0, chance).argsort(1)[:, :STEP]
        else:
            new = np.stack([turn for _, turn, _ in orders.most_telling(depths, pairs, ~asked, STEP, 0.0, chance)], 1)
        np.put_along_axis(asked, new, True, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--people", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    depth = np.load(options.file)["pose3d"][..., 2].astype(float) / 4
    pairs = np.array(list(combinations(range(depth.shape[1]), 2)))
    blur = float(np.hypot(PaperCrowd().shared_mm, OWN_BLUR_MM))
    found: dict[tuple[str, int], list] = {}
    for seed in range(options.seeds):
        rng = np.random.default_rng(seed)
        some = depth[rng.permutation(len(depth))[: options.people]]
        gap = some[:, pairs[:, 1]] - some[:, pairs[:, 0]]
        p_first = looks(gap, blur, rng)
        for by in ("random", "telling"):
            for n_asked, depths in ask(p_first, pairs, by, seed).items():
                said = depths.order(pairs)
                wrong = (said > 0.5) != (gap > 0)
                known = np.minimum(said, 1 - said) <= KNOWN_AT
                found.setdefault((by, n_asked), []).append((1 - wrong.mean(), known.mean(), wrong[known].mean()))
    print("| pairs asked of a person | chosen | orders right, % | known at 5 % risk, % | of those wrong, % |")
    print("|---|---|---|---|---|")
    for n_asked in ASKED:
        for by in ("random", "telling"):
            values = 100 * np.array(found[by, n_asked])
            cells = " | ".join(f"{mean:.1f} ± {error:.1f}" for mean, error in zip(values.mean(0), values.std(0)))
            print(f"| {n_asked} | {by} | {cells} |")


if __name__ == "__main__":
    main()
