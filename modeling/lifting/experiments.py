"""Experiments as data: a TOML file of rows, several seeds each, becomes a table and a plot.

    python -m modeling.lifting.experiments experiments/main.toml --train TRAIN --test TEST --output DIR

A row says how labels are drawn, how a run is trained and how it is tested:

    [[row]]
    name = "one exact pair per pose"
    preset = "nearer"                 # see config.PRESETS
    labels = { pairs = 1 }            # see labels.draw_pairs
    settings = { epochs = 20 }        # see config.Config
    share = 0.1                       # of the training people, drawn at random; 1 if left out
    noise_px = 10                     # on the 2D input of the test people
    train_noise_px = 10               # on that of the training people
    after = "pre-trained"             # start from that row's run (fine-tuning)
    run_of = "one exact pair"         # test that row's run instead of training one
    data = "release"                  # train and test on --release instead
    joints = "release"                # bring the mocap data to the release's joints
    paper = "52"                      # the paper's figure, for the table

At the top: `title`, `seeds`, `x_label` and `log_x` of the plot, `also = ["poses", "joints"]` for plots of the errors by pose
and by joint. Every finished (row, seed) is a line of results.jsonl and is not done again, so a stopped experiment goes on where
it was.
"""  # fmt: skip

import argparse
import json
import platform
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np

from .config import PRESETS, Config
from .data import LiftingData
from .errors import BadConfig, BadData, LiftingError
from .plots import bars, grouped, lines
from .skeletons import Skeleton, same_place

MEASURES = ("mpjpe_mm", "pa_mpjpe_mm", "order", "labels_wrong")


def read_spec(path: str | Path) -> dict:
    """The experiment of a TOML file, its rows checked. Raises BadConfig naming row and remedy."""
    path = Path(path)
    try:
        spec = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadConfig(f"{path}: {error}") from error
    rows = spec.get("row", [])
    names = [row.get("name") for row in rows]
    if not rows or None in names or len(set(names)) != len(names):
        raise BadConfig(f"{path}: give [[row]] tables, each with a name of its own.")
    known = {
        "name", "preset", "labels", "settings", "share", "noise_px", "train_noise_px", "after", "data", "joints", "paper", "x",
        "run_of",
    }  # fmt: skip
    for row in rows:
        if set(row) - known:
            raise BadConfig(f"{path}, row '{row['name']}': unknown {sorted(set(row) - known)}; there are {sorted(known)}.")
        earlier = names[: names.index(row["name"])]
        for key in ("after", "run_of"):
            if row.get(key) and row[key] not in earlier:
                raise BadConfig(f"{path}, row '{row['name']}': '{key}' must name an earlier row.")
        Config.from_json(PRESETS[row.get("preset", "nearer")] | row.get("settings", {}))
    return spec


def with_joints_of(data: LiftingData, skeleton: Skeleton) -> LiftingData:
    """Mocap people with another skeleton's joints, matched by what they are called; for pre-training before a release.

    Raises: BadData naming the joints that the data does not have.
    """
    match = [same_place(name, data.skeleton.joints) for name in skeleton.joints]
    missing = [name for name, k in zip(skeleton.joints, match) if k is None]
    if missing:
        raise BadData(f"{data.where}: no joint for {', '.join(missing)} of '{skeleton.name}'.")
    pose3d = data.pose3d[:, match] - data.pose3d[:, match][:, skeleton.root : skeleton.root + 1]
    none = np.zeros(0, int)
    return replace(
        data, skeleton=skeleton, pose2d=data.pose2d[:, match], visible=data.visible[:, match], pose3d=pose3d,
        pair_person=none, pair_joints=np.zeros((0, 2), int), p_first=np.zeros(0, np.float32),
        share_first=None,
    )  # fmt: skip


def run_row(row: dict, seed: int, sources: dict, folder: Path) -> dict:
    """Train and test one row with one seed; a line for results.jsonl."""
    from . import checkpoint
    from .evaluating import evaluate
    from .fitting import fit
    from .labels import draw_pairs
    from .sources import load

    settings = PRESETS[row.get("preset", "nearer")] | row.get("settings", {}) | {"seed": seed}
    if row.get("after"):
        settings["warm_start"] = str(folder / _slug(row["after"]) / str(seed))
    if row.get("data") == "release":
        train = test = load(_needed(sources, "release"))
        tested = "test" if (~train.is_train.astype(bool)).any() else "all"
    else:
        train, test = load(_needed(sources, "train")), load(_needed(sources, "test"))
        tested = "all"
        if row.get("joints") == "release":
            skeleton = load(_needed(sources, "release")).skeleton
            train, test = with_joints_of(train, skeleton), with_joints_of(test, skeleton)
        rng = np.random.default_rng(seed)
        if row.get("share", 1) < 1:
            train = train.people(np.sort(rng.permutation(len(train))[: max(2, round(row["share"] * len(train)))]))
        train = draw_pairs(train, **{"seed": seed, **row.get("labels", {})})
        if row.get("train_noise_px"):
            noise = rng.normal(0, row["train_noise_px"], train.pose2d.shape)
            train = replace(train, pose2d=(train.pose2d + noise).astype(np.float32))
    run_folder, cpu = folder / _slug(row.get("run_of", row["name"])) / str(seed), time.process_time()
    if not row.get("run_of"):
        fit(train, Config.from_json(settings), run_folder)
    cpu, record = time.process_time() - cpu, checkpoint.read_run(run_folder)
    found = evaluate(run_folder, test, people=tested, noise_px=row.get("noise_px", 0), seed=seed)
    return {
        "row": row["name"], "seed": seed, "mpjpe_mm": found.get("mpjpe_mm"), "pa_mpjpe_mm": found.get("pa_mpjpe_mm"),
        "order": found.get("order_by_gap", {}).get("all", {}).get("share"), "labels_wrong": found.get("labels_wrong"),
        "cpu_s": round(cpu, 1), "train_s": record["seconds"], "epochs": len(record["curve"]), "people": record["people"],
        "labels": record["labels"], "per_joint_pa_mm": found.get("per_joint_pa_mm"),
        "poses_by_pa_mm": found.get("poses_by_pa_mm"),
        "calibration_error": found.get("calibration", {}).get("calibration_error"), "stopped": record["stopped"],
    }  # fmt: skip


