"""The test suite against real services, started privately. Behind `script/test`.

Without arguments: on the embedded defaults all tests but the browser's and those marked `once`,
then all that touch database or queue, the browser's among them, on PostgreSQL and Redis.
With pytest's arguments: those, on PostgreSQL and Redis;
`--embedded` first: on the embedded defaults instead.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from config.services import chromium, postgres_server, redis_server
from config.services.children import Children, ServiceFailed
from config.services.site import ROOT, Stop

# Debian's packages for what only a system can have.
DEBIAN = {
    "Redis": "redis-server", "PostgreSQL": "postgresql", "Chromium": "chromium",
    "a font": "fonts-dejavu-core", "libatomic": "libatomic1",
}

OURS = ("DATABASE_URL", "REDIS_URL", "QUEUE_PREFIX", "PUBLIC_URL", "MARKETPLACE_URL", "ALLOWED_HOSTS", "DEBUG", "SECRET_KEY")


def apt() -> list[str] | None:
    """How to call apt-get here, or None where this user may not."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return ["apt-get"]
    may = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
    return ["sudo", "-n", "apt-get"] if may else None


def apt_install(command: list[str], packages: list[str]) -> None:
    print(f"Installing {', '.join(packages)} with apt ...", flush=True)
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*command, "update", "-qq"], env=env, stdout=subprocess.DEVNULL)
    subprocess.run(
        [*command, "install", "-qq", "-y", "--no-install-recommends", *packages],
        env=env, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )


def has_font() -> bool:
    return sys.platform != "linux" or any(Path("/usr/share/fonts").rglob("DejaVuSans.ttf"))


def has_libatomic() -> bool:
    """Playwright's driver is a Node.js that needs it."""
    import playwright

    driver = Path(playwright.__file__).parent / "driver" / "node"
    return subprocess.run([str(driver), "--version"], capture_output=True).returncode == 0


def missing(kept: Path) -> list[str]:
    """What is neither installed on the system nor inside a wheel."""
    there = {
        "Redis": redis_server.find(), "PostgreSQL": postgres_server.find(), "Chromium": chromium.find(kept),
        "a font": has_font(), "libatomic": has_libatomic(),
    }
    return [name for name, found in there.items() if not found]


def provide(kept: Path) -> Path:
    """Have everything that the suite needs, installing where that is allowed; returns the browser.

    Raises: ServiceFailed with one sentence on what to install.
    """
    wanted = missing(kept)
    if wanted and (command := apt()):
        apt_install(command, [DEBIAN[name] for name in wanted])
        wanted = missing(kept)
    why = ""
    if "Chromium" in wanted:
        try:
            chromium.unpack_from_npm(kept)
        except ServiceFailed as error:
            why = f" (the one from npm will not do: {error})"
        wanted = missing(kept)
    needed = [name for name in wanted if name != "a font"]  # without it letters look different, and that is all
    if needed:
        packages = " ".join(DEBIAN[name] for name in wanted)
        raise ServiceFailed(f"Missing: {', '.join(needed)}{why}; install with: apt install {packages}")
    return chromium.find(kept)


def pytest(children: Children, env: dict[str, str], arguments: list[str]) -> int:
    """Run pytest on two processes; returns its exit status."""
    parallel = [] if any(a in ("-n", "--pdb", "-s") or a.startswith("-n") for a in arguments) else ["-n", "2"]
    command = [sys.executable, "-m", "pytest", *parallel, "--dist", "worksteal", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        return process.wait()
    except Stop:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        raise


def clean_environment(folder: Path, browser: Path) -> dict[str, str]:
    """The caller's environment without what would change the site's behaviour."""
    env = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith(("AWS_", "PG"))}
    (folder / "home").mkdir()
    return {"HOME": str(folder / "home"), "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", **env,
            "ENV_FILE": os.devnull, "NEARER_VAR": str(folder / "var"), "NEARER_CHROMIUM": str(browser)}


def run(arguments: list[str]) -> int:
    embedded_only = arguments[:1] == ["--embedded"]
    arguments = arguments[1:] if embedded_only else arguments
    browser = provide(ROOT / ".venv" / "chromium")
    place = "/tmp" if os.geteuid() == 0 else None  # PostgreSQL's own user must be able to enter it
    with (
        tempfile.TemporaryDirectory(prefix="nearer-test-", dir=place, ignore_cleanup_errors=True) as name,
        Children() as children,
    ):
        folder = Path(name)
        env = clean_environment(folder, browser)
        if embedded_only:
            return pytest(children, env, arguments)
        embedded = 0
        if not arguments:
            print("== On the embedded defaults: SQLite, a private queue", flush=True)
            embedded = pytest(children, env, ["-q", "-m", "not browser and not (once and services)"])
        env["DATABASE_URL"] = postgres_server.start(children, folder / "postgres", log=folder / "postgres.log")
        _, env["REDIS_URL"] = redis_server.start(children, folder / "redis", log=folder / "redis.log", durable=False)
        print("== On PostgreSQL and Redis", flush=True)
        return pytest(children, env, arguments or ["-q", "-m", "services or browser"]) or embedded


def main() -> None:
    def stop(number: int, frame: object) -> None:
        raise Stop

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        status = run(sys.argv[1:])
    except Stop:
        sys.exit(130)
    except ServiceFailed as error:
        sys.exit(f"script/test: {error}")
    sys.exit(status)


if __name__ == "__main__":
    main()
