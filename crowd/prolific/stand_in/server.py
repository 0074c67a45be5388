"""The account over HTTP: Prolific's REST interface under /api/v1/, and pages for participants beside it."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from crowd.prolific.stand_in import pages
from crowd.prolific.stand_in.account import Account, Refused, new_id

API = "/api/v1/"


@dataclass
class Fault:
    """What goes wrong with the next requests to a place.

    Attributes:
        how: "before" cuts the connection before anything is done, "after" once it is done; a number is
            answered as status.
    """

    method: str
    path: str
    how: str | int
    times: int = 1
    retry_after: str = ""


class StandIn:
    """A running stand-in: `url` of its participants' pages, `api_url` of its interface."""

    def __init__(self, *, token: str, port: int = 0, account: Account | None = None):
        self.token = token
        self.account = account or Account()
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"stand_in": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.api_url = f"{self.url}{API}"

    def __enter__(self) -> StandIn:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve_forever(self) -> None:
        self._server.serve_forever()

    def fail(self, method: str, path: str, how: str | int, *, times: int = 1, retry_after: str = "") -> None:
        """Let the next requests of this method whose path matches go wrong."""
        self.faults.append(Fault(method, path, how, times, retry_after))

    def fault_of(self, method: str, path: str) -> Fault | None:
        with self.account.lock:
            for fault in self.faults:
                if fault.times and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    stand_in: StandIn
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves as one packet

    def log_message(self, *_: object) -> None:
        """Quiet: addresses hold secrets."""

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def do_PATCH(self) -> None:
        self._respond()

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        if not parts.path.startswith(API):
            self._page(parts.path, parse_qs(parts.query), parse_qs(body.decode()))
            return
        path = parts.path.removeprefix(API)
        self.stand_in.asked.append((self.command, path))
        fault = self.stand_in.fault_of(self.command, path)
        if fault and fault.how == "before":
            self.close_connection = True
            return
        if fault and isinstance(fault.how, int):
            patience = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            self._json(fault.how, _error(fault.how, "Asked to fail"), patience)
            return
        try:
            answer = self._api(path, parse_qs(parts.query), body)
        except Refused as refusal:
            self._json(refusal.status, _error(refusal.status, str(refusal)))
            return
        if fault and fault.how == "after":
            self.close_connection = True
            return
        status = 201 if self.command == "POST" and path in ("studies/", "submissions/bonus-payments/") else 200
        self._json(status, answer)

    # --- The interface ---

    def _api(self, path: str, query: dict[str, list[str]], raw: bytes) -> Any:
        if self.headers.get("Authorization") != f"Token {self.stand_in.token}":
            raise Refused(401, "Authentication credentials were not provided or are wrong")
        body: dict = {}
        if self.command != "GET":
            if self.headers.get("Content-Type", "").split(";")[0] != "application/json":
                raise Refused(400, "Send application/json")
            try:
                body = json.loads(raw or b"{}")
            except ValueError as error:
                raise Refused(400, "The body is no JSON") from error
            if not isinstance(body, dict):
                raise Refused(400, "The body is no JSON object")
        for method, pattern, call in ROUTES:
            if method == self.command and (match := re.fullmatch(pattern, path)):
                return call(self.stand_in.account, body, query, *match.groups())
        raise Refused(404, f"There is no {self.command} {path}")

    # --- Pages ---

    def _page(self, path: str, query: dict[str, list[str]], form: dict[str, list[str]]) -> None:
        cookie = SimpleCookie(self.headers.get("Cookie", ""))
        known = cookie["participant"].value if "participant" in cookie else ""
        who = known if re.fullmatch(r"[0-9a-f]{24}", known) else new_id()
        try:
            answer = pages.respond(self.stand_in.account, self.command, path, query, form, who)
        except Refused as refusal:
            answer = pages.Answer(pages.trouble(str(refusal)), refusal.status)
        self.send_response(answer.status)
        self.send_header("Set-Cookie", f"participant={who}; Path=/; HttpOnly; SameSite=Lax")
        if answer.location:
            self.send_header("Location", answer.location)
        self._body(answer.html.encode(), "text/html; charset=utf-8")

    def _json(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self._body(json.dumps(content).encode(), "application/json")

    def _body(self, content: bytes, kind: str) -> None:
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _error(status: int, detail: str) -> dict:
    return {"error": {"status": status, "title": "Error", "detail": detail, "additional_information": "", "traceback": None}}


def _paged(rows: list[dict], query: dict[str, list[str]]) -> dict:
    size, number = int(query.get("page_size", ["20"])[0]), int(query.get("page", ["1"])[0])
    if not 1 <= size <= 100 or number < 1:
        raise Refused(400, "page_size must be from 1 to 100, page at least 1")
    end = number * size
    following = f"?page={number + 1}&page_size={size}" if end < len(rows) else None
    return {
        "results": rows[end - size : end], "meta": {"count": len(rows)},
        "_links": {"next": {"href": following, "title": "Next"}},
    }


def _studies(account: Account, _body, query, *_) -> dict:
    return _paged([account.shown(one) for one in account.studies], query)


def _submissions(account: Account, _body, query) -> dict:
    if "study" not in query:
        raise Refused(400, "Name the study")
    return _paged([one.short() for one in account.submissions.values() if one.study_id == query["study"][0]], query)


def _balance(account: Account, _body, _query, workspace: str) -> dict:
    if workspace != account.workspace:
        raise Refused(404, "There is no such workspace")
    return account.balance()


def _submission(account: Account, _body, _query, submission_id: str) -> dict:
    if submission_id not in account.submissions:
        raise Refused(404, "There is no such submission")
    return account.submissions[submission_id].whole()


ID = r"([0-9a-zA-Z-]+)"
ROUTES = [
    ("GET", r"workspaces/", lambda account, b, query: _paged([{"id": account.workspace, "title": "Lab"}], query)),
    ("GET", rf"workspaces/{ID}/balance/", _balance),
    ("GET", r"studies/", _studies),
    ("GET", rf"projects/{ID}/studies/", _studies),
    ("POST", r"studies/", lambda account, body, q: account.create(body)),
    ("GET", rf"studies/{ID}/", lambda account, b, q, study: account.shown(study)),
    ("PATCH", rf"studies/{ID}/", lambda account, body, q, study: account.change(study, body)),
    ("POST", rf"studies/{ID}/transition/", lambda account, body, q, study: account.transition(study, body)),
    ("GET", r"submissions/", _submissions),
    ("POST", r"submissions/bonus-payments/", lambda account, body, q: account.set_up_bonus(body)),
    ("GET", rf"submissions/{ID}/", _submission),
    ("POST", rf"submissions/{ID}/transition/", lambda account, body, q, one: account.decide(one, body)),
    ("POST", rf"bulk-bonus-payments/{ID}/pay/", lambda account, b, q, payment: account.pay_bonus(payment)),
]
