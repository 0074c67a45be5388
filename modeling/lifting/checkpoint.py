"""What a run leaves in its folder: tensors as safetensors, everything else as JSON; nothing that executes on load.

    run.json              configuration, skeleton, calibration, curve, checksum of the weights; written last
    weights.safetensors   the best weights
    log.jsonl             one line per epoch
    state.safetensors     while training: last and best weights and the optimiser, to take up a killed run
"""  # fmt: skip

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from .data import LiftingData
from .errors import BadData, TamperedFile, WrongSkeleton
from .skeletons import Skeleton

FORMAT = "nearer-lifter"


def write_json(path: Path, record: dict) -> None:
    """In one piece: a reader sees the old file or the new one."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(record, indent=1), encoding="utf-8")
    part.replace(path)


def write_tensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict | None = None) -> None:
    part = path.with_name(path.name + ".part")
    tidy = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    save_file(tidy, part, metadata={"json": json.dumps(metadata or {})})
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get("json", "{}"))
        return load_file(path), metadata
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise BadData(f"{path}: not a readable checkpoint ({error}); train again.") from error


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_run(folder: Path, record: dict, weights: dict[str, torch.Tensor]) -> None:
    write_tensors(folder / "weights.safetensors", weights)
    write_json(folder / "run.json", {"format": FORMAT, "version": 1, **record,
                                     "weights_sha256": sha256(folder / "weights.safetensors")})  # fmt: skip


def read_run(folder: str | Path) -> dict:
    """run.json of a finished run, its weights' checksum verified.

    Raises: BadData where there is no run, TamperedFile where the weights are not the ones that were written.
    """
    folder = Path(folder)
    path = folder / "run.json"
    if not path.exists():
        state = " (a training that has not ended)" if (folder / "state.safetensors").exists() else ""
        raise BadData(f"{folder}: no finished run in it{state}; run 'fit' with this folder as output.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: not valid JSON ({error}); train again.") from error
    if record.get("format") != FORMAT or record.get("version") != 1:
        raise BadData(f"{path}: not a run of this lifter (format {record.get('format')!r}).")
    weights = folder / "weights.safetensors"
    if not weights.exists():
        raise BadData(f"{weights}: missing; train again.")
    found = sha256(weights)
    if found != record.get("weights_sha256"):
        raise TamperedFile(f"{weights}: its SHA-256 is {found}, run.json promises {record.get('weights_sha256')}; train again.")
    return record


def same_joints(run: Skeleton, data: Skeleton, where: str) -> None:
    """Raises WrongSkeleton unless joints agree in number and order (names are compared without case and underscores)."""

    def plain(skeleton: Skeleton) -> list[str]:
        swap = {"r": "right", "l": "left"}
        return [" ".join(swap.get(w, w) for w in name.lower().replace("_", " ").split()) for name in skeleton.joints]

    if len(run.joints) != len(data.joints) or (run.name != data.name and plain(run) != plain(data)):
        raise WrongSkeleton(
            f"{where} has the {len(data.joints)} joints of '{data.name}', the run knows the {len(run.joints)} of '{run.name}'; "
            "train a run on this skeleton."
        )


def fingerprint(data: LiftingData, config: dict) -> str:
    """Changes with anything that a training depends on."""
    digest = hashlib.sha256(json.dumps({**config, "device": "", "tensorboard": False}, sort_keys=True).encode())
    digest.update(json.dumps(data.skeleton.to_json(), sort_keys=True).encode())
    labels = (data.pair_person, data.pair_joints, data.p_first, *(() if data.share_first is None else (data.share_first,)))
    for array in (data.pose2d, data.image_size, data.is_train, data.group, *labels):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