def _needed(sources: dict, name: str) -> str:
    if not sources.get(name):
        raise BadConfig(f"this experiment needs --{name}.")
    return sources[name]


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-")


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half width of the 95 % interval of the mean (Student's t)."""
    from scipy.stats import t

    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, float("nan")
    return mean, float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))


def table(spec: dict, results: list[dict]) -> str:
    """Markdown: mean and 95 % interval over seeds."""
    shown = [m for m in MEASURES if any(r.get(m) is not None for r in results)]
    title = {
        "mpjpe_mm": "error, mm", "pa_mpjpe_mm": "Procrustes, mm", "order": "order right, %", "labels_wrong": "labels wrong, %",
    }  # fmt: skip
    head = ["", *[title[m] for m in shown], "CPU, s", "seeds", "paper"]
    out = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in spec["row"]:
        mine = [r for r in results if r["row"] == row["name"]]
        if not mine:
            continue
        cells = [row["name"]]
        for measure in shown:
            times = 100 if measure in ("order", "labels_wrong") else 1
            values = [r[measure] * times for r in mine if r.get(measure) is not None]
            mean, half = interval(values) if values else (float("nan"),) * 2
            cells.append("" if not values else f"{mean:.1f}" + (f" ± {half:.1f}" if np.isfinite(half) else ""))
        cells += [f"{np.mean([r['cpu_s'] for r in mine]):.0f}", str(len(mine)), str(row.get("paper", ""))]
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def plot(spec: dict, results: list[dict]) -> str:
    """SVG: bars by row, or lines over x where rows have one (a row named 'series: ...' joins that series)."""
    points = []
    for row in spec["row"]:
        values = [r["pa_mpjpe_mm"] for r in results if r["row"] == row["name"] and r.get("pa_mpjpe_mm") is not None]
        if values:
            points.append((row, *interval(values)))
    if points and all("x" in row for row, _, _ in points):
        series: dict[str, list] = {}
        for row, mean, half in points:
            series.setdefault(row["name"].partition(":")[0], []).append((float(row["x"]), mean, half))
        across = spec.get("x_label", "")
        return lines(series, spec.get("title", ""), across, "Procrustes error, mm", log_x=spec.get("log_x", False))
    return bars([(row["name"], mean, half) for row, mean, half in points], spec.get("title", ""), "Procrustes error, mm")


def further_plots(spec: dict, results: list[dict]) -> dict[str, str]:
    """The paper's Fig. 4a and 4b as SVG by name: how many poses err by how much, the error of each joint; mean over seeds."""
    found, title = {}, spec.get("title", "")
    rows = {row["name"]: [r for r in results if r["row"] == row["name"] and r.get("poses_by_pa_mm")] for row in spec["row"]}
    rows = {name: mine for name, mine in rows.items() if mine}
    if "poses" in spec.get("also", []) and rows:
        shares = {name: 100 * np.mean([r["poses_by_pa_mm"] for r in mine], axis=0) for name, mine in rows.items()}
        series = {name: [(10 * n, share, float("nan")) for n, share in enumerate(all_)] for name, all_ in shares.items()}
        found["poses"] = lines(series, title, "Procrustes error of a pose, mm (from; the last and above)", "poses, %")
    if "joints" in spec.get("also", []) and rows:
        series = {
            name: {joint: float(np.mean([r["per_joint_pa_mm"][joint] for r in mine])) for joint in mine[0]["per_joint_pa_mm"]}
            for name, mine in rows.items()
        }
        found["joints"] = grouped(series, title, "Procrustes error, mm")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m modeling.lifting.experiments", description="Run an experiment.")
    parser.add_argument("spec")
    parser.add_argument("--train", help="mocap .npz to learn from")
    parser.add_argument("--test", help="mocap .npz to report on")
    parser.add_argument("--release", help="a release, for rows that use one")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--seeds", help="e.g. 0,1,2; the spec's own otherwise")
    parser.add_argument("--rows", help="only rows whose name contains this")
    args = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(1)
    try:
        spec = read_spec(args.spec)
        seeds = [int(s) for s in args.seeds.split(",")] if args.seeds else spec.get("seeds", [0, 1, 2])
        args.output.mkdir(parents=True, exist_ok=True)
        log = args.output / "results.jsonl"
        results = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
        for seed in seeds:
            for row in spec["row"]:
                if args.rows and args.rows not in row["name"]:
                    continue
                if any(r["row"] == row["name"] and r["seed"] == seed for r in results):
                    continue
                found = run_row(row, seed, {"train": args.train, "test": args.test, "release": args.release}, args.output)
                results.append(found | {"machine": platform.processor() or platform.machine()})
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(results[-1]) + "\n")
                errors = f"{found['mpjpe_mm']} / {found['pa_mpjpe_mm']} mm"
                sys.stderr.write(f"{row['name']}, seed {seed}: {errors}, {found['cpu_s']} s\n")
    except LiftingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    (args.output / "table.md").write_text(table(spec, results), encoding="utf-8")
    for name, svg in {"plot": plot(spec, results), **further_plots(spec, results)}.items():
        (args.output / f"{name}.svg").write_text(svg, encoding="utf-8")
    sys.stdout.write(table(spec, results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
