"""Lean collection with the lifter in the loop: python -m benchmarks.loop TRAIN.npz TEST.npz [--people 1000] [--seeds 3]

A crowd like the paper's is asked about people of the training file, five random pairs each. Fixed: n votes on every pair, and
as the paper did it, five votes on every pair of one pair each, then of two, and so on. Lean: from nothing; at each of LEARN
votes per pair a lifter is trained from scratch on what is merged so far, cross-fitted, and its opinion counts from then on.
Broad: one vote on one random pair of each of ten times as many people, then on another pair of each, as a lean campaign of one
vote and further pairs buys them; a cross-fitted lifter's opinion then counts in its labels. At each budget a lifter is trained
on what each way has bought and measured on the test file's people. Prints Markdown tables, ± half of a 95 % interval over the
seeds. What a seed gave is appended to --results at once; seeds that are there are not played again.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from scipy.stats import t

from benchmarks.lean import reached
from crowd.aggregation import Bodies, Votes, merge
from crowd.planning import Field, Protocol, collect, field
from modeling.lifting import Config, cross_fit, evaluate, fit, load
from modeling.lifting.calibrate import softened, softness
from modeling.lifting.data import LiftingData
from modeling.lifting.labels import share_of_votes

PAIRS = 5
METHODS = ("majority", "lean", "nearer")
BUDGETS = (1.0, 2.0, 3.0, 4.0, 5.0)
LEARN = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)  # votes per pair; at the last one nothing more is bought
WAYS = {"five": "five votes on a share", "fixed": "so many on each", "lean": "lean", "broad": "broad"}
WORKERS_PER_PERSON = 0.284
BROADER = 10  # times as many people
CLIP = 1e-3


class Loop:
    """The lifter's part: learns from labels when told to; remembers them, and how right it was."""

    def __init__(self, data: LiftingData, person: np.ndarray, joints: np.ndarray, config: Config, parts: int):
        self.data, self.person, self.joints, self.config, self.parts = data, person, joints, config, parts
        self.seconds = 0.0
        self.labels: list[tuple[np.ndarray, Votes]] = []  # merged probabilities and all votes at each lesson
        self.right: list[float] = []  # of all pairs, the share whose order it then knew
        self.opinion = np.full(len(person), np.nan)

    def taught(self, p_first: np.ndarray, votes: Votes) -> LiftingData:
        """What a release of these votes teaches."""
        asked, skill = votes.per_item > 0, merge(votes).workers.skill
        share = share_of_votes(votes.item, votes.worker, votes.label, skill, len(p_first))
        return self.data.with_pairs(self.person[asked], self.joints[asked], p_first[asked], share[asked])

    def __call__(self, place: Field, p_first: np.ndarray, votes: Votes) -> np.ndarray:
        self.labels.append((p_first.copy(), votes))
        if len(self.labels) == len(LEARN):
            return self.opinion  # all is bought
        self.opinion, right = self.opine(place, p_first, votes)
        self.right.append(right)
        return self.opinion

    def opine(self, place: Field, p_first: np.ndarray, votes: Votes) -> tuple[np.ndarray, float]:
        """P(the first is closer) of every pair by lifters that have not learnt from its person, and how many they know, before
        they are softened."""
        began, asked = time.process_time(), votes.per_item > 0
        with TemporaryDirectory() as folder:
            found = cross_fit(self.taught(p_first, votes), self.config, folder, self.parts, pairs=(self.person, self.joints))
        said, factor = found.p_first, softness(found.p_first[asked], p_first[asked])
        self.seconds += time.process_time() - began
        return np.clip(softened(said, factor), CLIP, 1 - CLIP), place.right(said > 0.5)

    def error(self, p_first: np.ndarray, votes: Votes, test: LiftingData) -> tuple[float, float]:
        """Of a lifter that has learnt from these votes: error with optimal scale, and Procrustes, mm."""
        with TemporaryDirectory() as folder:
            fit(self.taught(p_first, votes), self.config, folder)
            found = evaluate(folder, test)
        return found["mpjpe_mm"], found["pa_mpjpe_mm"]


