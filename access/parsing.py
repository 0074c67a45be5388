"""Bodies in JSON, bounded, and with nothing inside that no database keeps."""

import io

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser, MultiPartParser

from access.problems import TooLarge

DEEPEST = 50


class BoundedJSONParser(JSONParser):
    def parse(self, stream, media_type=None, parser_context=None):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(most + 1)
        if len(body) > most:
            raise TooLarge(f"The body has more than {most:,} bytes. Files are sent as multipart/form-data.")
        try:
            said = super().parse(io.BytesIO(body), media_type, parser_context)
            check(said)
        except RecursionError as error:
            raise ParseError(f"JSON parse error - nested more than {DEEPEST} deep.") from error
        except LookupError as error:
            raise ParseError("JSON parse error - the charset is not known.") from error
        return said


def check(value, depth: int = 0) -> None:
    """Raises: ParseError for text that PostgreSQL does not keep, and for what is nested beyond reason."""
    if depth > DEEPEST:
        raise ParseError(f"JSON parse error - nested more than {DEEPEST} deep.")
    if isinstance(value, str):
        if "\0" in value:
            raise ParseError("JSON parse error - text with the character NUL (\\u0000).")
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ParseError("JSON parse error - half of a surrogate pair (\\ud800 to \\udfff).")
    elif isinstance(value, list):
        for inner in value:
            check(inner, depth + 1)
    elif isinstance(value, dict):
        for name, inner in value.items():
            check(name, depth)
            check(inner, depth + 1)


class BoundedMultiPartParser(MultiPartParser):
    """Files; what says of itself that it is too large is not read at all."""

    def parse(self, stream, media_type=None, parser_context=None):
        n_bytes = int(parser_context["request"].META.get("CONTENT_LENGTH") or 0)
        if n_bytes > settings.IMPORT_UPLOAD_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge(
                f"{n_bytes:,} bytes were sent; files have at most {settings.IMPORT_UPLOAD_BYTES:,} (IMPORT_UPLOAD_BYTES). "
                "Put it on the server or into S3 and give the path."
            )
        return super().parse(stream, media_type, parser_context)
