"""Merging votes, measured: python -m benchmarks.aggregation [PART ...] [--seeds N] [--without-peers]

Parts: worlds, accuracy, public, unseen, spammers, speed, large, once, task.

Prints Markdown tables. Public sets are folders with votes.csv (item,worker,label) and truth.csv (item,truth), looked for in
--votes, by default ../shared/data/votes, and passed over where there are none.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import csv
from scipy.special import ndtr

from benchmarks.lookalikes import REGIMES, look_alike
from benchmarks.peers import PEERS, frame, run_peer
from crowd.aggregation import Bodies, Votes, merge
from crowd.aggregation.measures import measure
from crowd.aggregation.tables import read_truth, read_votes
from crowd.simulation import PaperCrowd, Study, study

OURS = ("nearer", "lean", "majority", "dawid-skene", "glad")
GOLD = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["worlds", "public", "spammers", "speed"])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--golds", type=int, default=5, help="draws of the gold items for each seed or set")
    parser.add_argument("--votes", type=Path, default=Path("../shared/data/votes"))
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS, metavar="PEER", help="some of them alone")
    options = parser.parse_args()
    peers = () if options.without_peers else tuple(options.peers)
    for part in options.parts:
        {
            "worlds": worlds,
            "accuracy": accuracy,
            "public": public,
            "spammers": spammers,
            "speed": speed,
            "large": large,
            "once": once,
            "task": task,
            "unseen": unseen,
        }[part](options, peers)


def votes_of(world: Study) -> Votes:
    return Votes(world.item, world.worker, world.label, world.n_items, world.n_workers, green=world.green, left=world.left)


def worlds(options, peers) -> None:
    """Excess log loss over the exact posterior, ECE and accuracy in three simulated worlds."""
    for world in ("paper", "independent", "even"):
        rows: dict[str, list] = {}
        for seed in range(options.seeds):
            data = study(world, seed)
            votes, best = votes_of(data), measure(data.posterior, data.truth)
            rows.setdefault("exact posterior", []).append((0.0, best.ece, best.accuracy))
            for name in OURS:
                rows.setdefault(name, []).append(_excess(merge(votes, name).probability, data))
            for draw in range(options.golds):
                gold = data.gold(GOLD, seed=1000 * seed + draw)
                p = merge(votes, gold=gold).probability
                rows.setdefault(f"nearer, {GOLD} gold", []).append(_excess(p, data, np.isnan(gold)))
            for name in peers:
                rows.setdefault(name, []).append(_excess(run_peer(name, votes), data))
        print(f"\n### World: {world} ({options.seeds} seeds, {options.golds} draws of gold each)\n")
        _table(
            ("method", "excess log loss", "ECE", "accuracy"),
            [(name, *_mean_and_error(values)) for name, values in rows.items()],
        )


def _excess(p, data: Study, some=slice(None)) -> tuple[float, float, float]:
    found, best = measure(p[some], data.truth[some]), measure(data.posterior[some], data.truth[some])
    return found.log_loss - best.log_loss, found.ece, found.accuracy


def accuracy(options, peers) -> None:
    """Accuracy of `nearer` less that of each other method on the same crowds, in points, with its standard error."""
    for world in ("paper", "independent"):
        ahead: dict[str, list[float]] = {}
        for seed in range(options.seeds):
            data = study(world, seed)
            votes = votes_of(data)
            ours = measure(merge(votes).probability, data.truth).accuracy
            found = {name: merge(votes, name).probability for name in OURS[1:]}
            found |= {name: run_peer(name, votes) for name in peers if name != "CROWDLAB"}
            for name, p in found.items():
                ahead.setdefault(name, []).append(100 * (ours - measure(p, data.truth).accuracy))
        print(f"\n### World: {world}; points of accuracy by which nearer is ahead, the same {options.seeds} crowds\n")
        rows = [(name, f"{np.mean(d):+.2f} ± {np.std(d, ddof=1) / np.sqrt(len(d)):.2f}") for name, d in ahead.items()]
        _table(("method", "nearer is ahead by"), rows)


def task(options, peers) -> None:
    """The 25 votes of one handed-in task counted at fixed parameters: milliseconds of CPU, median of 1,000 tasks."""
    data = study("paper", 0)
    merged = merge(votes_of(data))
    before = np.zeros((25, merged.fitted.evidence(Votes([0], [0], [1], 1, 1)).shape[1]))
    rng = np.random.default_rng(0)
    taken = []
    for worker in rng.integers(data.n_workers, size=1000):
        labels = rng.integers(2, size=25)
        start = time.process_time()
        new = Votes(np.arange(25), np.full(25, worker), labels, 25, data.n_workers)
        merged.fitted.probability(before + merged.fitted.evidence(new))
        taken.append(1000 * (time.process_time() - start))
    print("\n### The 25 votes of one task, added to their pairs' evidence at fixed parameters\n")
    print(f"{np.median(taken):.2f} ms of CPU (99 %: {np.quantile(taken, 0.99):.2f})")


def public(options, peers) -> None:
    """Accuracy and log loss on public sets; with gold, on the items that are not gold, averaged over draws."""
    for folder in sorted(path.parent for path in options.votes.glob("*/votes.csv")):
        table = read_votes(folder / "votes.csv")
        truth = read_truth(folder / "truth.csv", table.items)[0]
        n_gold = min(GOLD, len(truth) // 2)
        draws = [np.random.default_rng(draw).permutation(len(truth)) for draw in range(4 * options.golds)]
        rows = []
        found = {name: merge(table.votes, name).probability for name in OURS}
        found |= {name: run_peer(name, table.votes) for name in peers}
        for name, p in found.items():
            rest = np.mean([measure(p[draw[n_gold:]], truth[draw[n_gold:]]).log_loss for draw in draws])
            rows.append((name, *_row(measure(p, truth)), f"{rest:.3f}"))
        with_gold = []
        for draw in draws:
            gold = np.full(len(truth), np.nan)
            gold[draw[:n_gold]] = truth[draw[:n_gold]]
            m = measure(merge(table.votes, gold=gold).probability[draw[n_gold:]], truth[draw[n_gold:]])
            with_gold.append((m.accuracy, m.log_loss, m.brier, m.ece))
        mean = np.mean(with_gold, axis=0)
        rows.append((f"nearer, {n_gold} gold", *(f"{value:.3f}" for value in mean), f"{mean[1]:.3f}"))
        best = max(float(row[1]) for row in rows[:-1])
        print(f"\n### {folder.name}: {len(truth)} items, {len(table.workers)} workers, {len(table.votes)} votes; ", end="")
        print(f"one standard error of the best accuracy: {np.sqrt(best * (1 - best) / len(truth)):.3f}\n")
        _table(("method", "accuracy", "log loss", "Brier", "ECE", f"log loss, the items beside {n_gold} gold"), rows)


def _row(m) -> tuple[str, ...]:
    return tuple(f"{value:.3f}" for value in (m.accuracy, m.log_loss, m.brier, m.ece))


def unseen(options, peers) -> None:
    """Look-alikes of public sets: accuracy without gold and log loss with it, against the best of the peers."""
    rivals = [*(name for name in peers if name != "CROWDLAB"), *OURS[2:]]
    rows = []
    for name, regime in REGIMES.items():
        found: dict[str, list] = {}
        for seed in range(options.seeds):
            votes, truth = look_alike(regime, seed)
            n_gold = min(GOLD, len(truth) // 2)
            order, gold = np.random.default_rng(seed).permutation(len(truth)), np.full(len(truth), np.nan)
            gold[order[:n_gold]] = truth[order[:n_gold]]
            rest = np.isnan(gold)
            ours = {"nearer": merge(votes).probability, "with gold": merge(votes, gold=gold).crowd_probability}
            theirs = {one: run_peer(one, votes) if one in PEERS else merge(votes, one).probability for one in rivals}
            for one, p in (ours | theirs).items():
                found.setdefault(one, []).append((measure(p, truth).accuracy, measure(p[rest], truth[rest]).log_loss))
        mean = {one: np.mean(values, axis=0) for one, values in found.items()}
        right, sure = max(rivals, key=lambda one: mean[one][0]), min(rivals, key=lambda one: mean[one][1])
        best = mean[right][0]
        rows.append((
            name, f"{mean['nearer'][0]:.3f}", f"{mean['with gold'][0]:.3f}", f"{best:.3f} {right}",
            f"{np.sqrt(best * (1 - best) / regime.items):.3f}", f"{mean['with gold'][1]:.3f}", f"{mean[sure][1]:.3f} {sure}",
        ))  # fmt: skip
        print(rows[-1], file=sys.stderr, flush=True)
    print(f"\n### Look-alikes of unseen public sets ({options.seeds} seeds, {GOLD} gold)\n")
    header = ("set", "nearer", "nearer, gold", "best rival", "one standard error", "log loss, gold", "best rival's")
    _table(header, rows)


def spammers(options, peers) -> None:
    """Accuracy when some of the workers guess or answer the opposite: in honest workers' places, and beside them."""
    mixes = {"none": (0.0, 0.0), "5 % guess": (0.05, 0.0), "20 % guess": (0.2, 0.0), "5 % contrary": (0.0, 0.05)}
    for where, ways in {"in the places of": replaced, "beside": joined}.items():
        rows = []
        for world in ("paper", "independent"):
            for label, (guess, contrary) in mixes.items():
                got: dict[str, list] = {}
                for seed in range(options.seeds):
                    votes, truth, posterior = ways(world, seed, guess, contrary)
                    for name in OURS[:4]:
                        got.setdefault(name, []).append(measure(merge(votes, name).probability, truth).accuracy)
                    got.setdefault("exact", []).append(measure(posterior, truth).accuracy)
                rows.append((world, label, *(f"{100 * np.mean(values):.1f}" for values in got.values())))
        print(f"\n### Accuracy in % with spammers {where} honest workers ({options.seeds} seeds)\n")
        _table(("world", "spammers", *OURS[:4], "exact posterior"), rows)


