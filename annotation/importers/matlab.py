"""MATLAB's files, read by a process of their own.

scipy's reader is compiled and believes what its file says: a damaged file can end the process that reads it, and a small
one can unpack to any size. So it runs apart, under a limit of memory, and what it found comes back as JSON, line by line.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

from annotation.importers.records import BadDataset

PROGRAM = Path(__file__).with_name("matlab_program.py")
MOST_BYTES = 4 << 30  # of memory; MPII's release takes about a quarter of it
PULSE_S = 1.0


def lines(file: Path, what: str, pulse: Callable[[], None]) -> Generator[object]:
    """What `matlab_program.py` writes of the file; `what` is one of its words. Close it where it is not read to its end.

    Raises: BadDataset where the file cannot be read, or takes too much memory.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads take address space
    command = [sys.executable, "-I", str(PROGRAM), what, str(file), str(MOST_BYTES)]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=environment) as process,
    ):
        try:
            while not select.select([process.stdout], [], [], PULSE_S)[0]:
                pulse()  # it reads the whole file before its first line
            for line in process.stdout:
                yield json.loads(line)
            status = process.wait()
        finally:
            process.kill()
        if status:
            said.seek(0)
            raise _refusal(file, status, said.read(1000).decode(errors="replace").strip())


def _refusal(file: Path, status: int, said: str) -> BadDataset:
    if status == 2:
        return BadDataset(f"{file} takes more than {MOST_BYTES:,} bytes of memory to read. Is it what it should be?")
    reason = said if status == 1 and said else "its reader broke down over it"
    return BadDataset(f"{file} cannot be read as a MATLAB file ({reason}). Was its download cut short?")
