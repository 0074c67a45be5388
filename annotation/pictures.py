"""Other people's image files, looked at before they are believed."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from annotation import metadata

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
    """The picture in a file, as `check` gives it.

    Raises: BadPicture naming the file.
    """
    try:
        if file.stat().st_size > LARGEST_FILE_BYTES:
            raise BadPicture(f"{file} has {file.stat().st_size:,} bytes; at most {LARGEST_FILE_BYTES:,} are read.")
        content = file.read_bytes()
    except OSError as error:
        raise BadPicture(f"{file} is missing or cannot be read ({error.strerror}).") from error
    return check(content, str(file))


def check(content: bytes, name: str) -> Picture:
    """The picture as it will be stored, whatever its file was called.

    An orientation given in EXIF is applied, so that keypoints refer to the picture as people
    see it; then it is written anew. All other pictures stay bit for bit what they were. EXIF,
    XMP, IPTC, comments and whatever follows the picture's end are left out, as they may hold
    the place of the shot.

    Raises: BadPicture naming the file.
    """
    image = _opened(content, name)
    width, height = image.size
    if max(width, height) > LARGEST_SIDE_PX or width * height > LARGEST_AREA_PX or min(width, height) < SMALLEST_SIDE_PX:
        raise BadPicture(
            f"{name} is {width} x {height} pixels; a picture has {SMALLEST_SIDE_PX} to {LARGEST_SIDE_PX:,} on a side "
            f"and at most {LARGEST_AREA_PX:,} in all. Scale it."
        )
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise BadPicture(f"{name} moves: it has {image.n_frames} frames. Take one of them.")
    try:
        image.load()
    except Exception as error:  # truncated or damaged data
        raise BadPicture(f"{name} is damaged: {error}. Fetch it again.") from error
    format = "JPEG" if image.format == "MPO" else image.format  # several JPEGs in a row, as some phones write; the first is it
    if _orientation(image) != 1:
        content, image = _upright(image, format)
    try:
        content = metadata.without(content, format)
    except metadata.Unknown:  # Pillow forgave what the walk through its parts does not
        content, image = _upright(image, format)
        content = metadata.without(content, format)
    return Picture(content, FORMATS[format], *image.size)


def _opened(content: bytes, name: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked before decoding
            return Image.open(io.BytesIO(content), formats=[*FORMATS, "MPO"])
    except Image.DecompressionBombError as error:
        raise BadPicture(f"{name} is of absurd size ({error}). Scale it down.") from error
    except Exception as error:  # Pillow raises many kinds for files that are no pictures
        raise BadPicture(f"{name} is not a readable JPEG, PNG or WebP file. Replace it or leave it out.") from error


def _orientation(image: Image.Image) -> int:
    try:
        said = image.getexif().get(ORIENTATION, 1)
    except Exception:  # EXIF that cannot be read turns nothing, and is left out with the rest
        return 1
    return said if said in range(2, 9) else 1


def _upright(image: Image.Image, format: str) -> tuple[bytes, Image.Image]:
    upright = ImageOps.exif_transpose(image)
    clean = io.BytesIO()
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}, "PNG": {}}[format]
    upright.save(clean, format, exif=b"", icc_profile=image.info.get("icc_profile"), **options)
    return clean.getvalue(), upright
