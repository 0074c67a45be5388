"""A run becomes an ONNX file on demand, which says what the run says."""

import numpy as np
import onnxruntime
import pytest

from jobs import running
from modeling import exporting, keeping
from modeling.models import OnnxExport
from tests.modeling import runs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _place(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.mark.once
def test_the_onnx_file_stands_among_the_runs_files_and_agrees_with_torch(tmp_path):
    from modeling import lifting

    run = runs.make_run(runs.make_release(n_people=10, per_person=3), settings=runs.QUICK | {"mirror": False})
    job = exporting.start(run, run.created_by)
    assert exporting.start(run, run.created_by) == job
    done = running.execute(job)
    assert done.is_done, done.error
    run.refresh_from_db()
    assert run.files["model.onnx"]["bytes"] > 1000 and "weights.safetensors" in run.files
    keeping.fetch(run, tmp_path / "run")
    person = run.release.campaign.dataset.images.first().people.get()
    pose2d, size = np.array([person.keypoints], np.float32), np.array([[1000, 1000]], np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "run" / "model.onnx")
    said, _ = session.run(None, {"pose2d": pose2d, "image_size": size})
    wanted, _ = lifting.predict(tmp_path / "run", pose2d, image_size=size)
    assert np.abs(said - wanted).max() < 0.1  # mm, of poses some 1,700 high


def test_only_a_run_that_is_done_is_exported():
    with pytest.raises(exporting.CannotExport, match="only a run that is done"):
        exporting.start(runs.make_bare_run(state="failed"), None)
    assert not OnnxExport.objects.exists()
