"""Pairs, votes and workers as tables: CSV for everybody, Parquet for large ones."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from crowd.releases.rows import About, Batch, WorkerRow

ROW_GROUP = 65_536
FLAGS = {True: "1", False: "0", None: ""}
PAIRS = ("image", "person", "first", "second", "first_joint", "second_joint", "p_first", "risk", "votes", "split")
VOTES = ("image", "person", "first", "second", "worker", "chose_first", "first_is_green", "first_is_left", "response_ms")
WORKERS = WorkerRow._fields
# What a column means, for the metadata and the documents.
MEANINGS = {
    "image": "file name of the picture in its source",
    "person": "number of the person within the picture, from 0",
    "first": "index of the pair's first joint; which one is first was drawn at random and means nothing",
    "second": "index of the pair's second joint",
    "first_joint": "name of the first joint; right and left are the person's",
    "second_joint": "name of the second joint",
    "p_first": "probability that the first joint is closer to the camera",
    "risk": "probability that the likelier answer is wrong",
    "votes": "number of votes",
    "split": "train or test",
    "worker": "pseudonym, of this release alone",
    "chose_first": "1 where the worker said that the first joint is closer",
    "first_is_green": "1 where the first joint was marked green, 0 where pink, empty where not known",
    "first_is_left": "1 where the first joint's button was on the left, empty where not known",
    "response_ms": "from the picture's appearance to the answer, in ms; empty where not known",
    "agreement": "share of the worker's votes that agree with the others",
    "skill": "probability of a right answer on an ordinary pair, as the merge estimates it",
    "skill_low": "lower end of a 95 % interval of the skill",
    "skill_high": "upper end of a 95 % interval of the skill",
    "kind": "ordinary, guesses or contrary, where the votes are clear about it",
    "green_bias": "leaning towards green in units of the model's probit, where measured",
    "left_bias": "leaning towards the left button in units of the model's probit, where measured",
}


def pair_columns(batch: Batch, joints: list[str]) -> list[list]:
    """In the order of `PAIRS`."""
    pairs = batch.pairs
    return [
        [person.image for person, _ in pairs], [person.number for person, _ in pairs], [pair.first for _, pair in pairs],
        [pair.second for _, pair in pairs], [joints[pair.first] for _, pair in pairs],
        [joints[pair.second] for _, pair in pairs], [pair.p_first for _, pair in pairs], [pair.risk for _, pair in pairs],
        batch.votes_per_pair, ["train" if person.is_train else "test" for person, _ in pairs],
    ]


def vote_columns(batch: Batch) -> list[Sequence]:
    """In the order of `VOTES`; booleans as they are, None where unknown."""
    pairs = batch.pairs
    of_pair = (
        [person.image for person, _ in pairs], [person.number for person, _ in pairs], [pair.first for _, pair in pairs],
        [pair.second for _, pair in pairs],
    )
    return [*map(batch.per_vote, of_pair), *batch.votes]


def _six(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


class CsvWriter:
    """`pairs.csv`, `votes.csv`, `workers.csv`: UTF-8, LF, a header, empty cells where nothing is known."""

    def __init__(self, folder: Path, about: About, workers: list[WorkerRow]):
        self._folder, self._joints, self._workers = folder, about.joints, workers
        self._pairs_file, self._pairs = self._open("pairs.csv", PAIRS)
        self._votes_file, self._votes = self._open("votes.csv", VOTES)

    def _open(self, name: str, header: tuple[str, ...]):
        file = (self._folder / name).open("w", encoding="utf-8", newline="")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        return file, writer

    def add(self, batch: Batch) -> None:
        columns = pair_columns(batch, self._joints)
        columns[6:8] = map(_six, columns[6]), map(_six, columns[7])
        self._pairs.writerows(zip(*columns))
        columns = vote_columns(batch)
        columns[5:8] = ([FLAGS[value] for value in column] for column in columns[5:8])
        self._votes.writerows(zip(*columns))

    def close(self) -> list[str]:
        file, writer = self._open("workers.csv", WORKERS)
        for row in self._workers:
            writer.writerow((
                row.worker, row.votes, _six(row.agreement), _six(row.skill), _six(row.skill_low), _six(row.skill_high),
                row.kind, _six(row.green_bias), _six(row.left_bias),
            ))
        for each in (file, self._pairs_file, self._votes_file):
            each.close()
        return ["pairs.csv", "votes.csv", "workers.csv"]


class _ParquetTable:
    """Rows are gathered until a row group is full, so that its size does not depend on how they came."""

    def __init__(self, path: Path, schema):
        import pyarrow.parquet

        self._schema, self._arrow = schema, pyarrow
        self._waiting = schema.empty_table()
        self._file = pyarrow.parquet.ParquetWriter(path, schema, compression="zstd", version="2.6")

    def add(self, columns: Iterable[Sequence]) -> None:
        arrays = [self._arrow.array(column, field.type) for column, field in zip(columns, self._schema)]
        table = self._arrow.Table.from_arrays(arrays, schema=self._schema)
        self._waiting = self._arrow.concat_tables([self._waiting, table])
        while len(self._waiting) >= ROW_GROUP:
            self._write(self._waiting.slice(0, ROW_GROUP))
            self._waiting = self._waiting.slice(ROW_GROUP)

    def _write(self, rows) -> None:
        self._file.write_table(rows.combine_chunks(), row_group_size=ROW_GROUP)

    def close(self) -> None:
        if len(self._waiting):
            self._write(self._waiting)
        self._file.close()


class ParquetWriter:
    """`pairs.parquet`, `votes.parquet`, `workers.parquet`: as the CSV, typed; null where nothing is known."""

    def __init__(self, folder: Path, about: About, workers: list[WorkerRow]):
        import pyarrow as pa

        small, text, flag, real = pa.int16(), pa.string(), pa.bool_(), pa.float64()
        kinds = {
            "image": text, "person": small, "first": small, "second": small, "first_joint": text, "second_joint": text,
            "p_first": real, "risk": real, "votes": pa.int32(), "split": text, "worker": text, "chose_first": flag,
            "first_is_green": flag, "first_is_left": flag, "response_ms": pa.int32(), "agreement": real, "skill": real,
            "skill_low": real, "skill_high": real, "kind": text, "green_bias": real, "left_bias": real,
        }
        self._joints, self._workers = about.joints, workers
        self._pairs, self._votes, self._table = (
            _ParquetTable(folder / f"{name}.parquet", pa.schema([(column, kinds[column]) for column in columns]))
            for name, columns in (("pairs", PAIRS), ("votes", VOTES), ("workers", WORKERS))
        )

    def add(self, batch: Batch) -> None:
        self._pairs.add(pair_columns(batch, self._joints))
        self._votes.add(vote_columns(batch))

    def close(self) -> list[str]:
        self._table.add(zip(*self._workers))
        for table in (self._pairs, self._votes, self._table):
            table.close()
        return ["pairs.parquet", "votes.parquet", "workers.parquet"]
