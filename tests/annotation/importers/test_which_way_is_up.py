"""Formats that know their camera say which way is up, in the camera's axes."""

import json

import numpy as np
import pytest

from annotation.importers import READERS, BadDataset, Options
from tests.annotation.importers import makers

DOWN_20 = np.array([[1, 0, 0], [0, -np.sin(0.35), -np.cos(0.35)], [0, np.cos(0.35), -np.sin(0.35)]])  # world z up to camera


def ups(format: str, folder, **options) -> list:
    return [image.up for image in READERS[format](folder, Options(**options)).images]


@pytest.mark.parametrize(("format", "write"), [("h36m-h5", makers.write_h36m_h5), ("h36m-npz", makers.write_h36m_npz)])
def test_human36m_takes_it_from_the_cameras_rotation(format, write, tmp_path):
    found = ups(format, write(tmp_path))
    wanted = {tuple(np.round(makers.h36m_camera(number)["R"] @ [0, 0, 1], 5)) for number in range(4)}
    assert {tuple(np.round(up, 5)) for up in found} == wanted
    assert np.allclose(np.linalg.norm(found, axis=1), 1)


def test_motion_capture_takes_it_from_its_cameras_where_it_has_them(tmp_path):
    assert ups("mocap", makers.write_mocap(tmp_path / "without")) == [None] * 5
    turns = np.stack([np.eye(3), DOWN_20, np.eye(3), DOWN_20])[None].astype("float32")
    folder = makers.write_mocap(tmp_path / "with", cam_subject=np.array([3], "uint8"), cam_R=turns)
    found = ups("mocap", folder)
    assert np.allclose(found[1], [0, -np.cos(0.35), -np.sin(0.35)], atol=1e-6)  # it looks down, so up is behind it a little


def write_nearer(folder, up) -> None:
    makers.write_nearer(folder)
    content = json.loads((folder / "dataset.json").read_text())
    content["images"][1]["up"] = up
    (folder / "dataset.json").write_text(json.dumps(content))


def test_our_own_format_may_say_it(tmp_path):
    write_nearer(tmp_path, [0, -0.99, 0])
    assert ups("nearer", tmp_path) == [None, (0, -1, 0)]


@pytest.mark.parametrize("up", [[0, 0, 0], [0, -1], "up", [0, -9.81, 0], [0, None, 1]])
def test_an_up_that_is_no_direction_is_refused_with_its_place(tmp_path, up):
    write_nearer(tmp_path, up)
    with pytest.raises(BadDataset, match='image 2: "up" must be'):
        ups("nearer", tmp_path)
