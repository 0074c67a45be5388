"""Reads one MATLAB file and writes what was asked for as lines of JSON; `matlab.py` starts it and says why it is apart.

    python -I matlab_program.py joints|mpii FILE BYTES

BYTES is how much memory it may take. Exit status 1 and a sentence on standard error where the file cannot be read, 2
where the memory does not suffice.
"""

import json
import resource
import sys
from collections.abc import Iterator

import numpy as np
import scipy.io


def joints(file: str) -> Iterator[object]:
    """The array `joints`: its type and shape, then, where it is three axes of numbers, what belongs to each image."""
    content = scipy.io.loadmat(file, variable_names=["joints"])
    if "joints" not in content:
        yield {"names": [name for name, *_ in scipy.io.whosmat(file)]}
        return
    array = content["joints"]
    array = array[:, :, None] if array.ndim == 2 else array  # MATLAB drops the last axis of a single image
    yield {"type": str(array.dtype), "shape": array.shape}
    if array.ndim == 3 and array.dtype.kind in "fiu":
        for number in range(array.shape[2]):
            yield array[:, :, number].tolist()


def mpii(file: str) -> Iterator[object]:
    """Of `RELEASE.annolist`: how many images, then each one's name and its people's points as [x, y, id, is_visible]."""
    content = scipy.io.loadmat(file, variable_names=["RELEASE"], struct_as_record=True, squeeze_me=False)
    try:
        rows = content["RELEASE"]["annolist"][0, 0].ravel()
        names = rows["image"]
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        yield None
        return
    yield len(rows)
    for number in range(len(rows)):
        yield {"name": _text(_field(names[number], "name")), "people": _people(rows[number])}


def _text(value: np.ndarray | None) -> str:
    return str(value.ravel()[0]) if value is not None and value.size and value.dtype.kind == "U" else ""


def _field(struct: object, name: str) -> np.ndarray | None:
    """The field of a MATLAB struct of one element; None where it has none."""
    if not isinstance(struct, np.ndarray) or struct.dtype.names is None or name not in struct.dtype.names or not struct.size:
        return None
    value = struct.ravel()[0][name]
    return value if isinstance(value, np.ndarray) else None


def _people(row: np.void) -> list[list | None]:
    """One entry for each rectangle; None where it has no points."""
    rects = row["annorect"] if "annorect" in row.dtype.names else None
    if not isinstance(rects, np.ndarray) or rects.dtype.names is None or "annopoints" not in rects.dtype.names:
        return []
    found: list[list | None] = []
    for rect in rects.ravel():
        points = _field(rect["annopoints"], "point")
        if points is None or points.dtype.names is None or points.size == 0:
            found.append(None)
            continue
        names = points.dtype.names
        found.append([
            [_number(point[name]) if name in names else None for name in ("x", "y", "id", "is_visible")]
            for point in points.ravel()
        ])
    return found


def _number(value: object) -> float | None:
    """MATLAB's 1 x 1 array, or the digit that some of the release's is_visible are written as."""
    value = np.asarray(value)
    if value.size != 1:
        return None
    try:
        number = float(value.ravel()[0])
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def main() -> None:
    what, file, most = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (int(most), int(most)))
    try:
        for line in {"joints": joints, "mpii": mpii}[what](file):
            sys.stdout.write(json.dumps(line) + "\n")
    except MemoryError:
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()  # nobody wants more
    except Exception as error:  # scipy raises whatever the bytes make it stumble over
        sys.exit(" ".join(str(error).split())[:300] or type(error).__name__)


if __name__ == "__main__":
    main()
