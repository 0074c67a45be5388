"""Zip files of strangers: looked through before anything is unpacked."""

import stat
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from annotation.sources.rules import BadSource, Rules

MOST_ENTRIES = 2_000_000
MOST_RATIO = 250  # tables and JSON reach 20 to 50; deflate's most is 1032
SMALL_BYTES = 1_000_000  # below this any ratio is harmless
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db")
CHUNK_BYTES = 1 << 20
DAMAGED = (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, zlib.error)
LOCAL_HEADER_BYTES = 30  # without the name


def is_zip(file: Path) -> bool:
    """By its content; `.npz` files are zips as well, but meant as they are."""
    with file.open("rb") as stream:
        return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06") and file.suffix.lower() != ".npz"


class Archive:
    """A zip whose names are all inside it and whose sizes are honest and bearable; closed after use.

    Raises: BadSource naming the entry: for a damaged or encrypted archive, a path that leads out, a
        link, a name that occurs twice, an archive in the archive, entries that overlap, and for
        more entries or bytes than are allowed.
    """

    def __init__(self, file: Path, rules: Rules, pulse: Callable[[], None] = lambda: None):
        self.name = file.name
        self._rules = rules
        self._turn = threading.Lock()
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
            raise BadSource(f"{file.name} is no readable zip: {error}. Was it sent whole?") from error
        try:
            self._entries = self._checked(pulse)
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        self._zip.close()

    def names(self) -> list[str]:
        """Paths inside, without the one folder that everything may lie in."""
        return list(self._entries)

    def read(self, name: str, largest_bytes: int) -> bytes:
        """Raises: KeyError; BadSource for an entry that is damaged or too large."""
        entry = self._entries[name]
        if entry.file_size > largest_bytes:
            raise BadSource(f"{self.name}: {name} has {entry.file_size:,} bytes; at most {largest_bytes:,} are read.")
        try:
            with self._turn:  # its count of open entries is not made for threads
                return self._zip.read(entry)
        except DAMAGED as error:
            raise BadSource(f"{self.name}: {name} is damaged ({error}). Make the archive again.") from error

    def unpack(self, name: str, folder: Path) -> Path:
        """Write one entry below the folder, under its path. Raises: as `read`."""
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._zip.open(self._entries[name]) as source, target.open("wb") as sink:
                while chunk := source.read(CHUNK_BYTES):
                    sink.write(chunk)
        except DAMAGED as error:
            raise BadSource(f"{self.name}: {name} is damaged ({error}). Make the archive again.") from error
        return target

    def _checked(self, pulse: Callable[[], None]) -> dict[str, zipfile.ZipInfo]:
        entries = self._zip.infolist()
        if len(entries) > MOST_ENTRIES:
            raise BadSource(f"{self.name} has {len(entries):,} entries; at most {MOST_ENTRIES:,} are taken. Split it.")
        found: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for number, entry in enumerate(entries):
            if number % 1000 == 0:
                pulse()
            if entry.is_dir() or any(part in entry.filename for part in IGNORED):
                continue
            name = self._name(entry)
            if name in found:
                raise BadSource(f"{self.name} has two entries called {name}. Keep one.")
            found[name] = entry
            total += entry.file_size
            if total > self._rules.largest_bytes:
                raise BadSource(f"{self.name} unpacks to more than {self._rules.largest_bytes:,} bytes. Split it.")
        self._overlaps(entries)
        tops = {PurePosixPath(name).parts[0] for name in found}
        if len(tops) == 1 and all(len(PurePosixPath(name).parts) > 1 for name in found) and tops != {"images"}:
            top = next(iter(tops))
            found = {name.removeprefix(f"{top}/"): entry for name, entry in found.items()}
        return found

    def _name(self, entry: zipfile.ZipInfo) -> str:
        """The entry's path. Raises: BadSource for one that must not be unpacked."""
        said = f"{self.name}: the entry {entry.filename[:200]!r}"
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or "\0" in entry.filename:
            raise BadSource(f"{said} leads out of the archive. Make it with paths inside one folder.")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise BadSource(f"{said} is a link or a device, not a file. Put the file itself into the archive.")
        if entry.flag_bits & 0x1:
            raise BadSource(f"{said} is encrypted. Make the archive without a password.")
        if path.suffix.lower() in ARCHIVES:
            raise BadSource(f"{said} is an archive in the archive. Unpack it first.")
        if entry.file_size > SMALL_BYTES and entry.file_size > MOST_RATIO * max(entry.compress_size, 1):
            raise BadSource(f"{said} unpacks to more than {MOST_RATIO} times its size, as a zip bomb does. Leave it out.")
        return str(path)

    def _overlaps(self, entries: list[zipfile.ZipInfo]) -> None:
        """A bomb of the other kind: many entries that are the same bytes."""
        end = 0
        for entry in sorted(entries, key=lambda entry: entry.header_offset):
            if entry.header_offset < end:
                raise BadSource(f"{self.name}: the entry {entry.filename[:200]!r} overlaps another, as a zip bomb's do.")
            end = entry.header_offset + LOCAL_HEADER_BYTES + entry.compress_size
