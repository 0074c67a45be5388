"""Human3.6M in the two forms that people have: the 3d-pose-baseline's `.h5` trees and VideoPose3D's `.npz`.

C. Ionescu, D. Papava, V. Olaru, C. Sminchisescu, "Human3.6M: Large Scale Datasets and Predictive
Methods for 3D Human Sensing in Natural Environments" (TPAMI 2014). J. Martinez et al., "A simple yet
effective baseline for 3d human pose estimation" (ICCV 2017). D. Pavllo et al., "3D human pose
estimation in video with temporal convolutions and semi-supervised training" (CVPR 2019).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from annotation.importers import cameras, pickled, trees
from annotation.importers.reading import at_least_one, safe_name
from annotation.importers.records import DEFAULTS, BadDataset, DatasetRecord, ImageRecord, Options, PersonRecord

SKELETON = "h36m-17"
MOVING = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]  # of the 32 joints; h36m-17 in its order
EVERY = 50  # frames: one second
CITATION = (
    "C. Ionescu, D. Papava, V. Olaru, C. Sminchisescu. Human3.6M: Large Scale Datasets and Predictive Methods for 3D "
    "Human Sensing in Natural Environments. TPAMI 2014."
)
LICENCE = "Human3.6M's own: academic use only, no redistribution (vision.imar.ro/human3.6m)."


@dataclass(frozen=True)
class Film:
    """One action of one subject. world_mm: (T, 17, 3); seen_px: by camera (T, 17, 2), or empty to project."""

    subject: str
    action: str
    place: str
    world_mm: np.ndarray
    seen_px: dict[int, np.ndarray]


def read_h5(path: Path, options: Options = DEFAULTS) -> DatasetRecord:
    """A folder with `S1/MyPoses/3D_positions/*.h5` and cameras; 2D are the projections of the 3D.

    Raises: BadDataset for a folder without such files or cameras; while the images are read, for a
        file of another form.
    """
    root = path / "h36m" if (path / "h36m").is_dir() else path
    files = sorted(root.glob("S*/MyPoses/3D_positions/*.h5"), key=lambda file: (int(_subject(file)[1:]), file.name))
    if not files:
        raise BadDataset(
            f"{path} holds no S1/MyPoses/3D_positions/*.h5. Give the folder above S1, as the 3d-pose-baseline has it."
        )
    return _dataset(_h5_films(files), cameras.find(root), path, options)


def _subject(file: Path) -> str:
    name = file.parent.parent.parent.name
    if not re.fullmatch(r"S\d{1,2}", name):
        raise BadDataset(f"{file}: the folder {name} names no subject, such as S1.")
    return name


def _h5_films(files: list[Path]) -> Iterator[Film]:
    for file in files:
        try:
            with h5py.File(file, "r") as tree:
                rows = trees.array(tree, "3D_positions", file).astype(float)
        except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise BadDataset(f"{file} holds no array 3D_positions ({error}). Was its download cut short?") from error
        if rows.ndim != 2 or 96 not in rows.shape:
            raise BadDataset(f"{file}: 3D_positions has the shape {rows.shape}; expected (96, frames), 32 joints of x, y, z.")
        rows = rows.T if rows.shape[0] == 96 else rows  # by columns, as MATLAB writes
        yield Film(_subject(file), file.stem.replace("_", " "), str(file), rows.reshape(len(rows), 32, 3)[:, MOVING], {})


def read_npz(path: Path, options: Options = DEFAULTS) -> DatasetRecord:
    """A folder with `data_3d_h36m.npz`, cameras, and if there is one a `data_2d_h36m_*.npz`, whose keypoints are taken then.

    The archives hold pickled objects; `annotation.importers.pickled` reads arrays and containers from them and nothing else.

    Raises: BadDataset for a folder without these, and for an archive that holds anything else.
    """
    folder = path.parent if path.is_file() else path
    file = path if path.is_file() else folder / "data_3d_h36m.npz"
    if not file.is_file():
        raise BadDataset(f"{file} is missing. Give the folder that holds data_3d_h36m.npz and the cameras.")
    keypoints = sorted(folder.glob("data_2d_h36m_*.npz"))
    if len(keypoints) > 1:
        names = ", ".join(found.name for found in keypoints)
        raise BadDataset(f"{folder} holds {names}; leave one of them there, the keypoints to be taken.")
    seen = _keypoints(keypoints[0], options) if keypoints else {}
    return _dataset(_npz_films(file, seen, options), cameras.find(folder), path, options)


def _tables(file: Path, name: str, options: Options) -> dict:
    options.pulse()
    table = pickled.read_npz(file).get(name)
    if not isinstance(table, dict) or not all(isinstance(actions, dict) for actions in table.values()):
        raise BadDataset(f"{file} holds no {name}, poses by subject and action. Take VideoPose3D's file for Human3.6M.")
    return table


def _keypoints(file: Path, options: Options) -> dict:
    layout = (pickled.read_npz(file).get("metadata") or {}).get("layout_name", "h36m")
    if layout != "h36m":
        raise BadDataset(f"{file} has keypoints of '{layout}', other joints than the poses have. Take a file of Human3.6M's.")
    return _tables(file, "positions_2d", options)


def _npz_films(file: Path, seen: dict, options: Options) -> Iterator[Film]:
    for subject, actions in _tables(file, "positions_3d", options).items():
        for action, metres in actions.items():
            place = f"{file}, {subject}, {action}"
            if not isinstance(metres, np.ndarray) or metres.ndim != 3 or metres.shape[1:] not in ((32, 3), (17, 3)):
                shape = getattr(metres, "shape", type(metres).__name__)
                raise BadDataset(f"{place}: the poses are {shape}; expected an array (frames, 32, 3) in metres.")
            world_mm = 1000 * np.asarray(metres if metres.shape[1] == 17 else metres[:, MOVING], float)
            views = seen.get(subject, {}).get(action, []) if seen else []
            yield Film(str(subject), str(action), place, world_mm, _views(views, len(world_mm), place))


def _views(views: list, n_frames: int, place: str) -> dict[int, np.ndarray]:
    """Films may go on for some frames after the poses end."""
    found = {}
    for number, view in enumerate(views):
        view = np.asarray(view)
        if view.ndim != 3 or view.shape[1:] != (17, 2) or len(view) < n_frames or view.dtype.kind != "f":
            raise BadDataset(
                f"{place}, camera {number + 1}: the keypoints are {view.dtype} of shape {view.shape}; "
                f"expected numbers of shape ({n_frames}, 17, 2)."
            )
        found[number] = view[:n_frames].astype(float)
    return found


def _dataset(films: Iterator[Film], known: cameras.Cameras, path: Path, options: Options) -> DatasetRecord:
    every = options.every or EVERY
    record = DatasetRecord(
        skeleton=SKELETON, images=iter(()), citation=CITATION, licence=LICENCE,
        description=f"Human3.6M, every {every}th frame of every camera" if every > 1 else "Human3.6M",
    )
    record.images = at_least_one(_images(films, known, every, record, options), f"{path} holds no frame.")
    return record


def _images(
    films: Iterator[Film], known: cameras.Cameras, every: int, record: DatasetRecord, options: Options
) -> Iterator[ImageRecord]:
    for film in films:
        mine = {number: camera for (subject, number), camera in known.items() if subject == film.subject}
        if film.seen_px:
            mine = {number: camera for number, camera in mine.items() if number in film.seen_px}
        if not mine:
            raise BadDataset(f"{film.place}: there is no camera of {film.subject}. Add it, or leave the subject out.")
        n_frames = len(film.world_mm)
        if every > 1:
            record.skipped["frames between those taken"] += (n_frames - len(range(0, n_frames, every))) * len(mine)
        for number, camera in sorted(mine.items()):
            options.pulse()
            seen_mm = camera.sees(film.world_mm[::every])
            pixels = film.seen_px[number][::every] if number in film.seen_px else camera.projects(seen_mm)
            yield from _frames(film, camera, every, seen_mm, pixels, options)


def _frames(
    film: Film, camera: cameras.Camera, every: int, seen_mm: np.ndarray, pixels: np.ndarray, options: Options
) -> Iterator[ImageRecord]:
    """One image for each frame; seen_mm: (T, 17, 3) in the camera's axes, pixels: (T, 17, 2)."""
    up = tuple(camera.rotation[:, 2].tolist())  # Human3.6M's world has z up
    for row in range(len(seen_mm)):
        frame = row * every + 1
        place = f"{film.place}, camera {camera.name}, frame {frame}"
        if not np.isfinite(seen_mm[row]).all() or not np.isfinite(pixels[row]).all():
            raise BadDataset(f"{place}: the pose has a joint that is no number. Leave the film out.")
        if (seen_mm[row, :, 2] <= 0).any():
            raise BadDataset(f"{place}: a joint lies behind the camera. Do cameras and poses belong together?")
        centred = np.round(seen_mm[row] - seen_mm[row, :1], 1)
        person = PersonRecord(
            [tuple(point) for point in np.round(pixels[row], 2).tolist()], [False] * 17,
            [tuple(point) for point in centred.tolist()],
        )
        names = {"subject": film.subject, "action": film.action, "camera": camera.name, "frame": frame}
        if options.frames:
            yield ImageRecord(_named(options.frames, names, place), place, [person], up=up)
        else:
            name = f"{film.subject}/{film.action}.{camera.name}/{frame:06d}.png"
            yield ImageRecord(name, place, [person], canvas=camera.size_px, up=up)


def _named(pattern: str, names: dict, place: str) -> str:
    """The pattern filled in: the four values alone, no attributes of them, and a width for the frame's number only."""

    def value(found: re.Match) -> str:
        plain, frame, digits = found.groups()
        return str(names[plain]) if plain else f"{names[frame]:0{digits or 1}d}"

    filled = re.sub(r"\{(subject|action|camera)\}|\{(frame)(?::0(\d)d)?\}", value, pattern)
    if "{" in filled or "}" in filled:
        allowed = "{subject}, {action}, {camera} and {frame:06d}"
        raise BadDataset(f"The frames' pattern {pattern!r} may hold {allowed} only.")
    return safe_name(filled, place)
