"""Steps for jobs under test, and a way to give them to a worker process."""

import os
import time
from pathlib import Path

from annotation.models import Annotator, Import
from jobs.running import JobError


def make_one(row, report) -> None:
    """Its result is one annotator."""
    report(0.5, "half way", "one is coming")
    with report.final():
        Annotator.objects.create()


def make_none(row, report) -> None:
    report(0.5, "half way", "nothing to keep")


def cannot(row, report) -> None:
    raise JobError("The folder holds no images; name one that does.")


def breaks(row, report) -> None:
    report(0.5)
    raise ZeroDivisionError("by zero")


def breaks_while_writing(row, report) -> None:
    with report.final():
        Annotator.objects.create()
        raise ZeroDivisionError("by zero")


def breaks_after_writing(row, report) -> None:
    make_one(row, report)
    raise ZeroDivisionError("by zero")


def make_one_when_told(row, report) -> None:
    """Leaves a file `begun-<process>` in the row's folder and goes on when it finds `go-on`."""
    folder = Path(row.path)
    (folder / f"begun-{os.getpid()}").touch()
    while not (folder / "go-on").exists():
        report(0.5, "waiting")
        time.sleep(0.05)
    make_one(row, report)


if step := os.environ.get("STEP_UNDER_TEST"):  # in a worker process: see worker_settings.py
    Import.step = step
