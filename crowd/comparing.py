"""What changed between two releases, for the panel and the programming interface."""

import tempfile
from pathlib import Path

import numpy as np
from django.core.cache import cache

import nearer
from crowd import releasing
from crowd.models import Release

KEPT_S = 3600
MOST_SHOWN = 25


def compare(old: Release, new: Release) -> dict:
    """Counts, risks, and the pairs whose probability moved furthest; kept for an hour, as releases never change.

    Returns: `in_both`, `added`, `removed`, `changed` (the likelier answer is another one), `moved_mean` (of p_first),
        `risk_old`, `risk_new` (means over the pairs in both) and `pairs`, at most 25 of `image`, `person`, `first`,
        `second` (names), `p_old`, `p_new`, `changed`.
    Raises: ValueError where one is not done, or where they have no joint in common.
    """
    if not (old.is_done and new.is_done):
        raise ValueError("Only releases that are done can be compared.")
    key = "release-comparison:" + ":".join(release.files[releasing.MANIFEST]["sha256"] for release in (old, new))
    found = cache.get(key)
    if found is None:
        with tempfile.TemporaryDirectory(prefix="nearer-compare-") as place:
            loaded = [_loaded(release, Path(place, str(number))) for number, release in enumerate((old, new))]
        found = _figures(*loaded)
        cache.set(key, found, KEPT_S)
    return found


def _loaded(release: Release, folder: Path) -> nearer.Release:
    folder.mkdir()
    for name in (releasing.MANIFEST, "training.npz"):
        with releasing.open_file(release, name) as source:
            (folder / name).write_bytes(source.read())
    return nearer.load(folder)


def _figures(old: nearer.Release, new: nearer.Release) -> dict:
    found = nearer.compare(old, new)
    moved = np.abs(found.p_new - found.p_old)
    furthest = np.argsort(-moved, kind="stable")[:MOST_SHOWN]
    both = len(found.new_pair)
    return {
        "old": old.name, "new": new.name, "in_both": both, "added": len(found.added), "removed": len(found.removed),
        "changed": int(found.changed.sum()), "moved_mean": round(float(moved.mean()), 6) if both else None,
        "risk_old": round(found.risk_old, 6) if both else None, "risk_new": round(found.risk_new, 6) if both else None,
        "pairs": [
            _pair(new, int(found.new_pair[at]), float(found.p_old[at]), float(found.p_new[at]), bool(found.changed[at]))
            for at in furthest if moved[at] > 0
        ],
    }


def _pair(release: nearer.Release, pair: int, p_old: float, p_new: float, changed: bool) -> dict:
    image, _, person = str(release.person[release.pair_person[pair]]).rpartition("#")
    first, second = (release.joints[joint] for joint in release.pairs[pair])
    return {
        "image": image, "person": int(person), "first": first, "second": second, "p_old": round(p_old, 6),
        "p_new": round(p_new, 6), "changed": changed,
    }
