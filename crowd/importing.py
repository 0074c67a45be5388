"""Votes that were given elsewhere become a campaign of their own: people under pseudonyms, tasks, votes, all verified.

The file waits in the private storage until it is read and is then deleted, as it names people. Its
hash stays: the same file with the same settings on the same data set is one campaign, however often
it is read; a dry run keeps nothing.
"""

import hashlib
import hmac
import random
import secrets
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from django.conf import settings as site
from django.core.files.base import File
from django.core.files.storage import storages
from django.utils import timezone

from annotation.models import Annotator, Choice, Comparison, Dataset, Image, Pair, Person, Task, Vote
from crowd.models import Assignment, Campaign, Environment, Hit, HitPair, VoteImport, Worker
from crowd.vote_files import FORMATS, BadVoteFile, VoteRecord, VoteSource, open_votes
from crowd.vote_files.reading import LARGEST_BYTES, OPTIONS
from jobs import running
from jobs.running import JobError, LeaseLost, Report

PLACE = "Votes from elsewhere"  # the environment that imported workers belong to
BATCH = 2_000
PER_TASK = 1_000  # comparisons; a file that names no assignments gives a worker as many tasks as it takes
SAMPLE = 8
MOST_WARNINGS = 50
SETTINGS = (*OPTIONS, "skip_unknown")
SAME_JOINT = {"nose": ("head top", "head"), "head top": ("nose", "head"), "head": ("head top", "nose")}


class BadRequest(ValueError):
    """The import cannot be started like that; the message says what to change."""


def start(
    dataset: Dataset, user, file: BinaryIO, filename: str, *, name: str, format: str = "auto", settings: dict | None = None,
    dry_run: bool = False,
) -> VoteImport:
    """Keep the file and queue its reading; watch the row that is returned.

    Args:
        file: open for reading bytes.
        name: of the campaign that the votes become.
        settings: `joints`, `image_names`, `answer`, `first_means` (see `vote_files.open_votes`) and `skip_unknown`: leave
            votes on pictures and people out that the data set does not have, instead of refusing the file.
        dry_run: only count, warn and show.
    Raises: BadRequest for an unknown format or setting, a name that is taken, a file that is too large or empty.
    """
    settings = settings or {}
    if format not in ("auto", *FORMATS):
        raise BadRequest(f"There is no format '{format}'; known are auto, {', '.join(FORMATS)}.")
    if unknown := sorted(set(settings) - set(SETTINGS)):
        raise BadRequest(f"There is no setting '{unknown[0]}'; known are {', '.join(SETTINGS)}.")
    digest, stored = _keep(file)
    if not dry_run and Campaign.objects.filter(name=name).exists() and _same(dataset, digest, settings) is None:
        raise BadRequest(f"There is a campaign called “{name}”; choose another name.")
    return running.start(VoteImport(
        dataset=dataset, created_by=user, name=name, format=format, filename=Path(filename).name[:200], stored=stored,
        sha256=digest, settings=settings, dry_run=dry_run,
    ))


def _keep(file: BinaryIO) -> tuple[str, str]:
    """The content's hash, and where in the private storage it now is."""
    digest, size = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as copy:
        while block := file.read(1 << 20):
            digest.update(block)
            copy.write(block)
            size += len(block)
            if size > LARGEST_BYTES:
                raise BadRequest(f"The file is larger than {LARGEST_BYTES >> 20:,} MB; split it.")
        if not size:
            raise BadRequest("The file is empty.")
        copy.seek(0)
        name = storages["private"].save(f"votes/{secrets.token_hex(16)}", File(copy))
    return digest.hexdigest(), name


def _same(dataset: Dataset, digest: str, settings: dict) -> VoteImport | None:
    """An import of the same content that has become a campaign."""
    rows = VoteImport.objects.filter(dataset=dataset, sha256=digest, state=VoteImport.State.DONE, campaign__isnull=False)
    return next((row for row in rows.order_by("pk") if row.settings == settings), None)


