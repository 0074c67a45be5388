"""What a worker's form handed in at the marketplace, read as a receipt.

It is XML that a stranger can shape (QuestionFormAnswers, schema 2005-10-01), so it is
limited in size and parsed without entities; and it is never data: the votes are here
already, and what the form says is only compared with them.
"""

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

LARGEST_BYTES = 64 * 1024
MOST_FIELDS = 50
LONGEST_VALUE = 500


def read(xml: str) -> dict[str, str]:
    """Name and value of each field, cut to a sensible length; `{"problem": why}` for what cannot be read."""
    if not xml.strip():
        return {}
    if len(xml.encode()) > LARGEST_BYTES:
        return {"problem": f"larger than {LARGEST_BYTES // 1024} KiB"}
    try:
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        return {"problem": f"not readable as XML: {type(error).__name__}"}
    fields: dict[str, str] = {}
    for answer in list(root)[:MOST_FIELDS]:
        parts = {part.tag.rsplit("}", 1)[-1]: part.text or "" for part in answer}
        if name := parts.get("QuestionIdentifier", "")[:100]:
            fields[name] = parts.get("FreeText", "")[:LONGEST_VALUE]
    return fields
