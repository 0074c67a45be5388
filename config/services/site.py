"""One machine, one command: the whole of Nearer, started together and ended together. Behind `script/run`."""

import argparse
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import environ

from config.services import probe, redis_server
from config.services.children import Children, ServiceFailed, tail

ROOT = Path(__file__).resolve().parent.parent.parent
READY_WITHIN_S = 120
DEATHS_ALLOWED, DEATHS_WINDOW_S = 4, 60
LONGEST_LOG = 20_000_000


class Stop(BaseException):
    """Somebody asked us to end: Ctrl-C, a terminal that closes, a service manager."""


class Service:
    """One program of the site: started, watched, started again when it dies."""

    def __init__(self, children: Children, name: str, begin: Callable[[], subprocess.Popen], log: Path):
        self.name, self.log = name, log
        self._children, self._begin = children, begin
        self._deaths: deque[float] = deque(maxlen=DEATHS_ALLOWED)
        self.process = begin()

    def revive(self) -> None:
        """Start it again if it has died.

        Raises: ServiceFailed when it keeps dying.
        """
        if (status := self.process.poll()) is None:
            return
        self._children.bury(self.process)
        now = time.monotonic()
        if len(self._deaths) == DEATHS_ALLOWED and now - self._deaths[0] < DEATHS_WINDOW_S:
            raise ServiceFailed(f"The {self.name} keeps ending (status {status}). The end of {self.log}:\n{tail(self.log)}")
        self._deaths.append(now)
        say(f"The {self.name} ended with status {status}; it is started again. Its log: {self.log}")
        self.process = self._begin()


def say(line: str = "") -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(line, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/run", description="Starts Nearer on this machine: web server, queue, workers, demo data, a login."
    )
    parser.add_argument("--port", type=int, default=8000, help="where the site answers (8000)")
    parser.add_argument("--host", default="127.0.0.1", help="which address it listens on (127.0.0.1: this machine only)")
    return parser.parse_args()


def environment(host: str, port: int) -> tuple[dict[str, str], Path]:
    """What every program of the site gets to know, and the folder of its data."""
    environ.Env.read_env(os.environ.get("ENV_FILE", str(ROOT / ".env")))
    folder = Path(os.environ.get("NEARER_VAR") or ROOT / "var").resolve()
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    env = {
        "PUBLIC_URL": f"http://{shown}:{port}",
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",  # several processes share the cores: more threads each make all slower
        **os.environ,
        "NEARER_VAR": str(folder),
    }
    return env, folder


def only_one(folder: Path) -> int:
    """A lock that lasts as long as this process.

    Raises: ServiceFailed if another site runs from the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "site.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ServiceFailed(f"Cannot write to {folder} ({error.strerror}); set NEARER_VAR to a folder of your own.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note = os.read(lock, 200).decode()
        raise ServiceFailed(
            f"Nearer already runs from {folder} ({note}); stop it, or set NEARER_VAR to another folder."
        ) from None
    return lock


def must_be_free(host: str, port: int) -> None:
    """Raises: ServiceFailed if the address cannot be listened on."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except (OSError, OverflowError) as error:
        raise ServiceFailed(
            f"Cannot listen on {host}:{port} ({error}). If another program has the port, choose one: script/run --port "
            f"{port + 1 if port < 65000 else 8001}"
        ) from error


def start_broker(children: Children, env: dict[str, str], folder: Path, log_of: Callable[[str], Path]) -> Service | None:
    """The queue, unless REDIS_URL names one; its address goes into the environment, and to a file for other commands."""
    note = folder / "broker-url"
    if env.get("REDIS_URL"):
        note.unlink(missing_ok=True)
        return None
    if redis_server.find() is None:
        say("There is no Redis here, so the queue is kept in files, which is slower; install redis-server for a better one.")
        env["REDIS_URL"] = "filesystem://"
        service = None
    else:
        log = log_of("redis")

        def begin() -> subprocess.Popen:
            process, env["REDIS_URL"] = redis_server.start(children, folder / "redis", log=log, durable=True)
            return process

        service = Service(children, "Redis", begin, log)
    note.write_text(env["REDIS_URL"])
    return service


