"""python -m crowd.aggregation VOTES.csv --output LABELS.csv"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from crowd.aggregation.measures import measure
from crowd.aggregation.methods import DEFAULT_METHOD, METHODS, merge
from crowd.aggregation.reports import write_report
from crowd.aggregation.tables import read_truth, read_votes, write_labels, write_workers

VOTES = "CSV with item,worker,label (0 or 1) and, if known, prior, green, left, gold, and person,first,second of each item"


def main(arguments: list[str] | None = None) -> int:
    """Merge a file of votes. Returns the exit status: 0, or 1 with a sentence on what to mend."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except (ValueError, OSError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        print(f"error: {reason}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    table = read_votes(options.votes)
    settings = {}
    if options.method in ("nearer", "nearer-apart"):
        settings = {"base_rate": options.base_rate, "ceiling": options.ceiling}
    elif options.ceiling is not None or options.base_rate != "half":
        raise ValueError(f"--ceiling and --base-rate belong to nearer and nearer-apart, not to {options.method}")
    merged = merge(
        table.votes, options.method, prior=table.prior, gold=table.gold, bodies=table.bodies, seed=options.seed, **settings
    )
    write_labels(options.output, table.items, merged)
    if options.workers:
        write_workers(options.workers, table.workers, merged)
    print(f"{len(table.votes)} votes of {len(table.workers)} workers on {len(table.items)} items merged by {merged.method}")
    for note in merged.notes:
        print(note)
    truth, gap = table.gold, None
    if options.truth:
        truth, gap = read_truth(options.truth, table.items)
    if not np.isnan(truth).all():
        found = measure(merged.crowd_probability, truth)
        print(f"on {found.n} items of known truth: accuracy {found.accuracy:.3f}, log loss {found.log_loss:.3f}, ", end="")
        print(f"Brier {found.brier:.3f}, ECE {found.ece:.3f}")
    if options.report:
        files = write_report(options.report, merged, truth, gap)
        print(f"report: {', '.join(str(path) for path in files if path.suffix == '.svg')}")
        if not any(path.stem == "reliability" for path in files):
            print("no item's truth is known (column gold, or --truth FILE): the report shows the workers alone")


def _parser() -> argparse.ArgumentParser:
    about = "Merge binary votes into a probability per item and a skill per worker."
    parser = argparse.ArgumentParser(prog="python -m crowd.aggregation", description=about)
    parser.add_argument("votes", type=Path, help=VOTES)
    parser.add_argument("--output", type=Path, required=True, help="CSV to write: item,label,probability,risk,votes")
    parser.add_argument("--workers", type=Path, help="CSV to write: each worker's skill with interval, votes and habits")
    parser.add_argument("--method", default=DEFAULT_METHOD, choices=list(METHODS), help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="kept with the settings; nothing is drawn at random")
    parser.add_argument(
        "--base-rate",
        type=_base_rate,
        default="half",
        metavar="half|estimate|SHARE",
        help="share of label 1 among the truths (default: half, unless votes or gold clearly say otherwise)",
    )
    parser.add_argument("--ceiling", type=float, help="share an endless crowd would get right (default: from gold, else 0.80)")
    parser.add_argument("--truth", type=Path, help="CSV with item,truth[,depth_gap_mm], to measure against")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="write figures as SVG and CSV there")
    return parser


def _base_rate(text: str) -> float | str:
    if text in ("half", "estimate"):
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"half, estimate or a share between 0 and 1, not {text!r}") from None


if __name__ == "__main__":
    sys.exit(main())
