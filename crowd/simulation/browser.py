"""A browser as far as a simulated worker needs one: cookies, links, forms, frames and the JSON in a page."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx


class Lost(Exception):
    """A page is not what a worker would expect there; the message says which."""


@dataclass
class Form:
    """A form with the values that it would send as it stands."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass
class Page:
    """What was answered: address after redirects, status, and the parts that a worker acts on."""

    url: str
    status: int
    forms: list[Form]
    links: list[str]
    frames: list[str]
    data: dict[str, object]
    text: str

    def form(self, action: str) -> Form:
        """The first form whose address holds `action`. Raises: Lost."""
        for form in self.forms:
            if action in form.action:
                return form
        raise Lost(f"{self.url} ({self.status}) has no form for {action}: {self.text[:300]}")


class _Reader(HTMLParser):
    def __init__(self, url: str):
        super().__init__()
        self.url = url
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.frames: list[str] = []
        self.data: dict[str, object] = {}
        self.words: list[str] = []
        self._script: str | None = None
        self._silent = False
        self._open_form: Form | None = None

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open_form = Form(urljoin(self.url, given.get("action") or self.url), given.get("method", "get").lower())
            self.forms.append(self._open_form)
        elif tag in ("input", "button", "textarea", "select") and given.get("name") and self._open_form is not None:
            wanted = given.get("type") not in ("radio", "checkbox", "submit", "button", "image") and tag != "button"
            if wanted or "checked" in given:
                self._open_form.values[given["name"]] = given.get("value", "on" if "checked" in given else "")
        elif tag == "a" and "href" in given:
            self.links.append(urljoin(self.url, given["href"]))
        elif tag == "iframe" and "src" in given:
            self.frames.append(urljoin(self.url, given["src"]))
        elif tag == "script":
            self._silent = True
            self._script = given.get("id") if given.get("type") == "application/json" else None
        elif tag == "style":
            self._silent = True

    def handle_endtag(self, tag):
        if tag == "form":
            self._open_form = None
        elif tag in ("script", "style"):
            self._silent, self._script = False, None

    def handle_data(self, data):
        if self._script is not None:
            self.data[self._script] = json.loads(data)
        elif not self._silent and data.strip():
            self.words.append(data.strip())


class Browser:
    """One person's browser, with cookies of its own."""

    def __init__(self, *, timeout_s: float = 60.0):
        self._client = httpx.Client(follow_redirects=True, timeout=timeout_s, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def get(self, url: str) -> Page:
        return self._page(self._client.get(url))

    def submit(self, form: Form, **values: str) -> Page:
        """Send a form with these values over its own, as a click on its button does."""
        headers = {"Referer": form.action}
        if form.method == "get":
            return self._page(self._client.get(form.action, params=form.values | values))
        return self._page(self._client.post(form.action, data=form.values | values, headers=headers))

    def call(self, method: str, url: str, token: str, body: dict | None = None) -> dict:
        """What the task page's script does: JSON both ways, the token in a header. Raises: Lost for a refusal."""
        response = self._client.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"})
        if response.status_code >= 400:
            raise Lost(f"{method} {url}: {response.status_code} {response.text[:300]}")
        return response.json()

    @staticmethod
    def _page(response: httpx.Response) -> Page:
        reader = _Reader(str(response.url))
        reader.feed(response.text)
        text = " ".join(reader.words)
        return Page(reader.url, response.status_code, reader.forms, reader.links, reader.frames, reader.data, text)