def prepare(children: Children, env: dict[str, str], log: Path) -> str:
    """Bring tables, static files, demo data and login up to date; returns what the preparation said (the login)."""
    log.unlink(missing_ok=True)
    process = children.start([sys.executable, "-m", "config.services.prepare"], log=log, env=env, cwd=ROOT)
    status = process.wait()
    children.bury(process)
    if status:
        raise ServiceFailed(f"The site could not be prepared. The end of {log}:\n{tail(log, 25)}")
    said = log.read_text(errors="replace").strip()
    log.unlink()  # it says a password
    return said


def commands(host: str, port: int) -> dict[str, list[str]]:
    """The programs of the site, by what they are called."""
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    return {
        "web server": [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port),
            "--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers", "--workers-kill-timeout", "5",
            "--no-ws", "config.wsgi:application",
        ],
        "worker": [*celery, "worker", "-Q", "default", "-n", "default@%h", "--concurrency", "2", *quiet],
        "training worker": [*celery, "worker", "-Q", "training", "-n", "training@%h", "--concurrency", "1", *quiet],
        "scheduler": [*celery, "beat", "--loglevel", "WARNING", "--pidfile", ""],
    }


def wait_until_ready(services: list[Service], host: str, port: int, public_url: str) -> None:
    """Raises: ServiceFailed with the parts that are missing when it takes too long."""
    where = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        ok, text = probe.ask("readyz", host=where, port=port, public_url=public_url)
        if ok:
            return
        for service in services:
            service.revive()
        if time.monotonic() > deadline:
            logs = ", ".join(str(service.log) for service in services)
            raise ServiceFailed(f"Not ready after {READY_WITHIN_S} s ({probe.missing(text)}). The logs: {logs}")
        time.sleep(0.25)


def end(children: Children, services: list[Service]) -> None:
    """Ask all at once, so that the slowest sets the pace; Redis, which the others need, goes last."""
    broker_last = sorted(services, key=lambda service: service.name == "Redis")
    for service in broker_last:
        if service.name != "Redis":
            children.ask(service.process)
    deadline = time.monotonic() + 6
    for service in broker_last:
        children.stop(service.process, grace_s=max(deadline - time.monotonic(), 0.5))
    children.close()


def run(host: str, port: int) -> None:
    env, folder = environment(host, port)
    os.umask(0o077)  # votes, worker ids and the researcher's password are nobody else's
    lock = only_one(folder)
    must_be_free(host, port)
    public = urlsplit(env["PUBLIC_URL"])
    if public.hostname in ("127.0.0.1", "localhost") and public.port != port:
        say(f"PUBLIC_URL is {env['PUBLIC_URL']}, but this site listens on port {port}; links will lead elsewhere.")
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"process {os.getpid()}, {env['PUBLIC_URL']}".encode(), 0)
    (folder / "site-url").write_text(env["PUBLIC_URL"])  # for commands that are called beside it
    logs = folder / "log"
    logs.mkdir(exist_ok=True)

    def log_of(name: str) -> Path:
        log = logs / f"{name.replace(' ', '-')}.log"
        if log.exists() and log.stat().st_size > LONGEST_LOG:
            log.replace(log.with_suffix(".1.log"))
        return log

    children, services = Children(), []
    try:
        if broker := start_broker(children, env, folder, log_of):
            services.append(broker)
        say("Preparing the database, static files and demo data ...")
        welcome = prepare(children, env, log_of("prepare"))
        say("Starting the web server and the workers ...")
        for name, command in commands(host, port).items():
            log = log_of(name)
            begin = partial(children.start, command, log=log, env=env, cwd=ROOT)
            services.append(Service(children, name, begin, log))
        wait_until_ready(services, host, port, env["PUBLIC_URL"])
        say("\n".join(["", f"  Nearer runs at {env['PUBLIC_URL']}", *(f"  {line}" for line in welcome.splitlines()),
                       f"  Data and logs: {folder}", "  Ctrl-C ends it.", ""]))
        while True:
            time.sleep(0.5)
            for service in services:
                service.revive()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say("Stopping ...")
        end(children, services)
        say("Stopped.")


def main() -> None:
    options = arguments()

    def stop(number: int, frame: object) -> None:
        raise Stop

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        run(options.host, options.port)
    except Stop:
        sys.exit(0)
    except ServiceFailed as error:
        sys.exit(f"script/run: {error}")


if __name__ == "__main__":
    main()
