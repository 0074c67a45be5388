"""Child processes that never outlive the process that started them."""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.services import watchdog


class ServiceFailed(Exception):
    """A program that was needed could not be started, with what to do about it."""


class Children:
    """Starts programs in process groups of their own and ends them in reverse order.

    A watchdog process ends them should this process be killed. Programs do not see the
    terminal: Ctrl-C reaches the starter only, which then stops them one by one.
    """

    def __init__(self):
        self._processes: list[subprocess.Popen] = []
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
        )

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(
        self,
        command: Sequence[str | Path],
        *,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen:
        """Start a program; its output is appended to `log`. Only root may name a `user`."""
        as_user = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        output = log.open("ab") if log else subprocess.DEVNULL
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env=env, cwd=cwd, start_new_session=True, **as_user,
            )
        finally:
            if log:
                output.close()
        self._tell(f"+{process.pid}")
        self._processes.append(process)
        return process

    def stop(self, process: subprocess.Popen, *, grace_s: float = 5.0, ask: signal.Signals = signal.SIGTERM) -> None:
        """Ask the program to end; after `grace_s` end its whole group."""
        self.ask(process, ask)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
        self.bury(process)

    @staticmethod
    def ask(process: subprocess.Popen, ask: signal.Signals = signal.SIGTERM) -> None:
        """Only the main process: Celery hangs when its pool is signalled too."""
        if process.poll() is None:
            process.send_signal(ask)

    def bury(self, process: subprocess.Popen) -> None:
        """Kill what is left of the program's group and forget it."""
        if process not in self._processes:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._processes.remove(process)
        self._tell(f"-{process.pid}")

    def close(self, *, grace_s: float = 5.0) -> None:
        """End everything, the youngest first; returns when nothing is left."""
        for process in reversed(self._processes.copy()):
            self.stop(process, grace_s=grace_s)
        with contextlib.suppress(BrokenPipeError):
            self._watchdog.stdin.close()
        self._watchdog.wait()

    def _tell(self, line: str) -> None:
        try:
            self._watchdog.stdin.write(f"{line}\n")
            self._watchdog.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise ServiceFailed("The watchdog process has been killed; start again.") from error


def wait_for(check, process: subprocess.Popen, *, what: str, log: Path, timeout_s: float = 30.0) -> None:
    """Return once `check()` holds.

    Raises: ServiceFailed if the program ends first or the time is up, with the end of its log.
    """
    deadline = time.monotonic() + timeout_s
    while not check():
        if process.poll() is not None or time.monotonic() > deadline:
            how = "did not answer in time" if process.poll() is None else f"ended with status {process.returncode}"
            raise ServiceFailed(f"{what} {how}. The end of {log}:\n{tail(log)}")
        time.sleep(0.05)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, indented."""
    if not log.exists():
        return "    (empty)"
    return "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-lines:]) or "    (empty)"
