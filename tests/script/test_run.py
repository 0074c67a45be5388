"""`script/run` starts everything, keeps its data, and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "MARKETPLACE_URL", "QUEUE_PREFIX", "DJANGO_SETTINGS_MODULE")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(folder: Path, port: int) -> subprocess.Popen:
    """What script/run becomes once the virtual environment is there."""
    env = {name: value for name, value in os.environ.items() if name not in OURS}
    return subprocess.Popen(
        [sys.executable, "-m", "config.services.site", "--port", str(port)], cwd=ROOT, text=True,
        env=env | {"NEARER_VAR": str(folder), "ENV_FILE": os.devnull}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )


def said_until_ready(site: subprocess.Popen) -> str:
    said = ""
    for line in site.stdout:
        said += line
        if "Ctrl-C ends it" in line:
            return said
    raise AssertionError(f"the site did not start:\n{said}")


def family_of(pid: int) -> set[int]:
    """The process's living descendants."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in table.splitlines())}
    family, found = set(), {pid}
    while found:
        found = {child for child, parent in parents.items() if parent in found}
        family |= found
    return family


def alive(pids: set[int]) -> list[str]:
    """Those that still run; one that has ended and waits to be counted does not."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in table.splitlines()]
    return [row[-1] for row in rows if int(row[0]) in pids and not row[1].startswith("Z")]


@pytest.mark.long
def test_a_site_starts_ready_with_a_login_and_leaves_nothing_behind_however_it_ends(tmp_path, eventually):
    port = free_port()
    site = start(tmp_path, port)
    said = said_until_ready(site)
    url = f"http://127.0.0.1:{port}"
    assert url in said
    assert httpx.get(f"{url}/readyz", timeout=30).json()["ready"] is True
    user, password = re.search(r"user (\S+), password (\S+)", said).groups()
    with httpx.Client(base_url=url, follow_redirects=True, timeout=30) as browser:
        browser.get("/panel/login/")
        form = {"username": user, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert "/panel/logout/" in browser.post("/panel/login/?next=/panel/", data=form, headers={"Referer": url}).text

    assert (tmp_path / "site-url").read_text() == url  # for commands beside it
    second = start(tmp_path, free_port())
    assert "already runs" in second.communicate(timeout=60)[0]
    assert second.returncode == 1

    family = family_of(site.pid)
    assert len(family) >= 9, "watchdog, Redis, web server, two workers, the scheduler and their children"
    site.send_signal(signal.SIGINT)
    assert "Stopped." in site.communicate(timeout=60)[0]
    assert site.returncode == 0
    assert alive(family) == []

    again = start(tmp_path, port)
    assert password in said_until_ready(again), "the login is another one"
    family = family_of(again.pid)
    again.kill()
    again.communicate()
    eventually(lambda: alive(family) == [], within_s=15)


def test_a_port_in_use_is_named_with_the_remedy(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        site = start(tmp_path, port)
        said = site.communicate(timeout=30)[0]
    assert site.returncode == 1
    assert f"127.0.0.1:{port}" in said
    assert "--port" in said
