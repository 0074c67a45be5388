"""Lean collection, measured: python -m benchmarks.lean [curves] [opinions] [promise] [speed] [--seeds N]

Prints Markdown tables. Votes per pair until the accuracy is reached that five votes on every pair give in the same
field (the better of majority and Lean Crowdsourcing), accuracy at equal numbers of votes, and whether promised risks
hold; with a crowd that errs together like the paper's and with one whose errors are independent.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import numpy as np

from crowd.aggregation import Votes, merge
from crowd.aggregation.choosing import grouped
from crowd.planning import Field, Protocol, collect, field
from crowd.planning.opinions import model, overconfident, useless

WORLDS = ("paper", "independent")
BUDGETS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["curves", "opinions", "promise", "speed"])
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    for part in options.parts:
        {"curves": curves, "opinions": opinions, "promise": promise, "speed": speed}[part](options.seeds)


def five_each(place: Field, seed: int) -> dict[str, float]:
    """Accuracy of five votes on every pair by three ways of merging."""
    _, votes = collect(place, Protocol(5, merge_every=99), seed)
    return {
        name: float(np.mean((merge(votes, name).probability > 0.5) == (place.truth == 1)))
        for name in ("majority", "lean", "nearer")
    }


def curves(seeds: int) -> None:
    """Without a model: fixed and lean, images grouped and not."""
    ways = {
        "fixed": Protocol(5),
        "lean, any pairs": Protocol(5, lean=True, new_image_s=0),
        "lean, grouped by image": Protocol(5, lean=True),
    }
    for world in WORLDS:
        found, levels = defaultdict(list), []
        for seed in range(seeds):
            place = field(world, seed)
            levels.append(five_each(place, seed))
            for name, way in ways.items():
                found[name].append(collect(place, way, seed)[0])
        _report(f"{world}, no model", found, levels)


def opinions(seeds: int) -> None:
    """With a given model that is right on 75 % of the pairs: misled like the crowd, or by errors of its own."""
    for world in WORLDS:
        found, levels = defaultdict(list), []
        for seed in range(seeds):
            place = field(world, seed)
            levels.append(five_each(place, seed))
            kinds = {"model with errors of its own": model(0.75, misled=False)}
            if world == "paper":
                kinds["model misled like the crowd"] = model(0.75, misled=True)
            kinds["model right half of the time"] = useless
            kinds["model sure and wrong on 30 %"] = overconfident
            for name, opinion in kinds.items():
                way = Protocol(3, lean=True, new_image_s=0, opinion=opinion)
                found[name].append(collect(place, way, seed)[0])
        _report(f"{world}, given models", found, levels)


def promise(seeds: int) -> None:
    """Of the pairs stopped at a risk, how many are wrong; the crowd's ceiling known, as from gold."""
    print("\n### Promised risk\n")
    rows = []
    for world, ceiling in (("paper", 0.81), ("independent", 0.99)):
        for target in (0.05, 0.1, 0.2):
            sure, wrong, votes, right = [], [], [], []
            for seed in range(seeds):
                way = Protocol(12, lean=True, target_risk=target, most_votes=12, new_image_s=0, ceiling=ceiling)
                last = collect(field(world, seed), way, seed)[0][-1]
                sure.append(last.sure)
                wrong.append(np.nan if last.wrong_of_sure is None else last.wrong_of_sure)
                votes.append(last.votes_per_pair)
                right.append(last.accuracy)
            rows.append(
                (world, f"{target:.0%}", f"{np.mean(votes):.2f}", f"{np.mean(right):.1%}", f"{np.mean(sure):.1%}",
                 f"{np.nansum(np.array(wrong) * sure) / max(np.sum(sure), 1e-9):.1%}")
            )  # fmt: skip
    _table(("world", "target risk", "votes per pair", "right", "stopped at that risk", "of those wrong"), rows)


def speed(seeds: int) -> None:
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


def _report(title: str, found: dict[str, list], levels: list[dict[str, float]]) -> None:
    mean = {name: np.mean([level[name] for level in levels]) for name in levels[0]}
    print(f"\n### {title}; {len(levels)} seeds; five votes on every pair: ", end="")
    print(", ".join(f"{name} {100 * value:.1f} %" for name, value in mean.items()) + "\n")
    rows = []
    for name, runs in found.items():
        curve = [np.interp(BUDGETS, *_columns(points), left=np.nan, right=np.nan) for points in runs]
        reached = [_reach(points, max(level["majority"], level["lean"])) for points, level in zip(runs, levels)]
        easier = [_reach(points, level["majority"]) for points, level in zip(runs, levels)]
        rows.append((
            name, _pm(reached, 2), _pm(easier, 2), f"{np.mean([points[-1].images for points in runs]):.1f}",
            *(f"{100 * value:.1f}" if np.isfinite(value) else "" for value in np.mean(curve, axis=0)),
        ))  # fmt: skip
    head = ("", "votes per pair for both", "for the majority's", "images a task", *(f"right at {b:g}, %" for b in BUDGETS))
    _table(head, rows)


def _columns(points) -> tuple[list[float], list[float]]:
    return [point.votes_per_pair for point in points], [point.accuracy for point in points]


def _reach(points, level: float) -> float:
    """Votes per pair at which a curve, smoothed over three merges, first has this accuracy; NaN where it never has."""
    x, y = map(np.array, _columns(points))
    y = np.convolve(np.pad(y, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    above = np.flatnonzero(y >= level)
    if not len(above):
        return float("nan")
    i = int(above[0])
    return float(x[0]) if i == 0 else float(np.interp(level, y[i - 1 : i + 1], x[i - 1 : i + 1]))


def _pm(values: list[float], digits: int) -> str:
    """Mean and standard error; how many never got there."""
    got = [value for value in values if np.isfinite(value)]
    if not got:
        return "never"
    text = f"{np.mean(got):.{digits}f}"
    if len(got) > 1:
        text += f" ± {np.std(got, ddof=1) / np.sqrt(len(got)):.{digits}f}"
    return text + (f" ({len(values) - len(got)} never)" if len(got) < len(values) else "")


def _table(head, rows) -> None:
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


if __name__ == "__main__":
    main()
