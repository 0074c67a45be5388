"""Imports run one way: modeling -> crowd -> annotation -> jobs; pure rooms stay pure."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Where -> what it must not import. A longer name is the stricter rule for a part of a room.
FORBIDDEN = {
    "access": ("annotation", "crowd", "jobs", "modeling", "torch"),
    "jobs": ("annotation", "crowd", "modeling", "torch"),
    "annotation": ("crowd", "modeling", "torch"),
    "crowd": ("modeling", "torch"),
    "crowd/marketplace": ("annotation", "jobs", "modeling", "torch", "crowd"),
    "annotation/importers": ("django", "annotation.models", "crowd", "modeling"),
    "annotation/sources": ("django", "annotation.models", "crowd", "modeling", "jobs"),
    "annotation/demo": ("django", "annotation.models", "crowd", "modeling"),
    "crowd/aggregation": ("django", "annotation", "jobs", "modeling", "crowd"),
    "crowd/planning": ("django", "annotation", "jobs", "modeling", "crowd.models"),
    "crowd/simulation": ("django", "annotation", "jobs", "modeling", "crowd"),
    "crowd/vote_files": ("django", "annotation", "jobs", "modeling", "crowd"),
    "crowd/releases": ("django", "annotation", "jobs", "modeling", "crowd"),
    "modeling/lifting": ("django", "annotation", "crowd", "jobs"),
    "nearer": ("django", "annotation", "config", "crowd", "jobs", "modeling"),
}


def imports(file: Path, *, at_work: bool = True) -> set[str]:
    """Full names of all modules that a file imports; `at_work=False` leaves out those inside functions."""
    package = ".".join(file.relative_to(ROOT).parent.parts)
    tree = ast.parse(file.read_text())
    inner = {
        id(node) for outer in ast.walk(tree) if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(outer)
    }
    typing_only = {
        id(node) for outer in ast.walk(tree) if isinstance(outer, ast.If) and "TYPE_CHECKING" in ast.unparse(outer.test)
        for node in ast.walk(outer)
    }
    found = set()
    for node in ast.walk(tree):
        if not at_work and id(node) in inner | typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_nothing_from_above(room):
    own = room.replace("/", ".")
    offences = []
    for file in sorted((ROOT / room).rglob("*.py")):
        for name in imports(file):
            if any(within(name, other) for other in FORBIDDEN[room]) and not within(name, own):
                offences.append(f"{file.relative_to(ROOT)} imports {name}")
    assert not offences, "\n".join(offences)


def test_torch_is_loaded_by_the_lifter_alone_and_the_lifter_only_where_work_is_done():
    offences = []
    for file in sorted((ROOT / "modeling").rglob("*.py")):
        if "lifting" in file.parts:
            continue
        names = imports(file, at_work=False)
        offences += [f"{file.name}: {name}" for name in names if within(name, "torch") or within(name, "modeling.lifting")]
    assert not offences


def test_who_may_see_what_is_asked_in_one_place():
    """No page and no answer to a program filters by owner itself: `annotation.rights` and `crowd.rights` do."""
    by_hand = re.compile(r"owned_by|__owner\"|__owner=\w*\.|filter\([^)]*\bowner=")
    offences = []
    for app in ("annotation", "crowd", "modeling"):
        for file in sorted((ROOT / app).rglob("*.py")):
            place = file.relative_to(ROOT)
            if place.name == "rights.py" or "marketplace" in place.parts or "migrations" in place.parts:
                continue
            offences += [f"{place}: {line.strip()}" for line in file.read_text().splitlines() if by_hand.search(line)]
    assert offences == []