def run(job: VoteImport, report: Report) -> None:
    """Read and check everything, then write all of it in one transaction; a file that was read before changes nothing.

    Raises: JobError naming place and remedy.
    """
    try:
        _read_and_store(job, report)
    except LeaseLost:
        raise  # another process reads on
    except Exception:
        storages["private"].delete(job.stored)
        raise
    storages["private"].delete(job.stored)


def _read_and_store(job: VoteImport, report: Report) -> None:
    report(0.02, "reading the file")
    with tempfile.TemporaryDirectory(prefix="nearer-votes-") as place:
        path = Path(place, job.filename or "votes")
        with storages["private"].open(job.stored) as source, path.open("wb") as target:
            for block in iter(lambda: source.read(1 << 20), b""):
                target.write(block)
        try:
            options = {key: value for key, value in job.settings.items() if key in OPTIONS}
            source = open_votes(path, job.format, **options)
            people = _People(job.dataset, source)
            read = _Votes()
            for number, record in enumerate(source.records):
                _take(job, record, people, read)
                if number % 20_000 == 0:
                    report(stage=f"read {number:,} votes")
        except BadVoteFile as error:
            raise JobError(str(error)) from error
    read.finish(source)
    if not len(read):
        raise JobError(f"{job.filename}: no vote in it is about this data set's pairs. {' '.join(read.warnings)}".strip())
    figures = read.figures(source.format)
    fields = {"figures": figures, "warnings": read.warnings[:MOST_WARNINGS], **read.known}
    if job.dry_run:
        with report.final():
            VoteImport.objects.filter(pk=job.pk).update(**fields)
        return
    report(0.4, f"storing {len(read):,} votes")
    with report.final():
        Dataset.objects.select_for_update(no_key=True).get(pk=job.dataset_id)  # two imports of one file take turns
        if (before := _same(job.dataset, job.sha256, job.settings)) is not None:
            figures["already"] = str(before.campaign)
            VoteImport.objects.filter(pk=job.pk).update(**fields, campaign=before.campaign)
            return
        campaign = _Writer(job, read).write()
        VoteImport.objects.filter(pk=job.pk).update(**fields, campaign=campaign)


def _take(job: VoteImport, record: VoteRecord, people: "_People", read: "_Votes") -> None:
    try:
        person, first, second = people.find(record)
    except _Unknown as error:
        if not job.settings.get("skip_unknown"):
            raise BadVoteFile(f"{record.place}: {error} Set skip_unknown to leave such votes out.") from error
        read.skipped["votes on what the data set does not have"] += 1
        return
    read.add(record, person, first, second, people.joints)


class _Unknown(Exception):
    """The data set has no such picture, person or joint; the message says which."""


class _People:
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
        """Primary key of the person, indices of the joints. Raises: _Unknown."""
        name = record.image
        if isinstance(name, int):
            if not self._source.image_names:
                raise _Unknown(f"The picture is number {name}; say with image_names how names are made, such as im%04d.jpg.")
            name = self._source.image_names % name
        image = self._images.get(name, self._base.get(str(name).rpartition("/")[2]))
        if image is None:
            raise _Unknown(f"The data set “{self._dataset}” has no picture {str(name)[:80]!r}.")
        person = self._people.get((image, record.person))
        if person is None:
            raise _Unknown(f"The picture {name} has no person number {record.person}.")
        first, second = self._joint(record.first), self._joint(record.second)
        if first == second:
            raise BadVoteFile(f"{record.place}: a pair of a joint with itself.")
        return person, first, second

    def _joint(self, joint: int | str) -> int:
        if isinstance(joint, int):
            if joint >= len(self._by_index) or self._by_index[joint] is None:
                raise _Unknown(
                    f"There is no joint number {joint} among the {len(self._by_index)} (they count from 0); name the file's "
                    "joints in their order with the setting joints."
                )
            return self._by_index[joint]
        found = self._joint_named(_plain(joint))
        if found is None:
            raise _Unknown(f"There is no joint {joint!r}; this skeleton has {', '.join(self._dataset.skeleton.joints)}.")
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


