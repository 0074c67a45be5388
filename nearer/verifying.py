"""Is every file the one that the manifest promises?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nearer.errors import BadRelease
from nearer.files import MANIFEST, Files


def verify(path: str | Path, each: Callable[[str, str], None] | None = None) -> list[str]:
    """What is wrong with a release's files; an empty list where all are as promised.

    Args:
        path: the release's folder, its manifest or its zip.
        each: told every file's name and what was found, "" where it is as promised.
    Returns: a sentence for each file that is missing, changed, or there without being promised.
    Raises: BadRelease where there is no manifest to check against.
    """
    path = Path(path)
    if not path.exists():
        raise BadRelease(f"{path}: there is no such file or folder.")
    files = Files(path.parent if path.name == MANIFEST and path.is_file() else path)
    troubles = []
    for name in sorted(files.manifest["files"]):
        try:
            files.check(name)
            found = ""
        except BadRelease as error:
            found = str(error)
            troubles.append(found)
        if each:
            each(name, found)
    for name in sorted(files.names - set(files.manifest["files"]) - {MANIFEST}):
        found = f"{files.path}: {name} is there, and the manifest does not promise it; remove it or do not trust it."
        troubles.append(found)
        if each:
            each(name, found)
    return troubles
