"""Files made wrong at random, by a seed: parts of their JSON, or their bytes."""

import copy
import json
import random

ODD = [
    None, True, -1, 0, 0.5, 1e308, float("nan"), float("inf"), 2**31, 2**63, 10**30, "", "x", "a\0b", "\ud800", "9" * 50,
    [], {}, [[]], [None], {"a": 1}, [[1, 2, 3]] * 3,
]


def places(value, path=()):
    """The paths of everything inside a JSON value."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from places(inner, (*path, key))


def odd_json(draw: random.Random, content: bytes) -> bytes:
    """One to three parts of it left out, doubled, or replaced by what nobody expects there."""
    value = json.loads(content)
    for _ in range(draw.choice([1, 1, 2, 3])):
        *way, last = draw.choice([path for path in places(value) if path] or [(0,)])
        inner = value
        for key in way:
            inner = inner[key]
        act = draw.randrange(3)
        if not isinstance(inner, dict | list) or not inner:
            continue
        if act == 0:
            inner.pop(last)
        elif act == 1 and isinstance(inner, list):
            inner.insert(last, copy.deepcopy(inner[last]))
        else:
            inner[last] = copy.deepcopy(draw.choice(ODD))
    return json.dumps(value).encode()


def odd_bytes(draw: random.Random, content: bytes) -> bytes:
    """Bytes of it changed, left out or put in; or its end left out."""
    found = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 10])):
        place, act = draw.randrange(len(found) + 1), draw.randrange(4)
        if act == 0:
            found[place : place + 1] = bytes([draw.randrange(256)])
        elif act == 1:
            del found[place : place + draw.choice([1, 8, 100])]
        elif act == 2:
            found[place:place] = draw.randbytes(draw.choice([1, 4, 8]))
        else:
            found[place : place + 4] = draw.choice([b"\xff\xff\xff\x7f", b"\xff" * 4, bytes(4), b"\0\0\0\x80"])
    return bytes(found[: draw.randrange(len(found) + 1)] if draw.random() < 0.1 else found)
