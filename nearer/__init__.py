"""Read a release of Nearer: relative depth of body joints, by crowd votes.

    import nearer

    release = nearer.load("my-release")        # a folder, its zip, or the paper's JSON
    release.keypoints, release.pairs, release.p_first

NumPy alone is needed; torch is loaded by `torch_dataset` and nothing else. Nothing that a file holds is
ever executed: arrays are read without pickles, text is only parsed. On the command line:

    python -m nearer verify PATH
    python -m nearer show PATH
    python -m nearer compare OLD NEW
"""

from nearer.comparing import Comparison, compare
from nearer.errors import BadRelease, TamperedRelease
from nearer.loading import load
from nearer.release import Release, Votes, Workers
from nearer.verifying import verify

__all__ = [
    "BadRelease", "Comparison", "Release", "TamperedRelease", "Votes", "Workers", "compare", "load", "verify",
]
