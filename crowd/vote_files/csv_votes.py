"""Votes from a CSV: items named as text, or picture and joints in columns of their own.

    item,worker,label                          item: im0001.jpg_3,12 or im0001.jpg#1_left knee,neck
    image,person,first,second,worker,chose_first[,first_is_green,first_is_left,response_ms]   a release's own votes.csv
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from crowd.vote_files.records import BadVoteFile, VoteRecord, VoteSource

BY_INDEX = re.compile(r"(?P<image>.+?)(#(?P<person>\d+))?_(?P<first>\d+),\s*(?P<second>\d+)")
BY_NAME = re.compile(r"(?P<image>.+?)(#(?P<person>\d+))?_(?P<first>[^_,]+),\s*(?P<second>[^_,]+)")
OTHER_NAMES = {"green": "first_is_green", "left": "first_is_left", "assignment_id": "assignment", "hit_id": "hit"}
YES_NO = {"1": True, "0": False, "true": True, "false": False, "1.0": True, "0.0": False}
MOST = 10**9


def read(path: Path, first_means: int = 1) -> VoteSource:
    """Columns in any order, further ones ignored; `green`, `left` of the aggregator's CSV are understood.

    Args:
        first_means: the value of `label` that says "the first is closer".
    """
    source = VoteSource("csv", iter(()))
    source.records = _records(path, first_means)
    return source


def rows_of(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column.

    Raises: BadVoteFile for what is no CSV in UTF-8, for a row with more or fewer cells than the header.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            if not any(header):
                raise BadVoteFile(f"{path.name} is empty; its first line names the columns.")
            doubled = {name for name in header if header.count(name) > 1 and name}
            if doubled:
                raise BadVoteFile(f"{path.name}, row 1: two columns are called '{sorted(doubled)[0]}'; rename one.")
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise BadVoteFile(
                        f"{path.name}, row {reader.line_num}: {len(row)} cells where the header has {len(header)}; "
                        "put text with commas between quotes."
                    )
                yield reader.line_num, dict(zip(header, row))
    except UnicodeDecodeError as error:
        raise BadVoteFile(f"{path.name} is not in UTF-8 (byte {error.start}); save it as CSV UTF-8.") from error
    except csv.Error as error:
        raise BadVoteFile(f"{path.name}, row {reader.line_num}: not CSV ({error}).") from error


def _records(path: Path, first_means: int) -> Iterator[VoteRecord]:
    answer, has_item = "", False
    for number, raw in rows_of(path):
        row = {OTHER_NAMES.get(name, name): value.strip() for name, value in raw.items()}
        place = f"{path.name}, row {number}"
        if not answer:
            answer, has_item = _columns(path.name, row)
        image, person, first, second = _item(row["item"], place) if has_item else _place(row, place)
        if not row["worker"]:
            raise BadVoteFile(f"{place}: the worker has no name.")
        yield VoteRecord(
            place, image, person, first, second, row["worker"], _chose_first(row, answer, first, second, first_means, place),
            yes_no(row, "first_is_green", place), yes_no(row, "first_is_left", place), whole(row, "response_ms", place),
            row.get("assignment", ""), row.get("hit", ""), moment(row.get("given_at", ""), place),
        )


def _columns(name: str, row: dict[str, str]) -> tuple[str, bool]:
    """The column with the answer, and whether pairs are named as items."""
    has_item = "item" in row
    needed = {"worker"} if has_item else {"worker", "image", "first", "second"}
    missing = sorted(needed - set(row))
    if missing:
        raise BadVoteFile(
            f"{name}, row 1: there is no column {' and '.join(missing)}; the first line names the columns: item,worker,label "
            "or image,first,second,worker,chose_first."
        )
    found = [column for column in ("label", "chose_first", "closer") if column in row]
    if len(found) != 1:
        problem = "no column with the answer" if not found else f"columns {' and '.join(found)}"
        raise BadVoteFile(
            f"{name}, row 1: {problem}; one is needed: label (0 or 1), chose_first (1 where the first is closer) or closer "
            "(the joint's name)."
        )
    return found[0], has_item


def _item(item: str, place: str) -> tuple[str | int, int, int | str, int | str]:
    found = BY_INDEX.fullmatch(item) or BY_NAME.fullmatch(item)
    if found is None:
        raise BadVoteFile(
            f"{place}: the item {item[:60]!r} names no pair; write image_first,second (im0001.jpg_3,12). Votes on other "
            "things are merged without a data set: python -m crowd.aggregation FILE."
        )
    return image(found["image"]), int(found["person"] or 0), joint(found["first"]), joint(found["second"])


def _place(row: dict[str, str], place: str) -> tuple[str | int, int, int | str, int | str]:
    for name in ("image", "first", "second"):
        if not row[name]:
            raise BadVoteFile(f"{place}: the cell of {name} is empty.")
    return image(row["image"]), whole(row, "person", place) or 0, joint(row["first"]), joint(row["second"])


def image(text: str) -> str | int:
    return int(text) if text.isdecimal() and int(text) < MOST else text


def joint(text: str) -> int | str:
    text = text.strip()
    return int(text) if text.isdecimal() and int(text) < MOST else text


def _chose_first(row: dict[str, str], column: str, first, second, first_means: int, place: str) -> bool:
    said = row[column]
    if column == "closer":
        return chosen(said, first, second, place)
    value = YES_NO.get(said.lower())
    if value is None:
        raise BadVoteFile(f"{place}: {column} is 0 or 1, not {said[:40]!r}; leave rows without an answer out.")
    return value == bool(first_means) if column == "label" else value


def chosen(said: str, first: int | str, second: int | str, place: str) -> bool:
    """Whether an answer in words means the first: "first"/"second" or one of the joints. Raises: BadVoteFile."""
    word = said.strip().lower().replace("_", " ")
    for answer, words in ((True, ("first", str(first))), (False, ("second", str(second)))):
        if word in {text.lower().replace("_", " ") for text in words}:
            return answer
    raise BadVoteFile(f"{place}: the answer {said[:40]!r} is neither first, second, {first} nor {second}.")


def yes_no(row: dict[str, str], name: str, place: str) -> bool | None:
    text = row.get(name, "").lower()
    if text in ("", "nan"):
        return None
    if text not in YES_NO:
        raise BadVoteFile(f"{place}: {name} is 0, 1 or empty, not {text[:40]!r}.")
    return YES_NO[text]


def whole(row: dict[str, str], name: str, place: str) -> int | None:
    text = row.get(name, "")
    if text == "":
        return None
    if not text.isdecimal() or int(text) > MOST:
        raise BadVoteFile(f"{place}: {name} is a whole number or empty, not {text[:40]!r}.")
    return int(text)


def moment(text: str, place: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadVoteFile(f"{place}: given_at is a time such as 2026-05-04T12:00:00Z, not {text[:40]!r}.") from error
    if found.tzinfo is None:
        raise BadVoteFile(f"{place}: given_at has no time zone; write 2026-05-04T12:00:00Z or +02:00.")
    return found
