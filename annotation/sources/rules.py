"""What an import may reach, and how much of it."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path


class BadSource(Exception):
    """There is nothing to be had there, or nothing that may be; the message names the place and the remedy."""


class SourceUnavailable(Exception):
    """It could not be reached just now; the same may work later."""


class PictureMissing(BadSource):
    """The source has no file of that name."""


@dataclass(frozen=True)
class Rules:
    """Limits of one import.

    roots: folders of this machine that may be read; None: all of them, for somebody who has a shell anyway.
    buckets: S3 buckets, or bucket/prefix, that may be read with the server's own keys; None: all of them.
    private_networks: networks that may be asked although they are not public.
    largest_bytes: of annotations, and of all that a zip unpacks to.
    largest_picture_bytes: of one picture.
    """

    roots: tuple[Path, ...] | None = ()
    buckets: tuple[str, ...] | None = ()
    private_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    largest_bytes: int = 20_000_000_000
    largest_picture_bytes: int = 64_000_000
    connect_s: float = 10.0
    read_s: float = 30.0
    picture_s: float = 120.0
    file_s: float = 3600.0
    waits_s: tuple[float, ...] = (1.0, 4.0, 15.0)

    def allowed(self, path: Path) -> Path:
        """The path with all links followed.

        Raises: BadSource for one outside the roots. Whether it exists is not said then.
        """
        real = path.resolve()
        if self.roots is not None and not any(real.is_relative_to(root.resolve()) for root in self.roots):
            roots = " or ".join(str(root) for root in self.roots) or "none; see IMPORT_ROOTS"
            raise BadSource(
                f"{path} is not in a folder that may be read here ({roots}). Put the data there, upload them, or let an "
                "administrator add the folder to IMPORT_ROOTS."
            )
        return real

    def allowed_bucket(self, bucket: str, prefix: str) -> None:
        """Raises: BadSource for a bucket, or a part of it, that is not on the list."""
        if self.buckets is None:
            return
        for entry in self.buckets:
            name, _, part = entry.strip("/").partition("/")
            if bucket == name and (not part or prefix == part or prefix.startswith(f"{part}/")):
                return
        raise BadSource(
            f"s3://{bucket}/{prefix} may not be read with this server's keys. Let an administrator add the bucket to "
            "IMPORT_S3_BUCKETS."
        )
