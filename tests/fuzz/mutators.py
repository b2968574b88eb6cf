"""Mutators: of bytes, as `tests.torture.fuzz_files` has them, and of JSON, which stays JSON."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from tests.torture.fuzz_files import damaged

_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e300, 10**30, "", "$x", "\0", "\ud800", "a" * 5000, [], {}, [[]],
    {"$param": "x"}, {"$param": None}, "../..", 0.5,
)  # fmt: skip
_DEEP = 3000


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Return a file with some changes."""
    try:
        plain = json.loads(content)
    except ValueError:
        return damaged(content, draw)
    if draw.random() < 0.3:
        return damaged(content, draw)
    for _ in range(draw.choice((1, 1, 2, 4))):
        plain = _another(plain, draw)
    text = json.dumps(plain)
    if draw.random() < 0.02:
        text = text.replace("null", "[" * _DEEP + "]" * _DEEP, 1)
    return text.encode()


def _another(plain: Any, draw: random.Random) -> Any:
    """Return a document in which one part is odd, missing, elsewhere or there twice."""
    changed = copy.deepcopy(plain)
    places = list(_places(changed))
    if not places:
        return draw.choice(_ODD)
    where, key = draw.choice(places)
    kind = draw.choice(("odd", "odd", "missing", "other", "renamed"))
    if kind == "odd":
        where[key] = copy.deepcopy(draw.choice(_ODD))
    elif kind == "missing":
        del where[key]
    elif kind == "other":
        other, place = draw.choice(places)
        where[key] = copy.deepcopy(other[place])
    elif isinstance(where, dict):
        where[draw.choice(("", "\ud800", "a.b", "$x", "x" * 300))] = where.pop(key)
    return changed


def _places(plain: Any) -> Any:
    waiting = [plain]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (dict, list)):
            keys = list(one) if isinstance(one, dict) else range(len(one))
            for key in keys:
                yield one, key
                waiting.append(one[key])
