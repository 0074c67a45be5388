"""Archives of arrays, `training.npz` and `votes.npz`, written without ever holding an array.

Columns grow in files of their own and are packed at the end, each under its NumPy header. The
archive's dates are fixed, so that the same arrays are the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from crowd.releases.rows import About, Batch, WorkerRow

BLOCK = 1 << 20
CERTAIN = 1e-6  # a lifter takes logarithms: no probability is 0 or 1


class _Column:
    """Rows of one type and shape, appended to a file."""

    def __init__(self, folder: Path, name: str, dtype: str, shape: tuple[int, ...] = ()):
        self.name, self.dtype, self.shape, self.length = name, np.dtype(dtype), shape, 0
        self.path = folder / f"{name}.column"
        self._file = self.path.open("wb")

    def add(self, values: Sequence | np.ndarray) -> None:
        array = np.array(values, self.dtype).reshape(-1, *self.shape)
        self.length += len(array)
        self._file.write(array.tobytes())

    def blocks(self) -> Iterator[bytes]:
        self._file.close()
        with self.path.open("rb") as source:
            while block := source.read(BLOCK):
                yield block
        self.path.unlink()


class _Texts(_Column):
    """Text, kept as lines of JSON until its width is known."""

    def __init__(self, folder: Path, name: str):
        super().__init__(folder, name, "<U1")
        self._width = 1

    def add(self, values: list[str]) -> None:
        self.length += len(values)
        self._width = max(self._width, *map(len, values)) if values else self._width
        self._file.write("".join(json.dumps(value) + "\n" for value in values).encode())
        self.dtype = np.dtype(f"<U{self._width}")

    def blocks(self) -> Iterator[bytes]:
        self._file.close()
        with self.path.open(encoding="utf-8", newline="\n") as source:
            while lines := source.readlines(BLOCK):
                yield np.array([json.loads(line) for line in lines], self.dtype).tobytes()
        self.path.unlink()


def _pack(path: Path, columns: list[_Column]) -> None:
    """What `numpy.load` reads: a zip with one `.npy` a column."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for column in columns:
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(
                header, {"descr": column.dtype.str, "fortran_order": False, "shape": (column.length, *column.shape)}
            )
            entry = zipfile.ZipInfo(f"{column.name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            with archive.open(entry, "w", force_zip64=True) as target:
                target.write(header.getvalue())
                for block in column.blocks():
                    target.write(block)


class TrainingWriter:
    """`training.npz`, what the lifter reads: people, pairs, probabilities; see `docs/formats.md`."""

    def __init__(self, folder: Path, about: About):
        k = len(about.joints)
        self._path, self._joints = folder / "training.npz", k
        people = {
            "pose2d": ("<f4", (k, 2)), "visible": ("|b1", (k,)), "occluded": ("|b1", (k,)), "image_size": ("<i4", (2,)),
            "is_train": ("|b1", ()), "pose3d": ("<f4", (k, 3)),
        }
        pairs = {
            "pair_person": ("<i4", ()), "pair_joints": ("<i2", (2,)), "p_first": ("<f4", ()), "risk": ("<f4", ()),
            "votes": ("<i4", ()),
        }
        self._columns = {name: _Column(folder, name, *kind) for name, kind in (people | pairs).items()}
        self._columns["person"] = _Texts(folder, "person")
        self._has_truth, self._count = False, 0

    def add(self, batch: Batch) -> None:
        people, missing, unknown = batch.people, [np.nan] * 2, [[np.nan] * 3] * self._joints
        self._has_truth |= any(person.truth_mm for person in people)
        of_pairs = [(number, pair) for number, person in enumerate(people, self._count) for pair in person.pairs]
        self._count += len(people)
        values = {
            "pose2d": [[place or missing for place in person.keypoints] for person in people],
            "visible": [[place is not None for place in person.keypoints] for person in people],
            "occluded": [person.occluded for person in people],
            "image_size": [[person.width, person.height] for person in people],
            "is_train": [person.is_train for person in people],
            "person": [person.key for person in people],
            "pose3d": [person.truth_mm or unknown for person in people],
            "pair_person": [number for number, _ in of_pairs],
            "pair_joints": [[pair.first, pair.second] for _, pair in of_pairs],
            "p_first": [min(max(pair.p_first, CERTAIN), 1 - CERTAIN) for _, pair in of_pairs],
            "risk": [pair.risk for _, pair in of_pairs],
            "votes": batch.votes_per_pair,
        }
        for name, rows in values.items():
            self._columns[name].add(rows)

    def close(self) -> list[str]:
        unused = [] if self._has_truth else ["pose3d"]
        _pack(self._path, [column for name, column in sorted(self._columns.items()) if name not in unused])
        for name in unused:
            list(self._columns[name].blocks())  # closes and removes its file
        return ["training.npz"]


class VotesWriter:
    """`votes.npz`: every vote as numbers, and what the merge says of each worker.

    -1 where colour, side or time is not known; NaN for a worker's figure that is not.
    """

    def __init__(self, folder: Path, about: About, workers: list[WorkerRow]):
        self._path, self._folder, self._workers = folder / "votes.npz", folder, workers
        self._number = {row.worker: number for number, row in enumerate(workers)}
        kinds = {
            "vote_pair": "<i4", "vote_worker": "<i4", "chose_first": "|b1", "first_is_green": "|i1", "first_is_left": "|i1",
            "response_ms": "<i4",
        }
        self._columns = [_Column(folder, name, kind) for name, kind in kinds.items()]
        self._pairs = 0

    def add(self, batch: Batch) -> None:
        workers, chose_first, *facts = batch.votes
        pair = np.repeat(np.arange(self._pairs, self._pairs + len(batch.pairs)), batch.votes_per_pair)
        self._pairs += len(batch.pairs)
        known = ([-1 if value is None else value for value in column] for column in facts)
        for column, values in zip(self._columns, (pair, [self._number[name] for name in workers], chose_first, *known)):
            column.add(values)

    def close(self) -> list[str]:
        names, kinds = _Texts(self._folder, "worker"), _Texts(self._folder, "worker_kind")
        names.add([row.worker for row in self._workers])
        kinds.add([row.kind for row in self._workers])
        columns = [*self._columns, names, kinds]
        for field in ("votes", "agreement", "skill", "skill_low", "skill_high", "green_bias", "left_bias"):
            column = _Column(self._folder, f"worker_{field}", "<i4" if field == "votes" else "<f4")
            values = [getattr(row, field) for row in self._workers]
            column.add([np.nan if value is None else round(value, 6) for value in values])
            columns.append(column)
        _pack(self._path, sorted(columns, key=lambda column: column.name))
        return ["votes.npz"]
