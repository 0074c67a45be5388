"""Other people's image files, looked at before they are believed."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

FORMATS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}
SMALLEST_SIDE_PX = 16
LARGEST_SIDE_PX = 16_384
LARGEST_AREA_PX = 64_000_000
LARGEST_FILE_BYTES = 64_000_000
ORIENTATION = 0x0112


class BadPicture(Exception):
    """The file cannot be shown to a worker; the message says why and what to do."""


@dataclass(frozen=True)
class Picture:
    """An upright picture without metadata that tells of places or people; size in pixels."""

    content: bytes
    suffix: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def read(file: Path) -> Picture:
    """The picture as it will be stored: byte for byte where nothing has to be taken out.

    EXIF data are dropped, as they may hold the place of the shot; an orientation given
    there is applied first, so that keypoints refer to the picture as people see it.

    Raises: BadPicture naming the file.
    """
    if file.stat().st_size > LARGEST_FILE_BYTES:
        raise BadPicture(f"{file} has {file.stat().st_size:,} bytes; at most {LARGEST_FILE_BYTES:,} are read.")
    content = file.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked below, before decoding
            image = Image.open(io.BytesIO(content), formats=list(FORMATS))
    except Image.DecompressionBombError as error:
        raise BadPicture(f"{file} is of absurd size ({error}). Scale it down.") from error
    except Exception as error:  # Pillow raises many kinds for files that are no pictures
        raise BadPicture(f"{file} is not a readable JPEG, PNG or WebP file. Replace it or leave it out.") from error
    width, height = image.size
    if max(width, height) > LARGEST_SIDE_PX or width * height > LARGEST_AREA_PX or min(width, height) < SMALLEST_SIDE_PX:
        raise BadPicture(
            f"{file} is {width} x {height} pixels; a picture has {SMALLEST_SIDE_PX} to {LARGEST_SIDE_PX:,} on a side "
            f"and at most {LARGEST_AREA_PX:,} in all. Scale it."
        )
    try:
        image.load()
    except Exception as error:  # truncated or damaged data
        raise BadPicture(f"{file} is damaged: {error}. Fetch it again.") from error
    suffix = FORMATS[image.format]
    if image.getexif():
        content, image = _without_metadata(image)
    return Picture(content, suffix, *image.size)


def _without_metadata(image: Image.Image) -> tuple[bytes, Image.Image]:
    upright = ImageOps.exif_transpose(image)
    clean = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if image.format == "JPEG" else {}
    upright.save(clean, image.format, exif=b"", icc_profile=image.info.get("icc_profile"), **options)
    return clean.getvalue(), upright
