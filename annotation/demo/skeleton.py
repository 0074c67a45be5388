"""The 17 joints of Human3.6M by name, in the data set's order; left and right are the person's."""

import numpy as np

JOINTS = (
    "hip",
    "r_hip",
    "r_knee",
    "r_ankle",
    "l_hip",
    "l_knee",
    "l_ankle",
    "spine",
    "thorax",
    "nose",
    "head_top",
    "l_shoulder",
    "l_elbow",
    "l_wrist",
    "r_shoulder",
    "r_elbow",
    "r_wrist",
)
(
    HIP, R_HIP, R_KNEE, R_ANKLE, L_HIP, L_KNEE, L_ANKLE, SPINE, THORAX, NOSE, HEAD_TOP,
    L_SHOULDER, L_ELBOW, L_WRIST, R_SHOULDER, R_ELBOW, R_WRIST,
) = range(17)  # fmt: skip


def unit(vector: np.ndarray) -> np.ndarray:
    """The vectors (..., 3) at length one; a vector of length zero stays zero."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector / np.maximum(length, 1e-9)
