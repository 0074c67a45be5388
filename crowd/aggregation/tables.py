"""Votes from a CSV file, labels and workers into one."""

from __future__ import annotations

import csv
import operator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crowd.aggregation.bodies import Bodies
from crowd.aggregation.merged import Merged
from crowd.aggregation.votes import BadVotes, Floats, Votes

REQUIRED = ("item", "worker", "label")
WHOSE = ("person", "first", "second")
OPTIONAL = ("prior", "green", "left", "gold", *WHOSE)

MOST_WHOLE = 10**17  # beyond, a number with zeros behind it would not fit
CHUNK = 65_536
TENS = 10 ** np.arange(1, 18)

Column = tuple[list[str], NDArray]  # distinct values, and for each row the place of its value among them


@dataclass(frozen=True, eq=False)
class Table:
    """Votes with the names of items and workers, both sorted; prior and gold (I,), NaN where there is none; whose keypoints the
    items compare, None where that is not told."""

    votes: Votes
    items: list[str]
    workers: list[str]
    prior: Floats
    gold: Floats
    bodies: Bodies | None = None


def read_votes(path: Path | str) -> Table:
    """Read `item,worker,label[,prior,green,left,gold,person,first,second]`, columns in any order, further ones ignored.

    A prior or a gold answer stands on any of the item's rows. Where one worker voted twice on an item, his last row counts.
    Raises: BadVotes naming the file, and the row where one is at fault. OSError if there is no such file.
    """
    columns = read_columns(Path(path), REQUIRED, OPTIONAL)
    items, item = _sorted(columns["item"])
    workers, worker = _sorted(columns["worker"])
    for name, names in (("item", items), ("worker", workers)):
        if "" in names:
            raise BadVotes(f"{path}, row {_first_row(columns[name], '')}: the {name} has no name")
    label = _numbers(path, "label", columns["label"], (0.0, 1.0), blank=False)
    shown = {name: _numbers(path, name, columns[name], (0.0, 1.0)) for name in ("green", "left") if name in columns}
    gold = _per_item(item, len(items), _numbers(path, "gold", columns["gold"], (0.0, 1.0)) if "gold" in columns else None)
    prior = _per_item(item, len(items), _numbers(path, "prior", columns["prior"], None) if "prior" in columns else None)
    if "gold" in columns:
        told = _numbers(path, "gold", columns["gold"], (0.0, 1.0))
        clash = np.flatnonzero(~np.isnan(told) & (told != gold[item]))
        if len(clash):
            name = items[item[clash[0]]]
            raise BadVotes(f"{path}, row {clash[0] + 2}: item {name} has both 0 and 1 as its gold answer; keep one")
    votes = Votes(item, worker, label.astype(np.int8), len(items), len(workers), **shown)
    return Table(votes, items, workers, prior, gold, _bodies(path, columns, items, item))


def _bodies(path: Path | str, columns: dict[str, Column], items: list[str], item: NDArray) -> Bodies | None:
    if not all(name in columns for name in WHOSE):
        return None
    value = {}
    for name in WHOSE:
        names, place = columns[name]
        if "" in names:
            raise BadVotes(f"{path}, row {_first_row(columns[name], '')}: the {name} has no name")
        value[name] = np.zeros(len(items), np.int64)
        value[name][item] = place
        clash = np.flatnonzero(value[name][item] != place)
        if len(clash):
            raise BadVotes(f"{path}, row {clash[0] + 2}: item {items[item[clash[0]]]} has two values of {name}; keep one")
    keypoints = sorted({*columns["first"][0], *columns["second"][0]})
    first, second = (
        np.array([keypoints.index(text) for text in columns[name][0]], np.int64)[value[name]] for name in ("first", "second")
    )
    if (first == second).any():
        raise BadVotes(f"{path}: item {items[int(np.flatnonzero(first == second)[0])]} compares a keypoint with itself")
    return Bodies(value["person"], first, second, len(keypoints))


def read_truth(path: Path | str, items: list[str]) -> tuple[Floats, Floats]:
    """Truth and, where the file has it, depth gap in mm, each (I,), NaN where not told. Columns item,truth[,depth_gap_mm].

    Raises: BadVotes as `read_votes`.
    """
    columns = read_columns(Path(path), ("item", "truth"), ("depth_gap_mm",))
    names, row = columns["item"]
    place = {name: number for number, name in enumerate(items)}
    at = np.array([place.get(name, -1) for name in names])[row]
    out = []
    for name, allowed in (("truth", (0.0, 1.0)), ("depth_gap_mm", None)):
        value = np.full(len(items), np.nan)
        if name in columns:
            value[at[at >= 0]] = _numbers(path, name, columns[name], allowed)[at >= 0]
        out.append(value)
    return out[0], out[1]


