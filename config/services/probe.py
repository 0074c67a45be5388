"""Asks a running site for one of its health pages: `python config/services/probe.py readyz`, status 0 if it says yes.

Sent as a visitor of PUBLIC_URL would come, through a proxy that speaks HTTPS if that says so.
Uses the standard library alone: a container's health check runs it every few seconds.
"""

import json
import os
import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit


def ask(page: str, *, host: str, port: int, public_url: str, timeout_s: float = 10.0) -> tuple[bool, str]:
    """Whether the page answers 200, and its text or what went wrong."""
    public = urlsplit(public_url)
    connection = HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", f"/{page}", headers={"Host": public.netloc, "X-Forwarded-Proto": public.scheme})
        answer = connection.getresponse()
        return answer.status == 200, answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        return False, str(error)
    finally:
        connection.close()


def missing(text: str) -> str:
    """The parts that /readyz says are not ready, for a person."""
    try:
        parts = json.loads(text)
    except ValueError:
        return text[:200] or "no answer"
    return ", ".join(f"{name}: {state}" for name, state in parts.items() if name != "ready" and state != "ok")


if __name__ == "__main__":
    ok, text = ask(
        sys.argv[1],
        host="127.0.0.1",
        port=int(os.environ.get("PORT", "8000")),
        public_url=os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000"),
    )
    print(text)
    sys.exit(0 if ok else 1)
