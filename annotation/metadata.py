"""What picture files say besides the picture: taken out without touching the picture.

EXIF, XMP and IPTC may hold the place of a shot, its time and the camera's owner; comments and
bytes after the end of the picture may hold anything. Colour profiles stay.
"""

import re
import struct

JPEG_KEPT = (0xE0, 0xE2, 0xEE)  # JFIF, colour profile, Adobe's colour transform
PNG_KEPT = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"bKGD", b"pHYs", b"cICP",
}  # fmt: skip
PNG_START = b"\x89PNG\r\n\x1a\n"
WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"}
WEBP_HAS_EXIF_OR_XMP = 0x08 | 0x04
NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
END, SCAN, PROFILE, COMMENT = 0xD9, 0xDA, 0xE2, 0xFE


class Unknown(ValueError):
    """The file is not built as its format says."""


def without(content: bytes, format: str) -> bytes:
    """The same picture, bit for bit, without what else the file says; the very same bytes where there is nothing.

    Args:
        format: JPEG, PNG or WEBP.

    Raises: Unknown for a file that only lenient programs can read.
    """
    try:
        return {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}[format](content)
    except (struct.error, IndexError) as error:
        raise Unknown("its parts do not add up") from error


def _jpeg(content: bytes) -> bytes:
    kept, place = [content[:2]], 2
    while True:
        while content[place] == 0xFF and content[place + 1] == 0xFF:
            place += 1  # filling
        if content[place] != 0xFF:
            raise Unknown("a part without a marker")
        marker = content[place + 1]
        if marker == END:
            kept.append(content[place : place + 2])
            return b"".join(kept)
        (length,) = struct.unpack_from(">H", content, place + 2)
        after = place + 2 + length
        if after > len(content):
            raise Unknown("a part longer than the file")
        foreign = marker == PROFILE and not content.startswith(b"ICC_PROFILE\0", place + 4)  # e.g. a table of further pictures
        tells = 0xE0 <= marker <= 0xEF or marker == COMMENT
        if (marker in JPEG_KEPT and not foreign) or not tells:
            kept.append(content[place:after])
        place = after
        if marker == SCAN:
            found = NEXT_MARKER.search(content, place)
            if found is None:
                raise Unknown("no end")
            kept.append(content[place : found.start()])
            place = found.start()


def _png(content: bytes) -> bytes:
    kept, place = [PNG_START], len(PNG_START)
    while True:
        length, kind = struct.unpack_from(">I4s", content, place)
        after = place + 12 + length
        if after > len(content):
            raise Unknown("a part longer than the file")
        if kind in PNG_KEPT:
            kept.append(content[place:after])
        place = after
        if kind == b"IEND":
            return b"".join(kept)


def _webp(content: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", content, 4)
    end, place, kept = min(8 + size, len(content)), 12, []
    while place + 8 <= end:
        kind, length = struct.unpack_from("<4sI", content, place)
        after = place + 8 + length + length % 2
        if place + 8 + length > end:
            raise Unknown("a part longer than the file")
        if kind == b"VP8X":
            flags = content[place + 8] & ~WEBP_HAS_EXIF_OR_XMP
            kept.append(content[place : place + 8] + bytes([flags]) + content[place + 9 : after])
        elif kind in WEBP_KEPT:
            kept.append(content[place:after])
        place = after
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body
