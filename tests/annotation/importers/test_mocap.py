"""The project's own motion capture, where it is at hand: real poses with their ground truth, seen by real cameras."""

import os
from pathlib import Path

import numpy as np

from annotation.importers import READERS, Options

MOCAP = Path(os.environ.get("NEARER_MOCAP", Path(__file__).parents[4] / "shared" / "data" / "mocap"))

if MOCAP.is_dir():

    def test_keypoints_are_where_the_cameras_see_the_ground_truth():
        file = MOCAP / "mocap17_test.npz"
        record = READERS["mocap"](file, Options(every=20))
        images = list(record.images)
        assert len(images) == record.total == 516 and len({image.name for image in images}) == 516
        with np.load(file) as found:
            rows = slice(None, None, 20)
            subject = np.searchsorted(found["cam_subject"], found["subject"][rows])
            camera = found["cam"][rows]
            focal, middle = found["cam_f"][subject, camera], found["cam_c"][subject, camera]
            root = found["root"][rows]
        truth = np.array([image.people[0].truth_mm for image in images]) + root[:, None]
        seen = truth[..., :2] / truth[..., 2:] * focal[:, None] + middle[:, None]
        keypoints = np.array([image.people[0].keypoints for image in images])
        assert np.abs(seen - keypoints).max() < 0.5  # pixels; places are stored in eighths, millimetres in quarters
        assert (truth[:, 0] == root).all() and "mocap.cs.cmu.edu" in record.citation
