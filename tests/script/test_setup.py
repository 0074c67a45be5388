"""The shell scripts complain in a sentence when something is missing."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def clone(folder: Path) -> Path:
    """What the scripts need of a fresh clone."""
    shutil.copytree(ROOT / "script", folder / "script")
    for name in ("requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(folder / "script" / "run")], env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True,
        timeout=60,
    )


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_python_is_refused_with_the_version_that_is_needed(tmp_path):
    done = run(clone(tmp_path), PYTHON=program(tmp_path / "python", "exit 1"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Python 3.11" in done.stderr


def test_a_python_without_virtual_environments_names_the_package(tmp_path):
    python = program(tmp_path / "python", 'case "$2" in *ensurepip*) exit 1;; esac')
    done = run(clone(tmp_path), PYTHON=python)
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


def test_a_shell_without_any_environment_can_run_the_scripts():
    done = subprocess.run(["/bin/sh", "-n", "script/run"], cwd=ROOT, env={})
    assert done.returncode == 0
    for name in ("script/run", "script/test", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK), name
