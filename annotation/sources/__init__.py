"""Where files come from: this machine, a zip, S3, the web. No Django and no database here.

`opened(address, ...)` brings the annotations to this machine, where importers can read them,
and says how to reach the pictures, which stay where they are until they are wanted.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from annotation.importers.reading import SUFFIXES
from annotation.sources.archives import Archive, is_zip
from annotation.sources.places import (
    BucketPictures,
    FolderPictures,
    NoPictures,
    Pictures,
    WebPictures,
    ZipPictures,
    get_object,
)
from annotation.sources.rules import BadSource, PictureMissing, Rules, SourceUnavailable
from annotation.sources.web import Web

PLACES = ("sent", "fetched", "unpacked")  # folders of `work`: what came whole, what was fetched, what was in it

__all__ = ["PLACES", "BadSource", "Opened", "PictureMissing", "Rules", "SourceUnavailable", "check", "opened"]


@dataclass
class Opened:
    """annotations: file or folder on this machine. pictures: of names. web: of addresses."""

    annotations: Path
    pictures: Pictures
    web: Web

    def read(self, names: tuple[str, ...], url: str = "") -> tuple[str, bytes]:
        """A picture and the name that it was found under; by its address only where the source has none of the names.

        Raises: PictureMissing, BadSource, SourceUnavailable.
        """
        try:
            return self.pictures.read(names)
        except PictureMissing as missing:
            if not url:
                raise
            try:
                return names[0], self.web.fetch(url)
            except (BadSource, SourceUnavailable) as error:
                raise type(error)(f"{missing}, and {error}") from error


def check(address: str, rules: Rules) -> None:
    """What can be said of an address at once, without going there.

    Raises: BadSource for a folder or bucket that may not be read, and for an address of another kind.
    """
    if address.startswith("s3://"):
        rules.allowed_bucket(*_bucket(address))
    elif "://" in address:
        if urlsplit(address).scheme not in ("http", "https"):
            raise BadSource(f"{address[:200]} is neither a path nor an s3, http or https address.")
    else:
        rules.allowed(Path(address))


@contextmanager
def opened(
    address: str, rules: Rules, work: Path, *, images: str = "", uploaded: Path | None = None, upload_name: str = "",
    pulse: Callable[[], None] = lambda: None,
) -> Iterator[Opened]:
    """The source at an address, its annotations on this machine.

    Args:
        work: an empty folder for what has to be fetched or unpacked.
        images: where the pictures are, if not there; an address as well.
        uploaded: a file of this machine that was sent here, instead of the address.

    Raises: BadSource, SourceUnavailable.
    """
    with ExitStack() as stack:
        web = Web(rules, pulse=pulse)
        stack.callback(web.close)
        opener = _Opener(rules, work, web, pulse, stack)
        annotations, pictures = opener.uploaded(uploaded, upload_name) if uploaded else opener.open(address)
        if images:
            pictures = opener.pictures(images)
        yield Opened(annotations, pictures, web)


class _Opener:
    def __init__(self, rules: Rules, work: Path, web: Web, pulse: Callable[[], None], stack: ExitStack):
        self.rules, self.work, self.web, self.pulse, self.stack = rules, work, web, pulse, stack

    def open(self, address: str) -> tuple[Path, Pictures]:
        check(address, self.rules)
        if address.startswith("s3://"):
            return self._bucket(*_bucket(address))
        if "://" in address:
            file = self.work / "fetched" / _file_name(urlsplit(address).path)
            file.parent.mkdir()
            self.web.download(address, file)
            return self._file(file, WebPictures(self.web, address.rpartition("/")[0]))
        path = self.rules.allowed(Path(address))
        if path.is_dir():
            return path, FolderPictures(path, self.rules)
        if not path.is_file():
            raise BadSource(f"{address} is missing. Give the path of a folder or file as the server sees it.")
        return self._file(path, FolderPictures(path.parent, self.rules))

    def uploaded(self, file: Path, name: str) -> tuple[Path, Pictures]:
        """Importers go by the ending of the name that it had."""
        named = self.work / "sent" / _file_name(name)
        named.parent.mkdir()
        named.symlink_to(file)
        return self._file(named, NoPictures())

    def pictures(self, address: str) -> Pictures:
        check(address, self.rules)
        if address.startswith("s3://"):
            bucket, prefix = _bucket(address)
            return BucketPictures(self._s3, bucket, prefix, self.rules)
        if "://" in address:
            return WebPictures(self.web, address)
        path = self.rules.allowed(Path(address))
        if path.is_dir():
            return FolderPictures(path, self.rules)
        if path.is_file() and is_zip(path):
            return ZipPictures(self._archive(path), self.rules)
        raise BadSource(f"{address} is neither a folder nor a zip. Say where the images are.")

    def _archive(self, file: Path) -> Archive:
        archive = Archive(file, self.rules, self.pulse)
        self.stack.callback(archive.close)
        return archive

    def _file(self, file: Path, pictures: Pictures) -> tuple[Path, Pictures]:
        """A zip is looked into: what may be annotations is unpacked, pictures stay inside."""
        if not is_zip(file):
            return file, pictures
        archive = self._archive(file)
        folder = self.work / "unpacked"
        folder.mkdir()
        for name in archive.names():
            if name.lower().endswith(SUFFIXES):
                self.pulse()
                archive.unpack(name, folder)
        return folder, ZipPictures(archive, self.rules)

    @cached_property
    def _s3(self):
        import boto3
        from botocore.config import Config

        patience = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=10, read_timeout=60)
        return boto3.client("s3", config=patience)

    def _bucket(self, bucket: str, prefix: str) -> tuple[Path, Pictures]:
        folder = self.work / "fetched"
        folder.mkdir()
        if PurePosixPath(prefix).suffix.lower() in (*SUFFIXES, ".zip"):
            file = folder / _file_name(prefix)
            self._fetch(bucket, prefix, file)
            return self._file(file, BucketPictures(self._s3, bucket, prefix.rpartition("/")[0], self.rules))
        below = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        count = 0
        for key in self._keys(bucket, below):
            name = key.removeprefix(below)
            if not name.lower().endswith(SUFFIXES) or ".." in PurePosixPath(name).parts or name.startswith("/"):
                continue
            count += 1
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            self._fetch(bucket, key, target)
        if not count:
            raise BadSource(f"s3://{bucket}/{prefix} holds no annotations ({', '.join(SUFFIXES)}). Give the prefix above them.")
        return folder, BucketPictures(self._s3, bucket, prefix, self.rules)

    def _keys(self, bucket: str, below: str) -> Iterator[str]:
        import botocore.exceptions

        try:
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below):
                self.pulse()
                yield from (entry["Key"] for entry in page.get("Contents", ()))
        except botocore.exceptions.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise BadSource(f"s3://{bucket}/{below}: S3 answers {code}. Is the name right, and may it be read?") from error
        except botocore.exceptions.BotoCoreError as error:
            raise SourceUnavailable(f"s3://{bucket}/{below} cannot be listed just now ({error}).") from error

    def _fetch(self, bucket: str, key: str, file: Path) -> None:
        with file.open("wb") as stream:

            def write(chunk: bytes) -> None:
                self.pulse()
                stream.write(chunk)

            if get_object(self._s3, bucket, key, self.rules.largest_bytes, write) is None:
                raise BadSource(f"s3://{bucket}/{key} is missing.")
        if shutil.disk_usage(self.work).free < 1_000_000_000:
            raise SourceUnavailable("The disk for fetched files is nearly full.")


def _bucket(address: str) -> tuple[str, str]:
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    if not bucket or ".." in PurePosixPath(prefix).parts:
        raise BadSource(f"{address} must be s3://bucket/prefix.")
    return bucket, prefix


def _file_name(path: str) -> str:
    """The last part of a path, fit to be a file's name here."""
    name = PurePosixPath(unquote(path).replace("\\", "/")).name
    return "".join(letter if letter.isalnum() or letter in "._- " else "_" for letter in name)[-120:].lstrip(".") or "file"