def people_of(
    whole: LiftingData, n: int, rng: np.random.Generator, pairs: int = PAIRS
) -> tuple[LiftingData, np.ndarray, np.ndarray, np.ndarray]:
    """n people of the file without their 3D poses; different pairs of each: person (P,), joints (P, 2), gap in mm (P,)."""
    data = whole.people(rng.permutation(len(whole))[:n])
    every = np.array(list(combinations(range(data.pose2d.shape[1]), 2)))
    chosen = np.argsort(rng.random((n, len(every))), axis=1)[:, :pairs]
    person, joints = np.repeat(np.arange(n), pairs), every[chosen.ravel()]
    swapped = rng.random(len(joints)) < 0.5
    joints[swapped] = joints[swapped][:, ::-1]
    depth = data.pose3d[..., 2].astype(float)
    gap = depth[person, joints[:, 1]] - depth[person, joints[:, 0]]
    return replace(data, pose3d=None, group=np.arange(n)), person, joints, gap


def bodies_of(data: LiftingData, person: np.ndarray, joints: np.ndarray) -> Bodies:
    """Whose pairs these are, for merging."""
    return Bodies(person, *joints.T, data.pose2d.shape[1], data.skeleton.bones)


def play(seed: int, whole: LiftingData, test: LiftingData, options: argparse.Namespace) -> dict:
    """Everything of one seed."""
    rng = np.random.default_rng([seed, 91])
    data, person, joints, gap = people_of(whole, options.people, rng)
    bodies, n_workers = bodies_of(data, person, joints), round(options.people * WORKERS_PER_PERSON)
    place = field("paper", seed, gap_mm=gap, image=person, n_workers=n_workers, bodies=bodies)
    loop = Loop(data, person, joints, Config(seed=seed), options.parts)
    found: dict = {"seed": seed, "fixed": [], "five": [], "lean": [], "broad": broad(seed, whole, test, options)}
    votes = collect(place, Protocol(5, merge_every=99, point_every=99), seed)[1]
    turn = np.arange(len(votes)) - np.searchsorted(votes.item, votes.item)  # which vote on its pair each is
    for budget in BUDGETS:
        some = turn < budget
        part = Votes(votes.item[some], votes.worker[some], votes.label[some], votes.n_items, votes.n_workers)
        p = {name: merge(part, name, bodies=bodies).probability for name in METHODS}
        right = {name: place.right(value > 0.5) for name, value in p.items()}
        found["fixed"].append({"right": right, "error": loop.error(p["nearer"], part, test)})
        some = votes.item % PAIRS < budget
        part = Votes(votes.item[some], votes.worker[some], votes.label[some], votes.n_items, votes.n_workers)
        merged = merge(part, bodies=bodies).probability
        found["five"].append({"right": place.right(merged > 0.5), "error": loop.error(merged, part, test)})
    way = Protocol(
        BUDGETS[-1], lean=True, new_image_s=0, learner=loop, learn_at=LEARN, merge_every=options.growth / 5,
        merge_growth=options.growth,
    )
    points, _ = collect(place, way, seed)
    found["curve"] = [(point.votes_per_pair, point.accuracy) for point in points]
    for budget, (p_first, bought) in zip(LEARN, loop.labels, strict=True):
        if budget in BUDGETS:
            found["lean"].append({"right": place.right(p_first > 0.5), "error": loop.error(p_first, bought, test)})
    return found | {"opinion": loop.right, "training_s": loop.seconds}


