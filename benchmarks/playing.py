"""Workers as threads who speak a site's own protocol over HTTP, and what that costs the site's processes."""

import http.client
import json
import os
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
DATA = re.compile(r'<script id="task-data" type="application/json">(.*?)</script>', re.DOTALL)


@dataclass
class Tally:
    """What all workers of one run did together; waits in ms, one for each answer stored."""

    answers: int = 0
    failures: list[str] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stored(self, wait_s: float) -> None:
        with self.lock:
            self.answers += 1
            self.waits_ms.append(wait_s * 1000)

    def failed(self, why: str) -> None:
        with self.lock:
            self.failures.append(why)


class Wire:
    """One kept-alive connection, as a browser has."""

    def __init__(self, port: int):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None) -> tuple[int, dict, str]:
        self._connection.request(method, path, body, headers or {})
        response = self._connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()


class NearerWorker:
    """Opens HIT after HIT, answers all comparisons, hands in."""

    def __init__(self, port: int, number: int, hits: list[str]):
        self._wire, self._number, self._hits = Wire(port), number, iter(hits)

    def open(self) -> None:
        """The page of the next HIT."""
        token = next(self._hits)
        ids = {"assignmentId": f"3B{self._number}A{token.upper()}", "workerId": f"AB{self._number}"}
        status, _, text = self._wire.ask("GET", f"/task/{token}/?{urlencode(ids)}")
        found = DATA.search(text)
        if status != 200 or not found:
            raise RuntimeError(f"no task: {status} {text[:300]}")
        self._data = json.loads(found[1])
        self._left = list(self._data["comparisons"])
        self._number_of_answer = self._data["answers"]["last"]
        self._headers = {"Authorization": f"Bearer {self._data['token']}", "Content-Type": "application/json"}

    @property
    def left(self) -> int:
        return len(self._left)

    def answer(self, tally: Tally) -> None:
        comparison = self._left.pop(0)
        self._number_of_answer += 1
        answer = {"position": comparison["position"], "choice": "first", "response_ms": 900, "elapsed_ms": 950}
        body = json.dumps(answer | {"epoch": self._data["epoch"]}).encode()
        began = time.perf_counter()
        url = f"{self._data['urls']['answers']}{self._number_of_answer}"
        status, _, text = self._wire.ask("PUT", url, body, self._headers)
        if status == 200:
            tally.stored(time.perf_counter() - began)
        else:
            tally.failed(f"{status} {text[:200]}")

    def close(self, tally: Tally) -> None:
        body = json.dumps({"epoch": self._data["epoch"], "feedback": {}}).encode()
        status, _, text = self._wire.ask("POST", self._data["urls"]["hand_in"], body, self._headers)
        if status != 200:
            tally.failed(f"hand-in {status} {text[:200]}")


class TurkleWorker:
    """Submits task after task with auto-accept on: post, next task, its page, its frame."""

    FORGERY = "a" * 32

    def __init__(self, port: int, batch: int, session: str):
        self._wire, self._batch = Wire(port), batch
        self._headers = {"Cookie": f"sessionid={session}; csrftoken={self.FORGERY}"}
        self._at = ""

    def open(self) -> None:
        """The next task, its page and its frame; asked for again when the site was too busy to give one."""
        for attempt in range(20):
            time.sleep(0.05 * attempt)
            status, headers, _ = self._wire.ask("GET", f"/batch/{self._batch}/accept_next_task/", headers=self._headers)
            self._at = headers.get("location", "")
            if status == 302 and "/assignment/" in self._at:
                break
        else:
            raise RuntimeError(f"no task: {status} {self._at}")
        self._wire.ask("GET", self._at, headers=self._headers)
        self._wire.ask("GET", re.sub(r"assignment/(\d+)/$", r"assignment/iframe/\1/", self._at), headers=self._headers)

    def answer(self, tally: Tally) -> None:
        body = urlencode({"closer": "first", "csrfmiddlewaretoken": self.FORGERY}).encode()
        headers = self._headers | {"Content-Type": "application/x-www-form-urlencoded"}
        began = time.perf_counter()
        status, headers, text = self._wire.ask("POST", self._at, body, headers)
        if status == 302 and headers.get("location", "").endswith("/accept_next_task/"):
            tally.stored(time.perf_counter() - began)
        else:
            tally.failed(f"{status} {headers.get('location', '')} {text[:200]}")


def together(workers: list, step) -> float:
    """Every worker does `step(worker)` in a thread of its own; seconds until the last is done. Raises what one raised."""
    errors: list[BaseException] = []

    def run(worker) -> None:
        try:
            step(worker)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in workers]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return time.perf_counter() - began


def cpu_s(pid: int) -> float:
    """CPU seconds, user and system, of a process and all that it started and that still lives."""
    total, waiting = 0.0, [pid]
    while waiting:
        process = Path(f"/proc/{waiting.pop()}")
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            children = [child for task in (process / "task").iterdir() for child in (task / "children").read_text().split()]
        except FileNotFoundError:
            continue
        total += (int(fields[11]) + int(fields[12])) * TICK_S
        waiting += [int(child) for child in children]
    return total
