import numpy as np
import onnxruntime
import pytest

from modeling.lifting import Config, fit, predict
from modeling.lifting.__main__ import main
from modeling.lifting.config import read

from .make import hide, make_people


@pytest.mark.parametrize(
    "config", [Config(width=32, epochs=2, batch=32, mirror=False), read(None, "paper", ["width=32", "epochs=2"])]
)
@pytest.mark.long
def test_onnx_and_torch_agree(tmp_path, config):
    data = hide(make_people(60), 0.1)
    run = fit(data, config, tmp_path / "run")
    path = tmp_path / "lifter.onnx"
    assert main(["export", "--run", str(run.folder), "--onnx", str(path)]) == 0
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for people in (data, data.people(np.arange(7))):  # any number of people
        pose, sigma = predict(run.folder, people.pose2d, image_size=people.image_size)
        found = session.run(None, {"pose2d": people.pose2d, "image_size": people.image_size.astype(np.float32)})
        reach = np.abs(pose).max()
        assert np.abs(found[0] - pose).max() < 1e-4 * reach
        assert np.abs(found[1] - sigma).max() < 1e-4 * max(1.0, sigma.max())
