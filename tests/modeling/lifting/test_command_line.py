import json

import numpy as np
import pytest
import torch

from modeling.lifting.__main__ import label_settings, main, parser

from .make import make_people, write_release


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_fit_evaluate_and_predict_from_a_release(tmp_path, capsys):
    data = make_people(60)
    release = str(write_release(tmp_path / "release", data))
    run = str(tmp_path / "run")
    assert main(["fit", "--data", release, "--output", run, "--set", "epochs=2", "--set", "width=16", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]

    assert main(["evaluate", "--run", run, "--data", release]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == 300

    np.savez(tmp_path / "k.npz", pose2d=data.pose2d, image_size=data.image_size)
    assert main(["predict", "--run", run, "--keypoints", str(tmp_path / "k.npz"), "--output", str(tmp_path / "p.npz")]) == 0
    with np.load(tmp_path / "p.npz") as found:
        assert found["pose3d"].shape == (60, 17, 3) and (found["pose3d"][:, 0] == 0).all()


def test_labels_can_be_drawn_from_the_truth(tmp_path, capsys):
    release = str(write_release(tmp_path / "release", make_people(40)))
    words = ["fit", "--data", release, "--output", str(tmp_path / "run"), "--set", "epochs=1", "--set", "width=16"]
    assert main([*words, "--pairs", "all", "--flip-rate", "0.1"]) == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["labels"] > 40 * 100


def test_every_label_option_reaches_the_drawing_and_those_not_given_do_not():
    words = ["fit", "--data", "x", "--output", "y"]
    given = ["--pairs", "3", "--tolerance-mm", "100", "--flip-rate", "0.2", "--crowd", "5", "--label-seed", "7"]
    assert label_settings(parser().parse_args(words)) == {}
    assert label_settings(parser().parse_args(words + given)) == {
        "pairs": 3, "tolerance_mm": 100, "flip_rate": 0.2, "crowd_votes": 5, "seed": 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit", "--data", "nowhere.npz", "--output", "x"], "nowhere.npz: no such file"),
        (["fit", "--data", "nowhere.npz", "--output", "x", "--set", "speed=1"], "unknown setting speed"),
        (["fit", "--data", "nowhere.npz", "--output", "x", "--pairs", "many"], "--pairs many"),
        (["predict", "--run", "x", "--keypoints", "nowhere.npz", "--output", "y"], "nowhere.npz"),
        (["evaluate", "--run", "x", "--data", "nowhere.npz"], "nowhere.npz"),
        (["export", "--run", "nowhere", "--onnx", "y"], "no finished run"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_status_one(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 1
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
