"""Training: data and settings in, a folder with weights, calibration and curve out."""

import json
import math
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import checkpoint, coordinates, depths
from .calibrate import ENOUGH, ENOUGH_FOR_NOISE, PLENTY, best_factor, calibration_of, find_label_noise, seen_orders
from .config import Config
from .data import LiftingData, check, split_held_out
from .errors import BadConfig, BadData, Diverged
from .posing import poses_of
from .skeletons import Skeleton, reference_lengths


@dataclass
class Run:
    """A training that has ended.

    Attributes:
        folder: what `predict`, `evaluate` and `export` take.
        curve: one dict per epoch, as given to on_epoch.
        stopped: why it ended before its last epoch; empty if it did not.
        best_epoch: whose weights were kept.
    """

    folder: Path
    config: Config
    skeleton: Skeleton
    curve: list[dict] = field(default_factory=list)
    stopped: str = ""
    best_epoch: int = 0
    seconds: float = 0.0
    record: dict = field(default_factory=dict)


def fit(
    data: LiftingData, config: Config | None = None, output: str | Path = "run",
    on_epoch: Callable[[dict], bool | None] | None = None, *, resume: bool = True,
) -> Run:  # fmt: skip
    """Train a lifter.

    A folder that holds the state of a killed training with the same data and settings is taken up at its last epoch,
    with the same result as if it had never been killed; a finished one with the same data and settings is returned as it is.

    Args:
        data: see `data.LiftingData`; only `is_train` people are used.
        config: settings; None values are chosen from the size of the data.
        output: a folder, made if absent.
        on_epoch: called with {"epoch", "epochs", "loss", "losses", "held_out_loss", "held_out_order", "held_out_error_mm",
            "learning_rate", "seconds", "best"} after each epoch; returning False ends the run with the best weights.
        resume: False starts from zero whatever the folder holds.
    Raises: BadData (no labels, NaN, joints missing everywhere ...), BadConfig, Diverged if there never were usable weights.
    """
    check(data)
    config = config or Config()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):  # the caller keeps its own random numbers
        training = Training(data, config, Path(output))
        if resume and (finished := training.finished_before()):
            return finished
        return training.run(on_epoch, resume)


