import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from modeling.lifting import BadConfig
from modeling.lifting.experiments import interval, main, read_spec, with_joints_of
from modeling.lifting.plots import bars, lines

from .make import make_people, make_skeleton, write_release
from .test_sources import write_mocap

SPECS = sorted((Path(__file__).parents[3] / "experiments").glob("*.toml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_experiment_of_the_project_can_be_read(path):
    assert read_spec(path)["row"]


def test_a_run_is_tested_on_a_release_without_being_trained_again(tmp_path):
    write_mocap(tmp_path / "train.npz", 40)
    write_release(tmp_path / "release", make_people(12))
    (tmp_path / "e.toml").write_text("""
        [[row]]
        name = "mocap"
        settings = { epochs = 1, width = 16 }
        [[row]]
        name = "mocap on the release"
        run_of = "mocap"
        data = "release"
    """)
    train = str(tmp_path / "train.npz")
    words = ["--train", train, "--test", train, "--release", str(tmp_path / "release"), "--output", str(tmp_path)]
    assert main([str(tmp_path / "e.toml"), *words, "--seeds", "0"]) == 0
    trained, tested = (json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines())
    assert trained["people"] == tested["people"] and trained["train_s"] == tested["train_s"]
    assert 0 <= tested["labels_wrong"] <= 1 and tested["mpjpe_mm"] != trained["mpjpe_mm"]


def test_an_experiment_leaves_results_table_and_plot_and_does_nothing_twice(tmp_path, capsys):
    write_mocap(tmp_path / "train.npz", 60)
    write_mocap(tmp_path / "test.npz", 12)
    (tmp_path / "e.toml").write_text("""
        title = "A & B"
        also = ["poses", "joints"]
        [[row]]
        name = "one pair"
        settings = { epochs = 1, width = 16 }
        [[row]]
        name = "half, then more"
        share = 0.5
        noise_px = 5
        after = "one pair"
        settings = { epochs = 1, width = 16 }
        labels = { pairs = 5 }
        paper = "52"
    """)
    words = [str(tmp_path / "e.toml"), "--train", str(tmp_path / "train.npz"), "--test", str(tmp_path / "test.npz")]
    words += ["--output", str(tmp_path / "out"), "--seeds", "0,1"]
    assert main(words) == 0
    first = (tmp_path / "out" / "results.jsonl").read_text()
    assert len(first.splitlines()) == 4 and json.loads(first.splitlines()[0])["mpjpe_mm"] > 0
    assert "±" in capsys.readouterr().out
    for name in ("plot", "poses", "joints"):
        ElementTree.fromstring((tmp_path / "out" / f"{name}.svg").read_text())
    assert main(words) == 0
    assert (tmp_path / "out" / "results.jsonl").read_text() == first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = 1", "each with a name"), ("[[row]]\nname = 'a'\nspeed = 1", "unknown"),
        ("[[row]]\nname = 'a'\nafter = 'b'", "earlier row"),
        ("[[row]]\nname = 'a'\nsettings = { speed = 1 }", "unknown setting"),
    ],
)  # fmt: skip
def test_a_spec_that_makes_no_sense_is_refused(tmp_path, text, said):
    (tmp_path / "e.toml").write_text(text)
    with pytest.raises(BadConfig, match=said):
        read_spec(tmp_path / "e.toml")


def test_mocap_can_be_brought_to_the_joints_of_a_release():
    data = make_people(3, pairs=None)
    joints = ("right ankle", "left ankle", "neck", "head top")
    skeleton = make_skeleton(name="four", joints=joints, bones=((2, 3),), mirror=(1, 0, 2, 3), root=2)
    four = with_joints_of(data, skeleton)
    assert np.array_equal(four.pose2d[:, 0], data.pose2d[:, 3]) and np.array_equal(four.pose2d[:, 2], data.pose2d[:, 8])
    assert (four.pose3d[:, 2] == 0).all()


def test_the_interval_of_three_values_is_students():
    mean, half = interval([1.0, 2.0, 3.0])
    assert mean == 2 and np.isclose(half, 4.3027 / np.sqrt(3), rtol=1e-3)


def test_plots_are_well_formed_whatever_the_names():
    ElementTree.fromstring(bars([("a < b & c", 3.0, float("nan")), ("d", 200.0, 4.0)], 'a "title"', "mm"))
    ElementTree.fromstring(lines({"s": [(1, 2.0, 0.1), (10, 3.0, float("nan"))]}, "t", "x", "y", log_x=True))
    ElementTree.fromstring(bars([], "nothing", "mm"))