def broad(seed: int, whole: LiftingData, test: LiftingData, options: argparse.Namespace) -> list[dict]:
    """As many votes as at each of BUDGETS, every one on another pair, and as many people as there are."""
    n_votes = [round(options.people * PAIRS * budget) for budget in BUDGETS]
    n_people = min(BROADER * options.people, len(whole))
    rounds = -(-n_votes[-1] // n_people)
    data, person, joints, gap = people_of(whole, n_people, np.random.default_rng([seed, 91]), rounds)
    turn = np.empty(len(person), int)
    turn[np.arange(len(person)).reshape(n_people, rounds).T.ravel()] = np.arange(len(person))  # everybody's first pair, ...
    bodies, n_workers = bodies_of(data, person, joints), round(options.people * WORKERS_PER_PERSON)
    place = field("paper", seed, gap_mm=gap, image=person, n_workers=n_workers, bodies=bodies)
    loop = Loop(data, person, joints, Config(seed=seed), options.parts)
    votes = collect(place, Protocol(1, merge_every=99, point_every=99), seed)[1]
    found = []
    for n in n_votes:
        some = turn[votes.item] < n
        part = Votes(votes.item[some], votes.worker[some], votes.label[some], votes.n_items, votes.n_workers)
        p_first, asked = merge(part, bodies=bodies).probability, part.per_item > 0
        row = {"right": place.right(p_first > 0.5, asked), "error": loop.error(p_first, part, test)}
        opinion, _ = loop.opine(place, p_first, part)
        merged = merge(part, prior=opinion, bodies=bodies).probability
        found.append(row | {"right_with_lifter": place.right(merged > 0.5, asked)})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--test-people", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--parts", type=int, default=3, help="of the cross-fitting")
    parser.add_argument("--growth", type=float, default=0.25, help="of the votes between two merges")
    parser.add_argument("--results", type=Path, default=Path("loop.jsonl"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    whole, test = load(options.train), load(options.test)
    test = test.people(np.random.default_rng(90).permutation(len(test))[: options.test_people])
    rows = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    for seed in range(options.seeds):
        if seed not in {row["seed"] for row in rows}:
            rows.append(play(seed, whole, test, options))
            with options.results.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    report(rows)


def report(rows: list[dict]) -> None:
    """Tables over the seeds."""
    wanted = np.array([[row["fixed"][-1]["right"][name] for name in ("majority", "lean")] for row in rows])
    grid = np.arange(0.25, BUDGETS[-1] + 0.01, 0.25)
    curve = np.array([np.interp(grid, *zip(*row["curve"], strict=True)) for row in rows])
    print(f"votes per pair for the accuracy of five on each (the better of two): {reached(grid, curve, wanted)}")
    print(f"CPU seconds of training a play: {np.mean([row['training_s'] for row in rows]):.0f}")
    said = " | ".join(mean_of(100 * np.array([row["opinion"][k] for row in rows])) for k in range(len(LEARN) - 1))
    print(f"\n| votes per pair at a training | {' | '.join(map(str, LEARN[:-1]))} |\n|---|{'---|' * (len(LEARN) - 1)}")
    print(f"| the lifter orders right, % of all pairs | {said} |\n")
    head = (
        "votes per pair", *(f"fixed, {name}: right, %" for name in METHODS), "lean with the lifter: right, %",
        "broad: of the pairs asked right, %", "with the lifter, %",
    )  # fmt: skip
    print(f"| {' | '.join(head)} |\n|" + "---|" * len(head))
    for k, budget in enumerate(BUDGETS):
        right = [100 * np.array([row["fixed"][k]["right"][name] for row in rows]) for name in METHODS]
        right.append(100 * np.array([row["lean"][k]["right"] for row in rows]))
        right += [100 * np.array([row["broad"][k][name] for row in rows]) for name in ("right", "right_with_lifter")]
        print(f"| {budget:g} | {' | '.join(map(mean_of, right))} |")
    for measure, name in enumerate(("error with optimal scale", "Procrustes error")):
        print(f"\nThe lifter's {name}, mm:\n\n| votes, in parts of five on each | {' | '.join(WAYS.values())} |")
        print("|---|" + "---|" * len(WAYS))
        for k, budget in enumerate(BUDGETS):
            errors = {way: np.array([row[way][k]["error"][measure] for row in rows]) for way in WAYS}
            print(f"| {budget / BUDGETS[-1]:.0%} | {' | '.join(map(mean_of, errors.values()))} |")
    for way in ("lean", "broad"):
        least = np.array([row[way][1]["error"][1] - row["fixed"][-1]["error"][1] for row in rows])
        print(f"\n{WAYS[way]}, at 40 % of the votes against five on each, Procrustes, mm: {mean_of(least)}")


def mean_of(values: np.ndarray) -> str:
    if len(values) < 2:
        return f"{np.mean(values):.1f}"
    return f"{values.mean():.1f} ± {t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)):.1f}"


if __name__ == "__main__":
    main()
