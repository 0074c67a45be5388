"""A release in memory: people, pairs with their probabilities, votes and workers, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nearer.torch_data import PairDataset


@dataclass(frozen=True, eq=False)
class Votes:
    """V votes, in the order of pairs.

    Attributes:
        pair: (V,) int32, index into the release's P pairs. worker: (V,) int32, index into its W workers.
        chose_first: (V,) bool, the worker said that the first joint is closer.
        first_is_green, first_is_left: (V,) int8, 1 yes, 0 no, -1 not known.
        response_ms: (V,) int32, -1 where not known.
    """

    pair: np.ndarray
    worker: np.ndarray
    chose_first: np.ndarray
    first_is_green: np.ndarray
    first_is_left: np.ndarray
    response_ms: np.ndarray

    def __len__(self) -> int:
        return len(self.pair)


@dataclass(frozen=True, eq=False)
class Workers:
    """W workers under pseudonyms; every figure (W,), NaN where it is not known.

    Attributes:
        name: pseudonyms, of this release alone. kind: "ordinary", "guesses", "contrary" or "".
        votes: number of votes. agreement: share of them that agree with the others.
        skill, skill_low, skill_high: probability of a right answer on an ordinary pair, with a 95 % interval.
        green_bias, left_bias: leanings in units of the merge's probit.
    """

    name: np.ndarray
    kind: np.ndarray
    votes: np.ndarray
    agreement: np.ndarray
    skill: np.ndarray
    skill_low: np.ndarray
    skill_high: np.ndarray
    green_bias: np.ndarray
    left_bias: np.ndarray

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False)
class Release:
    """N people with K joints and P pairs of joints.

    Attributes:
        name: the release's. where: the file or folder it came from.
        manifest: everything it says of itself, as in `manifest.json`.
        joints: K names; right and left are the person's. bones: (B, 2) parent, child. mirror: (K,) the joint that
            becomes this one in a mirror. root: index of the joint that true poses are centred on.
        person: (N,) str, "image#number". image: (N,) str, file name in the pictures' data set.
        image_size: (N, 2) width and height in pixels; None where not known.
        keypoints: (N, K, 2) float32, pixels, x right and y down; NaN where missing.
        visible: (N, K) bool, the joint has a place. occluded: (N, K) bool, its place is known but hidden.
        is_train: (N,) bool; the others are for testing.
        pair_person: (P,) index into N. pairs: (P, 2) first and second joint.
        p_first: (P,) float32, probability that the first is closer to the camera. risk: (P,) that the likelier
            answer is wrong. n_votes: (P,) int32; None where not known.
        truth: (N, K, 3) float32, mm, x right, y down, z away from the camera, root at 0; NaN where unknown; or None.
    """

    name: str
    where: str
    manifest: dict
    joints: tuple[str, ...]
    bones: np.ndarray
    mirror: np.ndarray
    root: int
    person: np.ndarray
    image: np.ndarray
    image_size: np.ndarray | None
    keypoints: np.ndarray
    visible: np.ndarray
    occluded: np.ndarray
    is_train: np.ndarray
    pair_person: np.ndarray
    pairs: np.ndarray
    p_first: np.ndarray
    risk: np.ndarray
    n_votes: np.ndarray | None
    truth: np.ndarray | None
    _read_votes: Callable[[], tuple[Votes, Workers]] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs)

    def __repr__(self) -> str:
        votes = "" if self.n_votes is None else f", {int(self.n_votes.sum()):,} votes"
        return f"<Release {self.name}: {len(self.person):,} people, {len(self):,} pairs{votes}, {len(self.joints)} joints>"

    @property
    def split(self) -> np.ndarray:
        """(N,) "train" or "test"."""
        return np.where(self.is_train, "train", "test")

    @property
    def label(self) -> np.ndarray:
        """(P,) int8 as the paper writes it: 0 where the first joint is closer, 1 where the second is."""
        return (self.p_first < 0.5).astype(np.int8)

    @cached_property
    def _votes_and_workers(self) -> tuple[Votes, Workers] | tuple[None, None]:
        return self._read_votes() if self._read_votes else (None, None)

    @property
    def votes(self) -> Votes | None:
        """Every vote, read when first asked for; None where the source has none (the paper's JSON)."""
        return self._votes_and_workers[0]

    @property
    def workers(self) -> Workers | None:
        """Who voted; None where the source does not say."""
        return self._votes_and_workers[1]

    def of_split(self, split: str | None) -> np.ndarray:
        """(P,) bool: the pairs of "train", of "test", or all for None.

        Raises: ValueError for another word.
        """
        if split not in (None, "train", "test"):
            raise ValueError(f"split is 'train', 'test' or None, not {split!r}.")
        return np.ones(len(self), bool) if split is None else self.is_train[self.pair_person] == (split == "train")

    def torch_dataset(self, split: str | None = None, *, largest_risk: float = 0.5) -> PairDataset:
        """A torch `Dataset` with one item a pair; see `nearer.torch_data.PairDataset`. Needs torch.

        Args:
            split: "train", "test" or None for all.
            largest_risk: leaves out pairs of a higher risk.
        Raises: ImportError with the remedy where torch is not installed.
        """
        try:
            from nearer.torch_data import PairDataset
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise ImportError("torch is needed for a torch Dataset: pip install torch") from error
        return PairDataset(self, np.flatnonzero(self.of_split(split) & (self.risk <= largest_risk)))
