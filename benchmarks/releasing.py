"""Writing a release, measured: python -m benchmarks.releasing [--votes 100000 1000000] [--formats csv parquet ...]

For each size a database of its own is made, with five votes on each pair, five pairs a person and one person an
image; then the release is written by a process of its own, whose seconds and peak memory are printed as Markdown.
With DATABASE_URL the tables are made there instead, in an empty database and for one size.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta

VOTES_PER_PAIR = 5
PAIRS = ((0, 1), (2, 5), (8, 3), (13, 6), (9, 12))
IMAGES_PER_HIT = 5
WORKERS = 300
BATCH = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--formats", nargs="+", help="by default all")
    parser.add_argument("--write", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        print(json.dumps(write(options.write, options.formats)))
        return
    print("| votes | pairs | seconds | votes a second | CPU seconds | peak memory | of it before the first vote | files |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    is_given = "DATABASE_URL" in os.environ
    for votes in options.votes:
        with tempfile.TemporaryDirectory(prefix="nearer-benchmark-") as place:
            own = {} if is_given else {"DATABASE_URL": f"sqlite:///{place}/benchmark.sqlite3"}
            os.environ |= {"NEARER_VAR": place, "OMP_NUM_THREADS": "1", **own}
            command = [sys.executable, "-c", f"from benchmarks import releasing; print(releasing.fill({votes}))"]
            merge = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]
            command = [sys.executable, "-m", "benchmarks.releasing", "--write", merge]
            command += ["--formats", *options.formats] if options.formats else []
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
            pace = found["votes"] / found["seconds"]
            print(
                f"| {found['votes']:,} | {found['pairs']:,} | {found['seconds']:.1f} | {pace:,.0f} | {found['cpu_s']:.1f} "
                f"| {found['peak_mb']:.0f} MB | {found['before_mb']:.0f} MB | {found['bytes'] / 1e6:.0f} MB |"
            )


def _setup() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()


def write(merge: int, formats: list[str] | None) -> dict:
    """Write one release in this process; seconds, peak memory in MB and the size of its files in bytes."""
    _setup()
    import pyarrow.parquet  # noqa: F401  its libraries are not what grows with the votes

    from crowd import releasing
    from crowd.models import Merge
    from jobs import running

    release = releasing.start(Merge.objects.get(pk=merge), None, name="benchmark", formats=formats)
    before, began, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    release = running.execute(release)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    if not release.is_done:
        raise SystemExit(release.error)
    counts = release.figures["counts"]
    return {
        "seconds": seconds, "cpu_s": cpu, "peak_mb": _peak_mb(), "before_mb": before, "votes": counts["votes"],
        "pairs": counts["pairs"], "bytes": sum(facts["bytes"] for facts in release.files.values()),
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(n_votes: int) -> int:
    """Make the tables and a merged campaign with so many votes; returns the merge's primary key."""
    _setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import transaction
    from django.utils import timezone

    from annotation import skeletons
    from annotation.models import Annotator, Comparison, Dataset, Image, Pair, Person, Task, Vote
    from crowd.models import Assignment, Campaign, Consensus, Environment, Hit, Merge, Worker, WorkerSkill

    call_command("migrate", verbosity=0)
    draw, now = random.Random(0), timezone.now()
    people = n_votes // VOTES_PER_PAIR // len(PAIRS)
    with transaction.atomic():
        user = get_user_model().objects.create(username="benchmark")
        skeleton = skeletons.skeleton("lsp-14")
        dataset = Dataset.objects.create(name="benchmark", owner=user, skeleton=skeleton, source="lsp")
        environment = Environment.objects.create(name="benchmark")
        campaign = Campaign.objects.create(name="benchmark", owner=user, dataset=dataset, environment=environment)
        images = Image.objects.bulk_create((
            Image(dataset=dataset, name=f"images/im{n:06d}.jpg", file=f"images/{n:064x}.jpg", sha256=f"{n * 7919:064x}",
                  width=400, height=300)
            for n in range(people)
        ), batch_size=BATCH)
        rows = Person.objects.bulk_create((
            Person(image=image, keypoints=[[round(draw.uniform(0, 400), 2), round(draw.uniform(0, 300), 2)] for _ in range(14)],
                   occluded=[False] * 14)
            for image in images
        ), batch_size=BATCH)
        pairs = Pair.objects.bulk_create(
            (Pair(person=row, first=a, second=b) for row in rows for a, b in PAIRS), batch_size=BATCH
        )
        annotators = Annotator.objects.bulk_create([Annotator() for _ in range(WORKERS)])
        workers = Worker.objects.bulk_create([
            Worker(environment=environment, worker_id=f"A{n}", annotator=annotator) for n, annotator in enumerate(annotators)
        ])
        size = IMAGES_PER_HIT * len(PAIRS)
        runs = [pairs[start : start + size] for start in range(0, len(pairs), size)]
        hits = Hit.objects.bulk_create((
            Hit(campaign=campaign, number=n, request_token=f"r{n}", max_assignments=VOTES_PER_PAIR) for n in range(len(runs))
        ), batch_size=BATCH)
        merge = Merge.objects.create(campaign=campaign, method="majority", state=Merge.State.DONE)
        counts = dict.fromkeys(range(WORKERS), 0)
        for some in range(0, len(hits), 200):
            _vote(hits[some : some + 200], runs[some : some + 200], workers, merge, counts, draw, now)
        newest = Vote.objects.order_by("-pk").values_list("pk", flat=True)[0]
        Merge.objects.filter(pk=merge.pk).update(votes_upto=newest, started_at=timezone.now(), ended_at=timezone.now())
        WorkerSkill.objects.bulk_create([
            WorkerSkill(merge=merge, annotator=annotator, n_votes=counts[n], agreement=0.8, skill=0.8, low=0.7, high=0.9)
            for n, annotator in enumerate(annotators) if counts[n]
        ])
    assert Task.objects.count() == len(hits) * VOTES_PER_PAIR == Assignment.objects.count()
    assert Comparison.objects.count() == Consensus.objects.count() * VOTES_PER_PAIR
    return merge.pk


