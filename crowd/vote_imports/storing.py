"""Votes that were read from a file become rows: a campaign, its workers under pseudonyms, tasks, comparisons, votes."""

import hashlib
import hmac
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from django.conf import settings as site
from django.utils import timezone

from annotation.models import Annotator, Choice, Comparison, Pair, Task, Vote
from crowd.models import Assignment, Campaign, Environment, Hit, HitPair, VoteImport, Worker
from crowd.vote_imports.matching import Votes
from jobs.running import JobError

PLACE = "Votes from elsewhere"  # the environment that imported workers belong to
BATCH = 2_000
PER_TASK = 1_000  # comparisons; a file that names no assignments gives a worker as many tasks as it takes


class Writer:
    """Rows for what was read, within the caller's transaction."""

    def __init__(self, job: VoteImport, read: Votes):
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
        """By person and sorted joints; those that the data set did not ask about are made, in the order of their first vote."""
        wanted: dict[tuple[int, int, int], tuple[int, int]] = {}
        for person, first, second in zip(self._read.person, self._read.first, self._read.second):
            wanted.setdefault((person, min(first, second), max(first, second)), (first, second))
        people = sorted({person for person, _, _ in wanted})
        found: dict[tuple[int, int, int], Pair] = {}
        for start in range(0, len(people), BATCH):
            for pair in Pair.objects.filter(person__in=people[start : start + BATCH]).iterator():
                found[pair.person_id, min(pair.first, pair.second), max(pair.first, pair.second)] = pair
        new = {
            key: Pair(person_id=key[0], first=wanted[key][0], second=wanted[key][1], strategy="imported")
            for key in sorted(wanted.keys() - found.keys())
        }
        Pair.objects.bulk_create(new.values(), batch_size=BATCH)
        found |= new
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
