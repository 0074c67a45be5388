"""A real queue and real Celery workers for tests. Loaded by tests/conftest.py as a plugin.

Without asking, a test's messages go nowhere: they vanish in memory. A test that asks for
`broker` gets a queue of its own on a real Redis (the one of REDIS_URL, else one started for
the session). `worker` is a real `celery worker` process on that queue and the test's
database; `start_worker(queues=..., concurrency=...)` makes more, to be stopped or killed.
Such a test needs `transactional_db`, which `start_worker` asks for: another process sees
only what is committed.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import kombu.pools
import pytest
import redis
from django.conf import settings as django_settings

from config import broker as brokers
from config.celery import app
from config.services import redis_server
from config.services.children import Children, tail

ROOT = Path(__file__).resolve().parent.parent
NO_QUEUE = "memory://"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: drives a real browser; given to every test that asks for one")
    config.addinivalue_line("markers", "long: takes many seconds, begun first so that no process waits for it at the end")
    config.addinivalue_line("markers", "once: slow, or the same whatever the database; left to PostgreSQL and Redis")
    config.addinivalue_line("markers", "services: touches database or queue; given to every test that asks for either")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        asked_for = set(getattr(item, "fixturenames", ()))
        if "browser" in asked_for:
            item.add_marker("browser")
        if item.get_closest_marker("django_db") or asked_for & {"db", "transactional_db", "broker", "redis_url"}:
            item.add_marker("services")
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def point_celery_at(url: str, options: dict) -> None:
    """This process's Celery talks to another broker from now on."""
    app.conf.broker_url = url
    app.conf.broker_transport_options = options
    kombu.pools.reset()
    app._pool = None  # these remember the old address
    app.amqp._producer_pool = None
    app.__dict__.pop("control", None)


@dataclass
class Broker:
    """A queue that only this test uses."""

    url: str
    prefix: str


@pytest.fixture(scope="session", autouse=True)
def _no_queue() -> None:
    point_celery_at(NO_QUEUE, {})


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Redis."""
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    folder = tmp_path_factory.mktemp("redis")
    with Children() as children:
        yield redis_server.start(children, folder, log=folder / "redis.log", durable=False)[1]


@pytest.fixture
def broker(redis_url: str, tmp_path: Path) -> Iterator[Broker]:
    prefix = f"nearer-test-{secrets.token_hex(6)}-"
    point_celery_at(redis_url, brokers.transport_options(redis_url, tmp_path, prefix))
    yield Broker(redis_url, prefix)
    point_celery_at(NO_QUEUE, {})
    with redis.Redis.from_url(redis_url.replace("redis+socket://", "unix://")) as server:
        for key in server.scan_iter(f"{prefix}*"):
            server.delete(key)


class Worker:
    """A Celery worker process."""

    def __init__(self, children: Children, process: subprocess.Popen, log: Path):
        self._children, self.process, self.log = children, process, log

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """End it as an operator would: running tasks are finished, for ten seconds at most."""
        self._children.stop(self.process, grace_s=10)

    def kill(self) -> None:
        """kill -9 of the whole group: no process of it says goodbye."""
        self._children.bury(self.process)


def database_url() -> str:
    """The test's database, as a worker process is told of it."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return f"sqlite:///{connection.settings_dict['NAME']}"
    known = connection.settings_dict
    user, password = quote(known["USER"], safe=""), quote(known["PASSWORD"], safe="")
    return f"postgres://{user}:{password}@{known['HOST']}:{known['PORT']}/{quote(known['NAME'])}"


@pytest.fixture
def start_worker(broker: Broker, transactional_db, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """`start_worker(queues="default,training", concurrency=1, **environment)` returns once the worker takes tasks."""
    workers = []
    with Children() as children:

        def start(*, queues: str = "default,training", concurrency: int = 1, **environment: str) -> Worker:
            name = f"w{secrets.token_hex(4)}@here"
            log = tmp_path / f"{name}.log"
            env = os.environ | {
                "DATABASE_URL": database_url(), "REDIS_URL": broker.url, "QUEUE_PREFIX": broker.prefix,
                "NEARER_VAR": str(tmp_path), "ENV_FILE": os.devnull, "OMP_NUM_THREADS": "1",
                "SECRET_KEY": django_settings.SECRET_KEY, "PUBLIC_URL": django_settings.PUBLIC_URL, **environment,
            }
            process = children.start(
                [sys.executable, "-m", "celery", "-A", "config", "worker", "-n", name, "-Q", queues,
                 "--concurrency", str(concurrency), "--without-gossip", "--without-mingle", "--loglevel", "INFO"],
                env=env, log=log, cwd=ROOT,
            )
            deadline = time.monotonic() + 60
            while not app.control.inspect(destination=[name], timeout=0.3).ping():
                assert process.poll() is None and time.monotonic() < deadline, f"no worker:\n{tail(log, 40)}"
            workers.append(Worker(children, process, log))
            return workers[-1]

        yield start
        for each in workers:
            each.kill()


@pytest.fixture
def worker(start_worker: Callable[..., Worker]) -> Worker:
    return start_worker()


@pytest.fixture
def eventually() -> Callable[..., object]:
    """`eventually(check, within_s=20)` waits until `check()` is true and returns what it returned."""

    def wait(check: Callable[[], object], *, within_s: float = 20.0) -> object:
        deadline = time.monotonic() + within_s
        while not (found := check()):
            assert time.monotonic() < deadline, f"still not so after {within_s} s"
            time.sleep(0.05)
        return found

    return wait
