"""From 17 joints to a mannequin: the capsules of torso, head, arms, hands, legs and feet, built around the bones.

World axes: millimetres, z up, the ground at z = 0. Hands and feet, which the 17 joints do not carry, follow from the
way elbows and knees bend and from the ground.
"""

from dataclasses import dataclass

import numpy as np

from annotation.demo.field import Capsule, Field
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

HAIRSTYLES = ("short", "bob", "bun", "ponytail", "cap", "bald", "afro")

# Which parts belong to a joint, so that they do not count as hiding it, and how deep under the skin it lies (mm).
OWN_PARTS = {
    HIP: ("pelvis", "belly", "l thigh", "r thigh"), SPINE: ("belly", "chest", "pelvis"), THORAX: ("chest", "neck", "yoke"),
    NOSE: ("nose",), HEAD_TOP: ("head", "hair"),
    R_HIP: ("pelvis", "r thigh"), R_KNEE: ("r thigh", "r shank", "r calf"), R_ANKLE: ("r shank", "r foot"),
    L_HIP: ("pelvis", "l thigh"), L_KNEE: ("l thigh", "l shank", "l calf"), L_ANKLE: ("l shank", "l foot"),
    L_SHOULDER: ("yoke", "chest", "l upper arm"), L_ELBOW: ("l upper arm", "l forearm"), L_WRIST: ("l forearm", "l hand"),
    R_SHOULDER: ("yoke", "chest", "r upper arm"), R_ELBOW: ("r upper arm", "r forearm"), R_WRIST: ("r forearm", "r hand"),
}  # fmt: skip
LIMB_RADIUS_MM = {
    HIP: 120, SPINE: 110, THORAX: 90, NOSE: 25, HEAD_TOP: 60, R_HIP: 105, L_HIP: 105, R_KNEE: 58, L_KNEE: 58,
    R_ANKLE: 40, L_ANKLE: 40, L_SHOULDER: 62, R_SHOULDER: 62, L_ELBOW: 42, R_ELBOW: 42, L_WRIST: 32, R_WRIST: 32,
}  # fmt: skip


@dataclass
class Frame:
    """Three perpendicular unit directions of a body part, as the person feels them."""

    left: np.ndarray
    forward: np.ndarray
    up: np.ndarray

    @classmethod
    def of(cls, left: np.ndarray, up: np.ndarray) -> "Frame":
        up = unit(up)
        forward = unit(np.cross(left, up))
        return cls(np.cross(up, forward), forward, up)

    def at(self, origin: np.ndarray, left: float = 0, forward: float = 0, up: float = 0) -> np.ndarray:
        return origin + self.left * left + self.forward * forward + self.up * up


def pelvis_frame(joints: np.ndarray) -> Frame:
    return Frame.of(joints[L_HIP] - joints[R_HIP], joints[SPINE] - joints[HIP])


def chest_frame(joints: np.ndarray) -> Frame:
    return Frame.of(joints[L_SHOULDER] - joints[R_SHOULDER], joints[THORAX] - joints[SPINE])


def head_frame(joints: np.ndarray) -> Frame:
    up = unit(joints[HEAD_TOP] - joints[THORAX])
    forward = joints[NOSE] - joints[THORAX]
    forward = unit(forward - up * (forward @ up))
    return Frame(np.cross(up, forward), forward, up)


def build(joints: np.ndarray, *, girth: float = 1.0, hair: str = "short") -> Field:
    """The field of a mannequin with joints (17, 3); `girth` scales limbs' thickness, about 0.85 (slim) to 1.15 (sturdy).

    Raises: ValueError for an unknown hairstyle.
    """
    if hair not in HAIRSTYLES:
        raise ValueError(f"unknown hairstyle {hair!r}; one of {', '.join(HAIRSTYLES)}")
    pelvis, chest, head = pelvis_frame(joints), chest_frame(joints), head_frame(joints)
    capsules = [*_torso(joints, pelvis, chest, girth), *_head(joints, head, hair)]
    for sign, name, shoulder, elbow, wrist in ((1, "l", L_SHOULDER, L_ELBOW, L_WRIST), (-1, "r", R_SHOULDER, R_ELBOW, R_WRIST)):
        capsules += _arm(name, sign, joints[shoulder], joints[elbow], joints[wrist], chest, girth)
    for name, hip, knee, ankle in (("l", L_HIP, L_KNEE, L_ANKLE), ("r", R_HIP, R_KNEE, R_ANKLE)):
        capsules += _leg(name, joints[hip], joints[knee], joints[ankle], pelvis, girth)
    return Field(capsules)


