"""A release as a torch Dataset. Imported only when one is asked for."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from nearer.release import Release


class PairDataset(Dataset):
    """One item a pair: a dict of tensors that torch's default collation batches.

    keypoints (K, 2) float32 pixels, 0 where missing; visible (K,) bool; joints (2,) int64, the first and the second;
    p_first () float32; risk () float32; person () int64, index into the release's people; truth (K, 3) float32 in mm
    where the release has it, NaN where unknown.
    """

    def __init__(self, release: Release, index: np.ndarray):
        self.pair = torch.from_numpy(np.asarray(index, np.int64))
        self._person = torch.from_numpy(release.pair_person.astype(np.int64))
        self._joints = torch.from_numpy(release.pairs.astype(np.int64))
        self._p_first = torch.from_numpy(release.p_first.astype(np.float32))
        self._risk = torch.from_numpy(release.risk.astype(np.float32))
        self._keypoints = torch.from_numpy(np.nan_to_num(release.keypoints).astype(np.float32))
        self._visible = torch.from_numpy(release.visible.astype(bool))
        self._truth = None if release.truth is None else torch.from_numpy(release.truth.astype(np.float32))

    def __len__(self) -> int:
        return len(self.pair)

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        pair = self.pair[number]
        person = self._person[pair]
        item = {
            "keypoints": self._keypoints[person], "visible": self._visible[person], "joints": self._joints[pair],
            "p_first": self._p_first[pair], "risk": self._risk[pair], "person": person,
        }
        return item if self._truth is None else item | {"truth": self._truth[person]}
