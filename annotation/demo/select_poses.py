"""Choose the demo's poses from motion capture; run once, its result `poses.json` ships with the project.

    python -m annotation.demo.select_poses MOCAP.npz [--poses 96] [--output poses.json]

The motion capture file holds camera views of real motions: `pose3d` int16 (N, 17, 3) in quarter millimetres and
camera axes, `root`, `subject`, `clip`, `frame`, `cam`, and the cameras' `cam_R`, `cam_C`. Bone directions are kept,
bone lengths are replaced by one mannequin's, so that all figures have the same pleasant proportions.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from annotation.demo.skeleton import (
    HEAD_TOP,
    HIP,
    L_ANKLE,
    L_ELBOW,
    L_HIP,
    L_KNEE,
    L_SHOULDER,
    L_WRIST,
    NOSE,
    R_ANKLE,
    R_ELBOW,
    R_HIP,
    R_KNEE,
    R_SHOULDER,
    R_WRIST,
    SPINE,
    THORAX,
    unit,
)

ATTRIBUTION = (
    "The data used in this project was obtained from mocap.cs.cmu.edu. "
    "The database was created with funding from NSF EIA-0196217."
)

# The mannequin's bones in millimetres, for a stature of about 1.72 m.
LENGTHS_MM = {
    (HIP, R_HIP): 92,
    (HIP, L_HIP): 92,
    (R_HIP, R_KNEE): 428,
    (L_HIP, L_KNEE): 428,
    (R_KNEE, R_ANKLE): 408,
    (L_KNEE, L_ANKLE): 408,
    (HIP, SPINE): 225,
    (SPINE, THORAX): 255,
    (R_SHOULDER, R_ELBOW): 283,
    (L_SHOULDER, L_ELBOW): 283,
    (R_ELBOW, R_WRIST): 250,
    (L_ELBOW, L_WRIST): 250,
}
SHOULDER_MM, SHOULDER_DROP_MM = 172, 22
NOSE_UP_MM, NOSE_FORWARD_MM, HEAD_TOP_MM = 122, 92, 236
ANKLE_HEIGHT_MM = 82
# Chosen by distance, then judged odd by eye (leaning on nothing, falling, face hidden): numbers in the order of choice.
LEFT_OUT = (3, 6, 8, 12, 18, 19, 27, 30, 37, 52, 55, 60, 62, 63, 65, 83, 92, 94, 107, 109, 111, 113, 114, 117)
PLAYGROUND = 1  # the subject who climbs and hangs on bars, which our studio does not have

# Axes of body parts that must keep apart, and the least distance in millimetres between them.
TORSO = (HIP, THORAX)
APART_MM = [
    ((L_ELBOW, L_WRIST), TORSO, 125),
    ((R_ELBOW, R_WRIST), TORSO, 125),
    ((L_ELBOW, L_ELBOW), TORSO, 165),
    ((R_ELBOW, R_ELBOW), TORSO, 165),
    ((L_ELBOW, L_WRIST), (R_ELBOW, R_WRIST), 80),
    ((L_KNEE, L_ANKLE), (R_KNEE, R_ANKLE), 105),
    ((L_KNEE, L_KNEE), (R_HIP, R_KNEE), 125),
    ((R_KNEE, R_KNEE), (L_HIP, L_KNEE), 125),
    ((L_ELBOW, L_WRIST), (L_HIP, L_KNEE), 110),
    ((R_ELBOW, R_WRIST), (R_HIP, R_KNEE), 110),
    ((L_ELBOW, L_WRIST), (R_HIP, R_KNEE), 110),
    ((R_ELBOW, R_WRIST), (L_HIP, L_KNEE), 110),
    ((L_WRIST, L_WRIST), (NOSE, HEAD_TOP), 150),
    ((R_WRIST, R_WRIST), (NOSE, HEAD_TOP), 150),
    ((L_WRIST, L_WRIST), (THORAX, NOSE), 140),
    ((R_WRIST, R_WRIST), (THORAX, NOSE), 140),
]


def world_poses(mocap) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One pose per moment, (M, 17, 3) in millimetres with z up, its subject (M,) and its clip (M,)."""
    row_of = {subject: row for row, subject in enumerate(mocap["cam_subject"])}
    row = np.array([row_of[subject] for subject in mocap["subject"]])
    rotation, centre = mocap["cam_R"][row, mocap["cam"]], mocap["cam_C"][row, mocap["cam"]]
    camera = mocap["pose3d"] / 4.0 + mocap["root"][:, None]
    world = np.einsum("nkj,nji->nki", camera, rotation) + centre[:, None]
    moment = np.stack([mocap["subject"], mocap["clip"], mocap["frame"]], axis=1)
    _, first = np.unique(moment, axis=0, return_index=True)
    return world[first], mocap["subject"][first], mocap["clip"][first]


