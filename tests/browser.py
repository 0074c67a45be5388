"""A real browser for tests: headless Chromium, whose complaints fail the test.

Loaded by tests/conftest.py as a plugin. A test asks for `page` (1280 x 800) or `phone`
(360 x 740, touch) together with `site`, the address of a running Nearer, and calls
`screenshot("name")` to keep a picture in `test-artifacts/`.

Anything that the browser reports as an error (an exception in a script, a blocked
resource, a violated content security policy) fails the test at its end. A test that
provokes one on purpose says so: `page.expected_errors.append("part of the message")`.

`NEARER_CHROMIUM` names another browser than Debian's.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

ARTIFACTS = Path(__file__).resolve().parent.parent / "test-artifacts"
QUIET = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session", autouse=True)
def _django_beside_playwright() -> None:
    """Playwright keeps an event loop in the test's thread; Django takes that for asynchronous code."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, tmp_path_factory) -> None:
    """Each thread of a live server has its own connection and transactions, and lets go of it after each request.

    SQLite is therefore in a file: a database in memory would be one connection for all.
    """
    from django.conf import settings

    database = settings.DATABASES["default"]
    database["CONN_MAX_AGE"] = 0
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict:
    executable = os.environ.get("NEARER_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    return {"args": QUIET, "executable_path": executable}


@pytest.fixture
def site(live_server, settings) -> str:
    """The address of a running Nearer that knows where it lives; no slash at its end."""
    url = live_server.url
    settings.PUBLIC_URL = url
    settings.MARKETPLACE_URL = f"{url}/marketplace"
    settings.CSRF_TRUSTED_ORIGINS = [url]
    settings.TASK_FRAME_ANCESTORS = ["'self'", url]
    settings.TASK_SUBMIT_ORIGINS = [settings.MARKETPLACE_URL, "https://www.mturk.com", "https://workersandbox.mturk.com"]
    return url


@pytest.fixture
def open_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Makes pages in private contexts of their own: `open_page(width=360, height=740, has_touch=True)`.

    Further keywords are Playwright's for a context (`color_scheme="dark"`, `reduced_motion="reduce"`).
    """
    contexts, pages = [], []

    def make(*, width: int = 1280, height: int = 800, **context_options) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **context_options)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.errors, page.expected_errors = [], []
        page.on("pageerror", lambda error: page.errors.append(f"exception: {error}"))
        page.on("console", lambda line: page.errors.append(f"console: {line.text}") if line.type == "error" else None)
        contexts.append(context)
        pages.append(page)
        return page

    yield make
    for context in contexts:
        context.close()
    complaints = [
        error for page in pages for error in page.errors if not any(known in error for known in page.expected_errors)
    ]
    assert not complaints, "the browser complained:\n" + "\n".join(complaints)


@pytest.fixture
def page(open_page) -> Page:
    return open_page()


@pytest.fixture
def phone(open_page) -> Page:
    return open_page(width=360, height=740, has_touch=True, is_mobile=True, device_scale_factor=2)


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Callable[..., Path]:
    """`screenshot(page, "list")` keeps test-artifacts/<test module>-list-<width>.png."""

    def take(page: Page, name: str, **options) -> Path:
        ARTIFACTS.mkdir(exist_ok=True)
        module = request.module.__name__.rsplit(".", 1)[-1].removeprefix("test_")
        width = page.viewport_size["width"]
        path = ARTIFACTS / f"{module}-{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{width}.png"
        page.screenshot(path=path, **options)
        return path

    return take