def _torso(joints: np.ndarray, pelvis: Frame, chest: Frame, girth: float) -> list[Capsule]:
    hip, spine, thorax = joints[HIP], joints[SPINE], joints[THORAX]
    thick = 0.5 + 0.5 * girth

    def capsule(part, start, end, radii, **more):
        return Capsule(part, "torso", start, end, (radii[0] * thick, radii[1] * thick), **more)

    return [
        capsule("pelvis", pelvis.at(hip, left=62, up=8), pelvis.at(hip, left=-62, up=8), (92, 92), bulge=2),
        capsule("pelvis", pelvis.at(hip, left=52, forward=-34, up=-22), pelvis.at(hip, left=58, forward=-30, up=20), (76, 72)),
        capsule(
            "pelvis", pelvis.at(hip, left=-52, forward=-34, up=-22), pelvis.at(hip, left=-58, forward=-30, up=20), (76, 72)
        ),
        capsule(
            "belly", pelvis.at(hip, up=55), chest.at(spine, forward=4, up=15), (80, 80), side=pelvis.left, widths=(1.42, 1.05)
        ),
        capsule(
            "chest",
            chest.at(spine, forward=8, up=20),
            chest.at(thorax, forward=6, up=-92),
            (80, 86),
            bulge=4,
            side=chest.left,
            widths=(1.5, 1.08),
        ),
        capsule(
            "chest", chest.at(thorax, left=58, forward=42, up=-125), chest.at(thorax, left=-58, forward=42, up=-125), (54, 54)
        ),
        capsule("yoke", joints[L_SHOULDER] - chest.left * 22, joints[R_SHOULDER] + chest.left * 22, (50, 50), bulge=7),
        capsule(
            "yoke",
            chest.at(thorax, left=0, forward=-14, up=-40),
            chest.at(thorax, forward=-8, up=14),
            (60, 44),
            side=chest.left,
            widths=(1.25, 1.0),
        ),
    ]


def _head(joints: np.ndarray, head: Frame, hair: str) -> list[Capsule]:
    neck = joints[THORAX]

    def at(left=0.0, forward=0.0, up=0.0):
        return head.at(neck, left, forward, up)

    capsules = [
        Capsule("neck", "torso", at(forward=-10, up=-10), at(forward=0, up=95), (50, 46)),
        Capsule("head", "head", at(forward=6, up=152), at(forward=-8, up=156), (79, 79), side=head.up, widths=(1.07, 1.0)),
        Capsule("head", "head", at(forward=28, up=98), at(forward=16, up=130), (46, 62), side=head.left, widths=(1.08, 1.0)),
        Capsule("nose", "head", at(forward=84, up=139), at(forward=91, up=121), (6, 12)),
        Capsule(
            "ear",
            "head",
            at(left=78, forward=-6, up=146),
            at(left=76, forward=-2, up=120),
            (10, 8),
            side=head.forward,
            widths=(1.5, 1.0),
        ),
        Capsule(
            "ear",
            "head",
            at(left=-78, forward=-6, up=146),
            at(left=-76, forward=-2, up=120),
            (10, 8),
            side=head.forward,
            widths=(1.5, 1.0),
        ),
    ]

    def lock(start, end, radii, **more):
        capsules.append(Capsule("hair", "hair", start, end, radii, **more))

    if hair in ("short", "bun", "ponytail", "bob"):
        lock(at(forward=-16, up=172), at(forward=-26, up=135), (84, 74))
        lock(at(left=30, forward=-42, up=112), at(left=-30, forward=-42, up=112), (52, 52))
        lock(at(left=40, forward=34, up=206), at(left=-34, forward=26, up=212), (34, 34))
    if hair == "bun":
        lock(at(forward=-78, up=226), at(forward=-82, up=232), (40, 40))
    if hair == "ponytail":
        lock(at(forward=-98, up=198), at(forward=-132, up=120), (26, 34))
        lock(at(forward=-132, up=120), at(forward=-122, up=20), (34, 12))
    if hair == "bob":
        lock(at(left=66, forward=-28, up=165), at(left=62, forward=-30, up=70), (34, 36))
        lock(at(left=-66, forward=-28, up=165), at(left=-62, forward=-30, up=70), (34, 36))
        lock(at(forward=-50, up=150), at(forward=-56, up=65), (56, 46))
    if hair == "afro":
        lock(at(forward=-24, up=190), at(forward=-32, up=165), (112, 100))
    if hair == "cap":
        lock(at(forward=-10, up=180), at(forward=-22, up=160), (86, 80))
        lock(at(forward=66, up=196), at(forward=116, up=186), (8, 7), side=head.left, widths=(8.0, 1.0))
    return capsules


