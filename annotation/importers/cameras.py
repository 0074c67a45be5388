"""Cameras of Human3.6M, from the forms that its users have; and what they see."""

import json
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

import defusedxml.ElementTree
import h5py
import numpy as np
from defusedxml import DefusedXmlException

from annotation.importers import trees
from annotation.importers.reading import are_numbers
from annotation.importers.records import BadDataset

IDS = ("54138969", "55011271", "58860488", "60457274")
SIZES = {"54138969": (1000, 1002), "55011271": (1000, 1000), "58860488": (1000, 1000), "60457274": (1000, 1002)}
SUBJECTS = 11


@dataclass(frozen=True)
class Camera:
    """A pinhole with lens distortion.

    rotation: (3, 3) and centre_mm: (3,): a point X of the world, in mm, is `rotation @ (X - centre_mm)` in the
    camera's axes: x right, y down, z away.
    focal_px, middle_px: (2,). radial: (3,), tangential: (2,) of the lens.
    """

    name: str
    rotation: np.ndarray
    centre_mm: np.ndarray
    focal_px: np.ndarray
    middle_px: np.ndarray
    radial: np.ndarray
    tangential: np.ndarray
    size_px: tuple[int, int]

    def sees(self, world_mm: np.ndarray) -> np.ndarray:
        """(..., 3) in the world's axes become (..., 3) in the camera's."""
        return (world_mm - self.centre_mm) @ self.rotation.T

    def projects(self, camera_mm: np.ndarray) -> np.ndarray:
        """(..., 3) in the camera's axes become (..., 2) pixels, by the polynomial of Human3.6M's own code."""
        with np.errstate(all="ignore"):  # where the numbers are absurd it becomes no number, which the importer refuses
            plane = camera_mm[..., :2] / camera_mm[..., 2:]
            squared = (plane**2).sum(-1, keepdims=True)
            stretch = 1 + self.radial[0] * squared + self.radial[1] * squared**2 + self.radial[2] * squared**3
            tilt = self.tangential[0] * plane[..., 1:] + self.tangential[1] * plane[..., :1]
            bent = plane * (stretch + tilt) + self.tangential[::-1] * squared
            return bent * self.focal_px + self.middle_px


Cameras = dict[tuple[str, int], Camera]  # by subject ("S1") and number (0 to 3)


def find(folder: Path) -> Cameras:
    """From `cameras.h5`, `cameras.json` or `metadata.xml` in that folder.

    Raises: BadDataset where there is none of them, or one that does not hold what it should.
    """
    for name, read in (("cameras.h5", _of_h5), ("cameras.json", _of_json), ("metadata.xml", _of_xml)):
        if (folder / name).is_file():
            return read(folder / name)
    raise BadDataset(
        f"{folder} holds neither cameras.h5 nor cameras.json nor metadata.xml, and without cameras nobody knows where the "
        "people stand in the picture. Put one of them beside the poses; docs/formats.md says how to come by it."
    )


def _made(place: str, name: str, **values) -> Camera:
    fields = {}
    for key, value in values.items():
        try:
            fields[key] = np.asarray(value, float)
        except (ValueError, TypeError, OverflowError) as error:  # from JSON, where anything may stand
            raise BadDataset(f"{place}: the camera's {key} must be numbers ({error}).") from error
    shapes = {"rotation": (3, 3), "centre_mm": (3,), "focal_px": (2,), "middle_px": (2,), "radial": (3,), "tangential": (2,)}
    for key, shape in shapes.items():
        if fields[key].size != np.prod(shape) or not np.isfinite(fields[key]).all():
            raise BadDataset(f"{place}: the camera's {key} is not {int(np.prod(shape))} numbers.")
        fields[key] = fields[key].reshape(shape)
    if not np.allclose(fields["rotation"] @ fields["rotation"].T, np.eye(3), atol=1e-3):
        raise BadDataset(f"{place}: the camera's rotation is none (its rows are not at right angles).")
    return Camera(name, size_px=SIZES.get(name, (1000, 1000)), **fields)


