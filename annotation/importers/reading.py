"""What several importers need: JSON piece by piece, rows put together by their image, numbers looked at."""

import json
import math
import sqlite3
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

import ijson

from annotation.importers.records import BadDataset

PULSE_EVERY = 1000
SUFFIXES = (".json", ".csv", ".mat", ".npz", ".h5", ".hdf5", ".xml")  # what annotations come in


def only_file(path: Path, wanted: Callable[[Path], bool], what: str) -> Path:
    """`path` itself where it is a file, else the one file in it that is wanted.

    Args:
        what: names the file for a message, e.g. "a COCO file (*.json)".

    Raises: BadDataset where there is none, or more than one.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise BadDataset(f"{path} is missing. Give {what}, or the folder that holds it.")
    found = sorted(file for folder in (path, path / "annotations") if folder.is_dir() for file in folder.iterdir()
                   if file.is_file() and wanted(file))
    if not found:
        raise BadDataset(f"{path} holds no file that could be {what}. Give the file itself.")
    if len(found) > 1:
        names = ", ".join(file.name for file in found[:5])
        raise BadDataset(f"{path} holds {len(found)} files that could be {what}: {names}. Give one of them.")
    return found[0]


def items(file: Path, prefix: str, pulse: Callable[[], None]) -> Iterator[dict]:
    """The entries of one list of a JSON file, one at a time; `prefix` in ijson's words, e.g. `images.item`.

    Raises: BadDataset, with the place where the file stops being JSON.
    """
    try:
        with file.open("rb") as stream:
            for number, item in enumerate(ijson.items(stream, prefix, use_float=True)):
                if number % PULSE_EVERY == 0:
                    pulse()
                yield item
    except (ijson.JSONError, UnicodeDecodeError, OverflowError) as error:
        raise not_json(file, error) from error


def not_json(file: Path, error: Exception) -> BadDataset:
    said = " ".join(str(error).split())[:200]
    return BadDataset(f"{file} is no JSON, or its end is missing: {said}. Fetch or write it again.")


class Some(NamedTuple):
    """A list or object that was passed over; n_objects: how many objects the list holds."""

    kind: type
    n_objects: int = 0


def top_level(file: Path, pulse: Callable[[], None]) -> dict:
    """The outermost object of a JSON file: its plain values as they are, `Some` for a list or object.

    Raises: BadDataset, also where the outermost value is no object.
    """
    found: dict = {}
    try:
        with file.open("rb") as stream:
            key = item = None
            count = 0
            for number, (prefix, event, value) in enumerate(ijson.parse(stream, use_float=True)):
                if number % (PULSE_EVERY * 100) == 0:
                    pulse()
                if number == 0 and event != "start_map":
                    raise BadDataset(f"{file}: the outermost value must be an object, {{...}}.")
                if prefix == "" and event == "map_key":
                    key, item, count = value, f"{value}.item", 0
                elif prefix == key:
                    if event == "start_array":
                        found[key] = Some(list)
                    elif event == "start_map":
                        found[key] = Some(dict)
                    elif event == "end_array":
                        found[key] = Some(list, count)
                    elif event in ("string", "number", "boolean", "null"):
                        found[key] = value
                elif event == "start_map" and prefix == item:
                    count += 1
    except (ijson.JSONError, UnicodeDecodeError, OverflowError) as error:
        raise not_json(file, error) from error
    return found


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def are_numbers(value: object, length: int) -> bool:
    return isinstance(value, list) and len(value) == length and all(is_number(number) for number in value)


def is_text(text: str) -> bool:
    """Whether a database can keep it: no zero byte, no half of a letter."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def safe_name(name: object, place: str) -> str:
    """A path inside the source, with forward slashes.

    Raises: BadDataset for one that is empty, absolute, or leads out of the source.
    """
    if not isinstance(name, str) or not name.strip() or "\0" in name or len(name) > 300:
        raise BadDataset(f"{place}: the image's file is {name!r}; it must be a path of 1 to 300 letters.")
    if not is_text(name):
        raise BadDataset(f"{place}: the image's file is {name!r}; it holds letters that no file system knows.")
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
        raise BadDataset(f"{place}: the file {name} lies outside the folder. Name images by their path inside it.")
    return str(path)


class Gathered:
    """Rows put together by key in the order in which keys first came, on disk, so that any number fits.

    Used as a context manager; the temporary file goes with it.
    """

    def __init__(self) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix="nearer-gathered-", suffix=".sqlite3")  # noqa: SIM115 closed below
        # A reader that is given up halfway may be cleared away by any thread.
        self._rows = sqlite3.connect(self._file.name, isolation_level=None, check_same_thread=False)
        self._rows.executescript(
            "pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -16000;"
            "create table heads (key primary key, number integer, head) without rowid;"
            "create table rows (key, number integer, content);"
            "create table seen (key primary key) without rowid;"
            "begin"
        )
        self._count = 0
        self.is_indexed = False

    def __enter__(self) -> "Gathered":
        return self

    def __exit__(self, *_) -> None:
        self._rows.close()
        self._file.close()

    def head(self, key: str | int, content: object) -> bool:
        """What is to be known of a key; False where it had one already."""
        self._count += 1
        done = self._rows.execute("insert or ignore into heads values (?, ?, ?)", (key, self._count, json.dumps(content)))
        return done.rowcount == 1

    def first_time(self, key: str | int) -> bool:
        """Whether this is the first time that the key is asked about; keys of heads are others."""
        return self._rows.execute("insert or ignore into seen values (?)", (key,)).rowcount == 1

    def add(self, key: str | int, content: object) -> None:
        self._count += 1
        self._rows.execute("insert into rows values (?, ?, ?)", (key, self._count, json.dumps(content)))

    def _index(self) -> None:
        if not self.is_indexed:
            self._rows.execute("create index by_key on rows (key, number)")
            self.is_indexed = True

    def without_head(self) -> object | None:
        """Some row whose key has no head."""
        self._index()
        found = self._rows.execute("select content from rows where key not in (select key from heads) limit 1").fetchone()
        return json.loads(found[0]) if found else None

    def groups(self) -> Iterator[tuple[object, list]]:
        """Each head, in order, with its rows, in order."""
        self._index()
        for key, head in self._rows.execute("select key, head from heads order by number"):
            rows = self._rows.execute("select content from rows where key = ? order by number", (key,))
            yield json.loads(head), [json.loads(content) for (content,) in rows]


def at_least_one(images: Generator, what: str) -> Iterator:
    """Raises: BadDataset where there is nothing at all."""
    empty = True
    with closing(images):
        for image in images:
            empty = False
            yield image
    if empty:
        raise BadDataset(what)
