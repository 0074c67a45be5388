"""MATLAB's files are read apart: one that would end the reading process, or fill its memory, is refused like any other."""

import struct
import subprocess

import numpy as np
import pytest
import scipy.io

from annotation.importers import READERS, BadDataset, Options, matlab


def with_byte(file, place: int, value: int):
    content = bytearray(file.read_bytes())
    content[place] = value
    file.write_bytes(content)
    return file


def write_joints(folder):
    scipy.io.savemat(folder / "joints.mat", {"joints": np.ones((14, 3, 2))})
    return folder / "joints.mat"


def write_release(folder):
    rows = np.zeros((1, 2), dtype=[("x", "O"), ("y", "O")])
    rows[0, 0], rows[0, 1] = (1.0, 2.0), (3.0, 4.0)
    scipy.io.savemat(folder / "release.mat", {"RELEASE": {"annolist": rows}})
    return folder / "release.mat"


# One byte each, with which scipy 1.17 does not fail but ends the process (SIGBUS, SIGSEGV).
DEADLY = {"lsp": (write_joints, 193, 255), "mpii": (write_release, 520, 0)}


@pytest.mark.parametrize("format", DEADLY)
def test_a_damaged_file_that_ends_its_reader_is_refused(tmp_path, format):
    write, place, value = DEADLY[format]
    file = with_byte(write(tmp_path), place, value)
    with pytest.raises(BadDataset, match=r"\.mat cannot be read as a MATLAB file .*Was its download cut short\?") as refused:
        list(READERS[format](file, Options()).images)
    assert str(file) in str(refused.value)


def test_a_small_file_that_asks_for_much_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(matlab, "MOST_BYTES", 1 << 30)
    n = 4_000_000  # images, it says: 1.3 GB of joints
    size = 14 * 3 * n * 8
    parts = struct.pack("<IIII", 6, 8, 6, 0) + struct.pack("<IIIIII", 5, 12, 14, 3, n, 0)
    parts += struct.pack("<II8s", 1, 6, b"joints") + struct.pack("<II", 9, size)
    file = tmp_path / "joints.mat"
    file.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + struct.pack("<II", 14, len(parts) + size) + parts)
    with pytest.raises(BadDataset, match=r"joints\.mat takes more than 1,073,741,824 bytes of memory"):
        list(READERS["lsp"](file, Options()).images)


def test_a_reader_that_is_given_up_halfway_ends_its_process_and_says_nothing(tmp_path, monkeypatch, capfd):
    started = []

    def start(*arguments, **options):
        started.append(whole(*arguments, **options))
        return started[-1]

    whole = subprocess.Popen
    monkeypatch.setattr(matlab.subprocess, "Popen", start)
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": np.ones((14, 3, 5000))})
    images = READERS["lsp"](tmp_path, Options()).images
    next(images)
    images.close()
    assert started[0].returncode is not None and capfd.readouterr().err == ""


def test_somebody_is_told_that_the_import_lives_while_a_large_file_is_read(tmp_path, monkeypatch):
    """And what is called may end it."""
    monkeypatch.setattr(matlab, "PULSE_S", 0.0)

    class Enough(Exception):
        pass

    def pulse():
        raise Enough

    with pytest.raises(Enough):
        READERS["lsp"](write_joints(tmp_path), Options(pulse=pulse))
