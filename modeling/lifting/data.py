"""What the lifter learns from: 2D poses, relative labels and, for evaluation, 3D poses; one shape for every source."""

from dataclasses import dataclass, replace

import numpy as np

from .errors import BadData
from .skeletons import Skeleton


@dataclass(frozen=True)
class LiftingData:
    """People in images and the pairs of joints that were labelled. N people, K joints, P pairs.

    Attributes:
        skeleton: joints, bones, mirror, root.
        pose2d: (N, K, 2) float32 pixels, x right, y down; NaN where a joint is missing.
        visible: (N, K) bool; False for a joint that is hidden (its place may still be known) or missing.
        image_size: (N, 2) width and height in pixels.
        person: (N,) str, a name for messages and for joining predictions back.
        is_train: (N,) bool; the others are for reporting only.
        group: (N,) int; people of one group never stand on both sides of a split (the views of one clip, say).
        pair_person: (P,) int, index into N.
        pair_joints: (P, 2) int, the first and the second joint.
        p_first: (P,) float32 in [0, 1], the probability that the first is closer (its z is smaller); 0.5 where undecided.
        share_first: (P,) float32 in [0, 1], the share of the votes for the first, of good voters more than of others; NaN where
            the votes are not known; or None. Where it is known the depth network learns from it and not from p_first.
        pose3d: (N, K, 3) float32 mm, camera axes x right, y down, z away, root at 0; NaN where unknown; or None.
        focal_px: (N,) float32, the true focal length; None where it is not known, as in any photograph from the web.
        action: (N,) str for the per-action protocol, or None.
        truth_is_for_evaluation: pose3d must not teach anything where supervision is relative, not even limb lengths.
        where: the file it came from, for messages.
    """

    skeleton: Skeleton
    pose2d: np.ndarray
    visible: np.ndarray
    image_size: np.ndarray
    person: np.ndarray
    is_train: np.ndarray
    group: np.ndarray
    pair_person: np.ndarray
    pair_joints: np.ndarray
    p_first: np.ndarray
    pose3d: np.ndarray | None = None
    focal_px: np.ndarray | None = None
    action: np.ndarray | None = None
    share_first: np.ndarray | None = None
    truth_is_for_evaluation: bool = False
    where: str = "the data"

    def __len__(self) -> int:
        return len(self.pose2d)

    @property
    def n_voted(self) -> int:
        """Pairs whose votes are known, if most are; 0 where probabilities or exact labels are what is learnt from."""
        if self.share_first is None or not len(self.share_first):
            return 0
        known = int(np.isfinite(self.share_first).sum())
        return known if 2 * known > len(self.share_first) else 0

    def people(self, chosen: np.ndarray) -> "LiftingData":
        """Only the people of a (N,) bool mask or an index array without repeats, with their pairs."""
        index = np.flatnonzero(chosen) if np.asarray(chosen).dtype == bool else np.asarray(chosen)
        place = np.full(len(self), -1)
        place[index] = np.arange(len(index))
        kept = place[self.pair_person] >= 0
        rows = ("pose2d", "visible", "image_size", "person", "is_train", "group", "pose3d", "focal_px", "action")
        return replace(
            self, **{name: getattr(self, name)[index] for name in rows if getattr(self, name) is not None},
            pair_person=place[self.pair_person[kept]], pair_joints=self.pair_joints[kept], p_first=self.p_first[kept],
            share_first=None if self.share_first is None else self.share_first[kept],
        )  # fmt: skip

    def with_pairs(
        self, pair_person: np.ndarray, pair_joints: np.ndarray, p_first: np.ndarray, share_first: np.ndarray | None = None
    ) -> "LiftingData":
        return replace(
            self, pair_person=pair_person, pair_joints=pair_joints, p_first=p_first.astype(np.float32),
            share_first=None if share_first is None else share_first.astype(np.float32),
        )  # fmt: skip

    def pairs(self, kept: np.ndarray) -> "LiftingData":
        """The same people with only the pairs of a (P,) bool mask."""
        share = None if self.share_first is None else self.share_first[kept]
        return self.with_pairs(self.pair_person[kept], self.pair_joints[kept], self.p_first[kept], share)

    def mirrored(self) -> "LiftingData":
        """The same people as a mirror shows them: x from the image's other edge, left and right joints swapped, their labels
        and poses with them.
        """
        mirror = np.array(self.skeleton.mirror)
        pose2d = self.pose2d[:, mirror].copy()
        pose2d[..., 0] = self.image_size[:, :1] - pose2d[..., 0]
        return replace(
            self, pose2d=pose2d, visible=self.visible[:, mirror], pair_joints=mirror[self.pair_joints],
            pose3d=None if self.pose3d is None else self.pose3d[:, mirror] * np.array([-1, 1, 1], self.pose3d.dtype),
        )  # fmt: skip

    def drop_joints(self, names: list[str]) -> "LiftingData":
        """Without these joints, as Human3.6M's 16-joint protocol drops the nose; bones through one are bridged."""
        unknown = set(names) - set(self.skeleton.joints)
        if unknown:
            raise BadData(f"{self.where}: no joints named {sorted(unknown)}; there are {list(self.skeleton.joints)}.")
        gone = {self.skeleton.joints.index(name) for name in names}
        if self.skeleton.root in gone:
            raise BadData(f"{self.where}: '{self.skeleton.joints[self.skeleton.root]}' is the root and cannot be dropped.")
        kept = [k for k in range(len(self.skeleton.joints)) if k not in gone]
        place = {old: new for new, old in enumerate(kept)}
        bones = list(self.skeleton.bones)
        for joint in gone:
            above = [bone for bone in bones if bone[1] == joint]
            below = [bone for bone in bones if bone[0] == joint]
            bones = [bone for bone in bones if joint not in bone] + [(up[0], down[1]) for up in above for down in below]
        skeleton = Skeleton(
            name=f"{self.skeleton.name}-without-{'-'.join(sorted(names))}", joints=tuple(self.skeleton.joints[k] for k in kept),
            bones=tuple((place[a], place[b]) for a, b in bones), mirror=tuple(place[self.skeleton.mirror[k]] for k in kept),
            root=place[self.skeleton.root],
        )  # fmt: skip
        pairs_kept = ~np.isin(self.pair_joints, list(gone)).any(axis=1)
        slim = self.pairs(pairs_kept)
        renumbered = np.array([place.get(k, -1) for k in range(len(self.skeleton.joints))])
        return replace(
            slim, skeleton=skeleton, pose2d=self.pose2d[:, kept], visible=self.visible[:, kept],
            pose3d=None if self.pose3d is None else self.pose3d[:, kept],
            pair_joints=renumbered[slim.pair_joints].reshape(-1, 2),
        )  # fmt: skip


