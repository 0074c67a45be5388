"""What passes by: a person with pairs, a pair with votes, and what is known of the release as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

Place = list[float] | None  # x, y in pixels of the image; None where the joint is missing


class VoteRow(NamedTuple):
    """One standing vote; colour and side are None where they are not known, the time likewise."""

    worker: str
    chose_first: bool
    first_is_green: bool | None
    first_is_left: bool | None
    response_ms: int | None


@dataclass(slots=True)
class PairRow:
    """A pair and its consensus: p_first and risk in 0 to 1, rounded to 6 digits."""

    first: int
    second: int
    p_first: float
    risk: float
    votes: list[VoteRow]


@dataclass(slots=True)
class PersonRow:
    """One person in an image, with the pairs that were merged. People come sorted by image name and number."""

    image: str
    number: int
    width: int
    height: int
    is_train: bool
    keypoints: list[Place]
    occluded: list[bool]
    truth_mm: list[list[float]] | None
    pairs: list[PairRow]

    @property
    def key(self) -> str:
        """Its name in every file, stable as long as the source's file names are."""
        return f"{self.image}#{self.number}"


class Batch:
    """Some people, and their pairs and votes as columns, which several writers need and which are made once.

    Attributes:
        people: in the order of all files.
        pairs: of all of them, as (person, pair).
        votes: of all pairs, as columns in the order of `VoteRow`, each a tuple; empty where nobody voted.
        votes_per_pair: how many of them belong to each pair.
    """

    def __init__(self, people: list[PersonRow]):
        self.people = people
        self.pairs = [(person, pair) for person in people for pair in person.pairs]
        self.votes_per_pair = [len(pair.votes) for _, pair in self.pairs]

    @cached_property
    def votes(self) -> tuple[tuple, ...]:
        flat = [vote for _, pair in self.pairs for vote in pair.votes]
        return tuple(zip(*flat)) if flat else ((),) * len(VoteRow._fields)

    def per_vote(self, of_pair: list) -> list:
        """A pair's value, repeated for each of its votes."""
        return [value for value, count in zip(of_pair, self.votes_per_pair) for _ in range(count)]


class WorkerRow(NamedTuple):
    """What the merge says of a worker; None where nothing is known."""

    worker: str
    votes: int
    agreement: float | None
    skill: float
    skill_low: float
    skill_high: float
    kind: str
    green_bias: float | None
    left_bias: float | None


@dataclass(frozen=True)
class About:
    """What stands in the manifest, the card and the metadata, besides what is counted on the way.

    Attributes:
        skeleton: name, joints, bones, mirror, root.
        dataset: name, source, description, licence, citation of the pictures' data set.
        merge: method, seed, settings, notes, accuracy where truth is known.
        campaign: the settings under which people were asked, for the card.
        wages: what was paid and how long it took, for the card; see `crowd.gathering.wages`.
    """

    name: str
    software: str
    description: str
    licence: str
    citation: str
    skeleton: dict
    dataset: dict
    merge: dict
    campaign: dict
    wages: dict = field(default_factory=dict)

    @property
    def joints(self) -> list[str]:
        return self.skeleton["joints"]


class Writer(Protocol):
    """One kind of files in the making."""

    def add(self, batch: Batch) -> None:
        """Write these people; they come after all that came before."""

    def close(self) -> list[str]:
        """Finish; returns the names of the files that are now in the folder."""
