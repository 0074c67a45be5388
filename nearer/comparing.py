"""What changed between two releases of the same pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nearer.release import Release


@dataclass(frozen=True, eq=False)
class Comparison:
    """Pairs are the same where person and both joints are, in whichever order the joints stand.

    Attributes:
        old, new: the releases' names.
        added: (A,) indices into the new release of pairs that the old one lacks; removed: (R,) into the old one.
        old_pair, new_pair: (C,) indices of the pairs that both have.
        p_old, p_new: (C,) float64, probability that the first joint *of the new release's pair* is closer.
        changed: (C,) bool, the likelier answer is another one; an even probability is nobody's answer.
        risk_old, risk_new: mean risk over the pairs that both have; NaN where there are none.
    """

    old: str
    new: str
    added: np.ndarray
    removed: np.ndarray
    old_pair: np.ndarray
    new_pair: np.ndarray
    p_old: np.ndarray
    p_new: np.ndarray
    changed: np.ndarray
    risk_old: float
    risk_new: float

    def __str__(self) -> str:
        shift = f"{np.abs(self.p_new - self.p_old).mean():.4f}" if len(self.p_old) else "-"
        return (
            f"{self.old} -> {self.new}: {len(self.old_pair):,} pairs in both, {len(self.added):,} added, "
            f"{len(self.removed):,} removed; {int(self.changed.sum()):,} labels changed, p_first moved by {shift} on average, "
            f"mean risk {self.risk_old:.4f} -> {self.risk_new:.4f}"
        )


def compare(old: Release, new: Release) -> Comparison:
    """Compare two releases, joints by name and people by their keys.

    Raises: ValueError where the two have no joint name in common.
    """
    names = sorted({*old.joints, *new.joints})
    if not set(old.joints) & set(new.joints):
        raise ValueError(f"{old.name} and {new.name} have no joint in common; they are of different skeletons.")
    people = np.unique(np.concatenate([old.person, new.person]))
    keys, swapped = zip(*(_keys(release, people, names) for release in (old, new)))
    _, old_pair, new_pair = np.intersect1d(*keys, assume_unique=True, return_indices=True)
    order = np.argsort(new_pair, kind="stable")
    old_pair, new_pair = old_pair[order], new_pair[order]
    p_old, p_new = old.p_first[old_pair].astype(float), new.p_first[new_pair].astype(float)
    p_old = np.where(swapped[0][old_pair] == swapped[1][new_pair], p_old, 1 - p_old)
    return Comparison(
        old=old.name, new=new.name, added=np.flatnonzero(~np.isin(keys[1], keys[0])),
        removed=np.flatnonzero(~np.isin(keys[0], keys[1])), old_pair=old_pair, new_pair=new_pair, p_old=p_old, p_new=p_new,
        changed=(p_old - 0.5) * (p_new - 0.5) < 0, risk_old=_mean(old.risk[old_pair]), risk_new=_mean(new.risk[new_pair]),
    )


def _keys(release: Release, people: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(P,) a number for each pair that does not depend on the order of its joints, and whether they were swapped."""
    joint = np.array([names.index(name) for name in release.joints])[release.pairs]
    person = np.searchsorted(people, release.person)[release.pair_person]
    low, high = joint.min(1), joint.max(1)
    return (person.astype(np.int64) * len(names) + low) * len(names) + high, joint[:, 0] > joint[:, 1]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
