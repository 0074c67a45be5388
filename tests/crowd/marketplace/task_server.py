"""A requester's own web server: a task page on another origin than the marketplace's, as in life."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Which is closer?</title>
<style>body{font:1.1rem system-ui;margin:2rem auto;max-width:32rem;padding:0 1rem}button{font:inherit;padding:1rem;width:48%}
figure{height:14rem;margin:0 0 1rem;background:#d9dce3;border-radius:.5rem}</style>
<h1>Which is closer?</h1><figure></figure><p id="mode"></p>
<form method="post"><input type="hidden" name="assignmentId"><button name="closer" value="wrist">left wrist</button>
<button name="closer" value="knee">right knee</button></form>
<script>
const query = new URLSearchParams(location.search), form = document.forms[0];
form.assignmentId.value = query.get("assignmentId");
form.action = query.get("turkSubmitTo") + "/mturk/externalSubmit";
const preview = query.get("assignmentId") === "ASSIGNMENT_ID_NOT_AVAILABLE";
document.querySelector("#mode").textContent = preview ? "A preview." : `Hello, ${query.get("workerId")}.`;
for (const button of form.querySelectorAll("button")) button.disabled = preview;
</script></html>"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = self.path.startswith("/task")
        self.send_response(200 if found else 204)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if found:
            self.wfile.write(PAGE)

    def log_message(self, *args) -> None:
        """Nothing is printed."""


def serve() -> ThreadingHTTPServer:
    """Started on a free port of 127.0.0.1; the caller shuts it down."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