def replaced(world: str, seed: int, guess: float, contrary: float) -> tuple[Votes, np.ndarray, np.ndarray]:
    """Votes, truth and exact posterior of a study in which these shares of its workers are spammers."""
    data = study(world, seed, crowd=PaperCrowd(seed, spammers=guess, adversaries=contrary))
    return votes_of(data), data.truth, data.posterior


def joined(world: str, seed: int, guess: float, contrary: float) -> tuple[Votes, np.ndarray, np.ndarray]:
    """The study of honest workers, and spammers beside them who make up these shares of all workers and of all votes.

    The exact posterior is that of the honest votes: guesses tell nothing, and what the contrary tell is left aside.
    """
    data = study(world, seed)
    votes, share = votes_of(data), guess + contrary
    if not share:
        return votes, data.truth, data.posterior
    rng = np.random.default_rng([seed, 11])
    n_more = round(share / (1 - share) * data.n_workers)
    per_one = round(len(votes) / data.n_workers)
    item = np.concatenate([rng.choice(data.n_items, per_one, replace=False) for _ in range(n_more)])
    right = ndtr(np.abs(data.depth_gap_mm[item]) / 300.0)  # what the contrary see before they say the opposite
    chance = np.where(data.truth[item] == 1, 1 - right, right) if contrary else 0.5
    label = (rng.random(len(item)) < chance).astype(np.int64)
    more = np.repeat(np.arange(n_more), per_one) + data.n_workers
    green, left = rng.integers(0, 2, (2, len(item)))
    joint = Votes(
        np.concatenate([data.item, item]), np.concatenate([data.worker, more]),
        np.concatenate([data.label, label]), data.n_items, data.n_workers + n_more,
        green=np.concatenate([data.green, green]), left=np.concatenate([data.left, left]),
    )  # fmt: skip
    return joint, data.truth, data.posterior


