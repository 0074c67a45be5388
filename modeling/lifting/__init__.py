"""The lifter: 2D keypoints and relative depth labels in, 3D poses out. Pure PyTorch and NumPy; knows nothing of Django.

    from modeling.lifting import Config, load, fit, predict, evaluate

Torch is imported when a function that needs it is first touched, so a web process may import this package.
"""  # fmt: skip

from importlib import import_module

from .config import PRESETS, Config
from .errors import BadConfig, BadData, Diverged, LiftingError, Stopped, TamperedFile, WrongSkeleton

_WHERE = {
    "load": "sources", "load_keypoints": "sources", "LiftingData": "data", "draw_pairs": "labels", "Skeleton": "skeletons",
    "fit": "fitting", "Run": "fitting", "predict": "predicting", "order_probability": "predicting", "cross_fit": "predicting",
    "open_run": "predicting", "evaluate": "evaluating", "export": "exporting",
}  # fmt: skip
__all__ = [
    "Config", "PRESETS", "LiftingError", "BadConfig", "BadData", "Diverged", "Stopped", "TamperedFile", "WrongSkeleton",
    *_WHERE,
]  # fmt: skip


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module 'modeling.lifting' has no attribute '{name}'")
    value = getattr(import_module(f".{_WHERE[name]}", __name__), name)
    globals()[name] = value
    return value
