"""How fast the lifter trains and predicts, and how a faithful copy of the original's loop does on the same machine.

    python -m benchmarks.lifting --train TRAIN.npz [--seconds 20]

Prints JSON: samples per CPU second of one core, and the ratios. The original's loop is written here from its released code:
items are cut one by one from NumPy arrays inside a `DataLoader`, joints and label drawn per item, limb lengths computed limb
by limb and camera parameters carried along; its own network (torch's dropout), losses and checks for NaN after each, and Adam
as it was before there were fused steps. Only what no longer runs is put in today's words, and the loader's eight processes
are one, since CPU seconds are compared. Figures of others on other machines: 610-770 samples per CPU second.
"""

import argparse
import json
import platform
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from modeling.lifting import Config, coordinates, fit, load, open_run, predict
from modeling.lifting.config import read
from modeling.lifting.data import LiftingData
from modeling.lifting.fitting import Training


class OriginalItems(Dataset):
    """One person at a time, as the original hands them to its loader."""

    def __init__(self, data: LiftingData):
        root = data.pose2d[:, :1]
        self.input = (data.pose2d - root).reshape(len(data), -1).astype(np.float32)
        self.input_root = root.reshape(len(data), -1)
        mean, std = self.input.mean(0), self.input.std(0)
        self.normal = (self.input - mean) / np.where(std > 0, std, 1)
        self.target = data.pose3d.reshape(len(data), -1).astype(np.float32)
        mean, std = self.target.mean(0), self.target.std(0)
        self.normal_target = (self.target - mean) / np.where(std > 0, std, 1)
        self.bones = data.skeleton.bones
        self.pairs = [[tuple(data.pair_joints[n])] for n in range(len(data))]
        self.errors = [[1] for _ in range(len(data))]
        # A parameter each for rotation, place, focal length, middle, and the lens's distortion.
        self.camera = (np.eye(3), np.zeros((3, 1)), np.ones((2, 1)), np.zeros((2, 1)), np.zeros((3, 1)), np.zeros((2, 1)))

    def __len__(self) -> int:
        return len(self.input)

    def __getitem__(self, index: int):
        rotation, shift, focal, middle, radial, tangential = self.camera
        inverse = np.zeros(tangential.shape, np.float32)
        inverse[1, 0], inverse[0, 0] = tangential[0, 0], tangential[1, 0]
        number = np.random.randint(len(self.pairs[index]))
        pair = self.pairs[index][number]
        if np.random.rand() > 0.5:
            pair = pair[::-1]
        joints = torch.from_numpy(np.array([pair[0] * 3 + 2, pair[1] * 3 + 2]).astype(np.int64))
        label = torch.from_numpy(np.zeros(1, np.float32))
        gap = self.target[index, pair[0] * 3 + 2] - self.target[index, pair[1] * 3 + 2]
        label[0] = 1.0 if gap > 0 else -1.0 if gap < 0 else 0.0
        label[0] *= self.errors[index][number]
        outputs = torch.from_numpy(self.target[index])
        limbs = torch.zeros((1, len(self.bones)))
        for n, (a, b) in enumerate(self.bones):
            one, other = [3 * a, 3 * a + 1, 3 * a + 2], [3 * b, 3 * b + 1, 3 * b + 2]
            limbs[:, n] = torch.sqrt(((outputs[one] - outputs[other]) ** 2).sum(dim=0))
        return (
            torch.from_numpy(self.input[index]), torch.from_numpy(self.normal[index]), torch.from_numpy(self.input_root[index]),
            outputs, torch.from_numpy(self.normal_target[index]), torch.zeros(3), joints, label, limbs,
            (rotation, shift, focal, middle, radial, tangential, inverse),
        )  # fmt: skip


class OriginalNetwork(nn.Module):
    """Two layers with a way around them, after a first one: batch norm, ReLU and torch's dropout behind each."""

    def __init__(self, joints: int, width: int):
        super().__init__()
        self.first, self.inner = nn.Linear(2 * joints, width), nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(3))
        self.out, self.scale = nn.Linear(width, 3 * joints), nn.Linear(width, 1)
        self.relu, self.dropout, self.sigmoid = nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Sigmoid()
        self.multiplier = nn.Parameter(torch.ones(3 * joints) * 100)
        for layer in (self.first, *self.inner, self.out, self.scale):
            nn.init.kaiming_normal_(layer.weight)

    def forward(self, x):
        y = x = self.dropout(self.relu(self.norms[0](self.first(x))))
        for layer, norm in zip(self.inner, self.norms[1:]):
            y = self.dropout(self.relu(norm(layer(y))))
        y = x + y
        return self.out(y) * self.multiplier, self.sigmoid(self.scale(y))


