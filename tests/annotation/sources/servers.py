"""Real servers on this machine: files over HTTP with every kind of mischief, and as much of S3 as an import uses."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class Files(BaseHTTPRequestHandler):
    """Serves `server.files`: path to bytes, or to a function that answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Host"]))
        found = self.server.files.get(unquote(urlsplit(self.path).path))
        if callable(found):
            found(self)
        elif found is None:
            self.answer(404, b"")
        else:
            self.answer(200, found)

    def answer(self, status: int, content: bytes, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(content)

    def log_message(self, *_):
        pass


class Bucket(BaseHTTPRequestHandler):
    """`GET /bucket?list-type=2&prefix=` in pages of two, and `GET /bucket/key`; signed requests only."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        query = parse_qs(parts.query)
        objects = self.server.buckets.get(bucket)
        if "Signature=" not in self.headers.get("Authorization", ""):
            self.error(403, "AccessDenied")
        elif objects is None:
            self.error(404, "NoSuchBucket")
        elif "list-type" in query:
            self.list(objects, query)
        elif key in objects:
            self.answer(200, objects[key], "binary/octet-stream")
        else:
            self.error(404, "NoSuchKey")

    def list(self, objects: dict, query: dict):
        keys = sorted(key for key in objects if key.startswith(query.get("prefix", [""])[0]))
        start = int(query.get("continuation-token", ["0"])[0])
        page, more = keys[start : start + 2], start + 2 < len(keys)
        rows = "".join(f"<Contents><Key>{escape(key)}</Key><Size>{len(objects[key])}</Size></Contents>" for key in page)
        token = f"<NextContinuationToken>{start + 2}</NextContinuationToken>" if more else ""
        truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        body = f"<ListBucketResult>{truncated}<KeyCount>{len(page)}</KeyCount>{token}{rows}</ListBucketResult>"
        self.answer(200, body.encode(), "application/xml")

    def error(self, status: int, code: str):
        self.answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode(), "application/xml")

    def answer(self, status: int, content: bytes, kind: str):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(handler: type, **attributes) -> Iterator[ThreadingHTTPServer]:
    """A server on a free port of 127.0.0.1; `server.url` is its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.asked = []
    for name, value in attributes.items():
        setattr(server, name, value)
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
