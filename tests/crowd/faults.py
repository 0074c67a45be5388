"""A network that fails on demand, between a program and the marketplace."""

import contextlib
import http.client
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BEFORE, AFTER, THROTTLED, BROKEN = "before", "after", "throttled", "broken"


class FaultyNetwork:
    """An HTTP proxy that cuts connections before or after the marketplace has done what was asked.

    `fail("SendBonus", AFTER)` makes the next bonus be paid and its reply be lost. `served`
    counts by operation what reached the marketplace, and `watch("SendBonus", 3, kill)` calls a
    function once the third is done and before anybody has heard of it. `url` is where a
    program is pointed.
    """

    def __init__(self, endpoint_url: str):
        self._to = urlsplit(endpoint_url)
        self._faults: dict[str, deque[str]] = defaultdict(deque)
        self._watched: dict[tuple[str, int], Callable[[], None]] = {}
        self._lock = threading.Lock()
        self.served: Counter = Counter()
        self.is_down = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}{self._to.path}"

    def fail(self, operation: str, *faults: str) -> None:
        self._faults[operation].extend(faults)

    def watch(self, operation: str, number: int, then: Callable[[], None]) -> None:
        self._watched[operation, self.served[operation] + number] = then

    def _count(self, operation: str) -> None:
        with self._lock:
            self.served[operation] += 1
            then = self._watched.pop((operation, self.served[operation]), None)
        if then:
            then()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next(self, operation: str) -> str:
        with self._lock:
            return self._faults[operation].popleft() if self._faults[operation] else ""

    def _handler(network):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
                fault = network._next(operation)
                if network.is_down or fault == BEFORE:
                    self._hang_up()
                elif fault in (THROTTLED, BROKEN):
                    kind, status = ("ThrottlingException", 400) if fault == THROTTLED else ("ServiceFault", 500)
                    self._answer(status, f'{{"__type": "{kind}", "message": "by the test"}}'.encode())
                else:
                    status, answer = self._forward(body)
                    network._count(operation)
                    self._hang_up() if fault == AFTER else self._answer(status, answer)

            def _forward(self, body: bytes) -> tuple[int, bytes]:
                onward = http.client.HTTPConnection(network._to.hostname, network._to.port, timeout=60)
                with contextlib.closing(onward):
                    headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                    onward.request("POST", self.path, body=body, headers=headers)
                    response = onward.getresponse()
                    return response.status, response.read()

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _hang_up(self) -> None:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    self.connection.shutdown(2)

            def log_message(self, *args) -> None:
                """A test's terminal is for the test."""

        return Handler
