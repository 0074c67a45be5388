"""Lean collection, measured: python -m benchmarks.lean [curves] [opinions] [promise] [speed] [--poses FILE] [--seeds N]

Prints Markdown tables. Votes per pair until the accuracy is reached that five votes on every pair give in the same
field by majority and by Lean Crowdsourcing, accuracy at equal numbers of votes, and whether promised risks hold; with a crowd
that errs together like the paper's and with one whose errors are independent. With --poses (an .npz of pose3d (N, K, 3) and
bones) people are drawn from there, five random pairs of each, else gaps one by one; then, without a model, accuracy is averaged
over all gaps that fit the votes (`Field.expected_right`). Where a curve reaches a level is read off the mean of
the seeds' curves, with a 95 % interval from drawing the seeds anew (bootstrap).
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from itertools import permutations
from pathlib import Path

import numpy as np
from scipy.stats import t

from crowd.aggregation import Bodies, Votes, merge
from crowd.aggregation.choosing import grouped
from crowd.aggregation.svg import BLUE, INK, ORANGE, Chart
from crowd.planning import Field, Protocol, collect, field
from crowd.planning.opinions import model, overconfident, useless

WORLDS = ("paper", "independent")
WAYS = ("fixed", "together", "apart", "any", "grouped")
PAIRS = 5
BUDGETS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
WORKERS_PER_IMAGE = 0.284


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["curves", "opinions", "promise", "speed"])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--images", type=int, default=1000, help="with five pairs each, 284 people to a thousand")
    parser.add_argument("--poses", type=Path, help="people with exact truth, see above")
    parser.add_argument("--upto", type=float, default=5.0, help="votes per pair at which curves end")
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=WORLDS)
    parser.add_argument("--targets", nargs="+", type=float, default=[0.05, 0.1, 0.2], help="risks of the part promise")
    parser.add_argument("--growth", type=float, default=0.1, help="of the votes between two merges")
    parser.add_argument("--points", type=float, default=0.25, help="votes per pair between two points of a curve")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="of the part curves")
    parser.add_argument("--depths", nargs="+", type=float, default=[None], help="votes per pair before further begin")
    parser.add_argument("--plots", type=Path, help="a folder for the curves as SVG")
    options = parser.parse_args()
    for part in options.parts:
        {"curves": curves, "opinions": opinions, "promise": promise, "speed": speed}[part](options)


def place_of(world: str, seed: int, options: argparse.Namespace) -> Field:
    n_workers = round(options.images * WORKERS_PER_IMAGE)
    if not options.poses:
        return field(world, seed, n_images=options.images, n_workers=n_workers)
    with np.load(options.poses) as file:
        depth, bones = file["pose3d"][..., 2] / 4.0, file["bones"]  # stored as mm x 4
    rng = np.random.default_rng([seed, 91])
    depth = depth[rng.permutation(len(depth))[: options.images]]
    every = np.array(list(permutations(range(depth.shape[1]), 2)))
    first, second = (np.empty((len(depth), PAIRS), int) for _ in range(2))
    for row in range(len(depth)):
        first[row], second[row] = _different(every, rng)
    person = np.repeat(np.arange(len(depth)), PAIRS)
    gap_mm = np.take_along_axis(depth, second, 1) - np.take_along_axis(depth, first, 1)
    bodies = Bodies(person, first.ravel(), second.ravel(), depth.shape[1], bones)
    return field(world, seed, gap_mm=gap_mm.ravel(), image=person, n_workers=n_workers, bodies=bodies)


def _different(every: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(2, PAIRS) keypoints of pairs none of which is another's reverse."""
    some = every[rng.permutation(len(every))[: 4 * PAIRS]]
    _, at = np.unique(np.sort(some, axis=1), axis=0, return_index=True)
    return some[np.sort(at)[:PAIRS]].T


def cadence(options: argparse.Namespace) -> dict[str, float]:
    return {"merge_every": options.growth / 5, "merge_growth": options.growth, "point_every": options.points}


def five_each(place: Field, seed: int, *, is_expected: bool = False) -> dict[str, float]:
    """Accuracy of five votes on every pair by three ways of merging."""
    _, votes = collect(place, Protocol(5, merge_every=99, point_every=99), seed)
    found = {}
    for name in ("majority", "lean", "nearer"):
        label = merge(votes, name).probability > 0.5
        found[name] = place.expected_right(label, votes) if is_expected else place.right(label)
    return found


