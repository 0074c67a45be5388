"""Colours: skins, hair, clothes, studios; and which colour a point of the mannequin's surface has."""

from dataclasses import dataclass

import numpy as np

from annotation.demo.body import Frame
from annotation.demo.field import Field


def colour(code: str) -> np.ndarray:
    """A hexadecimal sRGB colour as linear light (3,) float32."""
    value = np.array([int(code[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


@dataclass(frozen=True)
class Outfit:
    """Clothes by colour; `sleeve` and `leg` say where cloth ends: 1 at elbow or knee, 2 at wrist or ankle."""

    top: str
    accent: str
    bottom: str
    shoes: str
    sleeve: float = 0.55
    leg: float = 1.86
    pattern: str = "plain"  # plain, stripes, pocket, band, raglan, dungarees


@dataclass(frozen=True)
class Studio:
    """A backdrop that runs into the floor, the lamp's tint, and what lies on the floor."""

    wall: str
    floor: str
    ornament: str
    shape: str = "disc"  # disc, rings, tiles, plain


SKINS = ("#f1c9a9", "#8d5a3b", "#e0a982", "#7a4c37", "#c98f66", "#f1cdb0", "#a86f4a", "#674231")
HAIR = ("#2a1d18", "#5b3420", "#1b1a1f", "#a8682f", "#7a2f1d", "#d9b36a", "#8f8c8a", "#33231c")

OUTFITS = (
    Outfit("#e4572e", "#fff3e0", "#2b3a55", "#f5f1ea", pattern="pocket"),
    Outfit("#f7f3ea", "#2e5eaa", "#31415f", "#c8553d", sleeve=1.8, pattern="stripes"),
    Outfit("#2a9d8f", "#f4d58d", "#3b3a4a", "#f4efe6", leg=0.72, pattern="band"),
    Outfit("#f2b134", "#5a3e2b", "#3d5a80", "#6b4a3a", pattern="dungarees"),
    Outfit("#6c5b9e", "#f2e9ff", "#2f2f3a", "#f3f3f3", sleeve=1.85, pattern="pocket"),
    Outfit("#f4a6a0", "#fff7f2", "#5d737e", "#ffffff", leg=0.62),
    Outfit("#264653", "#e9c46a", "#8a6f55", "#4a3426", sleeve=1.8, pattern="raglan"),
    Outfit("#e9ecef", "#d1495b", "#30638e", "#d1495b", pattern="raglan", leg=0.7),
    Outfit("#3a7d44", "#f0ead2", "#c9b79c", "#5b4636", pattern="pocket"),
    Outfit("#d1495b", "#ffe8d6", "#f0e6d8", "#7a3b3b", sleeve=0.5, pattern="stripes"),
    Outfit("#1d7fb8", "#ffffff", "#222b3a", "#f2c14e", sleeve=0.0, leg=0.6, pattern="band"),
    Outfit("#fffaf0", "#e07a5f", "#81705e", "#3d405b", pattern="dungarees"),
)
MATERIALS = ("#d9a066", "#efe6da", "#b8c4cc", "#c97b63")  # wood, porcelain, slate blue, terracotta

STUDIOS = (
    Studio("#cfe3ea", "#b9d3dc", "#f4f7f6", "disc"),
    Studio("#f3dcc9", "#e8c7ad", "#fff3e6", "rings"),
    Studio("#d7ddcf", "#bfcab3", "#eef1e6", "tiles"),
    Studio("#e7dff0", "#cfc3df", "#f7f2fb", "disc"),
    Studio("#f5ead0", "#ead9ae", "#fbf5e4", "plain"),
    Studio("#c9d6ee", "#aabfe0", "#e9f0fb", "rings"),
    Studio("#efd5d3", "#dfb9b8", "#fbeeec", "disc"),
    Studio("#dcdcd8", "#c4c4bf", "#f3f3f0", "tiles"),
    Studio("#49586b", "#3d4a5c", "#566a80", "disc"),
)


def surface(
    field: Field, points: np.ndarray, owner: np.ndarray, frames: dict[str, tuple[np.ndarray, Frame]], look: "Look"
) -> tuple[np.ndarray, np.ndarray]:
    """Linear colour (N, 3) and gloss (N,) of surface points that belong to capsules `owner` (N,)."""
    tint = np.empty((len(points), 3), np.float32)
    gloss = np.full(len(points), 0.12, np.float32)
    for capsule in np.unique(owner):
        rows = np.flatnonzero(owner == capsule)
        tint[rows], gloss[rows] = _part(field, points[rows], int(capsule), frames, look)
    return tint, gloss


@dataclass(frozen=True)
class Look:
    """How one mannequin is dressed. `material` set: no clothes, all of one stuff."""

    skin: str
    hair_colour: str
    outfit: Outfit
    material: str | None = None


def _edge(signed_mm: np.ndarray, width: float = 1.6) -> np.ndarray:
    """0 where `signed_mm` is below 0, 1 above, with a soft step (N, 1)."""
    share = np.clip(signed_mm / width + 0.5, 0, 1)
    return (share * share * (3 - 2 * share))[:, None].astype(np.float32)


def _part(field: Field, points, capsule: int, frames, look: Look):
    """Colour and gloss of points that all belong to one capsule."""
    part, outfit = field.parts[capsule], look.outfit
    skin = colour(look.material or look.skin)
    count = len(points)
    plain = np.broadcast_to(skin, (count, 3)).copy()
    if part in ("head", "nose", "ear"):
        return _face(points, plain, frames["head"], skin, look)
    if part == "hair":
        shade = colour(outfit.top if _is_cap(field) else look.hair_colour)
        if look.material:
            shade = skin * 0.55
        return np.broadcast_to(shade, (count, 3)), np.full(count, 0.25, np.float32)
    if look.material:
        return _doll(field, points, capsule, plain, skin)
    if part == "neck":
        thorax, chest = frames["chest"]
        bare = _edge((points - thorax) @ chest.up - 36)
        return _trunk(points, frames, outfit, skin) * (1 - bare) + plain * bare, np.full(count, 0.12, np.float32)
    if part in ("pelvis", "belly", "chest", "yoke"):
        return _trunk(points, frames, outfit, skin), np.full(count, 0.05, np.float32)
    if part.endswith("foot"):
        shoe, sole = colour(outfit.shoes), colour("#f7f4ee")
        bone = field.capsules[capsule]
        along = bone.end - bone.start
        height = (points - bone.start) @ np.cross(np.cross(along, [0, 0, 1.0]), along)
        height = height / max(np.linalg.norm(np.cross(np.cross(along, [0, 0, 1.0]), along)), 1e-6)
        top = _edge(height + 17)
        return sole * (1 - top) + shoe * top, np.full(count, 0.3, np.float32)
    if "arm" in part:
        return _sleeve(field, points, capsule, plain, outfit), np.full(count, 0.12, np.float32)
    if part.endswith(("thigh", "shank", "calf")):
        return _trouser(field, points, capsule, plain, frames, outfit), np.full(count, 0.08, np.float32)
    return plain, np.full(count, 0.16, np.float32)


def _is_cap(field: Field) -> bool:
    return any(capsule.part == "hair" and max(capsule.widths) > 5 for capsule in field.capsules)


def _along(field: Field, points, part: str) -> np.ndarray:
    """Where points lie along a bone, 0 at its start and 1 at its end, not clipped."""
    share, _ = field.local(points, field.parts.index(part))
    return share


def _sleeve(field, points, capsule, plain, outfit: Outfit):
    """Cloth down to the cuff, skin from there."""
    part = field.parts[capsule]
    side = part[0]
    upper = np.minimum(_along(field, points, f"{side} upper arm"), 1)
    along = upper if "upper" in part else 1 + np.maximum(_along(field, points, f"{side} forearm"), 0)
    cloth = colour(outfit.accent if outfit.pattern == "raglan" else outfit.top)
    tint = np.broadcast_to(cloth, plain.shape)
    if outfit.pattern == "stripes":
        stripe = _stripes(along * 265, 62)
        tint = tint * (1 - stripe) + colour(outfit.accent) * stripe
    cuff = _edge((along - (outfit.sleeve - 0.06)) * 265)
    if outfit.sleeve > 0.2:
        tint = tint * (1 - cuff) + (cloth * 0.72) * cuff
    bare = _edge((along - outfit.sleeve) * 265)
    return tint * (1 - bare) + plain * bare


def _trouser(field, points, capsule, plain, frames, outfit: Outfit):
    """Cloth down to the hem, skin from there, a sock above the shoe."""
    part = field.parts[capsule]
    side = part[0]
    upper = np.minimum(_along(field, points, f"{side} thigh"), 1)
    along = upper if "thigh" in part else 1 + np.maximum(_along(field, points, f"{side} shank"), 0)
    cloth = colour(outfit.bottom)
    cuff = _edge((along - (outfit.leg - 0.05)) * 420)
    tint = cloth * (1 - cuff) + (cloth * 0.8) * cuff
    bare = _edge((along - outfit.leg) * 420)
    tint = tint * (1 - bare) + plain * bare
    hip, pelvis = frames["pelvis"]
    above = _edge((points - hip) @ pelvis.up - _hem(outfit)) * _edge((0.1 - along) * 420, 12)  # the shirt over the hips
    tint = tint * (1 - above) + _trunk(points, frames, outfit, plain[:1]) * above
    sock = _edge((along - max(1.8, outfit.leg)) * 420)
    return tint * (1 - sock) + colour("#f2efe8") * sock


def _stripes(place_mm, period: float):
    """1 on the coloured part of stripes that repeat every `period` mm."""
    phase = np.abs((place_mm / period) % 1.0 - 0.5) * period  # mm from the stripe's edge, twice a period
    return _edge(phase - period * 0.27)


def _hem(outfit: Outfit) -> float:
    """How far above the hips (mm) trousers begin."""
    return 95.0 if outfit.pattern == "dungarees" else 34.0


def _trunk(points, frames, outfit: Outfit, skin):
    """Shirt with its pattern and neckline, belt and the upper part of the trousers."""
    hip, pelvis = frames["pelvis"]
    thorax, chest = frames["chest"]
    low = (points - hip) @ pelvis.up
    x, y, z = (points - thorax) @ chest.left, (points - thorax) @ chest.forward, (points - thorax) @ chest.up
    tint = np.broadcast_to(colour(outfit.top), (len(points), 3))
    accent, bottom = colour(outfit.accent), colour(outfit.bottom)
    spine = thorax - hip  # from this line forwards is the front, also when the back is bent
    share = np.clip(((points - hip) @ spine) / (spine @ spine), 0, 1)
    front = _edge((points - hip - share[:, None] * spine) @ chest.forward)
    if outfit.pattern == "stripes":
        stripe = _stripes(z, 62)
        tint = tint * (1 - stripe) + accent * stripe
    if outfit.pattern == "band":
        band = _edge(34 - np.abs(z + 175))
        tint = tint * (1 - band) + accent * band
    if outfit.pattern == "pocket":  # of the shirt's own cloth: nothing on it may look like a mark of the task
        pocket = _edge(29 - np.abs(x - 66)) * _edge(33 - np.abs(z + 135)) * front
        tint = tint * (1 - 0.32 * pocket)
    if outfit.pattern == "dungarees":
        bib = _edge(84 - np.abs(x)) * _edge(-130 - z) * front
        strap = _edge(17 - np.abs(np.abs(x) - 68))
        both = np.maximum(bib, strap)
        tint = tint * (1 - both) + bottom * both
        button = _edge(11 - np.hypot(np.abs(x) - 68, z + 148)) * front
        tint = tint * (1 - button) + colour("#f4d58d") * button
    hem = _hem(outfit)
    trousers = _edge(hem - low)
    belt = _edge(hem + 13 - low) * (1 - trousers)
    tint = tint * (1 - belt) + (bottom * 0.45 if outfit.pattern != "dungarees" else bottom) * belt
    tint = tint * (1 - trousers) + bottom * trousers
    lowered = z + np.where(y > 0, 0.4, 0.9) * y  # a neckline deep in front, high behind
    collar = _edge(72 - np.hypot(x, y)) * _edge(lowered + 26)
    bare = _edge(62 - np.hypot(x, y)) * _edge(lowered + 16)
    tint = tint * (1 - collar) + accent * collar
    return tint * (1 - bare) + skin * bare


def _doll(field: Field, points, capsule: int, plain, skin):
    """One material all over, with darker rings where a carved figure has its joints."""
    part = field.parts[capsule]
    gloss = np.full(len(points), 0.4, np.float32)
    if part.endswith(("upper arm", "forearm", "thigh", "shank")):
        share, _ = field.local(points, capsule)
        bone = float(field.length[capsule])
        ring = np.minimum(np.abs(share - 0.02), np.abs(share - 0.98)) * bone
        line = _edge(5 - ring, 3.0)
        plain = plain * (1 - line) + skin * 0.35 * line
    return plain, gloss


def _face(points, tint, placed: tuple[np.ndarray, Frame], skin, look: Look):
    """Eyes, brows, a smile and warm cheeks, drawn in the head's own axes (mm from the base of the neck)."""
    origin, head = placed
    x, y, z = (points - origin) @ head.left, (points - origin) @ head.forward, (points - origin) @ head.up
    front = _edge(y - 30, 8)
    side = np.abs(x)
    blush = np.exp(-(((side - 40) / 15) ** 2 + ((z - 108) / 12) ** 2))[:, None] * front * 0.35
    tint = tint * (1 - blush) + tint * colour("#ff8a75") * 1.5 * blush
    dark = colour("#1c1613")
    white = np.clip(0.3 - skin[0], 0, 0.2) * 1.5  # dark faces show a little of the eye's white, to see where they look
    for shape, shade in (
        (_edge(1 - np.hypot((side - 31) / 12.5, (z - 143) / 16), 0.25) * white, colour("#f4efe8")),
        (_edge(1 - np.hypot((side - 31) / 9.5, (z - 143) / 13), 0.16), dark),
        (_edge(1 - np.hypot((x - 31 + 3) / 3.2, (z - 148) / 3.6) , 0.4), colour("#ffffff")),
        (_edge(1 - np.hypot((x + 31 + 3) / 3.2, (z - 148) / 3.6) , 0.4), colour("#ffffff")),
        (_edge(3.4 - np.abs(z - 168 + 0.012 * (side - 30) ** 2)) * _edge(15 - np.abs(side - 32)),
         skin * 0.4 if look.material else colour(look.hair_colour) * 0.8),
        (_edge(2.9 - np.abs(z - 88 - 0.012 * x**2)) * _edge(23 - side), colour("#8f352c") * 0.75 + skin * 0.3),
    ):  # fmt: skip
        tint = tint * (1 - shape * front) + shade * shape * front
    return tint, np.full(len(points), 0.22, np.float32)
