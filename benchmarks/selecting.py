"""Filling a lean campaign's task, measured: python -m benchmarks.selecting [--postgres] [--pairs N] [--tasks N] [--people N]

A campaign with a million open pairs is made in a database of its own (SQLite, or a private PostgreSQL). First one worker
after another accepts tasks: CPU of this process and of the database for each choice, for newcomers and for people who have
seen thousands of the best pairs already. Then (PostgreSQL) 50 people accept at the same time, again and again: how many
tasks each gets, and whether any pair is asked beyond its cap.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

from benchmarks.playing import cpu_s
from config.services import postgres_server
from config.services.children import Children

PROTOTYPES = 50
PAIRS_PER_IMAGE = 5
HOUR = timedelta(hours=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        measure(options)
        return
    place = tempfile.TemporaryDirectory(prefix="nearer-benchmark-", ignore_cleanup_errors=True)
    with place as name, Children() as children:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user where this one is root
        url = f"sqlite:///{name}/benchmark.sqlite3"
        if options.postgres:
            url = postgres_server.start(children, Path(name) / "postgres", log=Path(name) / "postgres.log")
        env = os.environ | {
            "DATABASE_URL": url, "NEARER_VAR": name, "OMP_NUM_THREADS": "1", "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "WARNING",
        }  # fmt: skip
        subprocess.run([sys.executable, "-m", "benchmarks.selecting", "--inside", *sys.argv[1:]], env=env, check=True)


def measure(options: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    campaign = fill(options.pairs)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(f"{options.pairs:,} open pairs on {connection.vendor}, made in {time.perf_counter() - began:.0f} s\n", flush=True)
    print("| who | tasks | CPU ms of the process | of the database | wall ms, median | 95 % | pairs a task |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    newcomers = _one_by_one(campaign, options.tasks, people=options.tasks)
    regulars = _one_by_one(campaign, options.tasks, people=2)
    _row("newcomers", newcomers)
    _row("two who have done the rest", regulars)
    if connection.vendor == "postgresql":
        _together(campaign, options.people, rounds=4)


def fill(n_pairs: int):
    """Tables with so many open pairs, copied by the database from a few made by hand; a lean campaign over them."""
    import numpy as np
    from django.contrib.auth import get_user_model
    from django.db import connection, transaction

    from annotation import skeletons
    from annotation.models import Dataset, Image, Pair, Person
    from crowd.aggregation import Votes
    from crowd.lean import standing
    from crowd.models import Campaign, Environment, Hit, Standing

    owner = get_user_model().objects.create_superuser("benchmark")
    dataset = Dataset.objects.create(name="benchmark", owner=owner, skeleton=skeletons.skeleton("lsp-14"), source="benchmark")
    image = Image.objects.create(dataset=dataset, name="1.jpg", file="1.jpg", sha256=f"{1:064x}", width=400, height=500)
    keypoints = [[20 * joint + 50, 30 * joint + 40] for joint in range(14)]
    person = Person.objects.create(image=image, keypoints=keypoints, occluded=[False] * 14)
    pair = Pair.objects.create(person=person, first=0, second=1)
    place = Environment.objects.create(name="benchmark", endpoint_url="http://127.0.0.1/", worker_url="http://127.0.0.1/")
    campaign = Campaign.objects.create(
        name="benchmark", owner=owner, dataset=dataset, environment=place, state="collecting", protocol="lean",
        has_tutorial=False, consent_text="",
    )
    Hit.objects.create(campaign=campaign, number=0, token="b", request_token="b", hit_id="3B", max_assignments=9)
    fitted, draw = standing.known(campaign).fitted, np.random.default_rng(0)
    n_votes = draw.integers(0, 4, PROTOTYPES)
    item = np.repeat(np.arange(PROTOTYPES), n_votes)
    votes = Votes(item, np.arange(len(item)), draw.integers(0, 2, len(item)), n_items=PROTOTYPES, n_workers=len(item) + 1)
    evidence, images = fitted.evidence(votes), -(-n_pairs // PAIRS_PER_IMAGE)
    worth = fitted.expected_drop(evidence)

    def copies(model, first, last: int, proto, **values: str) -> None:
        """Rows with the keys `first` to `last`, like `proto` but for these columns; `n` is the key."""
        columns = [field.column for field in model._meta.concrete_fields]
        values = {"id": "n"} | values
        chosen = [values.get(column, f"p.{connection.ops.quote_name(column)}") for column in columns]
        names = ", ".join(map(connection.ops.quote_name, columns))
        table = connection.ops.quote_name(model._meta.db_table)
        numbers = f"generate_series({first}, {last}) AS g(n)"
        begin = ""
        if connection.vendor == "sqlite":
            begin = f"WITH RECURSIVE g(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM g WHERE n < {last}) "
            numbers = "g"
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({names}) {begin}SELECT {', '.join(chosen)} "
                f"FROM {table} p, {numbers} WHERE p.id = {proto}"
            )

    chance = "random()" if connection.vendor == "postgresql" else "(abs(random()) % 1000003) / 1000003.0"
    of_image = f"(n - 1) / {PAIRS_PER_IMAGE} + 1"
    with transaction.atomic():
        copies(Image, image.pk + 1, images, image.pk, name="'i' || n", file="'i' || n", sha256="'s' || n")
        copies(Person, person.pk + 1, images, person.pk, image_id="n")
        copies(Pair, pair.pk + 1, n_pairs, pair.pk, person_id=of_image, second=f"(n - 1) % {PAIRS_PER_IMAGE} + 1")
        Standing.objects.bulk_create([
            Standing(
                campaign=campaign, pair_id=n + 1, image_id=n // PAIRS_PER_IMAGE + 1, draw=float(draw.random()),
                n_votes=int(n_votes[n]), worth=float(worth[n]), rank=float(worth[n]) * draw.random(),
                evidence=evidence[n].astype(np.float32).tobytes(),
            )
            for n in range(PROTOTYPES)
        ])
        copies(
            Standing, PROTOTYPES + 1, n_pairs, f"1 + n % {PROTOTYPES}", pair_id="n", image_id=of_image, draw=chance,
            rank=f"p.worth * {chance}",
        )
    return campaign


def _one_by_one(campaign, tasks: int, *, people: int) -> list[tuple[float, float, float, int]]:
    """(CPU s here, CPU s of the database, wall s, pairs) of each choice; then the task is handed out."""
    from django.db import connection, transaction
    from django.utils import timezone

    from annotation import serving
    from annotation.models import Annotator
    from crowd.lean import selecting

    own_process = connection.vendor != "postgresql"
    with connection.cursor() as cursor:
        backend = os.getpid() if own_process else cursor.execute("SELECT pg_backend_pid()") or cursor.fetchone()[0]
    annotators = [Annotator.objects.create() for _ in range(people)]
    found = []
    for number in range(tasks):
        annotator = annotators[number % people]
        with transaction.atomic():
            cpu, theirs, wall = time.process_time(), cpu_s(backend), time.perf_counter()
            pairs = selecting.fill(campaign, annotator, seed=number)
            spent = (time.process_time() - cpu, cpu_s(backend) - theirs, time.perf_counter() - wall)
            serving.hand_out(annotator, pairs, seed=number, delay_ms=750, expires_at=timezone.now() + HOUR)
        found.append((spent[0], 0.0 if own_process else spent[1], spent[2], len(pairs)))
    return found


def _row(who: str, found: list[tuple[float, float, float, int]]) -> None:
    cpu, theirs, wall, n = (sorted(column) for column in zip(*found, strict=True))
    print(
        f"| {who} | {len(found)} | {1000 * sum(cpu) / len(cpu):.1f} | {1000 * sum(theirs) / len(theirs):.1f} "
        f"| {1000 * wall[len(wall) // 2]:.1f} | {1000 * wall[int(len(wall) * 0.95)]:.1f} | {sum(n) / len(n):.1f} |", flush=True,
    )


def _together(campaign, people: int, rounds: int) -> None:
    """Everybody accepts again and again at the same time, until each has asked `rounds` times."""
    from collections import Counter

    from django.db import connection, transaction
    from django.db.models import F
    from django.utils import timezone

    from annotation import serving
    from annotation.models import Annotator, Comparison
    from crowd.lean import selecting

    annotators = [Annotator.objects.create() for _ in range(people)]
    before = Comparison.objects.count()
    got: Counter = Counter()
    waits: list[float] = []
    errors: list[BaseException] = []

    def come(number: int) -> None:
        try:
            for turn in range(rounds):
                began = time.perf_counter()
                with transaction.atomic():
                    pairs = selecting.fill(campaign, annotators[number], seed=number * rounds + turn)
                    if pairs:
                        serving.hand_out(
                            annotators[number], pairs, seed=turn, delay_ms=750, expires_at=timezone.now() + HOUR
                        )
                waits.append(time.perf_counter() - began)
                got[number] += bool(pairs)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=come, args=[number]) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    waits.sort()
    beyond = campaign.standings.filter(n_votes__gt=campaign.most_votes - F("n_out")).count()
    print(
        f"\n{people} people at once, {rounds} tasks each: everybody got {min(got.values())} to {max(got.values())}; "
        f"{Comparison.objects.count() - before:,} pairs handed out, {beyond} beyond their cap; "
        f"waits median {1000 * waits[len(waits) // 2]:.0f} ms, longest {1000 * waits[-1]:.0f} ms"
    )


if __name__ == "__main__":
    main()