def curves(options: argparse.Namespace) -> None:
    """Without a model: fixed and lean, images grouped and not."""
    shared = {"votes_per_pair": options.upto, "is_expected": not options.poses, **cadence(options)}
    ways = {}
    if "fixed" in options.ways:
        ways["fixed, each pair for itself"] = Protocol(**shared | {"merge_every": 99}, by_body=False)
    if "together" in options.ways:
        ways["fixed, a person's pairs together"] = Protocol(**shared | {"merge_every": 99})
    for depth in options.depths:
        how = f", begun {depth:g} deep" if depth is not None else ""
        if "apart" in options.ways:
            ways[f"lean, any pairs, each for itself{how}"] = Protocol(
                **shared, lean=True, new_image_s=0, depth=depth, by_body=False
            )
        if "any" in options.ways:
            ways[f"lean, any pairs{how}"] = Protocol(**shared, lean=True, new_image_s=0, depth=depth)
        if "grouped" in options.ways:
            ways[f"lean, grouped by image{how}"] = Protocol(**shared, lean=True, depth=depth)
    for world in options.worlds:
        found, levels = defaultdict(list), []
        for seed in range(options.seeds):
            place = place_of(world, seed, options)
            levels.append(five_each(place, seed, is_expected=not options.poses))
            for name, way in ways.items():
                found[name].append(collect(place, way, seed)[0])
        _report(f"{world}, no model", found, levels, options.plots)


def opinions(options: argparse.Namespace) -> None:
    """With a given model that is right on 75 % of the pairs: misled like the crowd, or by errors of its own."""
    for world in options.worlds:
        found, levels = defaultdict(list), []
        for seed in range(options.seeds):
            place = place_of(world, seed, options)
            levels.append(five_each(place, seed))
            kinds = {"model with errors of its own": model(0.75, misled=False)}
            if world == "paper":
                kinds["model misled like the crowd"] = model(0.75, misled=True)
            kinds["model right half of the time"] = useless
            kinds["model sure and wrong on 30 %"] = overconfident
            kinds["no model"] = None
            for name, opinion in kinds.items():
                way = Protocol(options.upto, lean=True, new_image_s=0, opinion=opinion, **cadence(options))
                found[name].append(collect(place, way, seed)[0])
        _report(f"{world}, given models", found, levels, options.plots)


def promise(options: argparse.Namespace) -> None:
    """Of the pairs stopped at a risk, how many are wrong; the ceiling learnt from 100 pairs whose answer is known."""
    print(f"\n### Promised risk; {options.seeds} seeds, {options.images} images\n")
    rows = []
    for world in options.worlds:
        for target in options.targets:
            sure, wrong, votes, right = [], [], [], []
            for seed in range(options.seeds):
                often = cadence(options) | {"point_every": 99}
                way = Protocol(12, lean=True, target_risk=target, most_votes=12, new_image_s=0, n_gold=100, **often)
                last = collect(place_of(world, seed, options), way, seed)[0][-1]
                sure.append(last.sure)
                wrong.append(np.nan if last.wrong_of_sure is None else last.wrong_of_sure)
                votes.append(last.votes_per_pair)
                right.append(last.accuracy)
            share = f"{np.nansum(np.array(wrong) * sure) / np.sum(sure):.1%}" if np.sum(sure) else ""
            rows.append(
                (world, f"{target:.0%}", f"{np.mean(votes):.2f}", f"{np.mean(right):.1%}", f"{np.mean(sure):.1%}", share,
                 f"{np.nanmax(wrong):.1%}" if share else "")
            )  # fmt: skip
    head = ("world", "target risk", "votes per pair", "right", "stopped at that risk", "of those wrong", "in the worst seed")
    _table(head, rows)


def speed(options: argparse.Namespace) -> None:
    """CPU of choosing a task among a million open pairs, once their order by worth is known (the database's index)."""
    rng = np.random.default_rng(0)
    place = field("paper", 0)
    _, votes = collect(place, Protocol(2), 0)
    fitted = merge(votes).fitted
    evidence = fitted.evidence(Votes(votes.item[:400] % 400, votes.worker[:400], votes.label[:400], 400, votes.n_workers))
    image = rng.integers(0, 200, 400)
    start, rounds = time.process_time(), 200
    for _ in range(rounds):
        worth = fitted.expected_drop(evidence, 3)
        grouped(np.arange(400), image, worth, 25, most_per_image=5, look_s=3.45)
    print(f"\nchoosing 25 of 400 candidates: {1000 * (time.process_time() - start) / rounds:.2f} ms of CPU")