def original_losses(pose, scale, seen, joints, label, bones, lengths, unit: int) -> list:
    """Order, reprojection, root and skeleton, as released; pose (B, 3 K) and seen (B, 2 K) in one row a person."""
    first, second = pose[range(len(pose)), joints[:, 0]], pose[range(len(pose)), joints[:, 1]]
    r, apart = label[:, 0], (first - second) / torch.abs(first - second).mean()
    exponent = torch.min(85 * torch.ones(apart.shape), -r * apart * 2.5)
    decided = torch.abs(r)
    order = (decided * torch.log1p(torch.exp(exponent)) + (1 - decided) * apart * apart).mean()
    away = (pose[:, 0::3] * scale - seen[:, 0::2]) ** 2 + (pose[:, 1::3] * scale - seen[:, 1::2]) ** 2
    place = 0.1 * torch.sqrt(away + 1e-8).mean(dim=1).mean()
    root = torch.sqrt((pose[:, [0, 1, 2]] ** 2).sum(1) + 1e-8)
    joint = pose.view(len(pose), -1, 3)
    limbs = torch.sqrt(((joint[:, [a for a, _ in bones], :] - joint[:, [b for _, b in bones], :]) ** 2).sum(2) + 1e-8)
    limbs, lengths = limbs / limbs[:, unit].unsqueeze(1), lengths / lengths[:, unit].unsqueeze(1)
    known = torch.nonzero(lengths[0] != -1).view(-1)
    skeleton = torch.sqrt((limbs[:, known] - lengths[:, known]) ** 2 + 1e-8).mean(1)
    return [order, place, root.mean() + skeleton.mean()]


def original_speed(data: LiftingData, seconds: float) -> float:
    """Samples per CPU second of the original's loop: 1,024 units, batches of 64."""
    torch.manual_seed(0)
    bones = [tuple(bone) for bone in data.skeleton.bones]
    net = OriginalNetwork(len(data.skeleton.joints), 1024).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=False)
    ends = data.pose3d[:, np.array(bones)]
    lengths = torch.from_numpy(np.linalg.norm(ends[:, :, 0] - ends[:, :, 1], axis=-1).mean(0, keepdims=True)).float()
    batches = iter(DataLoader(OriginalItems(data), batch_size=64, shuffle=True, num_workers=0))
    count, seen_losses, started = 0, [[] for _ in range(4)], time.process_time()
    while time.process_time() - started < seconds:
        inputs, normal, _, _, _, _, joints, label, _, _ = next(batches)
        optimizer.zero_grad()
        pose, scale = net(normal)
        parts = original_losses(pose, scale, inputs, joints, label, bones, lengths, coordinates.unit_limb(data.skeleton))
        total = sum(parts)
        for values, part in zip(seen_losses, [*parts, total]):
            values.append(part.item())
        if np.isnan([value.mean().item() for value in (pose, *parts)]).any():
            raise ArithmeticError("the original's loop ran into NaN")
        total.backward()
        nn.utils.clip_grad_norm_(net.parameters(), max_norm=1)
        optimizer.step()
        count += len(pose)
    return count / (time.process_time() - started)


def training_speed(data: LiftingData, config: Config, seconds: float) -> float:
    """Samples per CPU second of this project's loop with these settings."""
    with TemporaryDirectory() as folder:
        training = Training(data, config, Path(folder))
        whole, training.steps = training.steps, 20
        training._epoch(1, None)  # warm
        spent = time.process_time()
        training._epoch(1, None)
        per_step = (time.process_time() - spent) / 20
        training.steps = min(whole, max(20, int(seconds / per_step)))
        spent = time.process_time()
        training._epoch(1, None)
        return training.steps * config.batch / (time.process_time() - spent)


def prediction_speed(data: LiftingData, mirror: bool) -> float:
    """Poses per CPU second of `predict`, loading excluded."""
    with TemporaryDirectory() as folder:
        few = data.people(np.arange(6000))
        run = fit(few, Config(width=256, epochs=1, mirror=mirror), folder)
        lifter = open_run(run.folder)
        predict(lifter, data.pose2d[:4096], image_size=data.image_size[:4096])
        spent = time.process_time()
        predict(lifter, data.pose2d, image_size=data.image_size)
        return len(data) / (time.process_time() - spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", required=True)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = load(args.train)
    same = read(None, "paper-code", ["held_out=0", "epochs=1"]).for_data(len(data))
    ours = Config(epochs=1).for_data(len(data))
    # Taken in turns: a busy machine slows all alike.
    rounds = [
        (
            original_speed(data, args.seconds / 3), training_speed(data, same, args.seconds / 3),
            training_speed(data, ours, args.seconds / 3),
        )
        for _ in range(3)
    ]  # fmt: skip
    original, paper, mine = np.median(rounds, axis=0)
    print(json.dumps({
        "machine": platform.processor() or platform.machine(), "torch": torch.__version__, "threads": 1,
        "original_loop_samples_per_cpu_s": round(original), "same_network_samples_per_cpu_s": round(paper),
        "ours_samples_per_cpu_s": round(mine), "same_network_ratio": round(paper / original, 2),
        "ours_ratio": round(mine / original, 2),
        "poses_per_cpu_s": round(prediction_speed(data, False)),
        "poses_per_cpu_s_with_mirroring": round(prediction_speed(data, True)),
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