def check(data: LiftingData) -> LiftingData:
    """The same data, or BadData naming the array, the row and the remedy."""
    where, people, joints = data.where, len(data.pose2d), len(data.skeleton.joints)
    expected = {
        "pose2d": (people, joints, 2), "visible": (people, joints), "image_size": (people, 2), "person": (people,),
        "is_train": (people,), "group": (people,), "pair_person": (len(data.pair_person),),
        "pair_joints": (len(data.pair_person), 2), "p_first": (len(data.pair_person),),
    }  # fmt: skip
    if data.share_first is not None:
        expected["share_first"] = (len(data.pair_person),)
    if data.pose3d is not None:
        expected["pose3d"] = (people, joints, 3)
    for name, shape in expected.items():
        found = np.shape(getattr(data, name))
        if found != shape:
            raise BadData(f"{where}: '{name}' has shape {found}, {shape} was expected ({people} people, {joints} joints).")
    if people == 0:
        raise BadData(f"{where}: there are no people in it.")
    if np.isinf(data.pose2d).any():
        row = np.argwhere(np.isinf(data.pose2d))[0]
        raise BadData(f"{where}: pose2d of person '{data.person[row[0]]}' is infinite at '{data.skeleton.joints[row[1]]}'; "
                      "a missing joint is NaN.")  # fmt: skip
    known = np.isfinite(data.pose2d).all(-1)
    if (known.sum(1) < 2).any():
        row = int(np.flatnonzero(known.sum(1) < 2)[0])
        raise BadData(f"{where}: person '{data.person[row]}' (row {row}) has fewer than two joints; leave such people out.")
    unseen = [name for name, seen in zip(data.skeleton.joints, known.any(0)) if not seen]
    if unseen:
        raise BadData(f"{where}: {', '.join(unseen)} missing in all {people} images; use a skeleton without "
                      f"{'it' if len(unseen) == 1 else 'them'} (LiftingData.drop_joints).")  # fmt: skip
    if len(data.pair_person):
        if data.pair_person.min() < 0 or data.pair_person.max() >= people:
            row = int(np.flatnonzero((data.pair_person < 0) | (data.pair_person >= people))[0])
            raise BadData(f"{where}: label {row} speaks of person {data.pair_person[row]}; there are {people}.")
        if data.pair_joints.min() < 0 or data.pair_joints.max() >= joints:
            row = int(np.flatnonzero(((data.pair_joints < 0) | (data.pair_joints >= joints)).any(1))[0])
            raise BadData(f"{where}: label {row} speaks of unknown joints {data.pair_joints[row].tolist()}; "
                          f"the skeleton '{data.skeleton.name}' has {joints}.")  # fmt: skip
        same = data.pair_joints[:, 0] == data.pair_joints[:, 1]
        if same.any():
            raise BadData(f"{where}: label {int(np.flatnonzero(same)[0])} compares a joint with itself.")
        wrong = ~((data.p_first >= 0) & (data.p_first <= 1))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise BadData(f"{where}: p_first of label {row} is {data.p_first[row]}; a probability in [0, 1] is needed.")
        if data.share_first is not None and ((data.share_first < 0) | (data.share_first > 1)).any():
            row = int(np.flatnonzero((data.share_first < 0) | (data.share_first > 1))[0])
            raise BadData(f"{where}: share_first of label {row} is {data.share_first[row]}; a share in [0, 1] is needed.")
    return data


def split_held_out(data: LiftingData, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two (N,) bool masks of the training people: to learn from, and held out; whole groups at a time.

    A share of 0 holds nobody out. Groups are drawn until the share is reached, so small sets keep at least one group
    on each side.
    """
    train = data.is_train.astype(bool)
    groups = np.unique(data.group[train])
    if share <= 0 or len(groups) < 2:
        return train, np.zeros_like(train)
    rng = np.random.default_rng(seed)
    target, held = share * train.sum(), []
    sizes = dict(zip(*np.unique(data.group[train], return_counts=True)))
    for group in rng.permutation(groups):
        size = sum(sizes[g] for g in held)
        if size >= target or len(held) == len(groups) - 1:
            break
        if not held or size + sizes[group] <= 1.5 * target:
            held.append(group)
    out = train & np.isin(data.group, held)
    return train & ~out, out


def folds(data: LiftingData, count: int, seed: int) -> np.ndarray:
    """(N,) int: the fold in which each person is predicted; people of one group share a fold."""
    rng = np.random.default_rng(seed)
    groups, index = np.unique(data.group, return_inverse=True)
    return (rng.permutation(len(groups)) % count)[index]
