"""Pickles are read as data: arrays come through, programs do not."""

import io
import os
import pickle
import pickletools

import numpy as np
import pytest

from annotation.importers import BadDataset, pickled

POSES = {"S1": {"Walk": np.arange(24, dtype="f4").reshape(2, 4, 3), "views": [np.ones((2, 2)), np.float32(2.5)]}}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_come_through_in_every_protocol(protocol):
    found = pickled.loads(pickle.dumps(POSES, protocol), "a file")
    assert np.array_equal(found["S1"]["Walk"], POSES["S1"]["Walk"]) and found["S1"]["Walk"].dtype == "f4"
    assert found["S1"]["views"][1] == 2.5


@pytest.mark.parametrize("array", [
    np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.array(["left", "right"]), np.array([True, False]), np.zeros((0, 3)),
    np.arange(3, dtype=">i4"), np.array([{"a": 1}, [2]], dtype=object),
], ids=["by columns", "text", "flags", "empty", "big end first", "objects"])
def test_arrays_of_every_kind_keep_their_values(array):
    found = pickled.loads(pickle.dumps(array), "a file")
    assert found.shape == array.shape and found.tolist() == array.tolist()


class Runs:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def by_hand(*lines: bytes) -> bytes:
    return b"".join(lines) + b"."


HOSTILE = {
    "a program": pickle.dumps(Runs(os.system, "touch pwned")),
    "evaluation": pickle.dumps(Runs(eval, "open('pwned', 'w')")),
    "inside a dictionary": pickle.dumps({"S1": {"Walk": Runs(os.system, "touch pwned")}}),
    "an import": by_hand(b"cbuiltins\n__import__\n", b"(S'os'\ntR"),
    "a dotted name": by_hand(b"\x80\x04\x8c\x05numpy\x8c\x0bndarray.mro\x93", b")R"),
    "numpy's loader": pickle.dumps(Runs(np.load, "pwned.npy")),
    "an attribute": pickle.dumps(Runs(getattr, "text", "format")),
    "something kept elsewhere": by_hand(b"Ppwned\n"),
    "an array that is a class of its own": pickle.dumps(Runs(np.ndarray, (2,), "O")),
    "a type with fields": pickle.dumps(np.zeros(2, dtype=[("a", "f4"), ("b", "O")])),
    "a set": pickle.dumps({1, 2}),
    "a date": pickle.dumps(np.array(["2020-01-01"], dtype="M8[D]")),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_is_no_array_is_refused_and_nothing_of_it_runs(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    pickletools.dis(HOSTILE[kind], out=io.StringIO())  # it is a pickle
    with pytest.raises(BadDataset, match=r"a file is a (pickle that asks for|damaged pickle)"):
        pickled.loads(HOSTILE[kind], "a file")
    assert not list(tmp_path.iterdir())


def state(*parts) -> bytes:
    """A float array's pickle whose state was replaced."""
    head = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    return head + pickle.dumps(parts, 0)[:-1] + b"b."


@pytest.mark.parametrize("parts", [
    (1, (2,), "f8", False, b"0" * 16), (1, (-2,), None, False, b""), (1, "x"), (1, (10**12,), None, False, b"0"),
])
def test_an_array_whose_parts_do_not_add_up_is_refused(parts):
    with pytest.raises(BadDataset):
        pickled.loads(state(*parts), "a file")


def test_raw_bytes_never_become_objects():
    head = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I1\nt"
    dtype = b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR"
    with pytest.raises(BadDataset, match="objects as bytes"):
        pickled.loads(head + dtype + b"I00\n" + b"C\x08" + b"A" * 8 + b"tb.", "a file")


def test_text_is_not_made_bytes_over_and_over():
    text = b"X" + (10_000).to_bytes(4, "little") + b"a" * 10_000 + b"q\x00"
    bomb = b"\x80\x02(" + text + b"c_codecs\nencode\nq\x01X\x06\0\0\0latin1q\x02" + b"h\x01h\x00h\x02\x86R" * 1000 + b"l."
    with pytest.raises(BadDataset, match="over and over, so that little becomes much"):
        pickled.loads(bomb, "a file")


class Sharing:
    """Pickled as an array of objects, whose list of them others have too."""

    def __init__(self, content: list):
        self.content = content

    def __reduce__(self):
        state = (1, (len(self.content),), np.dtype("O"), False, self.content)
        return np.zeros(0).__reduce__()[0], (np.ndarray, (0,), b"b"), state


def test_one_list_does_not_become_many_arrays_of_objects():
    inner = [None] * 10_000
    assert pickled.loads(pickle.dumps([Sharing(inner)]), "a file")[0].shape == (10_000,)
    with pytest.raises(BadDataset, match="over and over, so that little becomes much"):
        pickled.loads(pickle.dumps([Sharing(inner) for _ in range(1000)]), "a file")


def test_little_does_not_become_much():
    """Ten lists that hold the one before ten times would be ten thousand millions if each were copied."""
    inner: list = [1]
    for _ in range(10):
        inner = [inner] * 10
    assert len(pickled.loads(pickle.dumps(inner), "a file")) == 10