def read_columns(path: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Column]:
    """The columns asked for, as distinct strings and places. pyarrow reads them where it is installed, else `csv`."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = [name.strip() for name in next(csv.reader(file), [])]
    if not header:
        raise BadVotes(f"{path} is empty; the first line names the columns: {','.join(required)}")
    missing = [name for name in required if name not in header]
    if missing:
        raise BadVotes(f"{path} has no column {' and '.join(missing)}; the first line names the columns: {','.join(required)}")
    wanted = [name for name in (*required, *optional) if name in header]
    try:
        from pyarrow import csv as arrow
    except ImportError:
        columns = _read_slowly(path, header, wanted)
    else:
        columns = _read_fast(arrow, path, header, wanted)
    if not len(columns[required[0]][1]):
        raise BadVotes(f"{path} has a header and no rows")
    return columns


def _read_fast(arrow, path: Path, header: list[str], wanted: list[str]) -> dict[str, Column]:
    import pyarrow

    try:
        table = arrow.read_csv(
            path,
            read_options=arrow.ReadOptions(column_names=header, skip_rows=1, use_threads=False),
            parse_options=arrow.ParseOptions(newlines_in_values=False),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(wanted, pyarrow.string()), include_columns=wanted, strings_can_be_null=False
            ),
        )
    except pyarrow.ArrowInvalid as error:
        raise BadVotes(f"{path} cannot be read: {error}") from error
    columns = {}
    for name in wanted:
        texts = table.column(name)
        columns[name] = _whole_numbers(texts) or _distinct(texts)
        table = table.drop_columns([name])  # millions of texts take room
    return columns


def _whole_numbers(texts) -> Column | None:
    """A pyarrow column of whole numbers as they are usually written; None for anything else. Much faster than by text."""
    import pyarrow
    from pyarrow import compute

    if not len(texts):
        return None
    try:
        value = _values(compute.cast(texts, pyarrow.int64()), np.int64)
    except pyarrow.ArrowInvalid:
        return None
    if value.min() < 0 or value.max() >= MOST_WHOLE:
        return None
    if (np.searchsorted(TENS, value, side="right") + 1 != _values(compute.binary_length(texts), np.int32)).any():
        return None  # 007 and 7 are two names
    if value.max() < 4 * len(value):
        used = np.bincount(value) > 0
        number, place = np.flatnonzero(used), (np.cumsum(used) - 1)[value]
    else:
        number, place = np.unique(value, return_inverse=True)
    digits = np.searchsorted(TENS, number, side="right") + 1
    order = np.lexsort((digits, number * 10 ** (digits.max() - digits)))  # as text: 10 comes before 9
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return list(map(str, number[order].tolist())), rank[place]


def _distinct(texts) -> Column:
    """The distinct texts of a pyarrow column in sorted order, and each row's place."""
    from pyarrow import compute

    if not len(texts):
        return [], np.zeros(0, np.int32)
    coded = texts.combine_chunks().dictionary_encode()
    order = compute.array_sort_indices(coded.dictionary)
    rank = np.empty(len(order), np.int32)
    rank[_values(order, np.uint64)] = np.arange(len(order), dtype=np.int32)
    return coded.dictionary.take(order).to_pylist(), rank[_values(coded.indices, np.int32)]


def _values(array, kind) -> NDArray:
    """The numbers of a pyarrow array without empty places. Its own `to_numpy` would load pandas first."""
    chunks = getattr(array, "chunks", [array])
    width = np.dtype(kind).itemsize
    parts = [np.frombuffer(part.buffers()[1], kind, len(part), part.offset * width) for part in chunks if len(part)]
    return np.concatenate(parts) if len(parts) != 1 else parts[0]


def _read_slowly(path: Path, header: list[str], wanted: list[str]) -> dict[str, Column]:
    values: dict[str, dict[str, int]] = {name: {} for name in wanted}
    places: dict[str, list[int]] = {name: [] for name in wanted}
    at = [(header.index(name), values[name], places[name]) for name in wanted]
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        next(rows)
        for number, row in enumerate(rows, start=2):
            if not row:
                continue
            if len(row) != len(header):
                raise BadVotes(f"{path}, row {number}: expected {len(header)} columns, got {len(row)}")
            for column, known, place in at:
                place.append(known.setdefault(row[column], len(known)))
    return {name: (list(values[name]), np.array(places[name], np.int32)) for name in wanted}


