"""A release's files, in a folder or in a zip, read by name."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from nearer.errors import BadRelease, TamperedRelease

MANIFEST = "manifest.json"
VERSION = 1
LARGEST_MANIFEST = 16 << 20
BLOCK = 1 << 20
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # a file's name in a manifest: no folder, nothing hidden


class Files:
    """Opens what the manifest lists and checks it against the promised size and SHA-256.

    Args:
        path: the folder that holds `manifest.json`, that file itself, or a zip of the folder.
    Raises: BadRelease where there is no manifest or it is not one of a release.
    """

    def __init__(self, path: Path):
        self.path, self._zip, self._prefix = path, None, ""
        if path.is_dir():
            self._folder = path
            if not (path / MANIFEST).is_file():
                raise BadRelease(f"{path}: there is no {MANIFEST} in it; give the folder or the zip of a release.")
        else:
            self._open_zip(path)
        self.manifest = self._read_manifest()

    def _open_zip(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise BadRelease(f"{path}: not a zip that can be read ({error}); fetch it again.") from error
        found = [name for name in self._zip.namelist() if re.fullmatch(rf"([^/]+/)?{re.escape(MANIFEST)}", name)]
        if len(found) != 1:
            raise BadRelease(
                f"{path}: a zip of one release has one {MANIFEST}, at its top or in one folder; this has {len(found)}."
            )
        self._prefix = found[0][: -len(MANIFEST)]

    def _read_manifest(self) -> dict:
        where = f"{self.path}: {MANIFEST}"
        with self._raw(MANIFEST) as file:
            content = file.read(LARGEST_MANIFEST + 1)
        if len(content) > LARGEST_MANIFEST:
            raise BadRelease(f"{where} is larger than {LARGEST_MANIFEST >> 20} MB, which no manifest is.")
        try:
            manifest = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise BadRelease(f"{where} is not valid JSON ({error}); fetch the release again.") from error
        kind = manifest.get("format") if isinstance(manifest, dict) else None
        if kind != "nearer-release":
            raise BadRelease(f"{where} has the format {kind!r}; a release has 'nearer-release'.")
        if manifest.get("version") != VERSION:
            raise BadRelease(f"{where} has version {manifest.get('version')!r}; version {VERSION} can be read: update nearer.")
        files = manifest.get("files")
        if not isinstance(files, dict) or not all(map(_are_facts, files.values())):
            raise BadRelease(f"{where} lists no files with their SHA-256; fetch the release again.")
        strange = [name for name in files if not PLAIN.fullmatch(name)]
        if strange:
            raise BadRelease(f"{where} lists {strange[0]!r}, which is not a plain file name; do not trust this release.")
        return manifest

    @property
    def names(self) -> set[str]:
        """Of the files that are there, in the release's own folder."""
        if self._zip is None:
            return {file.name for file in self._folder.iterdir() if file.is_file()}
        names = (name[len(self._prefix):] for name in self._zip.namelist() if name.startswith(self._prefix))
        return {name for name in names if name and "/" not in name}

    def _raw(self, name: str) -> BinaryIO:
        try:
            return (self._folder / name).open("rb") if self._zip is None else self._zip.open(self._prefix + name)
        except (KeyError, FileNotFoundError) as error:
            raise BadRelease(f"{self.path}: {name} is missing; fetch the release again.") from error
        except (OSError, zipfile.BadZipFile, RuntimeError) as error:  # NotImplementedError is one
            raise BadRelease(f"{self.path}: {name} cannot be read ({error}); fetch the release again.") from error

    def check(self, name: str, keep: io.BytesIO | None = None) -> None:
        """Raise where the file is not the promised one; `keep` is given its content.

        Reading ends as soon as there are more bytes than promised, so that nothing can swell.
        """
        promised = self.manifest["files"].get(name)
        if promised is None:
            raise BadRelease(f"{self.path}: the manifest promises no {name}; make or fetch the release again.")
        digest, size = hashlib.sha256(), 0
        expected = promised.get("bytes")
        with self._raw(name) as file:
            try:
                while block := file.read(BLOCK):
                    size += len(block)
                    if expected is not None and size > expected:
                        break
                    digest.update(block)
                    if keep is not None:
                        keep.write(block)
            except (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
                raise TamperedRelease(f"{self.path}: {name} is damaged ({error}); fetch the release again.") from error
        if expected is not None and size != expected:
            found = f"more than {expected:,}" if size > expected else f"{size:,}"
            raise TamperedRelease(f"{self.path}: {name} has {found} bytes, the manifest promises {expected:,}; fetch it again.")
        if digest.hexdigest() != promised["sha256"]:
            raise TamperedRelease(
                f"{self.path}: {name} has the SHA-256 {digest.hexdigest()}, the manifest promises {promised['sha256']}; "
                "fetch it again."
            )

    def read(self, name: str) -> io.BytesIO:
        """The file's content, checked."""
        content = io.BytesIO()
        self.check(name, content)
        content.seek(0)
        return content


def _are_facts(facts: object) -> bool:
    """Of a file: its SHA-256 and, where it is told, its size."""
    size = facts.get("bytes", 0) if isinstance(facts, dict) else None
    return isinstance(size, int) and size >= 0 and isinstance(facts.get("sha256"), str)
