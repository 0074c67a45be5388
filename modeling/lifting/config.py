"""Settings of a run. No torch here, so that a web process can show and check them."""

import dataclasses
import json
import tomllib
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import get_args

from .errors import BadConfig

KINDS = {
    bool: (bool, "true or false"), int: (Integral, "a whole number"), float: (Real, "a number"), str: (str, "a word"),
}  # fmt: skip

VOTERS_BLUR_MM = 400.0  # the paper's workers, `labels.worker_accuracy`
BLUR_WEIGHT = 0.02


@dataclass(frozen=True)
class Config:
    """How to train. None means: chosen from the size of the data (`for_data`).

    Attributes:
        method: 'depth' (the network gives depths, the rest comes from the image) or 'paper' (coordinates, Eq. 2-7).
        supervision: 'relative' (labels of pairs) or 'full' (3D poses; the baseline of Eq. 1).
        paper_code: with method 'paper', what the released code does where the paper says otherwise.
        width, stages, dropout: of the network.
        epochs, batch, learning_rate, weight_decay, clip: of the optimisation (AdamW with a cosine; the paper: Adam).
        epochs_times: where epochs is None, so many times as many as are chosen.
        held_out: share of the training people kept out, to choose the best epoch and to calibrate.
        patience: stop after so many epochs without a better held-out loss; 0 never.
        skeleton: 'training' (mean limbs of the training set's 3D poses, else generic), 'subject', 'generic' or 'none'.
        focal: nominal focal length in units of the image's longer side.
        stature_mm: assumed height that fixes the scale of predictions.
        blur_mm: how far voters misjudge a gap in depth. None: learnt; where the votes are known it is drawn to what the
            paper's workers do (`VOTERS_BLUR_MM`), unless `label_noise` is 'held_out'.
        blur_weight: the blur learnt is drawn to `blur_mm` by so much times the squared log of their ratio; None: it is that.
        label_noise: where blur and lapse are learnt: on the 'training' people with the rest, or on the 'held_out' ones after
            each epoch; the latter finds flipped labels out better and costs a little where labels are exact.
        rank_weight, skeleton_weight, depth_weight, place_weight, turn_weight: of the depth network's losses; people seen from
            elsewhere (turn) take time, and help where labels err.
        noise: up to this deviation (in the person's size in the image) 2D input is disturbed in training ...
        noise_share: ... for this share of people; drop_share: joints hidden at random, `drop` of them each.
        multiplier, root_weight, reprojection_weight, projection, output_multiplier: of the paper's losses.
        pairs_per_visit: labels of a person used at once; 0 all.
        mirror_share: the depth network learns from this share of the people, drawn anew for each epoch, as a mirror shows
            them: wrong labels are then harder to learn by heart. Exact ones gain nothing unless they are learnt from longer.
        mirror: predictions are averaged with those of the mirrored person.
        warm_start: folder of an earlier run to start from.
        precision: 'float32' or 'bf16'; compile: torch.compile; device: 'auto', 'cpu', 'cuda'.
        tensorboard: write event files too.
    """

    method: str = "depth"
    supervision: str = "relative"
    paper_code: bool = False
    seed: int = 0
    width: int | None = None
    stages: int = 1
    dropout: float | None = None
    epochs: int | None = None
    epochs_times: float = 1.0
    batch: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    clip: float = 1.0
    held_out: float | None = None
    patience: int = 0
    skeleton: str = "training"
    focal: float = 1.145
    stature_mm: float = 1700.0
    blur_mm: float | None = None
    blur_weight: float | None = None
    label_noise: str = "training"
    rank_weight: float = 1.0
    skeleton_weight: float | None = None
    depth_weight: float = 0.2
    place_weight: float = 1.0
    turn_weight: float | None = None
    noise: float = 0.16
    noise_share: float = 0.5
    drop: float = 0.15
    drop_share: float = 0.1
    turn_camera: bool = True
    multiplier: float = 2.5
    root_weight: float = 1.0
    reprojection_weight: float | None = None
    projection: str = "orthographic"
    output_multiplier: float = 100.0
    pairs_per_visit: int = 0
    mirror_share: float | None = None
    mirror: bool = True
    warm_start: str | None = None
    precision: str = "float32"
    compile: bool = False
    device: str = "auto"
    tensorboard: bool = False

    def __post_init__(self):
        self._check_kinds()
        for name, allowed in {
            "method": ("depth", "paper"), "supervision": ("relative", "full"), "precision": ("float32", "bf16"),
            "skeleton": ("training", "subject", "generic", "none"), "projection": ("orthographic", "perspective"),
            "label_noise": ("training", "held_out"),
        }.items():  # fmt: skip
            if getattr(self, name) not in allowed:
                raise BadConfig(f"{name} = {getattr(self, name)!r}: give one of {', '.join(allowed)}.")
        for name, low, high in (
            ("dropout", 0, 0.95), ("held_out", 0, 0.9), ("noise_share", 0, 1), ("drop_share", 0, 1), ("drop", 0, 0.9),
            ("mirror_share", 0, 1), ("epochs_times", 0.01, 1000),
            ("epochs", 1, 100_000), ("batch", 2, 1_000_000), ("width", 1, 65_536), ("stages", 1, 16), ("patience", 0, 100_000),
            ("learning_rate", 1e-9, 10), ("weight_decay", 0, 10), ("clip", 0, 1e9), ("focal", 0.1, 100), ("noise", 0, 10),
            ("stature_mm", 1, 10_000),
            ("blur_mm", 0, 10_000), ("blur_weight", 0, 1e6),
            ("pairs_per_visit", 0, 1_000_000), ("skeleton_weight", 0, 1e6), ("rank_weight", 0, 1e6),
            ("depth_weight", 0, 1e6), ("place_weight", 0, 1e6), ("turn_weight", 0, 1e6), ("root_weight", 0, 1e6),
            ("reprojection_weight", 0, 1e6), ("multiplier", 1e-6, 1e6), ("output_multiplier", 1e-6, 1e9),
            ("seed", 0, 2**63 - 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not low <= value <= high):
                raise BadConfig(f"{name} = {value!r}: give a number from {low} to {high}.")

    def _check_kinds(self) -> None:
        for field in dataclasses.fields(self):
            value, kinds = getattr(self, field.name), get_args(field.type) or (field.type,)
            if value is None and NoneType in kinds:
                continue
            wanted, words = KINDS[kinds[0]]
            if not isinstance(value, wanted) or (isinstance(value, bool) and kinds[0] is not bool):
                raise BadConfig(f"{field.name} = {value!r}: give {words}.")

    def for_data(self, people: int, *, voted: int = 0) -> "Config":
        """Every None replaced. The paper's values for its method; else by the number of people to learn from.

        `voted`: see `LiftingData.n_voted`. Few votes want more dropout and weight decay.

        Small sets (some hundred people) get a narrow network, more weight decay and dropout and more epochs in smaller
        batches, so that a run lasts for one to two thousand steps whatever the size: some 7 s for 100 people.
        """
        if self.method == "paper":
            chosen = {
                "width": 1024, "dropout": 0.5, "epochs": 25, "batch": 64, "learning_rate": 1e-3, "weight_decay": 0.0,
                "reprojection_weight": 0.1 if self.paper_code else 1.0, "skeleton_weight": 1.0,
                "held_out": 0.0, "turn_weight": 0.0, "mirror_share": 0.0,
            }  # fmt: skip
        else:
            small, few = people < 5000, 0 < voted < 20_000
            batch = 512 if not small else max(16, min(128, 2 ** (max(people, 1) // 8).bit_length()))
            chosen = {
                "width": 256 if not small else 128 if people >= 1000 else 64,
                "dropout": 0.25 if small or few else 0.1, "batch": batch,
                "epochs": 30 if not small else max(30, min(150, round(2000 * batch / max(people, 1)))),
                "learning_rate": 3e-3 if not small else 2e-3, "weight_decay": 0.05 if small or few else 0.01,
                "reprojection_weight": 0.0, "skeleton_weight": 10.0, "held_out": 0.05 if not small else 0.15,
                "turn_weight": 0.5 if voted else 0.0, "mirror_share": 0.5 if voted else 0.0,
            }  # fmt: skip
            if voted and self.blur_mm is None and self.label_noise == "training":
                chosen |= {"blur_mm": VOTERS_BLUR_MM, "blur_weight": BLUR_WEIGHT}
        chosen["epochs"] = max(1, round(self.epochs_times * chosen["epochs"]))
        return dataclasses.replace(self, **{name: value for name, value in chosen.items() if getattr(self, name) is None})

    def to_json(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, record: dict) -> "Config":
        """Raises BadConfig for a setting that does not exist, and says which do."""
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(record) - known)
        if unknown:
            raise BadConfig(f"unknown setting{'s' if len(unknown) > 1 else ''} {', '.join(unknown)}; there are: "
                            f"{', '.join(sorted(known))}.")  # fmt: skip
        return cls(**record)


PRESETS = {
    "nearer": {},
    "thorough": {"turn_weight": 2.0, "mirror_share": 0.5, "epochs_times": 2.0},
    "paper": {"method": "paper", "mirror": False},
    "paper-code": {"method": "paper", "paper_code": True, "mirror": False},
    "supervised": {"supervision": "full"},
    "paper-supervised": {"method": "paper", "supervision": "full", "mirror": False},
}


def read(file: str | Path | None, preset: str = "nearer", changes: list[str] = ()) -> Config:
    """A preset, then a TOML or JSON file, then `key=value` words, each over the one before.

    Raises: BadConfig naming what is wrong.
    """
    if preset not in PRESETS:
        raise BadConfig(f"preset '{preset}': give one of {', '.join(PRESETS)}.")
    settings = dict(PRESETS[preset])
    if file:
        path = Path(file)
        try:
            text = path.read_text(encoding="utf-8")
            settings |= json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except (OSError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadConfig(f"{path}: {error}") from error
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise BadConfig(f"'{change}': write key=value.")
        settings[name.strip().replace("-", "_")] = _value(value.strip())
    return Config.from_json(settings)


def _value(text: str):
    if text.lower() in ("none", "null", ""):
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
