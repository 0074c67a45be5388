"""One vote as a file tells it, and what can be wrong with the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class BadVoteFile(ValueError):
    """The file cannot be read as votes; the message names file, place and remedy."""


class VoteRecord(NamedTuple):
    """A worker's answer about two joints of a person.

    Attributes:
        place: where it stands in the file, for messages ("row 7").
        image: file name of the picture, or its number where the file has only that.
        person: number of the person within the picture, from 0.
        first, second: the joints, by index or by name.
        worker: as the file calls the worker; never stored as it is.
        chose_first: the worker said that `first` is closer to the camera.
        first_is_green, first_is_left: None where the file does not tell.
        response_ms: from the picture to the answer; None where the file does not tell.
        assignment, hit: the marketplace's names for the piece of work; empty where unknown.
        given_at: None where unknown.
    """

    place: str
    image: str | int
    person: int
    first: int | str
    second: int | str
    worker: str
    chose_first: bool
    first_is_green: bool | None = None
    first_is_left: bool | None = None
    response_ms: int | None = None
    assignment: str = ""
    hit: str = ""
    given_at: datetime | None = None


@dataclass(eq=False)
class VoteSource:
    """Votes of one file, to be iterated once.

    Attributes:
        records: raises BadVoteFile at the place that is at fault.
        joints: names of the file's joints in its own order, where it counts them differently from the skeleton; else empty.
        first_number: what the paper's page calls picture 0 is the file of this number.
        image_names: how a number becomes a file name ("im%04d.jpg"); empty where the file has names.
        skipped: reasons and how many entries they made leave out; complete once `records` is used up.
    """

    format: str
    records: Iterator[VoteRecord]
    joints: tuple[str, ...] = ()
    image_names: str = ""
    first_number: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