def _vote(hits, runs, workers, merge, counts, draw, now) -> None:
    from annotation.models import Comparison, Task, Vote
    from crowd.models import Assignment, Consensus

    chosen = [draw.sample(range(len(workers)), VOTES_PER_PAIR) for _ in hits]
    tasks = iter(Task.objects.bulk_create([
        Task(annotator_id=workers[who].annotator_id, seed=1, expires_at=now + timedelta(hours=1), handed_in_at=now,
             verified_at=now)
        for of_hit in chosen for who in of_hit
    ], batch_size=BATCH))
    assignments, comparisons = [], []
    for hit, run, of_hit in zip(hits, runs, chosen):
        for who in of_hit:
            counts[who] += len(run)
            task = next(tasks)
            assignments.append(Assignment(hit=hit, worker=workers[who], assignment_id=f"A{task.pk}", task=task))
            comparisons += [
                Comparison(task=task, position=place, pair=pair, first_is_green=draw.random() < 0.5,
                           first_is_left=draw.random() < 0.5)
                for place, pair in enumerate(run)
            ]
    Assignment.objects.bulk_create(assignments, batch_size=BATCH)
    Comparison.objects.bulk_create(comparisons, batch_size=BATCH)
    votes = [
        Vote(task=one.task, number=one.position + 1, comparison=one, pair_id=one.pair_id, annotator_id=one.task.annotator_id,
             choice=1 if draw.random() < 0.7 else 2, first_is_green=one.first_is_green, first_is_left=one.first_is_left,
             response_ms=draw.randrange(800, 6000), elapsed_ms=2000)
        for one in comparisons
    ]
    Vote.objects.bulk_create(votes, batch_size=BATCH)
    firsts: dict[int, int] = {}
    for vote in votes:
        firsts[vote.pair_id] = firsts.get(vote.pair_id, 0) + (vote.choice == 1)
    Consensus.objects.bulk_create([
        Consensus(merge=merge, pair_id=pair, p_first=(n + 0.5) / (VOTES_PER_PAIR + 1),
                  risk=min(n + 0.5, VOTES_PER_PAIR + 0.5 - n) / (VOTES_PER_PAIR + 1), n_votes=VOTES_PER_PAIR)
        for pair, n in firsts.items()
    ], batch_size=BATCH)


if __name__ == "__main__":
    main()
