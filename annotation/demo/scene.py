"""One picture: camera, lamp, floor and a dressed mannequin, rendered in NumPy with soft shadows and smooth edges."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from annotation.demo.body import Frame, chest_frame, head_frame, pelvis_frame
from annotation.demo.field import Field
from annotation.demo.skeleton import HIP, THORAX, unit
from annotation.demo.tracing import Camera, light_reaching, march, openness, pixel_blocks
from annotation.demo.wardrobe import Look, Studio, colour, surface

LAMP_SOFTNESS = 0.11
TEXEL_MM = 24.0
EXPOSURE = 0.86


@dataclass
class Scene:
    """What a picture shows. `lamp` is the unit direction towards the main light, world axes."""

    joints: np.ndarray
    field: Field
    camera: Camera
    look: Look
    studio: Studio
    lamp: np.ndarray

    @cached_property
    def floor_light(self) -> "FloorLight":
        """What reaches the floor, computed when a picture first asks."""
        return FloorLight(self.field, self.lamp)

    @cached_property
    def frames(self) -> dict[str, tuple[np.ndarray, Frame]]:
        """Origins and directions of the parts that carry drawings."""
        return {
            "pelvis": (self.joints[HIP], pelvis_frame(self.joints)),
            "chest": (self.joints[THORAX], chest_frame(self.joints)),
            "head": (self.joints[THORAX], head_frame(self.joints)),
        }


@dataclass
class Picture:
    """`pixels` (H, W, 3) uint8 sRGB and `coverage` (H, W), the share of each pixel that is body."""

    pixels: np.ndarray
    coverage: np.ndarray


def render(scene: Scene) -> Picture:
    """The scene as a picture; the same scene gives the same bytes."""
    camera, field = scene.camera, scene.field
    image = _backdrop(scene)
    coverage = np.zeros((camera.height, camera.width), np.float32)
    pixels, start = pixel_blocks(camera, field)
    light, hit, look = _look_along(scene, pixels + 0.5, start)
    column, row = pixels[:, 0], pixels[:, 1]
    seen = np.full((camera.height, camera.width, look.shape[1]), -1e6, np.float32)
    seen[row, column] = look
    edge = _edges(seen)
    image[row[hit], column[hit]] = light[hit]
    coverage[row[hit], column[hit]] = 1
    fine = np.flatnonzero(edge[row, column])
    total = np.zeros((len(fine), 3), np.float32)
    share = np.zeros(len(fine), np.float32)
    backdrop = _backdrop_at(scene, pixels[fine] + 0.5)
    for offset in ((0.125, 0.375), (0.375, 0.875), (0.625, 0.125), (0.875, 0.625)):  # a rotated grid
        light, hit, _ = _look_along(scene, pixels[fine] + offset, start[fine])
        total += np.where(hit[:, None], light, backdrop)
        share += hit
    image[row[fine], column[fine]] = total / 4
    coverage[row[fine], column[fine]] = share / 4
    return Picture(_developed(image), coverage)


def _look_along(scene: Scene, places: np.ndarray, start: np.ndarray):
    """Light (N, 3) through image places (N, 2), whether the body is hit (N,), and what jumps at edges (N, 4).

    That is the distance in units of 30 mm and the light in units of 0.09: a jump is a difference above 1.
    """
    camera, field = scene.camera, scene.field
    directions = camera.rays(places)
    reach = float(np.linalg.norm(np.concatenate([field.start, field.end]) - camera.position, axis=1).max()) + 250
    distance = march(field, camera.position, directions, start, reach)
    hit = np.isfinite(distance)
    light = np.zeros((len(places), 3), np.float32)
    look = np.full((len(places), 4), -1e6, np.float32)
    if hit.any():
        points = camera.position.astype(np.float32) + directions[hit] * distance[hit, None]
        light[hit] = _shade(scene, points, directions[hit])
        look[hit, 0] = distance[hit] / 30
        look[hit, 1:] = np.sqrt(light[hit]) / 0.09
    return light, hit, look


def _edges(seen: np.ndarray) -> np.ndarray:
    """Pixels (H, W) bool beside a jump of more than 1 in any channel of `seen` (H, W, C)."""
    edge = np.zeros(seen.shape[:2], bool)
    across = (np.abs(seen[:, 1:] - seen[:, :-1]) > 1).any(-1)
    down = (np.abs(seen[1:] - seen[:-1]) > 1).any(-1)
    for part, jump in ((np.s_[:, 1:], across), (np.s_[:, :-1], across), (np.s_[1:], down), (np.s_[:-1], down)):
        edge[part] |= jump
    return edge


def _shade(scene: Scene, points: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Light (N, 3) that surface points (N, 3) send against `directions` (N, 3)."""
    field = scene.field
    normals = field.normal(points)
    owner = field.nearest(points)
    tint, gloss = surface(field, points, owner, scene.frames, scene.look)
    lamp = scene.lamp.astype(np.float32)
    lit = light_reaching(field, points + normals * 3, lamp, LAMP_SOFTNESS)
    room = openness(field, points, normals)
    towards = np.clip((normals @ lamp) * 0.92 + 0.08, 0, None)
    key = towards * lit
    wall, floor = colour(scene.studio.wall), colour(scene.studio.floor)
    sky = (0.35 + 0.65 * wall) * 0.62
    bounce = floor * 0.42
    up = (normals[:, 2:] * 0.5 + 0.5).astype(np.float32)
    ambient = (sky * up + bounce * (1 - up)) * room[:, None]
    across = scene.camera.rotation[0] * (-np.sign(scene.camera.rotation[0] @ lamp) or 1)
    fill = unit(across * 0.8 - scene.camera.forward * 0.7 + np.array([0, 0, 0.25])).astype(np.float32)
    ambient = ambient + (np.clip(normals @ fill, 0, None) * room * 0.2)[:, None] * (0.5 + 0.5 * wall)
    facing = np.clip(-(normals * directions).sum(1), 0, 1)
    rim = ((1 - facing) ** 3 * room * 0.28)[:, None] * (0.3 + 0.7 * wall)
    middle = unit(lamp - directions)
    shine = np.clip((normals * middle).sum(1), 0, 1)
    shine = (shine**38 * 0.8 + shine**9 * 0.16) * gloss * lit
    warm = np.array([1.0, 0.95, 0.87], np.float32) * 1.5
    # light that has wandered under the skin tints the shadow's edge
    edge = (np.clip(towards, 0, 0.35) / 0.35 * lit * (1 - lit) * 0.5)[:, None]
    light = tint * (key[:, None] * warm + ambient + edge * np.array([0.35, 0.1, 0.03], np.float32))
    return (light + tint * rim + rim * 0.12 + shine[:, None] * warm).astype(np.float32)