def _of_h5(file: Path) -> Cameras:
    """The 3d-pose-baseline's: subjectN/cameraM/{R,T,f,c,k,p,Name}, R stored by columns as MATLAB does."""
    cameras: Cameras = {}
    try:
        with h5py.File(file, "r") as tree:
            for subject in range(1, SUBJECTS + 1):
                for number in range(4):
                    path = f"subject{subject}/camera{number + 1}"
                    if path not in tree:
                        continue
                    parts = {key: trees.array(tree, f"{path}/{key}", file) for key in ("R", "T", "f", "c", "k", "p")}
                    cameras[f"S{subject}", number] = _made(
                        f"{file}, {path}", _name(tree, path, file) or IDS[number], rotation=parts["R"].T, centre_mm=parts["T"],
                        focal_px=parts["f"], middle_px=parts["c"], radial=parts["k"], tangential=parts["p"],
                    )
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise BadDataset(f"{file} does not hold cameras as the 3d-pose-baseline's cameras.h5 does: {error}.") from error
    if not cameras:
        raise BadDataset(f"{file} holds no subject1/camera1 or the like.")
    return cameras


def _name(tree: h5py.File, path: str, file: Path) -> str:
    """Letters as numbers, as MATLAB writes them; empty where there are none."""
    if f"{path}/Name" not in tree:
        return ""
    codes = np.ravel(trees.array(tree, f"{path}/Name", file))[:40]
    return "".join(letter for letter in map(chr, codes.astype(int)) if letter.isalnum())


def _of_json(file: Path) -> Cameras:
    """VideoPose3D's two tables as JSON: {"intrinsic": [4 of ...], "extrinsic": {"S1": [4 of ...]}}, in pixels and mm."""
    try:
        content = json.loads(file.read_bytes())
        inside, outside = content["intrinsic"], content["extrinsic"]
        pairs = [(subject, number, row) for subject, rows in outside.items() for number, row in enumerate(rows) if row]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadDataset(f'{file} must hold "intrinsic", a list, and "extrinsic", lists by subject ({error!r}).') from error
    cameras: Cameras = {}
    for subject, number, row in pairs:
        place = f"{file}, {subject}, camera {number + 1}"
        lens = inside[number] if isinstance(inside, list) and number < len(inside) else None
        if not isinstance(lens, dict) or not isinstance(row, dict):
            raise BadDataset(f"{place}: there is no such entry in both lists.")
        if not are_numbers(row.get("orientation"), 4) or not are_numbers(row.get("translation"), 3):
            raise BadDataset(f'{place}: needs "orientation", a quaternion w, x, y, z, and "translation", 3 numbers in mm.')
        camera = _made(
            place, str(lens.get("id", IDS[number % 4])), rotation=_turn(row["orientation"]).T, centre_mm=row["translation"],
            focal_px=lens.get("focal_length", ()), middle_px=lens.get("center", ()),
            radial=lens.get("radial_distortion", (0, 0, 0)), tangential=lens.get("tangential_distortion", (0, 0)),
        )
        cameras[subject, number] = camera
    return cameras


def _turn(quaternion: list[float]) -> np.ndarray:
    """(3, 3): the rotation that a quaternion w, x, y, z means."""
    w, x, y, z = np.asarray(quaternion) / np.linalg.norm(quaternion)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])


def _of_xml(file: Path) -> Cameras:
    """Human3.6M's own: 300 numbers in <w0>, 6 for each camera and subject, then 9 for each camera."""
    try:
        text = next(iter(defusedxml.ElementTree.parse(file).iter("w0"))).text
        numbers = np.array([float(word) for word in text.strip().strip("[]").split()])
    except (ParseError, DefusedXmlException, StopIteration, ValueError, AttributeError) as error:
        raise BadDataset(f"{file} has no readable <w0>; take the metadata.xml of Human3.6M.") from error
    if len(numbers) != 300:
        raise BadDataset(f"{file}: <w0> has {len(numbers)} numbers instead of 300.")
    cameras: Cameras = {}
    for subject in range(SUBJECTS):
        for number in range(4):
            outside = numbers[6 * (number * SUBJECTS + subject) :][:6]
            inside = numbers[264 + 9 * number :][:9]
            cameras[f"S{subject + 1}", number] = _made(
                str(file), IDS[number], rotation=_by_axes(outside[:3]), centre_mm=outside[3:], focal_px=inside[:2],
                middle_px=inside[2:4], radial=inside[4:7], tangential=inside[7:],
            )
    return cameras


def _by_axes(angles: np.ndarray) -> np.ndarray:
    """(3, 3): turned about x, y and z, in this order of factors."""
    cos, sin = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cos[0], -sin[0]], [0, sin[0], cos[0]]])
    about_y = np.array([[cos[1], 0, sin[1]], [0, 1, 0], [-sin[1], 0, cos[1]]])
    about_z = np.array([[cos[2], -sin[2], 0], [sin[2], cos[2], 0], [0, 0, 1]])
    return about_x @ about_y @ about_z
