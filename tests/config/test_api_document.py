"""docs/api.md names what is there."""

import re
from pathlib import Path

from access.models import Scope
from config.api import router

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()


def test_every_address_in_the_document_is_one_of_the_interface():
    patterns = [pattern.pattern.regex for pattern in router.urls]
    addresses = re.findall(r'"/([a-z/-]+/\d+/[a-z_]+/)"', DOCUMENT)
    assert len(addresses) == 2
    assert [address for address in addresses if not any(pattern.match(address) for pattern in patterns)] == []


def test_every_scope_is_explained():
    assert re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.M) == Scope.values
