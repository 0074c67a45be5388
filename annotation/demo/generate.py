"""Make the demo data set: pictures of mannequins in real people's poses, with exact 2D and 3D joints.

    python -m annotation.demo.generate --output DIR [--seed 2018] [--people 96] [--size 560]

One person per picture. The same arguments give the same pictures. `DATASET["description"]` says what a record holds;
pixels are continuous (pixel i covers [i, i + 1)), the camera's axes are x right, y down, z away.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from annotation.demo.body import HAIRSTYLES, LIMB_RADIUS_MM, OWN_PARTS, build
from annotation.demo.field import Field
from annotation.demo.scene import Picture, Scene, render
from annotation.demo.skeleton import HIP, unit
from annotation.demo.tracing import Camera, march
from annotation.demo.wardrobe import HAIR, MATERIALS, OUTFITS, SKINS, STUDIOS, Look

POSES_FILE = Path(__file__).parent / "poses.json"
JPEG_QUALITY = 87
FILLED = 0.84  # share of the picture that the person's extent takes in its longer direction

DATASET = {
    "format": "nearer-dataset",
    "version": 1,
    "name": "mannequins",
    "skeleton": "h36m-17",
    "description": (
        "Rendered mannequins in poses of real people, one per image, with exact joints. keypoints: x, y in pixels from "
        "the image's upper left corner (pixel i covers [i, i+1)), visible = 1 where the joint lies in the picture; "
        "occluded: 1 where another body part hides the joint; pose3d_mm: relative to joint 0, camera axes x right, "
        "y down, z away from the camera; root_mm: joint 0 in camera axes; focal_px: focal length, principal point at "
        "the image's centre."
    ),
    "licence": (
        "Images and annotations: MIT, like Nearer. Motions: free for research and commercial use and in products, "
        "not to be resold directly, also in converted form."
    ),
    "citation": (
        "The data used in this project was obtained from mocap.cs.cmu.edu. "
        "The database was created with funding from NSF EIA-0196217."
    ),
}


@dataclass
class Shot:
    """How one picture is taken: whose pose, from where, and how the mannequin looks."""

    pose: int
    azimuth_deg: float  # 0 sees the face, 90 the person's left side, 180 the back
    elevation_deg: float
    distance_mm: float
    stature: float
    girth: float
    hair: str
    look: Look
    studio: int
    lamp_side: float  # -1 from the camera's left, +1 from its right
    lamp_height: float


def load_poses(path: Path = POSES_FILE) -> np.ndarray:
    """Joints (M, 17, 3) in mm; x where the person faces, y to the person's left, z up, the ground at z = 0."""
    return np.array([pose["joints_mm"] for pose in json.loads(path.read_text())["poses"]], float)


