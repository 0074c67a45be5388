import numpy as np

from modeling.lifting import metrics


def rotation(angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def test_scale_costs_nothing_and_rotation_only_without_procrustes():
    truth = np.random.default_rng(0).normal(size=(7, 17, 3)) * 300
    truth -= truth[:, :1]
    assert metrics.error_mm(truth * 0.01, truth)[0] < 1e-6
    turned = 3 * truth @ rotation(0.5) + 0
    scaled, aligned = metrics.error_mm(turned, truth)
    assert scaled > 50 and aligned < 1e-6


def test_procrustes_does_not_mirror():
    truth = np.random.default_rng(1).normal(size=(3, 17, 3)) * 300
    assert metrics.error_mm(truth * (1, 1, -1), truth)[1] > 50


def test_the_optimal_scale_is_the_least_squares_one():
    pose, truth = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]]), np.array([[[0.0, 0, 0], [2, 0, 0], [0, 4, 0]]])
    assert np.allclose(metrics.distances_mm(pose, truth, "scale"), [[0, 1, 1]])  # scale 3


def test_the_papers_scale_is_that_of_the_procrustes_fit():
    truth = np.random.default_rng(2).normal(size=(4, 17, 3)) * 300
    truth -= truth[:, :1]
    turned = 2 * truth @ rotation(0.4)
    expected = np.linalg.norm(turned / 2 - truth, axis=-1)
    assert np.allclose(metrics.distances_mm(turned, truth, "paper"), expected)


def test_unknown_joints_are_left_out():
    truth = np.random.default_rng(3).normal(size=(4, 17, 3)) * 300
    pose = truth.copy()
    pose[:, 5] += 1e4
    truth[:, 5] = np.nan
    assert max(metrics.error_mm(pose, truth)) < 1e-6


def test_order_share_counts_decided_labels_only():
    pose = np.zeros((1, 3, 3))
    pose[0, :, 2] = 0, 10, 20
    person, joints = np.zeros(4, int), np.array([[0, 1], [1, 0], [2, 0], [0, 2]])
    assert metrics.order_share(pose, person, joints, np.array([1.0, 0.9, 0.5, 0.7])) == 2 / 3


def test_order_accuracy_is_split_by_true_gap():
    truth, pose = np.zeros((1, 3, 3)), np.zeros((1, 3, 3))
    truth[0, :, 2], pose[0, :, 2] = (0, 40, 500), (0, -1, 500)
    table = metrics.order_accuracy_by_gap(pose, truth)
    assert table["0-50"] == {"share": 0.0, "pairs": 1}
    assert table["over 400"] == {"share": 1.0, "pairs": 2}
    assert table["all"]["share"] == 2 / 3


def test_honest_probabilities_have_no_calibration_error_and_boasts_do():
    rng = np.random.default_rng(4)
    p = rng.uniform(size=20_000)
    happened = rng.random(20_000) < p
    assert metrics.calibration_table(p, happened)["calibration_error"] < 0.02
    assert metrics.calibration_table(np.where(p > 0.5, 0.999, 0.001), happened)["calibration_error"] > 0.2


def test_poses_are_counted_by_ten_millimetres_with_an_open_end():
    shares = metrics.share_by_ten(np.array([0, 9.9, 10, 155, 4000]))
    assert shares[:2] == [0.4, 0.2] and shares[-1] == 0.4 and len(shares) == 16
