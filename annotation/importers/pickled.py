"""Pickled arrays from other people's `.npz` files, read as data.

A pickle is a program. This reader lets it name a handful of things, all of them ways to say "an
array" or "bytes", and puts stand-ins of its own in their place, so that neither Python's nor NumPy's
machinery ever acts on what the file says; the arrays are made afterwards, from checked parts.
"""

import io
import pickle
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from annotation.importers.records import BadDataset

LARGEST_BYTES = 2_000_000_000  # unpacked; the largest of VideoPose3D's files has 0.4 GB
TYPE = re.compile(r"[<>|=]?([biufc][1248]?|[biufc]16|[SU]\d{1,6}|O8?|\?)")


class Refused(pickle.UnpicklingError):
    """The pickle asks for something that is no array; nothing of it was run."""


class _Dtype:
    """What a pickle says of an array's type: a code such as `f4`, and the order of bytes."""

    def __init__(self, code: object, *_):
        if not isinstance(code, str) or not TYPE.fullmatch(code):
            raise Refused(f"an array of the type {str(code)[:40]!r}")
        self.code, self.order = code, ""

    def __setstate__(self, state: object) -> None:
        ok = isinstance(state, tuple) and len(state) >= 5 and state[1] in ("<", ">", "|", "=") and not any(state[2:5])
        if not ok:
            raise Refused("an array of a type of its own")
        self.order = state[1]

    def made(self) -> np.dtype:
        return np.dtype(self.order + self.code.lstrip("<>|="))


class _Array:
    """What a pickle says of an array, not yet one."""

    def __init__(self, kind: object, shape: object, _code: object):
        if kind is not _Array or shape != (0,):
            raise Refused("an array of a class of its own")
        self.shape: tuple = (0,)
        self.dtype, self.by_columns, self.content = _Dtype("b"), False, b""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise Refused("an array in a form of its own")
        _, self.shape, self.dtype, self.by_columns, self.content = state
        sizes = isinstance(self.shape, tuple) and all(isinstance(n, int) and n >= 0 for n in self.shape)
        if not sizes or not isinstance(self.dtype, _Dtype) or not isinstance(self.content, bytes | list):
            raise Refused("an array in a form of its own")

    def made(self, convert: Callable[[object], object]) -> np.ndarray:
        dtype, order = self.dtype.made(), "F" if self.by_columns else "C"
        if isinstance(self.content, list) != dtype.hasobject:
            raise Refused("objects as bytes")
        if not dtype.hasobject:
            return np.frombuffer(self.content, dtype).reshape(self.shape, order=order)
        array = np.empty(len(self.content), object)
        for place, value in enumerate(self.content):
            array[place] = convert(value)
        return array.reshape(self.shape, order=order)


class _FromBuffer(_Array):
    """The same in protocol 5: content, type, shape and order at once."""

    def __init__(self, content: object, dtype: object, shape: object, order: object, *_):
        self.__setstate__((1, shape, dtype, order == "F", bytes(content) if isinstance(content, bytearray) else content))


class _Scalar:
    def __init__(self, dtype: object, content: object = b""):
        if not isinstance(dtype, _Dtype) or dtype.made().hasobject or not isinstance(content, bytes):
            raise Refused("a number of a type of its own")
        self.value = np.frombuffer(content, dtype.made(), 1)[0]


class _Budget:
    """What a pickle may ask to be made: no more than it has bytes, as a few of them can ask for the same again and again."""

    def __init__(self, n_bytes: int):
        self._left = n_bytes

    def take(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise Refused("the same things over and over, so that little becomes much")


ALLOWED = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _FromBuffer for core in ("core", "_core")},
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class ArrayUnpickler(pickle.Unpickler):
    """Numbers, strings, lists, tuples, dictionaries and NumPy arrays; whatever else a pickle asks for is refused."""

    def __init__(self, content: bytes):
        super().__init__(io.BytesIO(content), encoding="latin1")
        self.budget = _Budget(len(content))

    def _latin1(self, text: object, encoding: object) -> bytes:
        """How protocol 2 writes bytes."""
        if encoding != "latin1" or not isinstance(text, str):
            raise Refused(f"text as {encoding}")
        self.budget.take(len(text))
        return text.encode("latin1")

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("_codecs", "encode"):
            return self._latin1
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise Refused(f"{module}.{name}") from None

    def persistent_load(self, pid: object) -> object:
        raise Refused("something kept elsewhere")


def _converter(budget: _Budget) -> Callable[[object], object]:
    """Puts arrays where a pickle spoke of them; what is shared stays shared, so that little cannot become much."""
    done: dict[int, object] = {}

    def convert(value: object) -> object:
        if id(value) in done:
            return done[id(value)]
        if isinstance(value, _Array):
            if isinstance(value.content, list):
                budget.take(len(value.content))
            made: object = value.made(convert)
        elif isinstance(value, _Scalar):
            made = value.value
        elif isinstance(value, dict):
            made = {key: convert(inner) for key, inner in value.items()}
        elif isinstance(value, list | tuple):
            made = type(value)(convert(inner) for inner in value)
        elif value is None or isinstance(value, bool | int | float | complex | str | bytes):
            made = value
        else:
            raise Refused(f"a {type(value).__name__}")
        done[id(value)] = made
        return made

    return convert


def loads(content: bytes, place: str) -> object:
    """Raises: BadDataset for a pickle that asks for anything but arrays, and for one that is damaged."""
    try:
        unpickler = ArrayUnpickler(content)
        return _converter(unpickler.budget)(unpickler.load())
    except Refused as error:
        raise BadDataset(
            f"{place} is a pickle that asks for {error}. Only arrays are read, as anything else could run a program here; "
            "nothing of it was run. Take the file from its authors."
        ) from error
    except Exception as error:  # a damaged pickle stumbles in any way
        raise BadDataset(f"{place} is a damaged pickle ({type(error).__name__}). Fetch it again.") from error


def read_npz(file: Path) -> dict[str, object]:
    """Every array of the archive by its name; one that holds a single object as that object.

    Raises: BadDataset for a file that is no archive of arrays, that unpacks to more than 2 GB, or that
        holds pickles of anything but arrays.
    """
    found: dict[str, object] = {}
    try:
        with zipfile.ZipFile(file) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            if sum(member.file_size for member in members) > LARGEST_BYTES:
                raise BadDataset(f"{file} unpacks to more than {LARGEST_BYTES:,} bytes. Take a part of it.")
            for member in members:
                with archive.open(member) as stream:
                    found[member.filename.removesuffix(".npy")] = _array(stream, f"{file}, {member.filename}")
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        raise BadDataset(f"{file} is no archive of arrays (.npz), or damaged: {error}. Fetch it again.") from error
    if not found:
        raise BadDataset(f"{file} holds no arrays.")
    return found


def _array(stream: io.BufferedIOBase, place: str) -> object:
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read_header(stream)
    except ValueError as error:
        raise BadDataset(f"{place} is no array: {error}. Fetch it again.") from error
    content = stream.read()
    if dtype.hasobject:
        value = loads(content, place)
        if isinstance(value, np.ndarray) and value.size == 1:
            return value.item()
        return value
    expected = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if len(content) != expected:
        raise BadDataset(f"{place}: {len(content)} bytes for an array of {expected}. Was its download cut short?")
    try:
        return np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")
    except ValueError as error:  # such as elements of no bytes
        raise BadDataset(f"{place} is no array that can be read: {error}.") from error
