"""Folders, zips, S3 and the web as sources: what may be read there, and that it is found."""

import ipaddress
from pathlib import Path

import pytest

from annotation import sources
from annotation.sources import BadSource, PictureMissing, Rules
from tests.annotation.importers import makers
from tests.annotation.sources.servers import Bucket, Files, serving

HERE = (ipaddress.ip_network("127.0.0.0/8"),)


def read(address: str, work: Path, name: str = "0001.jpg", rules: Rules | None = None, **options):
    """Annotations' file names, and one picture."""
    rules = rules or Rules(roots=None, buckets=None, private_networks=HERE, waits_s=())
    work.mkdir()
    with sources.opened(address, rules, work, **options) as source:
        where = source.annotations
        names = sorted(file.name for file in where.iterdir()) if where.is_dir() else [where.name]
        return names, source.read((name,))[1]


@pytest.fixture
def folder(tmp_path):
    return makers.write_nearer(tmp_path / "set")


@pytest.fixture
def picture(folder):
    return (folder / "images" / "0001.jpg").read_bytes()


def test_a_folder_is_read_where_it_is(folder, picture, tmp_path):
    assert read(str(folder), tmp_path / "work") == (["dataset.json", "images"], picture)
    assert read(str(folder / "dataset.json"), tmp_path / "work2") == (["dataset.json"], picture)


def test_a_zip_gives_its_annotations_and_keeps_its_pictures(folder, picture, tmp_path):
    file = makers.zipped(folder, tmp_path / "set.zip")
    assert read(str(file), tmp_path / "work") == (["dataset.json"], picture)
    assert not list((tmp_path / "work").rglob("*.jpg"))


def test_an_upload_is_a_file_that_goes_by_its_old_name(folder, picture, tmp_path):
    file = makers.zipped(folder, tmp_path / "0123abc")
    rules = Rules()
    assert read("", tmp_path / "work", rules=rules, uploaded=file, upload_name="../My Set.zip") == (["dataset.json"], picture)
    alone = folder / "dataset.json"
    with pytest.raises(PictureMissing, match="came alone; send both as one zip"):
        read("", tmp_path / "work2", rules=rules, uploaded=alone, upload_name="dataset.json")


def test_pictures_can_be_elsewhere(folder, picture, tmp_path):
    alone = tmp_path / "alone.json"
    alone.write_bytes((folder / "dataset.json").read_bytes())
    packed = makers.zipped(folder / "images", tmp_path / "images.zip")
    for number, images in enumerate((str(folder / "images"), str(folder), str(packed))):
        assert read(str(alone), tmp_path / f"work{number}", images=images)[1] == picture
    with pytest.raises(BadSource, match="neither a folder nor a zip"):
        read(str(alone), tmp_path / "work", images=str(tmp_path / "nowhere"))


def test_only_allowed_folders_are_read_however_the_path_is_written(folder, tmp_path):
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    rules = Rules(roots=(allowed,))
    (allowed / "link").symlink_to(folder)
    for path in (folder, allowed / ".." / "set", allowed / "link", Path("/etc/passwd"), Path("relative")):
        with pytest.raises(BadSource, match=r"is not in a folder that may be read here .*allowed.*IMPORT_ROOTS"):
            sources.check(str(path), rules)
    sources.check(str(allowed / "set"), rules)


def test_a_link_inside_a_data_set_leads_nowhere_that_may_not_be_read(folder, tmp_path):
    secret = makers.write_picture(tmp_path / "secret.jpg")
    (folder / "images" / "0002.jpg").unlink()
    (folder / "images" / "0002.jpg").symlink_to(secret)
    with pytest.raises(BadSource, match="IMPORT_ROOTS"):
        read(str(folder), tmp_path / "work", "0002.jpg", rules=Rules(roots=(folder,)))
    assert read(str(folder), tmp_path / "work2", "0002.jpg")[1] == secret.read_bytes()  # a shell may


def test_a_bucket_is_listed_and_its_pictures_read_one_by_one(folder, picture, tmp_path, monkeypatch):
    objects = {f"sets/one/{file.relative_to(folder).as_posix()}": file.read_bytes() for file in folder.rglob("*.*")}
    objects |= {"sets/one/readme.txt": b"no annotations", "sets/one/more.csv": b"a,b", "sets/other.json": b"{}"}
    with serving(Bucket, buckets={"lab": objects}) as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        }.items():
            monkeypatch.setenv(name, value)
        rules = Rules(buckets=("lab/sets",))
        assert read("s3://lab/sets/one", tmp_path / "work", rules=rules) == (["dataset.json", "more.csv"], picture)
        assert read("s3://lab/sets/one/dataset.json", tmp_path / "work2", rules=rules) == (["dataset.json"], picture)
        with pytest.raises(PictureMissing, match=r"s3://lab/sets/one/9\.jpg is missing"):
            read("s3://lab/sets/one", tmp_path / "work3", "9.jpg", rules=rules)
        with pytest.raises(BadSource, match="holds no annotations"):
            read("s3://lab/sets/none", tmp_path / "work4", rules=rules)
        for address in ("s3://private/x", "s3://lab/setsandmore", "s3://lab/", "s3://"):
            with pytest.raises(BadSource, match=r"IMPORT_S3_BUCKETS|must be s3://bucket/prefix"):
                sources.check(address, rules)
        with pytest.raises(BadSource, match="NoSuchBucket"):
            read("s3://nobodys/x", tmp_path / "work5")
        with pytest.raises(BadSource, match=r"must be s3://bucket/prefix"):
            sources.check("s3://lab/sets/../../other", rules)


def test_an_address_gives_a_zip_or_annotations_with_pictures_beside_them(folder, picture, tmp_path):
    packed = makers.zipped(folder, tmp_path / "set.zip").read_bytes()
    files = {f"/set/{file.relative_to(folder).as_posix()}": file.read_bytes() for file in folder.rglob("*.*")}
    with serving(Files, files=files | {"/packed": packed}) as server:
        assert read(f"{server.url}/packed", tmp_path / "work") == (["dataset.json"], picture)
        assert read(f"{server.url}/set/dataset.json", tmp_path / "work2") == (["dataset.json"], picture)
        with pytest.raises(PictureMissing, match="answers 404"):
            read(f"{server.url}/set/dataset.json", tmp_path / "work3", "9.jpg")
        with pytest.raises(BadSource, match="no public address"):
            read(f"{server.url}/packed", tmp_path / "work4", rules=Rules())


def test_a_picture_is_fetched_from_its_own_address_where_the_source_has_it_not(folder, tmp_path):
    with serving(Files, files={"/far.jpg": b"far"}) as server, sources.opened(
        str(folder), Rules(roots=None, private_networks=HERE, waits_s=()), tmp_path
    ) as source:
        assert source.read(("far.jpg",), f"{server.url}/far.jpg") == ("far.jpg", b"far")
        assert source.read(("0001.jpg",), f"{server.url}/far.jpg")[1] != b"far"


@pytest.mark.parametrize("address", ["ftp://example.org/a", "file:///etc/passwd", "gopher://x"])
def test_other_kinds_of_addresses_are_refused(address):
    with pytest.raises(BadSource, match="neither a path nor an s3, http or https address"):
        sources.check(address, Rules(roots=None))
