"""python -m modeling.lifting fit | predict | evaluate | export"""

import argparse
import json
import sys
from pathlib import Path

from .config import PRESETS, read
from .errors import LiftingError


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="python -m modeling.lifting", description="3D poses from 2D ones and relative depth.")
    verbs = main.add_subparsers(dest="verb", required=True)

    fit = verbs.add_parser("fit", help="train a run")
    fit.add_argument("--data", required=True, help="a release's folder, a mocap .npz or the paper's release JSON")
    fit.add_argument("--output", required=True, type=Path, help="folder of the run")
    fit.add_argument("--preset", default="nearer", choices=list(PRESETS))
    fit.add_argument("--config", help="settings as TOML or JSON")
    fit.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting; may be repeated")
    fit.add_argument("--device", default=None, help="auto, cpu or cuda")
    fit.add_argument("--restart", action="store_true", help="do not take up a killed training in this folder")
    fit.add_argument("--threads", type=int, default=1, help="of the CPU; more are rarely faster on networks this small")
    fit.add_argument("--quiet", action="store_true", help="no progress bar, only one line of JSON per epoch")
    _labels(fit)

    predict = verbs.add_parser("predict", help="3D poses of keypoints")
    predict.add_argument("--run", required=True, type=Path)
    predict.add_argument("--keypoints", required=True, type=Path, help=".npz: pose2d (N, K, 2), optionally visible, image_size")
    predict.add_argument("--output", required=True, type=Path, help=".npz with pose3d (N, K, 3) and depth_sigma (N, K), mm")

    evaluate = verbs.add_parser("evaluate", help="measure a run on data; prints JSON")
    evaluate.add_argument("--run", required=True, type=Path)
    evaluate.add_argument("--data", required=True)
    evaluate.add_argument("--people", default="all", choices=("all", "train", "test"))
    evaluate.add_argument("--noise-px", type=float, default=0.0, help="deviation of noise put on the 2D input")
    _labels(evaluate)

    export = verbs.add_parser("export", help="a run as ONNX")
    export.add_argument("--run", required=True, type=Path)
    export.add_argument("--onnx", required=True, type=Path)
    return main


def _labels(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("labels drawn from the true depths (mocap)")
    group.add_argument("--pairs", default=None, help="pairs of each person: a number or 'all' (1)")
    group.add_argument("--tolerance-mm", type=float, default=None, help="pairs closer in depth than this are undecided")
    group.add_argument("--flip-rate", type=float, default=None, help="share of wrong labels")
    group.add_argument("--crowd", type=int, default=None, metavar="VOTES", help="so many votes with errors like people's")
    group.add_argument("--label-seed", type=int, default=None)


def label_settings(args: argparse.Namespace) -> dict:
    given = {
        "pairs": args.pairs if args.pairs in (None, "all") else _count(args.pairs), "tolerance_mm": args.tolerance_mm,
        "flip_rate": args.flip_rate, "crowd_votes": args.crowd, "seed": args.label_seed,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def _count(text: str) -> int:
    if not text.isdigit():
        raise LiftingError(f"--pairs {text}: give a number or 'all'.")
    return int(text)


def bar(entry: dict) -> None:
    """A progress bar on stderr, one line that grows."""
    done = round(30 * entry["epoch"] / entry["epochs"])
    order = "" if entry["held_out_order"] is None else f"  order {100 * entry['held_out_order']:.1f} %"
    error = "" if entry["held_out_error_mm"] is None else f"  {entry['held_out_error_mm']:.1f} mm"
    end = "\n" if entry["epoch"] == entry["epochs"] else ""
    sys.stderr.write(f"\r[{'#' * done}{'.' * (30 - done)}] {entry['epoch']}/{entry['epochs']}  loss {entry['loss']:.4f}"
                     f"{order}{error}  {entry['seconds']:.0f} s {end}")  # fmt: skip
    sys.stderr.flush()


def main(arguments: list[str] | None = None) -> int:
    args = parser().parse_args(arguments)
    try:
        return {"fit": _fit, "predict": _predict, "evaluate": _evaluate, "export": _export}[args.verb](args)
    except LiftingError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _fit(args) -> int:
    changes = args.set + ([f"device={args.device}"] if args.device else [])
    config = read(args.config, args.preset, changes)

    import torch

    from . import fit, load

    torch.set_num_threads(args.threads)
    data = load(args.data, **label_settings(args))
    shows_bar = sys.stderr.isatty() and not args.quiet

    def told(entry: dict) -> None:
        sys.stdout.write(json.dumps(entry) + "\n")
        sys.stdout.flush()
        if shows_bar:
            bar(entry)

    run = fit(data, config, args.output, told, resume=not args.restart)
    sys.stderr.write(f"{run.folder}: weights of epoch {run.best_epoch} of {run.config.epochs}, {run.seconds:.1f} s"
                     f"{'; ' + run.stopped if run.stopped else ''}\n")  # fmt: skip
    return 3 if run.stopped.startswith("diverged") else 0


def _predict(args) -> int:
    import numpy as np
    import torch

    from . import load_keypoints, predict

    torch.set_num_threads(1)
    given = load_keypoints(args.keypoints)
    pose3d, sigma = predict(args.run, given["pose2d"], given["visible"], given["image_size"])
    np.savez_compressed(args.output, pose3d=pose3d, depth_sigma=sigma)
    sys.stderr.write(f"{args.output}: {len(pose3d)} poses\n")
    return 0


def _evaluate(args) -> int:
    import torch

    from . import evaluate, load

    torch.set_num_threads(1)
    data = load(args.data, **label_settings(args))
    sys.stdout.write(json.dumps(evaluate(args.run, data, people=args.people, noise_px=args.noise_px), indent=1) + "\n")
    return 0


def _export(args) -> int:
    from . import export

    sys.stderr.write(f"{export(args.run, args.onnx)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