def _backdrop(scene: Scene) -> np.ndarray:
    camera = scene.camera
    places = np.stack(np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5), axis=-1).reshape(-1, 2)
    return _backdrop_at(scene, places).reshape(camera.height, camera.width, 3)


def _backdrop_at(scene: Scene, places: np.ndarray) -> np.ndarray:
    """Light (N, 3) of floor and wall, each place averaged over two rays."""
    aside = np.array([0.25, 0.2])
    return (_backdrop_ray(scene, places - aside) + _backdrop_ray(scene, places + aside)) / 2


def _backdrop_ray(scene: Scene, places: np.ndarray) -> np.ndarray:
    camera, studio = scene.camera, scene.studio
    directions = camera.rays(places)
    height = camera.position[2]
    downwards = directions[:, 2] < -1e-3
    distance = np.where(downwards, height / np.maximum(-directions[:, 2], 1e-3), 1e6)
    ground = camera.position[:2] + directions[:, :2] * distance[:, None]
    centre = scene.joints[:, :2].mean(0)
    away = np.hypot(*(ground - centre).T)
    wall, floor, ornament = colour(studio.wall), colour(studio.floor), colour(studio.ornament)
    shape = _ornament(studio.shape, ground - centre, away)[:, None]
    tint = floor * (1 - shape) + ornament * shape
    direct, ambient = scene.floor_light.at(ground)
    warm = np.array([1.0, 0.95, 0.87], np.float32) * 1.5 * scene.lamp[2]
    pool = np.exp(-((away / 3300) ** 2))[:, None]
    near = tint * (direct[:, None] * warm * (0.35 + 0.5 * pool) + ambient[:, None] * (0.35 + 0.65 * wall) * 0.5)
    rise = np.clip(directions[:, 2:] * 1.6 + 0.35, 0, 1)
    far = wall * (1.02 - 0.3 * rise)
    blend = np.clip((away - 1900) / 3800, 0, 1)[:, None]
    blend = blend * blend * (3 - 2 * blend)
    light = near * (1 - blend) + far * blend
    corner = np.hypot(*((places - [camera.width / 2, camera.height / 2]) / [camera.width, camera.height]).T)[:, None]
    return (light * (1 - 0.32 * corner**2)).astype(np.float32)


