"""The linter's verdict is part of the suite."""

import subprocess
import sys
from pathlib import Path


def test_ruff_has_no_complaint():
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--quiet", "."], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
