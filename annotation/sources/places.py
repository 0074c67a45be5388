"""Where pictures can be: a folder, a zip, S3, the web. Each finds one by any of its names."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import botocore.exceptions

from annotation.sources.archives import Archive
from annotation.sources.rules import BadSource, PictureMissing, Rules, SourceUnavailable
from annotation.sources.web import Web

SUBFOLDERS = ("", "images/")


class Pictures(Protocol):
    """Reads pictures; safe to use from several threads."""

    def read(self, names: Sequence[str]) -> tuple[str, bytes]:
        """The first of these names that is there, and its file.

        Raises: PictureMissing, BadSource, SourceUnavailable.
        """

    def close(self) -> None: ...


class FolderPictures:
    """Files below a folder, or in its `images`; a link that leads elsewhere is followed only where that may be read."""

    def __init__(self, folder: Path, rules: Rules):
        self._folder = folder
        self._real = folder.resolve()
        self._rules = rules

    def read(self, names: Sequence[str]) -> tuple[str, bytes]:
        for name in names:
            for sub in SUBFOLDERS:
                file = self._folder / sub / name
                if _is_file(file):
                    return name, self._content(file)
        raise PictureMissing(f"{self._folder / 'images' / names[0]} is missing")

    def _content(self, file: Path) -> bytes:
        real = file.resolve()
        if not real.is_relative_to(self._real):
            self._rules.allowed(real)
        try:
            if real.stat().st_size > self._rules.largest_picture_bytes:
                raise BadSource(f"{file} has more than {self._rules.largest_picture_bytes:,} bytes.")
            return real.read_bytes()
        except OSError as error:
            raise BadSource(f"{file} cannot be read: {error.strerror or error}.") from error

    def close(self) -> None:
        return None


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a name that no file can have
        return False


class ZipPictures:
    """Entries of an archive, or of its `images`."""

    def __init__(self, archive: Archive, rules: Rules):
        self._archive = archive
        self._names = set(archive.names())
        self._rules = rules

    def read(self, names: Sequence[str]) -> tuple[str, bytes]:
        for name in names:
            for sub in SUBFOLDERS:
                if sub + name in self._names:
                    return name, self._archive.read(sub + name, self._rules.largest_picture_bytes)
        raise PictureMissing(f"{names[0]} is missing in {self._archive.name}")

    def close(self) -> None:
        self._archive.close()


class BucketPictures:
    """Objects below a prefix of an S3 bucket, or in its `images`."""

    def __init__(self, client, bucket: str, prefix: str, rules: Rules):
        self._client, self._bucket, self._rules = client, bucket, rules
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._sub = ""  # where the last one was found; looked at first

    def read(self, names: Sequence[str]) -> tuple[str, bytes]:
        for name in names:
            for sub in sorted(SUBFOLDERS, key=lambda sub: sub != self._sub):
                content = get_object(self._client, self._bucket, self._prefix + sub + name, self._rules.largest_picture_bytes)
                if content is not None:
                    self._sub = sub
                    return name, content
        raise PictureMissing(f"s3://{self._bucket}/{self._prefix}{names[0]} is missing")

    def close(self) -> None:
        return None


class WebPictures:
    """Files below an address."""

    def __init__(self, web: Web, base: str):
        self._web, self._base = web, base.rstrip("/")
        self._sub = ""

    def read(self, names: Sequence[str]) -> tuple[str, bytes]:
        missing: PictureMissing | None = None
        for name in names:
            for sub in sorted(SUBFOLDERS, key=lambda sub: sub != self._sub):
                try:
                    content = self._web.fetch(f"{self._base}/{sub}{quote(name)}")
                except PictureMissing as error:
                    missing = missing or error
                    continue
                self._sub = sub
                return name, content
        raise missing or PictureMissing(f"{names[0]} is missing at {self._base}")

    def close(self) -> None:
        return None


class NoPictures:
    """Annotations came alone."""

    def read(self, names: Sequence[str]) -> tuple[str, bytes]:
        raise PictureMissing(
            f"{names[0]} is missing, as the annotations came alone; send both as one zip, or say where the images are"
        )

    def close(self) -> None:
        return None


def get_object(
    client, bucket: str, key: str, largest_bytes: int, write: Callable[[bytes], object] | None = None
) -> bytes | None:
    """An object, given to `write` piece by piece where there is one; None where it is not there.

    Raises: BadSource, SourceUnavailable.
    """
    place = f"s3://{bucket}/{key}"
    try:
        answer = client.get_object(Bucket=bucket, Key=key)
        if answer["ContentLength"] > largest_bytes:
            answer["Body"].close()
            raise BadSource(f"{place} has {answer['ContentLength']:,} bytes; at most {largest_bytes:,} are read.")
        if write is None:
            return answer["Body"].read()
        for chunk in answer["Body"].iter_chunks(1 << 20):
            write(chunk)
        return b""
    except botocore.exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in ("NoSuchKey", "404", "NotFound"):
            return None
        raise _told(place, error, code) from error
    except botocore.exceptions.BotoCoreError as error:
        raise _told(place, error, "") from error


def _told(place: str, error: Exception, code: str) -> Exception:
    if code in ("AccessDenied", "NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"):
        return BadSource(f"{place}: S3 answers {code}. Let the server's keys read it, or give another place.")
    if isinstance(error, botocore.exceptions.NoCredentialsError):
        return BadSource(f"{place}: the server has no keys for S3. Let an administrator set AWS_ACCESS_KEY_ID.")
    return SourceUnavailable(f"{place} cannot be read just now ({error}). Resume the import when it can.")