class Training:
    """One run from its first to its last epoch."""

    def __init__(self, data: LiftingData, config: Config, folder: Path):
        self.config = config = config.for_data(int(data.is_train.sum()), voted=data.n_voted)
        learn, held = split_held_out(data, config.held_out, config.seed)
        labelled = np.isin(np.arange(len(data)), data.pair_person)
        if config.supervision == "relative" and not (labelled & learn).any():
            raise BadData(f"{data.where}: no labels for the training people; merge some votes and release again.")
        if config.supervision == "full" and data.pose3d is None:
            raise BadData(f"{data.where}: full supervision needs 3D poses; there are none in it.")
        if config.supervision == "full":
            known = np.isfinite(data.pose3d).all(-1)
            full = known.all(1) if config.method == "paper" else known.sum(1) > 1
            learn, held = learn & full, held & full
        if learn.sum() < 2:
            raise BadData(f"{data.where}: {int(learn.sum())} people to learn from; at least two are needed.")
        self.data, self.folder, self.skeleton = data, folder, data.skeleton
        self.device = device_for(config.device)
        self.learn, self.held = data.people(learn), data.people(held) if held.any() else None
        self.print = checkpoint.fingerprint(data, config.to_json())
        self.recipe = depths if config.method == "depth" else coordinates
        torch_seed(config.seed, 0)
        self.net = self.recipe.build(self.skeleton, config).to(self.device)
        self.lengths_mm, reference = limbs_for(data, self.learn, config)
        if config.method == "depth":
            self.extra = depths.Limbs.of(self.skeleton, self.lengths_mm, self.net)
            self.people = depths.prepare(self.learn, config, self.device)
            if config.mirror_share:
                mirrored = depths.prepare(self.learn.mirrored(), config, self.device)
                self.people = depths.with_mirrored(self.people, mirrored)
            self.watched = depths.prepare(self.held, config, self.device) if self.held else None
        else:
            self.extra = self.skeleton
            per_person = reference if reference is None or reference.ndim == 1 else reference[learn]
            self.people = coordinates.prepare(self.learn, config, self.device, per_person)
            per_person = reference if reference is None or reference.ndim == 1 else reference[held]
            self.watched = coordinates.prepare(self.held, config, self.device, per_person) if self.held else None
        with torch.no_grad():
            self.recipe.standardise(self.net, self.people)
        if config.warm_start:
            self._start_from(config.warm_start)
        self.finds_noise = (
            config.method == "depth" and config.supervision == "relative" and config.label_noise == "held_out"
            and self.watched is not None and len(self.watched.pair) >= ENOUGH_FOR_NOISE
        )  # fmt: skip
        if self.finds_noise:  # until there is something to judge labels by, one is half believed
            torch.nn.init.zeros_(self.net.lapse)
        self.optimizer = self._optimizer()
        self.steps = max(1, math.ceil(len(self.learn) / config.batch))
        self.curve: list[dict] = []
        self.best: dict[str, Tensor] = {}
        self.best_epoch, self.best_loss, self.elapsed = 0, math.inf, 0.0

    def _optimizer(self) -> torch.optim.Optimizer:
        config = self.config
        if config.method == "paper":
            return torch.optim.Adam(self.net.parameters(), lr=config.learning_rate, fused=True)
        parameters = list(self.net.parameters())
        groups = [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
            # What is wrong with the labels must be known before depths are bent to them.
            {"params": [p for p in parameters if p.dim() == 0], "weight_decay": 0.0,
             "times": 0.0 if self.finds_noise else 20.0},
        ]
        return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)

    def _start_from(self, folder: str) -> None:
        record = checkpoint.read_run(folder)
        checkpoint.same_joints(Skeleton.from_json(record["skeleton"]), self.skeleton, self.data.where)
        weights, _ = checkpoint.read_tensors(Path(folder) / "weights.safetensors")
        ours = self.net.state_dict()
        if record["config"]["method"] != self.config.method or any(
            name in weights and weights[name].shape != tensor.shape for name, tensor in ours.items()
        ):
            theirs = record["config"]
            raise BadConfig(
                f"warm_start = {folder}: a {theirs['method']} network of width {theirs['width']} cannot start a "
                f"{self.config.method} network of width {self.config.width}; set method, width and stages as there."
            )
        self.net.load_state_dict(weights)

    def finished_before(self) -> Run | None:
        if not (self.folder / "run.json").exists():
            return None
        record = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        if record.get("fingerprint") != self.print:
            return None
        checkpoint.read_run(self.folder)
        return Run(self.folder, self.config, self.skeleton, record["curve"], record["stopped"], record["best_epoch"],
                   record["seconds"], record)  # fmt: skip

    # ------------------------------------------------------------------------------------------- the loop

    def run(self, on_epoch, resume: bool) -> Run:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "run.json").unlink(missing_ok=True)
        first = self._take_up() if resume else 1
        log = (self.folder / "log.jsonl").open("w", encoding="utf-8")
        board = self._board()
        stopped = ""
        with log:
            log.writelines(json.dumps(entry) + "\n" for entry in self.curve)
            net = torch.compile(self.net) if self.config.compile else None
            for epoch in range(first, self.config.epochs + 1):
                entry, wrong = self._epoch(epoch, net)
                if wrong:
                    if not self.best:
                        raise Diverged(f"{self.data.where}: {wrong} in epoch {epoch}, before any epoch was completed; lower "
                                       "learning_rate or the weights of the losses.")  # fmt: skip
                    stopped = f"diverged: {wrong} in epoch {epoch}; the weights of epoch {self.best_epoch} were kept"
                    break
                log.write(json.dumps(entry) + "\n")
                log.flush()
                for name in ("loss", "held_out_loss", "held_out_order", "held_out_error_mm"):
                    if board and entry[name] is not None:
                        board.add_scalar(name, entry[name], epoch)
                self._save_state(epoch)
                if on_epoch is not None and on_epoch(dict(entry)) is False:
                    stopped = f"stopped on request after epoch {epoch}"
                    break
                if self.config.patience and self.held and epoch - self.best_epoch >= self.config.patience:
                    stopped = f"no better held-out loss for {self.config.patience} epochs"
                    break
        if board:
            board.close()
        return self._finish(stopped)

    def _epoch(self, epoch: int, compiled) -> tuple[dict, str]:
        """Train through the people once. Returns the epoch's entry, and what went wrong ('' if nothing)."""
        config, people, net = self.config, self.people, self.net
        torch_seed(config.seed, epoch)
        started = time.perf_counter()
        net.train()
        order = torch.randperm(len(self.learn)).to(self.device)
        if len(people) > len(order):  # in the second half are the same people mirrored
            order = order + len(order) * (torch.rand(len(order)) < config.mirror_share).to(self.device)
        sums: dict[str, Tensor] = {}
        precision = torch.autocast(self.device.type, torch.bfloat16) if config.precision == "bf16" else nullcontext()
        for step in range(self.steps):
            rows = order[step * config.batch : (step + 1) * config.batch]
            if len(rows) < 2:
                continue
            rate = self._rate((epoch - 1) * self.steps + step)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group.get("times", 1.0)
            with precision:
                cost = self.recipe.terms(net if compiled is None else compiled, people, rows, self.extra, config, True)
            total = sum(cost.values())
            self.optimizer.zero_grad(set_to_none=True)
            total.backward()
            if config.clip:
                torch.nn.utils.clip_grad_norm_(net.parameters(), config.clip)
            self.optimizer.step()
            for name, value in cost.items():
                sums[name] = sums.get(name, 0) + value.detach() * len(rows)
        means = {name: float(value) / len(order) for name, value in sums.items()}
        loss = sum(means.values())
        if not math.isfinite(loss):
            return {}, "the loss is no longer finite"
        if not all(bool(torch.isfinite(p).all()) for p in net.parameters()):
            return {}, "weights are no longer finite"
        self.elapsed += time.perf_counter() - started
        entry = {
            "epoch": epoch, "epochs": config.epochs, "loss": round(loss, 6),
            "losses": {name: round(value, 6) for name, value in means.items()}, **self._watch(),
            "learning_rate": rate, "seconds": round(self.elapsed, 3),
        }  # fmt: skip
        judged = entry["held_out_loss"] if entry["held_out_loss"] is not None else -epoch  # nobody held out: the last is kept
        if judged <= self.best_loss:
            self.best_loss, self.best_epoch = judged, epoch
            self.best = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
        entry["best"] = self.best_epoch == epoch
        self.curve.append(entry)
        return entry, ""

    def _rate(self, step: int) -> float:
        """Cosine with a short warm-up; the paper's code: x 0.96 every 100,000 steps."""
        if self.config.method == "paper":
            return self.config.learning_rate * 0.96 ** (step // 100_000)
        total = self.config.epochs * self.steps
        warm = max(1, min(500, total // 20))
        return self.config.learning_rate * min(1, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / total))

    @torch.no_grad()
    def _watch(self) -> dict:
        """How the held-out people fare."""
        if self.watched is None:
            return {"held_out_loss": None, "held_out_order": None, "held_out_error_mm": None}
        from .metrics import error_mm, order_share

        self.net.eval()
        if self.finds_noise:
            find_label_noise(self.net, self.watched, self.extra, self.config)
        sums: dict[str, float] = {}
        count = len(self.watched)
        for rows in torch.arange(count, device=self.device).split(4096):
            for name, value in self.recipe.terms(self.net, self.watched, rows, self.extra, self.config, False).items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(rows) / count
        if "order" in sums and self.config.method == "depth" and len(self.watched.pair) >= ENOUGH:
            # Judged as it would be used, its deviations corrected: late epochs know more and claim too much.
            orders = seen_orders(self.net, self.watched, self.extra, self.config, PLENTY)
            sums["order"] = self.config.rank_weight * best_factor(self.net, orders)[1]
        pose = poses_of(self.net, self.watched, self.extra, self.config, float(self.lengths_mm.sum()))[0].cpu().numpy()
        order = order_share(pose, self.held.pair_person, self.held.pair_joints, self.held.p_first)
        truth = self.held.pose3d
        error = error_mm(pose, truth)[0] if truth is not None and np.isfinite(truth).any() else math.nan
        loss = sum(sums.values())
        return {
            "held_out_loss": round(loss, 6) if math.isfinite(loss) else None,
            "held_out_order": round(order, 4) if math.isfinite(order) else None,
            "held_out_error_mm": round(error, 2) if math.isfinite(error) else None,
        }

    # ------------------------------------------------------------------------------- killed and taken up again

    def _save_state(self, epoch: int) -> None:
        tensors = {f"net.{name}": tensor for name, tensor in self.net.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
        checkpoint.write_tensors(self.folder / "state.safetensors", tensors, {
            "fingerprint": self.print, "epoch": epoch, "curve": self.curve, "best_epoch": self.best_epoch,
            "best_loss": self.best_loss, "elapsed": self.elapsed,
        })  # fmt: skip

    def _take_up(self) -> int:
        """The epoch to go on with."""
        path = self.folder / "state.safetensors"
        if not path.exists():
            return 1
        tensors, about = checkpoint.read_tensors(path)
        if about.get("fingerprint") != self.print:
            return 1
        self.net.load_state_dict({n[4:]: t for n, t in tensors.items() if n.startswith("net.")})
        self.best = {n[5:]: t.to(self.device) for n, t in tensors.items() if n.startswith("best.")}
        state: dict[int, dict] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, number, key = name.split(".", 2)
                state.setdefault(int(number), {})[key] = tensor
        whole = self.optimizer.state_dict()
        whole["state"] = state
        self.optimizer.load_state_dict(whole)
        self.curve, self.best_epoch, self.elapsed = about["curve"], about["best_epoch"], about["elapsed"]
        self.best_loss = about["best_loss"]
        return about["epoch"] + 1

    def _finish(self, stopped: str) -> Run:
        self.net.load_state_dict(self.best)
        self.net.eval()
        calibration = {"deviation_factor": 1.0}
        if self.config.method == "depth" and self.config.supervision == "relative":
            calibration = calibration_of(self.net, self.watched, self.extra, self.config)
        sizes = np.median(self.data.image_size, axis=0).round().astype(int).tolist()
        record = {
            "config": self.config.to_json(), "skeleton": self.skeleton.to_json(), "limbs_mm": self.lengths_mm.tolist(),
            "image_size": sizes, "calibration": calibration, "fingerprint": self.print, "curve": self.curve,
            "stopped": stopped, "best_epoch": self.best_epoch, "seconds": round(self.elapsed, 3),
            "people": len(self.learn), "labels": len(self.learn.pair_person), "data": self.data.where,
            "device": str(self.device), "torch": torch.__version__,
        }  # fmt: skip
        checkpoint.write_run(self.folder, record, self.net.state_dict())
        (self.folder / "state.safetensors").unlink(missing_ok=True)
        return Run(self.folder, self.config, self.skeleton, self.curve, stopped, self.best_epoch, self.elapsed, record)

    def _board(self):
        if not self.config.tensorboard:
            return None
        try:
            from tensorboardX import SummaryWriter  # writes the same files as torch's own, without TensorBoard itself
        except ImportError as error:
            raise BadConfig("tensorboard = true: install the package 'tensorboardX', or leave the option off.") from error
        return SummaryWriter(str(self.folder / "tensorboard"))


def limbs_for(data: LiftingData, learn: LiftingData, config: Config) -> tuple[np.ndarray, np.ndarray | None]:
    """Limbs (L,) mm for scale and shape, and those of the paper's skeleton loss: (L,), (N, L) of all people, or None."""
    bones = np.array(data.skeleton.bones)
    generic = reference_lengths(data.skeleton, learn.pose2d) * (config.stature_mm / 1700.0)
    truth_may_be_used = data.pose3d is not None and (not data.truth_is_for_evaluation or config.supervision == "full")
    mean = generic
    if config.skeleton in ("training", "subject") and truth_may_be_used:
        lengths = np.linalg.norm(learn.pose3d[:, bones[:, 0]] - learn.pose3d[:, bones[:, 1]], axis=-1)
        known = np.isfinite(lengths)
        measured = np.where(known, lengths, 0).sum(0) / np.maximum(known.sum(0), 1)
        mean = np.where(measured > 0, measured, generic)
    if config.skeleton == "none":
        return mean, None
    reference = np.where(data.skeleton.rigid_bones(), mean, np.nan)
    if config.skeleton == "subject" and truth_may_be_used:
        own = np.linalg.norm(data.pose3d[:, bones[:, 0]] - data.pose3d[:, bones[:, 1]], axis=-1)
        return mean, np.where(data.skeleton.rigid_bones(), own, np.nan)
    return mean, reference


def device_for(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise BadConfig(f"device = {name!r}: give auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise BadConfig(f"device = {name!r}: there is no GPU that torch can use; give auto or cpu.")
    return device


def torch_seed(seed: int, epoch: int) -> None:
    """Every epoch starts from a state of its own, so a resumed run draws what the uninterrupted one would have drawn."""
    torch.manual_seed((seed * 1_000_003 + epoch) % 2**63)


def one_thread() -> None:
    """Use one core; several slow each other down on networks this small."""
    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
