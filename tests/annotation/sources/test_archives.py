"""Zips of strangers: bombs, links and paths that lead out are refused before anything is unpacked."""

import io
import stat
import struct
import zipfile

import pytest

from annotation.sources import BadSource, Rules
from annotation.sources.archives import Archive, is_zip


def write_zip(file, *entries, **options):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return file


def link(name, mode=stat.S_IFLNK):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (mode | 0o777) << 16
    return entry


def nested():
    inner = io.BytesIO()
    write_zip(inner, ("a.txt", "a"))
    return inner.getvalue()


BAD = {
    "a path that leads out": ([("../../etc/cron.d/x", "x")], r"leads out of the archive"),
    "an absolute path": ([("/etc/passwd", "x")], r"leads out"),
    "a path of Windows": ([("..\\..\\x.json", "x")], r"leads out"),
    "a drive": ([("C:/x.json", "x")], r"leads out"),
    "a link": ([(link("images"), "/etc")], r"'images' is a link or a device"),
    "a device": ([(link("disk", stat.S_IFBLK), "")], r"is a link or a device"),
    "an archive in it": ([("inner.zip", nested())], r"'inner\.zip' is an archive in the archive\. Unpack it first"),
    "a bomb": ([("zeros.json", bytes(3_000_000))], r"'zeros\.json' unpacks to more than 250 times its size"),
    "too much in all": ([(f"{n}.json", bytes(range(256)) * 2000) for n in range(5)], r"unpacks to more than 2,000,000 bytes"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_hostile_zip_is_refused_with_the_entry(tmp_path, kind):
    entries, message = BAD[kind]
    rules = Rules(largest_bytes=2_000_000 if kind == "too much in all" else 10**9)
    with pytest.raises(BadSource, match=message) as refused:
        Archive(write_zip(tmp_path / "set.zip", ("dataset.json", "{}"), *entries), rules)
    assert "set.zip" in str(refused.value)


def test_two_entries_of_one_name_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        file = write_zip(tmp_path / "set.zip", ("a.json", "1"), ("a.json", "2"))
    with pytest.raises(BadSource, match=r"two entries called a\.json"):
        Archive(file, Rules())


def test_entries_that_are_the_same_bytes_are_refused(tmp_path):
    """The bomb without nesting: many directory entries that point into one another."""
    file = write_zip(tmp_path / "set.zip", ("a.json", b"x" * 5000), ("b.json", b"y" * 5000))
    content = bytearray(file.read_bytes())
    second = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, second + 42, 0)  # its local header is the first's
    file.write_bytes(content)
    with pytest.raises(BadSource, match=r"overlaps another"):
        Archive(file, Rules())


def test_an_entry_that_lies_about_its_size_is_cut_off(tmp_path):
    file = write_zip(tmp_path / "set.zip", ("a.json", b"x" * 900_000))
    content = bytearray(file.read_bytes())
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 24, 10)  # the directory says ten bytes
    file.write_bytes(content)
    archive = Archive(file, Rules())
    with pytest.raises(BadSource, match=r"a\.json is damaged"):
        archive.unpack("a.json", tmp_path)
    assert (tmp_path / "a.json").stat().st_size <= 10
    archive.close()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 but no more", b"no zip at all"])
def test_a_file_that_is_no_zip_is_refused(tmp_path, content):
    file = tmp_path / "set.zip"
    file.write_bytes(content)
    with pytest.raises(BadSource, match=r"set\.zip is no readable zip"):
        Archive(file, Rules())


def test_an_encrypted_entry_is_refused(tmp_path):
    file = write_zip(tmp_path / "set.zip", ("a.json", "{}"))
    content = bytearray(file.read_bytes())
    struct.pack_into("<H", content, content.rindex(b"PK\x01\x02") + 8, 1)
    file.write_bytes(content)
    with pytest.raises(BadSource, match="is encrypted"):
        Archive(file, Rules())


def test_a_damaged_entry_is_found_by_its_checksum(tmp_path):
    file = tmp_path / "set.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.jpg", b"picture" * 100)
    file.write_bytes(file.read_bytes().replace(b"picture", b"pictvre", 1))
    archive = Archive(file, Rules())
    with pytest.raises(BadSource, match=r"a\.jpg is damaged"):
        archive.read("a.jpg", 10_000)
    with pytest.raises(BadSource, match="at most 10 are read"):
        archive.read("a.jpg", 10)
    archive.close()


def test_the_one_folder_around_everything_and_what_computers_leave_behind_do_not_matter(tmp_path):
    file = write_zip(
        tmp_path / "set.zip", ("my set/dataset.json", "{}"), ("my set/images/a.jpg", "a"), ("__MACOSX/my set/._a.jpg", "x"),
        ("my set/.DS_Store", "x"),
    )
    archive = Archive(file, Rules())
    assert archive.names() == ["dataset.json", "images/a.jpg"]
    assert archive.unpack("dataset.json", tmp_path / "out").read_text() == "{}"
    archive.close()


def test_an_npz_is_meant_as_it_is(tmp_path):
    assert is_zip(write_zip(tmp_path / "a.zip", ("a", "a")))
    assert not is_zip(write_zip(tmp_path / "a.npz", ("a.npy", "a")))