def _report(title: str, found: dict[str, list], levels: list[dict[str, float]], plots: Path | None) -> None:
    mean = {name: np.mean([level[name] for level in levels]) for name in levels[0]}
    print(f"\n### {title}; {len(levels)} seeds; five votes on every pair: ", end="")
    print(", ".join(f"{name} {100 * value:.2f} %" for name, value in mean.items()) + "\n")
    wanted = np.array([[level["majority"], level["lean"]] for level in levels])
    end = min(points[-1].votes_per_pair for runs in found.values() for points in runs)
    grid = np.arange(0.5, end + 0.01, 0.25)
    rows, drawn = [], {}
    for name, runs in found.items():
        curve = np.array([np.interp(grid, *_columns(points)) for points in runs])
        at = [np.interp(budget, grid, curve.mean(0)) if budget <= grid[-1] + 1e-9 else np.nan for budget in BUDGETS]
        drawn[name] = at
        rows.append((
            name, *(reached(grid, curve, wanted[:, [k]]) for k in (0, 1)),
            f"{np.mean([points[-1].images for points in runs]):.1f}",
            *(f"{100 * value:.1f}" if np.isfinite(value) else "" for value in at), _ahead(curve[:, -1], wanted),
        ))  # fmt: skip
    ahead = f"points ahead of five each, at {grid[-1]:g}"
    columns = ("", "votes per pair for the majority's", "for Lean's", "images a task")
    _table((*columns, *(f"right at {b:g}, %" for b in BUDGETS), ahead), rows)
    if plots:
        (plots / f"lean-{title.replace(', ', '-').replace(' ', '-')}.svg").write_text(plot(title, drawn, wanted.mean(0).max()))


def plot(title: str, drawn: dict[str, list[float]], level: float) -> str:
    """SVG: accuracy at `BUDGETS`, NaN where a curve has ended, and the level that five votes on every pair give."""
    values = np.array([*drawn.values()])
    shown = [budget for budget, column in zip(BUDGETS, values.T, strict=True) if np.isfinite(column).any()]
    low = np.floor(50 * min(np.nanmin(values), level)) / 50
    high = np.ceil(50 * max(np.nanmax(values), level)) / 50
    ranges = (0, shown[-1]), (low, high)
    chart = Chart(title, "votes per pair", "labels that are right", *ranges, percent=(False, True), names_below=True)
    for (name, at), colour in zip(drawn.items(), (BLUE, ORANGE, "#3b7d3c", "#7a4fa3", INK), strict=False):
        known = [(x, y) for x, y in zip(BUDGETS, at, strict=True) if np.isfinite(y)]
        chart.line(*zip(*known, strict=True), color=colour, name=name)
    chart.line((0, shown[-1]), (level, level), color=INK, dashed=True, name="five votes on every pair")
    return chart.text()


def _columns(points) -> tuple[list[float], list[float]]:
    return [point.votes_per_pair for point in points], [point.accuracy for point in points]


def reached(grid, curve, wanted) -> str:
    """Votes per pair at which the mean curve has the higher of the two mean levels, and the middle 95 % of 400 bootstraps."""
    draw = np.random.default_rng(0)
    some = [draw.integers(0, len(curve), len(curve)) for _ in range(400)]
    value = _reach(grid, curve.mean(0), wanted.mean(0).max())
    others = np.array([_reach(grid, curve[rows].mean(0), wanted[rows].mean(0).max()) for rows in some])
    low, high = np.quantile(np.where(np.isfinite(others), others, np.inf), [0.025, 0.975], method="nearest")
    return " ".join([_votes(value), f"({_votes(low)} to {_votes(high)})"]) if len(curve) > 1 else _votes(value)


def _votes(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "not reached"


def _reach(grid, curve, level: float) -> float:
    above = np.flatnonzero(curve >= level)
    if not len(above):
        return float("nan")
    i = int(above[0])
    return float(grid[0]) if i == 0 else float(np.interp(level, curve[i - 1 : i + 1], grid[i - 1 : i + 1]))


def _ahead(last, wanted) -> str:
    """Mean and half of its 95 % interval over the seeds, of the difference on the same people and pairs."""
    by = 100 * (last - wanted.max(1))
    if len(by) < 2:
        return f"{by.mean():+.1f}"
    return f"{by.mean():+.1f} ± {t.ppf(0.975, len(by) - 1) * by.std(ddof=1) / np.sqrt(len(by)):.1f}"


def _table(head, rows) -> None:
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


if __name__ == "__main__":
    main()