def proportioned(world: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """The poses (M, 17, 3) with the mannequin's bone lengths, the heading turned to +x, the ground at z = 0."""
    pose = np.zeros_like(world)
    for (parent, child), length in LENGTHS_MM.items():
        if parent in (R_SHOULDER, L_SHOULDER) and child in (R_ELBOW, L_ELBOW):
            chest_up = unit(world[:, THORAX] - world[:, SPINE])
            offset = unit(world[:, parent] - world[:, THORAX]) * SHOULDER_MM
            for one in np.unique(subject):  # each actor's own habit of the shoulders' height, set to the mannequin's
                of = subject == one
                habit = np.median((offset[of] * chest_up[of]).sum(-1))
                offset[of] -= chest_up[of] * (habit + SHOULDER_DROP_MM)
            pose[:, parent] = pose[:, THORAX] + offset
        pose[:, child] = pose[:, parent] + unit(world[:, child] - world[:, parent]) * length
    up = unit(world[:, HEAD_TOP] - world[:, THORAX])
    nose = world[:, NOSE] - world[:, THORAX]
    forward = unit(nose - up * (nose * up).sum(-1, keepdims=True))
    pose[:, NOSE] = pose[:, THORAX] + up * NOSE_UP_MM + forward * NOSE_FORWARD_MM
    pose[:, HEAD_TOP] = pose[:, THORAX] + up * HEAD_TOP_MM
    left = pose[:, L_HIP] - pose[:, R_HIP] + pose[:, L_SHOULDER] - pose[:, R_SHOULDER]
    heading = np.arctan2(-left[:, 0], left[:, 1])  # left x up, seen from above
    cos, sin = np.cos(heading), np.sin(heading)
    turn = np.zeros((len(pose), 3, 3))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = cos, sin, -sin, cos, 1
    pose = np.einsum("nij,nkj->nki", turn, pose)
    lowest_ankle = world[:, [L_ANKLE, R_ANKLE], 2].min(1)
    jump = np.where(lowest_ankle > 230, lowest_ankle - 110, 0)  # a flight is kept, a captured sole's wobble is not
    lift = ANKLE_HEIGHT_MM + jump - pose[:, :, 2].min(1)
    pose[:, :, 2] += lift[:, None]
    return pose


def segment_distance(pose: np.ndarray, one: tuple[int, int], other: tuple[int, int]) -> np.ndarray:
    """Least distance (M,) between two bones, over 9 x 9 points of them."""
    share = np.linspace(0, 1, 9)[None, :, None]
    a = pose[:, one[0], None] * (1 - share) + pose[:, one[1], None] * share
    b = pose[:, other[0], None] * (1 - share) + pose[:, other[1], None] * share
    return np.linalg.norm(a[:, :, None] - b[:, None], axis=-1).min((1, 2))


def balanced(pose: np.ndarray) -> np.ndarray:
    """Which poses (M,) carry their weight over the feet that stand; a leap carries it anywhere."""
    weights = np.ones(17)
    weights[[HIP, SPINE, THORAX]], weights[[NOSE, HEAD_TOP]], weights[[L_WRIST, R_WRIST]] = 4, 1, 0.5
    mass = (pose * weights[:, None]).sum(1)[:, :2] / weights.sum()
    left, right = pose[:, L_ANKLE], pose[:, R_ANKLE]
    lowest = np.minimum(left[:, 2], right[:, 2])
    share = np.linspace(0, 1, 9)[None, :, None]
    share = np.where((left[:, 2] > lowest + 140)[:, None, None], 1, share)  # one foot stands
    share = np.where((right[:, 2] > lowest + 140)[:, None, None], 0, share)
    feet = left[:, None, :2] * (1 - share) + right[:, None, :2] * share
    gap = np.linalg.norm(feet - mass[:, None], axis=-1).min(1)
    return (gap < 210) | (lowest > ANKLE_HEIGHT_MM + 60)


def plausible(pose: np.ndarray) -> np.ndarray:
    """Which poses (M,) stand, step or leap with no part inside another and a head that looks ahead."""
    keep = balanced(pose)
    for one, other, least in APART_MM:
        keep &= segment_distance(pose, one, other) > least
    chest_up = unit(pose[:, THORAX] - pose[:, SPINE])
    chest_forward = unit(np.cross(pose[:, L_SHOULDER] - pose[:, R_SHOULDER], chest_up))
    head_up = unit(pose[:, HEAD_TOP] - pose[:, THORAX])
    look = unit(pose[:, NOSE] - pose[:, THORAX] - head_up * NOSE_UP_MM)
    keep &= (look * chest_forward).sum(-1) > 0.35
    keep &= (head_up * chest_up).sum(-1) > 0.55
    keep &= chest_up[:, 2] > 0.1
    lowest = pose[:, [L_ANKLE, R_ANKLE], 2].min(1)
    keep &= (lowest < 420) & (pose[:, :, 2].min(1) == lowest)
    for hip, knee, ankle in ((L_HIP, L_KNEE, L_ANKLE), (R_HIP, R_KNEE, R_ANKLE)):
        pelvis_forward = unit(np.cross(pose[:, L_HIP] - pose[:, R_HIP], pose[:, SPINE] - pose[:, HIP]))
        bend = pose[:, knee] - (pose[:, hip] + pose[:, ankle]) / 2
        keep &= (bend * pelvis_forward).sum(-1) > -15  # knees do not bend forwards
    return keep


def farthest(pose: np.ndarray, clip: np.ndarray, count: int, per_clip: int) -> list[int]:
    """Indices of poses far from each other, farthest-point sampling with at most `per_clip` from one clip.

    The loneliest poses are left out first: in motion capture they are mostly slips of the capture.
    """
    flat = (pose - pose[:, :1]).reshape(len(pose), -1)
    flat = flat / np.sqrt(pose.shape[1])
    squares = (flat**2).sum(1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * flat @ flat.T, 0))
    lonely = np.partition(distance, 4, axis=1)[:, 4]
    allowed = lonely < np.quantile(lonely, 0.97)
    chosen = [int(np.argmin(np.where(allowed, distance.mean(1), np.inf)))]
    taken = {clip[chosen[0]]: 1}
    while len(chosen) < count:
        nearest = distance[:, chosen].min(1)
        nearest[~allowed] = -1
        nearest[[taken.get(one, 0) >= per_clip for one in clip]] = -1
        best = int(np.argmax(nearest))
        chosen.append(best)
        taken[clip[best]] = taken.get(clip[best], 0) + 1
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mocap", type=Path)
    parser.add_argument("--poses", type=int, default=96)
    parser.add_argument("--per-clip", type=int, default=4)
    parser.add_argument("--leave-out", type=int, nargs="*", default=LEFT_OUT, help="numbers, in the order of choice")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "poses.json")
    options = parser.parse_args()
    with np.load(options.mocap) as mocap:
        world, subject, clip = world_poses(mocap)
        clip_names = [str(name) for name in mocap["clip_names"]]
    pose = proportioned(world, subject)
    hangs = (subject == PLAYGROUND) & (pose[:, [L_ANKLE, R_ANKLE], 2].min(1) > ANKLE_HEIGHT_MM + 60)
    keep = np.flatnonzero(plausible(pose) & ~hangs)
    wanted = options.poses + len(options.leave_out)
    chosen = keep[farthest(pose[keep], clip[keep], wanted, options.per_clip)]
    chosen = [row for number, row in enumerate(chosen) if number not in set(options.leave_out)]
    origin = pose[:, :1] * [1, 1, 0]
    record = {
        "attribution": ATTRIBUTION,
        "skeleton": "h36m-17",
        "axes": "millimetres; x where the person faces, y to the person's left, z up, the ground at z = 0",
        "poses": [
            {"clip": clip_names[clip[row]], "joints_mm": np.rint(pose[row] - origin[row]).astype(int).tolist()}
            for row in chosen
        ],
    }
    options.output.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    print(f"{len(world)} moments, {len(keep)} plausible, {len(chosen)} chosen -> {options.output}")


if __name__ == "__main__":
    main()