def _ornament(shape: str, ground: np.ndarray, away: np.ndarray) -> np.ndarray:
    if shape == "disc":
        return np.clip((1150 - away) / 6, 0, 1)
    if shape == "rings":
        ring = np.abs((away / 300) % 1 - 0.5) * 300
        return np.clip((ring - 75) / 6 + 0.5, 0, 1) * (away < 1500) * 0.7
    if shape == "tiles":
        edge = np.abs((ground / 500 + 0.5) % 1 - 0.5).min(1) * 500
        return np.clip((9 - edge) / 6, 0, 1) * np.clip((3500 - away) / 1500, 0, 1)
    return np.zeros(len(ground))


class FloorLight:
    """Lamp light and ambient light on the floor around the body, on a grid, read with bilinear interpolation."""

    def __init__(self, field: Field, lamp: np.ndarray):
        ends = np.concatenate([field.start, field.end])
        thrown = ends[:, :2] - lamp[:2] / lamp[2] * ends[:, 2:]
        both = np.concatenate([ends[:, :2], thrown])
        self.low = both.min(0) - 420
        self.count = np.ceil((both.max(0) + 420 - self.low) / TEXEL_MM).astype(int) + 1
        x, y = np.meshgrid(np.arange(self.count[0]), np.arange(self.count[1]), indexing="ij")
        place = [x * TEXEL_MM + self.low[0], y * TEXEL_MM + self.low[1], np.zeros(x.shape)]
        points = np.stack(place, axis=-1).reshape(-1, 3).astype(np.float32)
        upwards = np.broadcast_to(np.array([0, 0, 1], np.float32), points.shape)
        self.direct = light_reaching(field, points, lamp, LAMP_SOFTNESS, start_mm=4).reshape(x.shape)
        self.ambient = self._open_sky(field, points, upwards).reshape(x.shape)

    @staticmethod
    def _open_sky(field: Field, points: np.ndarray, upwards: np.ndarray) -> np.ndarray:
        blocked = np.zeros(len(points), np.float32)
        for tap, weight in ((20, 0.3), (60, 0.25), (150, 0.2), (320, 0.15), (600, 0.1)):
            room = field.distance(points + upwards * np.float32(tap))
            blocked += np.float32(weight) * np.clip((tap * 1.0 - room) / tap, 0, 1)
        return 1 - 0.9 * blocked

    def at(self, ground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both lights (N,) at floor places (N, 2); full outside the grid."""
        place = (ground - self.low) / TEXEL_MM
        inside = ((place >= 0) & (place < self.count - 1)).all(1)
        place = np.where(inside[:, None], place, 0)
        corner = place.astype(int)
        (fx, fy), (i, j) = (place - corner).T, corner.T
        lights = []
        for light in (self.direct, self.ambient):
            near = light[i, j] * (1 - fx) + light[i + 1, j] * fx
            far = light[i, j + 1] * (1 - fx) + light[i + 1, j + 1] * fx
            value = near * (1 - fy) + far * fy
            lights.append(np.where(inside, value, 1))
        return lights[0], lights[1]


def _developed(light: np.ndarray) -> np.ndarray:
    """Linear light to 8-bit sRGB, with a soft shoulder above 0.7."""
    light = np.maximum(light, 0) * EXPOSURE
    over = np.maximum(light - 0.7, 0)
    light = np.minimum(light, 0.7) + 0.3 * (1 - np.exp(-over / 0.3))
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-6) ** (1 / 2.4) - 0.055)
    return (np.clip(value, 0, 1) * 255 + 0.5).astype(np.uint8)
