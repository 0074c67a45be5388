"""A run as an ONNX file, on demand: for whoever has no PyTorch."""

import tempfile
from pathlib import Path

from django.db import IntegrityError, transaction

from jobs import running
from jobs.running import JobError, Report
from modeling import keeping
from modeling.models import OnnxExport, Run


class CannotExport(ValueError):
    """The message says why."""


def start(run: Run, user) -> OnnxExport:
    """Queue the export; one that is under way already is returned.

    Raises: CannotExport for a run that is not done.
    """
    if not run.is_done:
        raise CannotExport(f"{run} has not ended well; only a run that is done can be exported.")
    try:
        with transaction.atomic():
            return running.start(OnnxExport(run=run, created_by=user))
    except IntegrityError:
        return OnnxExport.objects.filter(run=run).exclude(state__in=OnnxExport.ENDED).get()


def run(job: OnnxExport, report: Report) -> None:
    """Write the file and list it among the run's.

    Raises: JobError with what keeps the run from being exported.
    """
    from modeling import lifting

    with tempfile.TemporaryDirectory(prefix="nearer-onnx-") as place:
        folder = Path(place)
        report(0.05, "fetching the run")
        keeping.fetch(job.run, folder / "run")
        (folder / "onnx").mkdir()
        report(0.1, "writing the ONNX file")
        try:
            lifting.export(folder / "run", folder / "onnx" / keeping.ONNX)
        except lifting.LiftingError as error:
            raise JobError(str(error)) from error
        report(0.95, "storing it")
        facts = keeping.store(job.run, folder / "onnx")
        with report.final():
            keeping.note_files(job.run, facts)
