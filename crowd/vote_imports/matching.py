"""What a file of votes speaks of, found in a data set: pictures, people, joints; and the votes as columns of numbers."""

from array import array
from collections import Counter

from annotation.models import Dataset, Image, Person
from crowd.vote_files import BadVoteFile, VoteRecord, VoteSource

SAMPLE = 8
SAME_JOINT = {"nose": ("head top", "head"), "head top": ("nose", "head"), "head": ("head top", "nose")}


class Unknown(Exception):
    """The data set has no such picture, person or joint; the message says which."""


class People:
    """Finds a record's person and joints in a data set: pictures by name, by base name or by number."""

    def __init__(self, dataset: Dataset, source: VoteSource):
        self._dataset, self._source = dataset, source
        self._images = dict(Image.objects.filter(dataset=dataset).values_list("name", "pk").iterator())
        shared = Counter(name.rpartition("/")[2] for name in self._images)
        self._base = {name.rpartition("/")[2]: pk for name, pk in self._images.items() if shared[name.rpartition("/")[2]] == 1}
        rows = Person.objects.filter(image__dataset=dataset).values_list("image_id", "number", "pk")
        self._people = {(image, number): pk for image, number, pk in rows.iterator()}
        self.joints = dataset.skeleton.joints
        self._joints = [_plain(name) for name in self.joints]
        theirs = [_plain(name) for name in source.joints]
        self._by_index = [self._joint_named(name) for name in theirs] if theirs else list(range(len(self._joints)))

    def find(self, record: VoteRecord) -> tuple[int, int, int]:
        """Primary key of the person, indices of the joints. Raises: Unknown."""
        name = record.image
        if isinstance(name, int):
            if not self._source.image_names:
                raise Unknown(f"The picture is number {name}; say with image_names how names are made, such as im%04d.jpg.")
            name = self._source.image_names % name
        image = self._images.get(name, self._base.get(str(name).rpartition("/")[2]))
        if image is None:
            raise Unknown(f"The data set “{self._dataset}” has no picture {str(name)[:80]!r}.")
        person = self._people.get((image, record.person))
        if person is None:
            raise Unknown(f"The picture {name} has no person number {record.person}.")
        first, second = self._joint(record.first), self._joint(record.second)
        if first == second:
            raise BadVoteFile(f"{record.place}: a pair of a joint with itself.")
        return person, first, second

    def _joint(self, joint: int | str) -> int:
        if isinstance(joint, int):
            if joint >= len(self._by_index) or self._by_index[joint] is None:
                raise Unknown(
                    f"There is no joint number {joint} among the {len(self._by_index)} (they count from 0); name the file's "
                    "joints in their order with the setting joints."
                )
            return self._by_index[joint]
        found = self._joint_named(_plain(joint))
        if found is None:
            raise Unknown(f"There is no joint {joint!r}; this skeleton has {', '.join(self._dataset.skeleton.joints)}.")
        return found

    def _joint_named(self, name: str) -> int | None:
        for candidate in (name, *SAME_JOINT.get(name, ())):
            if candidate in self._joints:
                return self._joints.index(candidate)
        return None


def _plain(name: str) -> str:
    words = name.lower().replace("_", " ").replace("-", " ").split()
    if words and words[0] in ("l", "r"):
        words[0] = {"l": "left", "r": "right"}[words[0]]
    return " ".join(words)


class Votes:
    """What was read, in columns of numbers; names of workers and of their pieces of work once each."""

    def __init__(self):
        self.person, self.first, self.second = array("q"), array("h"), array("h")
        self.chose_first, self.green, self.left, self.ms = array("b"), array("b"), array("b"), array("l")
        self.work = array("l")
        self.works: dict[tuple[str, str, str], int] = {}  # hit, assignment, worker -> number
        self.given_at: dict[int, object] = {}  # only where the file tells
        self.place: dict[tuple[int, int, int, str], int] = {}  # pair and worker -> row
        self.skipped: Counter[str] = Counter()
        self.sample: list[dict] = []
        self.warnings: list[str] = []

    def __len__(self) -> int:
        return len(self.person)

    def add(self, record: VoteRecord, person: int, first: int, second: int, joints: list[str]) -> None:
        """A vote; a worker's second one on the same pair takes the first one's place."""
        key = (person, min(first, second), max(first, second), record.worker)
        row = self.place.get(key)
        work = self.works.setdefault((record.hit, record.assignment, record.worker), len(self.works))
        values = (
            (self.person, person), (self.first, first), (self.second, second), (self.chose_first, record.chose_first),
            (self.green, _or_unknown(record.first_is_green)), (self.left, _or_unknown(record.first_is_left)),
            (self.ms, min(record.response_ms or 0, 2**31 - 1)), (self.work, work),
        )
        for column, value in values:
            if row is None:
                column.append(value)
            else:
                column[row] = value
        if row is None:
            row = self.place[key] = len(self.person) - 1
        else:
            self.skipped["votes that the same worker gave again on the same pair later"] += 1
        if record.given_at is not None:
            self.given_at[row] = record.given_at
        if len(self.sample) < SAMPLE:
            self.sample.append({
                "place": record.place, "image": str(record.image), "person": record.person, "first": first, "second": second,
                "names": [joints[first], joints[second]], "chose_first": record.chose_first,
            })

    def finish(self, source: VoteSource) -> None:
        self.skipped.update(source.skipped)
        self.warnings = [f"{count:,} left out: {reason}." for reason, count in sorted(self.skipped.items())]
        for column, what in ((self.green, "colour"), (self.left, "side")):
            if -1 in column and max(column) > -1:
                self.warnings.append(f"The {what} is told for some votes only; it is taken as unknown for all.")
        self.known = {"knows_colour": -1 not in self.green, "knows_side": -1 not in self.left}

    def figures(self, format: str) -> dict:
        return {
            "format": format, "votes": len(self), "workers": len({worker for _, _, worker in self.works}),
            "pairs": len({key[:3] for key in self.place}), "people": len(set(self.person)), "sample": self.sample,
            "skipped": dict(self.skipped), **self.known,
        }


def _or_unknown(value: bool | None) -> int:
    return -1 if value is None else int(value)