def _sorted(column: Column) -> tuple[list[str], NDArray]:
    """Distinct names in sorted order, and for each row the place of its name, whatever the order of rows."""
    names, row = column
    if all(map(operator.lt, names, names[1:])):
        return names, row
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    return [names[place] for place in order], rank[row]


def _first_row(column: Column, value: str) -> int:
    """Line number in the file of the first row with a value."""
    return int(np.flatnonzero(column[1] == column[0].index(value))[0]) + 2


def _numbers(path: Path | str, name: str, column: Column, allowed: tuple[float, ...] | None, blank: bool = True) -> Floats:
    """(V,) numbers, NaN where the cell is empty."""
    values, row = column
    out = np.full(len(values), np.nan)
    for place, text in enumerate(values):
        text = text.strip()
        if blank and text.lower() in ("", "nan"):
            continue
        try:
            out[place] = float(text)
        except ValueError:
            out[place] = np.inf
        wrong = (allowed and out[place] not in allowed) or (name == "prior" and not 0 <= out[place] <= 1)
        if wrong or not np.isfinite(out[place]):
            what = "0 or 1" if allowed else "a probability between 0 and 1" if name == "prior" else "a number"
            or_empty = ", or empty where it is not known" if blank else "; leave rows without an answer out"
            raise BadVotes(f"{path}, row {_first_row(column, values[place])}: {name} is {what}, not {text!r}{or_empty}")
    return out[row]


def _per_item(item: NDArray, n_items: int, value: Floats | None) -> Floats:
    """(I,) the last value told of each item, NaN where none is."""
    out = np.full(n_items, np.nan)
    if value is not None:
        told = ~np.isnan(value)
        out[item[told]] = value[told]
    return out


def write_labels(path: Path | str, items: list[str], merged: Merged) -> None:
    """`item,label,probability,risk,votes`, one row per item; probability is that of label 1."""
    names = _quoted(items)
    with Path(path).open("wb") as file:
        file.write(b"item,label,probability,risk,votes\n")
        for start in range(0, len(names), CHUNK):
            some = slice(start, start + CHUNK)
            columns = [
                np.array([name.encode() for name in names[some]]), merged.label[some].astype("S1"),
                _decimals(merged.probability[some]), _decimals(merged.risk[some]), merged.votes[some].astype("S20"),
            ]  # fmt: skip
            file.write(_lines(columns))


def _decimals(share: Floats) -> NDArray:
    """(N,) bytes of numbers from 0 to 1 with six decimals."""
    millionths = np.rint(share * 1e6).astype(np.int64)
    out = np.full((len(share), 8), ord("."), np.uint8)
    for place, power in zip((0, 2, 3, 4, 5, 6, 7), range(6, -1, -1)):
        out[:, place] = ord("0") + millionths // 10**power % 10
    return out.view("S8")[:, 0]


def _lines(columns: list[NDArray]) -> bytes:
    """Rows of a CSV file out of columns of bytes, all at once: what pads a column to its width is left out."""
    n, cells = len(columns[0]), []
    for column in columns:
        cells += [np.ascontiguousarray(column).view(np.uint8).reshape(n, -1), np.full((n, 1), ord(","), np.uint8)]
    cells[-1][:] = ord("\n")
    table = np.concatenate(cells, axis=1)
    return table[table != 0].tobytes()


WORKER_COLUMNS = (
    "votes", "agreement", "agreement_low", "agreement_high", "skill", "skill_low", "skill_high", "true_positive",
    "true_negative", "label_bias", "green_bias", "left_bias", "kind",
)  # fmt: skip


def write_workers(path: Path | str, names: list[str], merged: Merged) -> None:
    """One row per worker, see `Workers`; an empty cell where nothing is known."""
    columns = [getattr(merged.workers, name).tolist() for name in WORKER_COLUMNS]
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        file.write("worker," + ",".join(WORKER_COLUMNS) + "\n")
        for name, *values in zip(_quoted(names), *columns):
            file.write(name + "," + ",".join(_cell(value) for value in values) + "\n")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4f}"
    return str(value)


def _quoted(names: list[str]) -> list[str]:
    everything = "".join(names)
    if not any(character in everything for character in ',"\n\r'):
        return names
    return ['"' + name.replace('"', '""') + '"' if any(c in name for c in ',"\n\r') else name for name in names]
