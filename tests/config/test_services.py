"""The private servers and the processes that must not outlive whoever started them."""

import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2
import pytest

from config.services import chromium, postgres_server, redis_server
from config.services.children import Children, ServiceFailed

ROOT = Path(__file__).resolve().parent.parent.parent
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def is_running(pid: int) -> bool:
    """Whether the process lives; one that only waits to be counted by its parent does not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(done.stdout.strip()) and not done.stdout.startswith("Z")


def test_children_end_with_their_starter():
    with Children() as children:
        processes = [children.start(SLEEP) for _ in range(3)]
        assert all(is_running(process.pid) for process in processes)
    assert not any(is_running(process.pid) for process in processes)


def test_a_child_that_will_not_end_is_made_to(tmp_path):
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    log = tmp_path / "log"
    with Children() as children:
        process = children.start([sys.executable, "-c", stubborn], log=log)
        while not log.read_text():
            time.sleep(0.02)
        children.stop(process, grace_s=0.2)
    assert process.returncode == -signal.SIGKILL


def test_children_of_children_end_too(tmp_path, eventually):
    family = f"import subprocess, time; print(subprocess.Popen({SLEEP!r}).pid, flush=True); time.sleep(60)"
    log = tmp_path / "log"
    with Children() as children:
        children.start([sys.executable, "-c", family], log=log)
        while not log.read_text().endswith("\n"):
            time.sleep(0.02)
    eventually(lambda: not is_running(int(log.read_text())), within_s=5)


def test_children_end_even_when_their_starter_is_killed(eventually):
    starter = (
        "import sys, time; from config.services.children import Children; children = Children();"
        f"print(children.start({SLEEP!r}).pid, children.start({SLEEP!r}).pid, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert all(is_running(pid) for pid in pids)
    process.kill()
    process.communicate()
    eventually(lambda: not any(is_running(pid) for pid in pids), within_s=5)


def test_redis_keeps_its_messages_when_it_is_durable(tmp_path):
    log = tmp_path / "log"
    ask = [b"SET kept yes\r\n", b"GET kept\r\n"]
    for question in ask:
        with Children() as children:
            _, url = redis_server.start(children, tmp_path / "redis", log=log, durable=True)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(url.removeprefix("redis+socket://"))
                connection.sendall(question)
                answer = connection.recv(100)
    assert answer == b"$3\r\nyes\r\n"
    assert not redis_server.answers(redis_server.socket_path(tmp_path / "redis"))


def test_redis_sets_a_damaged_queue_aside_and_starts(tmp_path):
    folder, log = tmp_path / "redis", tmp_path / "log"
    with Children() as children:
        process, url = redis_server.start(children, folder, log=log, durable=True)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(url.removeprefix("redis+socket://"))
            connection.sendall(b"SET a 1\r\n")
            connection.recv(100)
        children.stop(process)
        for file in folder.rglob("*.aof"):
            file.write_bytes(b"this is no queue, and it is not cut short either\r\n" * 10)
        redis_server.start(children, folder, log=log, durable=True)
    assert any(folder.glob("set-aside-*"))


def test_redis_of_a_folder_with_a_long_name_listens_at_a_short_address(tmp_path):
    folder = tmp_path / ("x" * 120)
    path = redis_server.socket_path(folder)
    try:
        assert len(str(path)) <= redis_server.LONGEST_SOCKET_PATH
        assert path.parent.stat().st_mode & 0o077 == 0
        assert redis_server.socket_path(folder) == path
        assert redis_server.socket_path(tmp_path / ("y" * 120)) != path
    finally:
        for name in "xy":
            redis_server.socket_path(tmp_path / (name * 120)).parent.rmdir()


def test_two_queues_do_not_share_a_folder(tmp_path):
    with Children() as children:
        redis_server.start(children, tmp_path / "redis", log=tmp_path / "log", durable=False)
        with pytest.raises(ServiceFailed, match="already listens"):
            redis_server.start(children, tmp_path / "redis", log=tmp_path / "log", durable=False)


def test_postgresql_starts_for_whoever_we_are_and_wants_its_password(tmp_path):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, Children() as children:
        url = postgres_server.start(children, Path(folder) / "postgres", log=tmp_path / "log")
        connection = psycopg2.connect(url)
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_encoding")
            assert cursor.fetchone() == ("UTF8",)
        connection.close()
        without_password = url.replace(url.split(":")[2].split("@")[0], "wrong")
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(without_password)


def test_a_program_that_is_no_browser_is_not_taken_for_one(tmp_path):
    assert not chromium.starts(Path("/bin/true"))
    assert not chromium.starts(tmp_path / "nothing")
