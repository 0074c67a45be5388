"""Pictures as they are stored: upright, without what they tell of places and people, otherwise bit for bit."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from annotation import metadata, pictures

PLACE = b"52.5200N 13.4050E"
FORMATS = ("JPEG", "PNG", "WEBP")


def photograph(size=(48, 32)) -> Image.Image:
    """Every quarter in a colour of its own, so that turning shows."""
    picture = Image.new("RGB", size)
    for number, colour in enumerate(((250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0))):
        left, top = number % 2 * size[0] // 2, number // 2 * size[1] // 2
        picture.paste(colour, (left, top, left + size[0] // 2, top + size[1] // 2))
    return picture


def exif(orientation: int | None = None) -> Image.Exif:
    said = Image.Exif()
    if orientation:
        said[pictures.ORIENTATION] = orientation
    said[0x010F] = "A camera of " + PLACE.decode()
    said.get_ifd(0x8825)[1] = "N"
    return said


def saved(picture: Image.Image, format: str, **options) -> bytes:
    content = io.BytesIO()
    picture.save(content, format, **options)
    return content.getvalue()


def telling(format: str, orientation: int | None = None) -> bytes:
    """A picture with a place in every corner that the format has for it, and after its end."""
    options = {"exif": exif(orientation), "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}
    if format == "JPEG":
        options |= {"comment": PLACE, "xmp": b"<x:xmpmeta>" + PLACE + b"</x:xmpmeta>"}
    if format == "WEBP":
        options |= {"xmp": PLACE, "lossless": True}
    if format == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("Location", PLACE.decode())
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", PLACE.decode(), zip=True)
    return saved(photograph(), format, **options) + PLACE


@pytest.mark.parametrize("format", FORMATS)
def test_what_a_picture_tells_of_places_is_left_out_and_the_picture_stays_bit_for_bit(format):
    content = telling(format)
    found = pictures.check(content, "a picture")
    assert PLACE in content and PLACE not in found.content and b"xmp" not in found.content.lower()
    with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(found.content)) as after:
        assert np.array_equal(before, after) and not after.getexif()
        assert after.info.get("icc_profile") == before.info["icc_profile"]
    assert metadata.without(found.content, format) == found.content


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_that_tells_nothing_is_kept_byte_for_byte(format):
    content = saved(photograph(), format)
    found = pictures.check(content, "a picture")
    assert (found.content, found.suffix) == (content, pictures.FORMATS[format])


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("format", FORMATS)
def test_an_orientation_is_applied_so_that_keypoints_mean_the_picture_as_people_see_it(format, orientation):
    content = telling(format, orientation)
    found = pictures.check(content, "a picture")
    with Image.open(io.BytesIO(content)) as stored, Image.open(io.BytesIO(found.content)) as upright:
        from PIL import ImageOps

        seen = ImageOps.exif_transpose(stored)
        assert upright.size == seen.size == (found.width, found.height)
        assert np.abs(np.asarray(upright, int) - np.asarray(seen, int)).max() < 30
    assert PLACE not in found.content


def test_an_orientation_that_means_nothing_turns_nothing():
    content = saved(photograph(), "JPEG", exif=exif(77))
    assert pictures.check(content, "a picture").width == 48


def test_a_phones_picture_of_several_is_its_first():
    content = saved(photograph(), "MPO", save_all=True, append_images=[Image.new("RGB", (48, 32))])
    found = pictures.check(content, "a picture")
    with Image.open(io.BytesIO(found.content)) as stored:
        assert (stored.format, getattr(stored, "n_frames", 1)) == ("JPEG", 1)
    assert found.suffix == ".jpg" and len(found.content) < len(content)


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it is 60,000 pixels wide and high."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return metadata.PNG_START + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


BAD = {
    "text": (b"<html>not found</html>", "is not a readable JPEG, PNG or WebP file"),
    "a script that says it is a picture": (b"<svg onload='x'/>", "is not a readable"),
    "a GIF": (saved(photograph(), "GIF"), "is not a readable"),
    "a TIFF": (saved(photograph(), "TIFF"), "is not a readable"),
    "nothing": (b"", "is not a readable"),
    "a bomb": (bomb(), "is of absurd size|is 60000 x 60000 pixels"),
    "a wide one": (saved(Image.new("1", (17_000, 20)), "PNG"), "is 17000 x 20 pixels"),
    "a tiny one": (saved(Image.new("RGB", (8, 8)), "PNG"), "is 8 x 8 pixels"),
    "half of one": (saved(photograph((400, 300)), "PNG")[:-200], "is damaged"),
    "one that moves": (
        saved(photograph(), "WEBP", save_all=True, append_images=[Image.new("RGB", (48, 32))]), "moves: it has 2 frames"
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_shown_is_refused_by_its_content_whatever_it_is_called(kind):
    content, message = BAD[kind]
    with pytest.raises(pictures.BadPicture, match=message) as refused:
        pictures.check(content, "im00001.jpg")
    assert "im00001.jpg" in str(refused.value)


def test_a_file_that_is_missing_or_too_large_is_named(tmp_path, monkeypatch):
    with pytest.raises(pictures.BadPicture, match=r"nowhere\.jpg is missing"):
        pictures.read(tmp_path / "nowhere.jpg")
    monkeypatch.setattr(pictures, "LARGEST_FILE_BYTES", 10)
    (tmp_path / "large.jpg").write_bytes(bytes(11))
    with pytest.raises(pictures.BadPicture, match="at most 10 are read"):
        pictures.read(tmp_path / "large.jpg")
