"""The marketplace could be lifted out and run by itself."""

import ast
from pathlib import Path

MARKETPLACE = Path(__file__).resolve().parents[3] / "crowd" / "marketplace"


def test_it_imports_nothing_of_the_rest_of_nearer():
    imported = set()
    for file in MARKETPLACE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
    own = {name for name in imported if name.split(".")[0] in ("annotation", "crowd", "modeling", "jobs", "config")}
    assert {name for name in own if not name.startswith("crowd.marketplace")} == set()
