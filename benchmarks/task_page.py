"""What one answer costs: workers play the task page's own protocol, while Celery imports data sets beside them.

    python -m benchmarks.task_page                      SQLite
    python -m benchmarks.task_page --postgres           a private PostgreSQL
    python -m benchmarks.task_page --turkle PYTHON      and Turkle 3.1 with the interpreter of its own environment
                                                        (pip install turkle==3.1.0 granian==2.8.7)

Two web processes (granian, 2 workers x 4 threads), 8 workers without a pause between
answers. CPU is that of the web processes; with PostgreSQL its own is told apart.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.playing import NearerWorker, Tally, TurkleWorker, Wire, cpu_s, together
from config.services import postgres_server, redis_server
from config.services.children import Children, wait_for

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 8
PER_HIT = 25
IMPORT = """
import itertools, time
from annotation.loading import start_import
from django.contrib.auth import get_user_model
user = get_user_model().objects.first()
for number in itertools.count():
    start_import(user=user, format="nearer", path="annotation/demo/dataset", name=f"written beside {number}")
    time.sleep(3)
"""
COUNT = """
from annotation.models import Import, Vote
print(Vote.objects.count(), *(Import.objects.filter(state=state).count() for state in ("done", "failed")))
"""


def prepare(n_pairs: int, n_hits: int) -> list[str]:
    """A data set of that size and HITs of its first pairs; their tokens. Runs inside Django."""
    from django.contrib.auth import get_user_model

    from annotation import skeletons
    from annotation.models import Dataset, Image, Pair, Person
    from crowd.models import Campaign, Environment, Hit, HitPair

    owner = get_user_model().objects.create_superuser("benchmark")
    dataset = Dataset.objects.create(name="benchmark", owner=owner, skeleton=skeletons.skeleton("lsp-14"), source="benchmark")
    n_people = -(-n_pairs // 5)
    images = Image.objects.bulk_create(
        (
            Image(dataset=dataset, name=f"{n}.jpg", file=f"images/{n}.jpg", sha256=f"{n:064x}", width=400, height=500)
            for n in range(n_people)
        ),
        batch_size=1000,
    )
    keypoints = [[20 * joint + 50, 30 * joint + 40] for joint in range(14)]
    people = Person.objects.bulk_create(
        (Person(image=image, keypoints=keypoints, occluded=[False] * 14) for image in images), batch_size=1000
    )
    joints = [(0, 9), (6, 11), (4, 13), (1, 10), (5, 7)]
    pairs = Pair.objects.bulk_create(
        (Pair(person=person, first=first, second=second) for person in people for first, second in joints), batch_size=1000
    )
    market = Environment.objects.create(name="benchmark", endpoint_url="http://127.0.0.1/", worker_url="http://127.0.0.1/")
    campaign = Campaign.objects.create(
        name="benchmark", owner=owner, dataset=dataset, environment=market, state="collecting",
        has_tutorial=False, consent_text="",
    )
    tokens = []
    for number in range(n_hits):
        hit = Hit.objects.create(
            campaign=campaign, number=number, token=f"{number:x}", request_token=f"{number}", hit_id=f"3B{number}",
            max_assignments=9,
        )
        chosen = pairs[number * PER_HIT % (len(pairs) - PER_HIT) :][:PER_HIT]
        HitPair.objects.bulk_create(HitPair(hit=hit, pair=pair, position=i) for i, pair in enumerate(chosen))
        tokens.append(hit.token)
    return tokens


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def granian(children: Children, python: str, application: str, port: int, env: dict, log: Path, cwd: Path):
    """Two web processes, and the moment they answer."""
    command = [
        python, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "2",
        "--blocking-threads", "4", "--no-ws", application,
    ]  # fmt: skip
    process = children.start(command, env=env, log=log, cwd=cwd)

    def answers() -> bool:
        try:
            return Wire(port).ask("GET", "/")[0] < 600
        except OSError:
            return False

    wait_for(answers, process, what=application, log=log, timeout_s=60)
    return process


def play(name: str, workers: list, pid: int, rounds: int, per_round: int, database_pid: int | None = None) -> dict:
    """Rounds of open, answer, hand in; the answers are timed by themselves and as part of the whole way."""
    tally, answers_s, answers_cpu, database_cpu = Tally(), 0.0, 0.0, 0.0
    whole_from, whole_began = cpu_s(pid), time.perf_counter()
    for _ in range(rounds):
        together(workers, lambda worker: worker.open())
        before, database_before = cpu_s(pid), cpu_s(database_pid) if database_pid else 0.0
        answers_s += together(workers, lambda worker: [worker.answer(tally) for _ in range(per_round)])
        answers_cpu += cpu_s(pid) - before
        database_cpu += (cpu_s(database_pid) if database_pid else 0.0) - database_before
        together(workers, lambda worker: getattr(worker, "close", lambda tally: None)(tally))
    whole_cpu, whole_s = cpu_s(pid) - whole_from, time.perf_counter() - whole_began
    waits = sorted(tally.waits_ms)
    return {
        "name": name,
        "answers": tally.answers,
        "failures": tally.failures,
        "per_s": tally.answers / answers_s,
        "whole_per_s": tally.answers / whole_s,
        "cpu_ms": answers_cpu * 1000 / tally.answers,
        "whole_cpu_ms": whole_cpu * 1000 / tally.answers,
        "database_cpu_ms": database_cpu * 1000 / tally.answers,
        "median_ms": statistics.median(waits),
        "p99_ms": waits[int(len(waits) * 0.99)],
    }


def nearer(children: Children, folder: Path, options: argparse.Namespace) -> dict:
    port = free_port()
    env = os.environ | {
        "NEARER_VAR": str(folder / "var"), "PUBLIC_URL": f"http://127.0.0.1:{port}", "OMP_NUM_THREADS": "1",
        "LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    env.pop("DATABASE_URL", None)
    database_pid = None
    _, env["REDIS_URL"] = redis_server.start(children, folder / "redis", log=folder / "redis.log", durable=False)
    if options.postgres:
        env["DATABASE_URL"] = postgres_server.start(children, folder / "postgres", log=folder / "postgres.log")
        database_pid = int(next((folder / "postgres").rglob("postmaster.pid")).read_text().split()[0])
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=env, cwd=ROOT, check=True)
    subprocess.run([*manage, "collectstatic", "--no-input", "--verbosity", "0"], env=env, cwd=ROOT, check=True)
    shell = [*manage, "shell", "--no-imports", "-c"]

    def inside(code: str) -> str:
        return subprocess.run([*shell, code], env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout

    make = f"print(json.dumps(prepare({options.pairs}, {WORKERS * options.rounds})))"
    tokens = json.loads(inside(f"import json; from benchmarks.task_page import prepare; {make}"))
    server = granian(children, sys.executable, "config.wsgi:application", port, env, folder / "web.log", ROOT)
    celery = [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "default", "--concurrency", "1"]
    children.start([*celery, "--without-gossip", "--without-mingle"], env=env, log=folder / "celery.log", cwd=ROOT)
    writer = children.start([*shell, IMPORT], env=env, log=folder / "writer.log", cwd=ROOT)
    threading.Event().wait(6)  # the first import is under way
    workers = [NearerWorker(port, number, tokens[number::WORKERS]) for number in range(WORKERS)]
    kind = "PostgreSQL" if options.postgres else "SQLite"
    result = play(f"Nearer, {kind}, {options.pairs:,} pairs", workers, server.pid, options.rounds, PER_HIT, database_pid)
    children.stop(writer)
    told = inside(COUNT).split()
    result |= {"stored": int(told[0]), "imports": int(told[1]), "failed_imports": int(told[2])}
    for log in ("web.log", "celery.log"):
        result["busy"] = result.get("busy", 0) + (folder / log).read_text().count("database is locked")
    return result


def turkle(children: Children, folder: Path, options: argparse.Namespace) -> dict:
    port, place = free_port(), Path(__file__).parent
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(place)}
    env |= {"TURKLE_FOLDER": str(folder), "DJANGO_SETTINGS_MODULE": "turkle_site"}
    n_tasks = WORKERS * options.turkle_answers + 50
    made = subprocess.run(
        [options.turkle, str(place / "turkle_site.py"), str(folder), str(n_tasks), str(WORKERS)],
        env=env, check=True, capture_output=True, text=True,
    )  # fmt: skip
    site = json.loads(made.stdout)
    server = granian(children, options.turkle, "turkle_urls:application", port, env, folder / "turkle.log", place)
    workers = [TurkleWorker(port, site["batch"], cookie) for cookie in site["cookies"]]
    return play("Turkle 3.1, SQLite", workers, server.pid, options.turkle_answers, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=50_000, help="size of the data set")
    parser.add_argument("--rounds", type=int, default=10, help=f"HITs of {PER_HIT} for each of the {WORKERS} workers")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--turkle", default="", metavar="PYTHON")
    parser.add_argument("--turkle-answers", type=int, default=15, help="for each worker")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    results = []
    for measure in (nearer, turkle) if options.turkle else (nearer,):
        place = tempfile.TemporaryDirectory(prefix="nearer-benchmark-", ignore_cleanup_errors=True)
        with place as name, Children() as children:
            Path(name).chmod(0o755)  # PostgreSQL runs as another user where this one is root
            results.append(measure(children, Path(name), options))
    heads = ["answers/s", "with pages", "CPU ms", "with pages", "DB ms", "median ms", "p99 ms", "failed"]
    print(f"{'':44}" + "".join(f"{head:>11}" for head in heads))
    for row in results:
        print(
            f"{row['name']:44}{row['per_s']:11.0f}{row['whole_per_s']:11.0f}{row['cpu_ms']:11.2f}{row['whole_cpu_ms']:11.2f}"
            f"{row['database_cpu_ms']:11.2f}{row['median_ms']:11.1f}{row['p99_ms']:11.1f}{len(row['failures']):11}"
        )
    told = ("answers", "stored", "imports", "failed_imports", "busy")
    print({key: value for key, value in results[0].items() if key in told})
    for row in results:
        for failure in row["failures"][:3]:
            print(row["name"], failure)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