def plan(people: int, seed: int, poses: int) -> list[Shot]:
    """Shots for `people` pictures, varied evenly: azimuths, heights, clothes and studios go round, then are shuffled.

    Raises: ValueError if more people are asked for than there are poses.
    """
    if not 1 <= people <= poses:
        raise ValueError(f"{people} people asked for; choose 1 to {poses}, as many as there are poses in {POSES_FILE.name}")
    rng = np.random.default_rng(seed)
    turn = (np.arange(people) * 0.6180339887 + rng.random()) % 1.0  # golden ratio: even for any number
    azimuth = 360 * turn - 22 * np.sin(2 * np.pi * turn)  # a few more fronts than backs
    high = rng.permutation((np.arange(people) + 0.5) / people)
    elevation = np.where(high < 0.75, -3 + high / 0.75 * 24, 21 + (high - 0.75) / 0.25 * 27)
    order = rng.permutation(poses)[:people]
    skin, hair, outfit, studio, style = (
        _dealt(rng, kinds, people) for kinds in (len(SKINS), len(HAIR), len(OUTFITS), len(STUDIOS), len(HAIRSTYLES))
    )
    shots = []
    for number in range(people):
        bare = number % 12 == 7  # now and then a figure of wood or clay
        material = MATERIALS[number // 12 % len(MATERIALS)] if bare else None
        look = Look(SKINS[skin[number]], HAIR[hair[number]], OUTFITS[outfit[number]], material)
        shots.append(
            Shot(
                pose=int(order[number]),
                azimuth_deg=float(azimuth[number]),
                elevation_deg=float(elevation[number]),
                distance_mm=float(rng.uniform(3300, 5200)),
                stature=float(rng.uniform(0.94, 1.07)),
                girth=float(rng.uniform(0.88, 1.12)),
                hair="bald" if bare else HAIRSTYLES[style[number]],
                look=look,
                studio=int(studio[number]),
                lamp_side=float(rng.choice([-1, 1]) * rng.uniform(0.4, 0.9)),
                lamp_height=float(rng.uniform(0.9, 1.4)),
            )
        )
    faces = [abs((shot.azimuth_deg + 180) % 360 - 180) < 60 for shot in shots]
    first = faces.index(True) if any(faces) else 0  # a data set is judged by its first picture: let it show a face
    return shots[first:] + shots[:first]


def _dealt(rng: np.random.Generator, kinds: int, count: int) -> np.ndarray:
    """`count` numbers below `kinds`, each about equally often, in random order without long repeats."""
    return np.concatenate([rng.permutation(kinds) for _ in range(-(-count // kinds))])[:count]


def stage(shot: Shot, pose: np.ndarray, size: int) -> Scene:
    """The scene of a shot: the camera is aimed and zoomed until the whole person fills the picture well."""
    joints = pose * shot.stature
    field = build(joints, girth=shot.girth, hair=shot.hair)
    azimuth, elevation = np.deg2rad(shot.azimuth_deg), np.deg2rad(shot.elevation_deg)
    outwards = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    aim = (joints.min(0) + joints.max(0)) / 2
    position = aim + outwards * shot.distance_mm
    position[2] = max(position[2], 180.0)  # above the floor
    camera = Camera(position, unit(aim - position), float(size), size, size)
    ends, reach = np.concatenate([field.start, field.end]), np.concatenate([field.reach, field.reach])
    for _ in range(4):
        place, margin = camera.project(ends), reach / camera.view(ends)[:, 2] * camera.focal_px
        low, high = (place - margin[:, None]).min(0), (place + margin[:, None]).max(0)
        shift = ((low + high) / 2 - size / 2) / camera.focal_px
        forward = unit(camera.rotation.T @ np.array([shift[0], shift[1], 1.0]))
        focal = camera.focal_px * FILLED * size / (high - low).max()
        camera = Camera(position, forward, focal, size, size)
    lamp = unit(camera.rotation[0] * shot.lamp_side - camera.forward * [0.75, 0.75, 0] + np.array([0, 0, shot.lamp_height]))
    return Scene(joints, field, camera, shot.look, STUDIOS[shot.studio], lamp)


def person_record(scene: Scene) -> dict:
    """Keypoints, pose and occlusion of the scene's person, rounded; the keypoints project from the rounded pose."""
    camera, seen = scene.camera, scene.camera.view(scene.joints)
    root = np.round(seen[HIP], 2)
    pose = np.round(seen - seen[HIP], 2)
    focal = round(camera.focal_px, 3)
    absolute = root + pose
    centre = [camera.width / 2, camera.height / 2]
    place = np.round(absolute[:, :2] / absolute[:, 2:] * focal + centre, 2)
    inside = ((place >= 0) & (place < [camera.width, camera.height])).all(1)
    return {
        "keypoints": [[x, y, int(visible)] for (x, y), visible in zip(place.tolist(), inside, strict=True)],
        "occluded": occluded(scene.field, camera, scene.joints).astype(int).tolist(),
        "pose3d_mm": pose.tolist(),
        "root_mm": root.tolist(),
        "focal_px": focal,
    }


def occluded(field: Field, camera: Camera, joints: np.ndarray) -> np.ndarray:
    """Which joints (17,) bool lie behind another body part.

    The ray to a joint meets a part that is not the joint's own, and does so more than the joint's own limb's radius
    before it.
    """
    towards = joints - camera.position
    far = np.linalg.norm(towards, axis=1)
    directions = unit(towards).astype(np.float32)
    first = march(field, camera.position, directions, np.full(len(joints), 50.0), float(far.max()) + 300)
    points = camera.position.astype(np.float32) + directions * np.where(np.isfinite(first), first, far)[:, None]
    owner = field.nearest(points.astype(np.float32))
    hidden = [
        field.parts[owner[joint]] not in OWN_PARTS[joint] and far[joint] - first[joint] > LIMB_RADIUS_MM[joint]
        for joint in range(len(joints))
    ]
    return np.array(hidden)


def save(picture: Picture, path: Path) -> None:
    """The picture as a JPEG, whose bytes depend on the pixels alone."""
    Image.fromarray(picture.pixels).save(path, quality=JPEG_QUALITY, optimize=True)


def write(output: Path, shots: list[Shot], poses: np.ndarray, size: int) -> Iterator[dict]:
    """Renders the shots into `output`/images; yields the record of each image as soon as its file is there."""
    (output / "images").mkdir(parents=True, exist_ok=True)
    for number, shot in enumerate(shots, start=1):
        scene = stage(shot, poses[shot.pose], size)
        name = f"images/{number:04d}.jpg"
        save(render(scene), output / name)
        yield image_record(scene, name, size)


def image_record(scene: Scene, name: str, size: int) -> dict:
    """An entry of "images"; the world's z is up."""
    up = np.round(scene.camera.rotation[:, 2], 5).tolist()
    return {"file": name, "width": size, "height": size, "up": up, "people": [person_record(scene)]}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m annotation.demo.generate", description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="folder for dataset.json and images/")
    parser.add_argument("--seed", type=int, default=2018)
    parser.add_argument("--people", type=int, default=96)
    parser.add_argument("--size", type=int, default=560, help="width and height of a picture, pixels (64 to 2048)")
    options = parser.parse_args(arguments)
    if not 64 <= options.size <= 2048:
        parser.error(f"--size {options.size}: choose 64 to 2048 pixels")
    poses = load_poses()
    try:
        shots = plan(options.people, options.seed, len(poses))
    except ValueError as error:
        parser.error(str(error))
    if (options.output / "dataset.json").exists():
        parser.error(f"{options.output} already holds a data set; name another folder")
    begun, images = time.monotonic(), []
    for image in write(options.output, shots, poses, options.size):
        images.append(image)
        print(f"\r{len(images)} of {len(shots)} pictures", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    record = json.dumps({**DATASET, "images": images}, separators=(",", ":"))
    (options.output / "dataset.json").write_text(record + "\n")
    size = sum(path.stat().st_size for path in options.output.rglob("*") if path.is_file())
    print(f"{len(images)} people, {size / 1e6:.2f} MB, {time.monotonic() - begun:.0f} s -> {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