def many_votes(n_items: int, n_workers: int) -> tuple[np.ndarray, ...]:
    """Five votes on each item in random order: item, worker, label; some workers give thousands, most a few."""
    rng = np.random.default_rng(0)
    appetite = np.cumsum(rng.dirichlet(np.full(n_workers, 0.4)))
    worker = np.searchsorted(appetite, rng.random(5 * n_items)).clip(0, n_workers - 1)
    item = np.repeat(np.arange(n_items), 5)
    slope = np.exp(0.5 + 0.6 * rng.normal(size=n_workers))
    label = (rng.random(len(item)) < ndtr(slope[worker] * rng.normal(size=n_items)[item])).astype(np.int64)
    order = rng.permutation(len(item))
    return item[order], worker[order], label[order]


def speed(options, peers) -> None:
    """CPU seconds for a million votes of 11,363 workers on 200,000 items, arrays in memory; alone, and as five pairs of 17
    keypoints of each of 40,000 people.
    """
    n_items, n_workers = 200_000, 11_363
    arrays = *many_votes(n_items, n_workers), n_items, n_workers
    ways = {name: lambda name=name: merge(Votes(*arrays), name) for name in OURS[:2]}
    rng = np.random.default_rng(2)
    first = rng.integers(0, 17, n_items)
    bodies = Bodies(np.repeat(np.arange(n_items // 5), 5), first, (first + rng.integers(1, 17, n_items)) % 17, 17)
    ways["nearer, a person's pairs together"] = lambda: merge(Votes(*arrays), bodies=bodies)
    if "DawidSkene" in peers:
        from crowdkit.aggregation import DawidSkene

        data = frame(Votes(*arrays))
        ways["DawidSkene (crowd-kit)"] = lambda: DawidSkene(n_iter=100).fit_predict_proba(data)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(5):  # in turns, so that what else the machine does meets all alike
        for name, way in ways.items():
            start = time.process_time()
            way()
            taken[name].append(time.process_time() - start)
    print("\n### One million votes, CPU seconds, median and range of 5\n")
    rows = [(name, f"{np.median(t):.2f} ({min(t):.2f} to {max(t):.2f})") for name, t in taken.items()]
    _table(("method", "s"), rows)


def large(options, peers) -> None:
    """Ten million votes in a CSV file, by the command, reading included."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "votes.csv"
        columns = dict(zip(("item", "worker", "label"), many_votes(2_000_000, 113_630)))
        csv.write_csv(pyarrow.table(columns), file)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "crowd.aggregation", str(file), "--output", str(Path(folder) / "labels.csv")]
        subprocess.run(command, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("\n### Ten million votes from a CSV file to a CSV file\n")
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    print(f"{user:.1f} s of user and {system:.1f} s of system time; {after.ru_maxrss / 1024**2:.2f} GB")


def once(options, peers) -> None:
    """A million workers with one vote each: seconds of CPU, and how many of 200,000 items are right."""
    n = 1_000_000
    rng = np.random.default_rng(0)
    truth, item = rng.integers(0, 2, n // 5), np.arange(n) // 5
    label = np.where(rng.random(n) < 0.75, truth[item], 1 - truth[item])
    start = time.process_time()
    merged = merge(Votes(item, np.arange(n), label, n // 5, n))
    taken, peak = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print("\n### A million workers with one vote each\n")
    share = (merged.label == truth).mean()
    print(f"{taken:.1f} s of CPU, {peak:.1f} GB, {100 * share:.1f} % right; {merged.notes[0]}")


def _mean_and_error(values) -> list[str]:
    values = np.array(values)
    mean, error = values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else values[0] * 0
    return [f"{m:+.4f} ± {e:.4f}" if column == 0 else f"{m:.4f} ± {e:.4f}" for column, (m, e) in enumerate(zip(mean, error))]


def _table(header, rows) -> None:
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


if __name__ == "__main__":
    main()
