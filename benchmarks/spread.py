"""The same votes, spread over people, pairs and further votes: python -m benchmarks.spread TRAIN.npz TEST.npz [--votes 25000]

A crowd like the paper's gives so many votes on people of the training file: on many people or few, on one random pair of each
or several, one vote on a pair or several. A lifter learns from what is merged of them and is measured on the test file's
people. Prints a Markdown table, ± half of a 95 % interval over the seeds. What a seed gave is appended to --results at once;
what is there is not done again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from benchmarks.loop import Loop, mean_of, people_of
from crowd.aggregation import merge
from crowd.planning import Protocol, collect, field
from modeling.lifting import Config, load

SPREADS = ((1, 1), (1, 3), (3, 1), (1, 5), (5, 1), (5, 5), (25, 1))  # pairs a person, votes a pair


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--votes", type=int, default=25_000)
    parser.add_argument("--workers", type=int, default=284)
    parser.add_argument("--test-people", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path("spread.jsonl"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    whole, test = load(options.train), load(options.test)
    test = test.people(np.random.default_rng(90).permutation(len(test))[: options.test_people])
    rows = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    for seed in range(options.seeds):
        for pairs, votes in SPREADS:
            if any((row["seed"], row["pairs"], row["votes"]) == (seed, pairs, votes) for row in rows):
                continue
            people = min(round(options.votes / pairs / votes), len(whole))
            data, person, joints, gap = people_of(whole, people, np.random.default_rng([seed, 92]), pairs)
            place = field("paper", seed, gap_mm=gap, image=person, n_workers=options.workers)
            given = collect(place, Protocol(votes, merge_every=99, point_every=99), seed)[1]
            p_first = merge(given).probability
            errors = Loop(data, person, joints, Config(seed=seed), 1).error(p_first, given, test)
            right = place.right(p_first > 0.5)
            rows.append({"seed": seed, "people": people, "pairs": pairs, "votes": votes, "right": right, "error": errors})
            with options.results.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    print("| people | pairs of each | votes on each | labels right, % | error, mm | Procrustes, mm |\n|" + "---|" * 6)
    for pairs, votes in SPREADS:
        mine = [row for row in rows if (row["pairs"], row["votes"]) == (pairs, votes)]
        values = [100 * np.array([row["right"] for row in mine]), *np.array([row["error"] for row in mine]).T]
        print(f"| {mine[0]['people']:,} | {pairs} | {votes} | {' | '.join(map(mean_of, values))} |")


if __name__ == "__main__":
    main()