class _Votes:
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


class _Writer:
    """Rows for what was read, within the caller's transaction."""

    def __init__(self, job: VoteImport, read: _Votes):
        self._job, self._read = job, read
        self._now = timezone.now()
        self._random = random.Random(job.sha256)  # for colour and side where unknown: a column cannot be empty

    def write(self) -> Campaign:
        read, campaign = self._read, self._campaign()
        workers = self._workers(campaign.environment)
        pairs = self._pairs()
        hits = self._hits(campaign)
        of_work: list[list[int]] = [[] for _ in read.works]
        for row, work in enumerate(read.work):
            of_work[work].append(row)
        works = [
            (names, rows[start : start + PER_TASK])
            for names, rows in zip(read.works, of_work) for start in range(0, len(rows), PER_TASK)
        ]
        asked: set[tuple[int, int]] = set()
        for start in range(0, len(works), 200):
            asked |= self._store(works[start : start + 200], workers, pairs, hits)
        HitPair.objects.bulk_create(self._hit_pairs(sorted(asked)), batch_size=BATCH)
        return campaign

    def _campaign(self) -> Campaign:
        job = self._job
        if Campaign.objects.filter(name=job.name).exists():
            raise JobError(f"There is a campaign called “{job.name}” by now; choose another name.")
        environment, _ = Environment.objects.get_or_create(name=PLACE, defaults={"kind": Environment.Kind.LINK})
        per_pair = round(len(self._read) / max(1, len({key[:3] for key in self._read.place})))
        return Campaign.objects.create(
            name=job.name, owner=job.created_by or job.dataset.owner, dataset=job.dataset, environment=environment,
            state=Campaign.State.ARCHIVED, votes_per_pair=min(max(per_pair, 1), 9), reward_usd=Decimal(0), consent_text="",
            has_tutorial=False, title=f"Votes of {job.filename}"[:128], finished_at=self._now, archived_at=self._now,
        )

    def _workers(self, environment: Environment) -> dict[str, Worker]:
        """A row for each worker: the same person in every import, and nowhere the name that the file has."""
        ids = {worker: f"imported-{_hash('worker', worker)[:32]}" for _, _, worker in self._read.works}
        found: dict[str, Worker] = {}
        names = sorted(ids.values())
        for start in range(0, len(names), BATCH):
            rows = Worker.objects.filter(environment=environment, worker_id__in=names[start : start + BATCH])
            found |= {row.worker_id: row for row in rows.select_related("annotator")}
        new = [name for name in names if name not in found]
        annotators = Annotator.objects.bulk_create(
            [Annotator(pseudonym=_hash("annotator", name)[:16]) for name in new], batch_size=BATCH
        )
        rows = [Worker(environment=environment, worker_id=name, annotator=one) for name, one in zip(new, annotators)]
        found |= {row.worker_id: row for row in Worker.objects.bulk_create(rows, batch_size=BATCH)}
        return {worker: found[name] for worker, name in ids.items()}

    def _pairs(self) -> dict[tuple[int, int, int], Pair]:
        """By person and sorted joints; those that the data set did not ask about are made."""
        wanted = {key[:3] for key in self._read.place}
        people = sorted({person for person, _, _ in wanted})
        found: dict[tuple[int, int, int], Pair] = {}
        for start in range(0, len(people), BATCH):
            for pair in Pair.objects.filter(person__in=people[start : start + BATCH]).iterator():
                found[pair.person_id, min(pair.first, pair.second), max(pair.first, pair.second)] = pair
        new = [Pair(person_id=person, first=a, second=b, strategy="imported") for person, a, b in sorted(wanted - set(found))]
        for pair in Pair.objects.bulk_create(new, batch_size=BATCH):
            found[pair.person_id, pair.first, pair.second] = pair
        return {key: found[key] for key in wanted}

    def _hits(self, campaign: Campaign) -> dict[str, Hit]:
        counts = Counter(hit for hit, _, _ in self._read.works)
        rows = [
            Hit(
                campaign=campaign, number=number, hit_id=name[:64] or "imported", status="Disposed", published_at=self._now,
                request_token=f"import-{self._job.pk}-{number}", max_assignments=min(counts[name], 32_000),
            )
            for number, name in enumerate(sorted(counts))
        ]
        return dict(zip(sorted(counts), Hit.objects.bulk_create(rows, batch_size=BATCH)))

    def _store(self, works: list, workers: dict[str, Worker], pairs: dict, hits: dict[str, Hit]) -> set[tuple[int, int]]:
        """Tasks with their comparisons and votes; returns which HIT asked which pair."""
        read, now = self._read, self._now
        tasks = Task.objects.bulk_create([
            Task(
                annotator_id=workers[worker].annotator_id, seed=0, delay_ms=0, created_at=now, expires_at=now,
                handed_in_at=now, verified_at=now,
            )
            for (_, _, worker), _ in works
        ], batch_size=BATCH)
        Assignment.objects.bulk_create([
            Assignment(
                hit=hits[hit], worker=workers[worker], task=task, state=Assignment.State.APPROVED, accepted_at=now,
                submitted_at=now, decided_at=now, note="Read from a file; paid, if at all, elsewhere.",
                assignment_id=f"import-{self._job.pk}-{_hash('assignment', f'{hit} {assignment} {rows[0]}')[:32]}",
            )
            for ((hit, assignment, worker), rows), task in zip(works, tasks)
        ], batch_size=BATCH)
        comparisons, asked = [], set()
        for ((hit, _, _), rows), task in zip(works, tasks):
            for position, row in enumerate(rows):
                first, second = read.first[row], read.second[row]
                pair = pairs[read.person[row], min(first, second), max(first, second)]
                swapped = pair.first != first
                if hit:
                    asked.add((hits[hit].pk, pair.pk))
                comparisons.append((row, swapped, Comparison(
                    task=task, position=position, pair=pair, first_is_green=self._shown(read.green[row], swapped),
                    first_is_left=self._shown(read.left[row], swapped),
                )))
        Comparison.objects.bulk_create([one for _, _, one in comparisons], batch_size=BATCH)
        Vote.objects.bulk_create([
            Vote(
                task=one.task, number=one.position + 1, comparison=one, pair=one.pair, annotator_id=one.task.annotator_id,
                choice=Choice.FIRST if bool(read.chose_first[row]) != swapped else Choice.SECOND,
                first_is_green=one.first_is_green, first_is_left=one.first_is_left, response_ms=read.ms[row],
                elapsed_ms=read.ms[row], given_at=read.given_at.get(row, now),
            )
            for row, swapped, one in comparisons
        ], batch_size=BATCH)
        return asked

    def _shown(self, value: int, swapped: bool) -> bool:
        return self._random.random() < 0.5 if value < 0 else bool(value) != swapped

    @staticmethod
    def _hit_pairs(asked: list[tuple[int, int]]) -> Iterator[HitPair]:
        """What each HIT that the file names had asked."""
        positions: Counter[int] = Counter()
        for hit, pair in asked:
            yield HitPair(hit_id=hit, pair_id=pair, position=positions[hit])
            positions[hit] += 1


def _hash(kind: str, text: str) -> str:
    """Keyed with the server's secret, so that nobody finds a worker's id by trying ids."""
    return hmac.new(site.SECRET_KEY.encode(), f"votes from elsewhere: {kind}: {text}".encode(), hashlib.sha256).hexdigest()


def unknown_shows(campaign: Campaign) -> tuple[bool, bool]:
    """Whether colour and whether side of a campaign's votes are unknown, because a file did not tell them."""
    row = campaign.vote_imports.filter(state=VoteImport.State.DONE, dry_run=False).order_by("pk").first()
    return (False, False) if row is None else (not row.knows_colour, not row.knows_side)