def _arm(name: str, sign: int, shoulder, elbow, wrist, chest: Frame, girth: float) -> list[Capsule]:
    group, hand = ("left arm", "left hand") if name == "l" else ("right arm", "right hand")
    along = unit(wrist - elbow)
    bend = shoulder - elbow
    bend = bend - along * (bend @ along)
    straight = chest.forward - along * (chest.forward @ along) * 1.0
    if np.linalg.norm(straight) < 0.25:  # the arm points ahead: the thumb is up
        straight = chest.up - along * (chest.up @ along)
    weight = min(np.linalg.norm(bend) / 160.0, 1.0)
    thumb = unit(unit(straight) * (1 - weight) * 0.8 + unit(bend) * weight + 1e-6 * chest.up)
    palm = np.cross(along, thumb) * sign  # where the palm looks
    if palm @ (chest.left * -sign) < 0 and weight < 0.5:
        palm = -palm
    reach = unit(along + palm * 0.22)
    knuckles = wrist + along * 74
    thick = girth
    capsules = [
        Capsule(f"{name} upper arm", group, shoulder, elbow, (51 * thick, 39 * thick), bulge=3 * thick),
        Capsule(f"{name} forearm", group, elbow, wrist, (39 * thick, 27 * thick), bulge=5 * thick),
        Capsule(f"{name} hand", hand, wrist + along * 14, knuckles, (17, 14), bulge=2, side=thumb, widths=(2.1, 1.0)),
        Capsule(f"{name} hand", hand, wrist + along * 30 + thumb * 22, wrist + along * 82 + thumb * 56 + palm * 16, (15, 10)),
    ]
    for place, length in ((26, 62), (9, 74), (-9, 70), (-26, 54)):
        start = knuckles + thumb * place
        capsules.append(Capsule(f"{name} hand", hand, start, start + reach * length + thumb * place * 0.3, (10.5, 8.5)))
    return capsules


def _leg(name: str, hip, knee, ankle, pelvis: Frame, girth: float) -> list[Capsule]:
    group = "left leg" if name == "l" else "right leg"
    shank = unit(ankle - knee)
    bend = knee - (hip + ankle) / 2
    bend = bend - shank * (bend @ shank)
    ahead = pelvis.forward - shank * (pelvis.forward @ shank)
    weight = min(np.linalg.norm(bend) / 130.0, 1.0)
    ahead = unit(unit(ahead) * (1 - weight) * 0.9 + unit(bend) * weight)
    toe_way = _toe_direction(ankle, shank, ahead)
    side = unit(np.cross(shank, toe_way))
    sole = unit(np.cross(side, toe_way))
    if sole @ shank < 0:
        sole = -sole
    heel = ankle + sole * 46 - toe_way * 34
    ball = ankle + sole * 52 + toe_way * 112
    tip = ankle + sole * 57 + toe_way * 172
    return [
        Capsule(f"{name} thigh", group, hip, knee, (84 * girth, 54 * girth), bulge=2),
        Capsule(f"{name} shank", group, knee, ankle, (53 * girth, 35 * girth), bulge=-2),
        Capsule(
            f"{name} calf",
            group,
            knee + shank * 75 - ahead * 16,
            knee + shank * 215 - ahead * 12,
            (44 * girth, 34 * girth),
            bulge=5,
        ),
        Capsule(f"{name} foot", group, heel, ball, (35, 31), bulge=-1, side=side, widths=(1.16, 1.0)),
        Capsule(f"{name} foot", group, ball, tip, (30, 24), side=side, widths=(1.45, 1.0)),
        Capsule(f"{name} foot", group, ankle + sole * 6, ankle + sole * 36 + toe_way * 76, (38, 32)),
    ]


def _toe_direction(ankle: np.ndarray, shank: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Where the toes point: flat on the ground when the ankle is low, tiptoe when it is raised a little, hanging in the air."""
    hanging = unit(ahead + shank * 0.42)
    level = unit(ahead * [1, 1, 0])
    if np.linalg.norm(ahead * [1, 1, 0]) < 0.3:
        return hanging
    height = ankle[2] - 82.0
    if height > 150:
        return hanging
    drop = np.clip(height / 165.0, 0, 0.9)
    standing = level * np.sqrt(1 - drop**2) - np.array([0, 0, 1.0]) * drop
    weight = np.clip((150 - height) / 60, 0, 1)
    return unit(standing * weight + hanging * (1 - weight))
