"""Mutators by format: each returns a file with some changes.

Of bytes, as `tests.torture.fuzz_files` has them; of JSON, which stays JSON; of what is packed, so
that what is packed anew can be opened.
"""

from __future__ import annotations

import copy
import io
import json
import random
import re
import zipfile
from typing import Any

from blake3 import blake3

from resonate_graph._node.values import canonical_json
from tests.torture.fuzz_files import damaged

_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e300, 10**30, "", "$x", "\0", "\ud800", "a" * 5000, [], {}, [[]],
    {"$param": "x"}, {"$param": None}, "../..", 0.5,
)  # fmt: skip
_DEEP = 3000
_IN_A_JOURNAL = re.compile(rb'\{"[ -~]*\}')


def of_bytes(content: bytes, draw: random.Random) -> bytes:
    """Change a file that may be empty."""
    return damaged(content or b"\0", draw)


def of_json(content: bytes, draw: random.Random) -> bytes:
    """Change parts of a document, or its bytes."""
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError):
        return of_bytes(content, draw)
    if draw.random() < 0.3:
        return of_bytes(content, draw)
    text = json.dumps(_changed(plain, draw))
    if draw.random() < 0.02:
        text = text.replace("null", "[" * _DEEP + "]" * _DEEP, 1)
    return text.encode()


def of_json_lines(content: bytes, draw: random.Random) -> bytes:
    """Change a document that is a line of a file, or the file's bytes."""
    lines = content.split(b"\n")
    place = draw.randrange(len(lines))
    lines[place] = of_json(lines[place], draw)
    return b"\n".join(lines)


def of_journal(content: bytes, draw: random.Random) -> bytes:
    """Change one of the documents in a database, whose length stays, or its bytes."""
    found = list(_IN_A_JOURNAL.finditer(content))
    if not found or draw.random() < 0.3:
        return of_bytes(content, draw)
    one = draw.choice(found)
    try:
        text = json.dumps(_changed(json.loads(one[0]), draw)).encode()
    except (ValueError, RecursionError):
        return of_bytes(content, draw)
    if len(text) > len(one[0]):
        return of_bytes(content, draw)
    return content[: one.start()] + text.ljust(len(one[0])) + content[one.end() :]


def of_record(content: bytes, draw: random.Random) -> bytes:
    """Change a record, and mostly seal it again: its digest would keep all else from being read."""
    try:
        plain = json.loads(content)
        if draw.random() < 0.2 or not isinstance(plain, dict):
            return of_json(content, draw)
        plain.pop("seal", None)
        changed = _changed(plain, draw)
        digest = blake3(canonical_json(changed)).hexdigest()
        return canonical_json({**changed, "seal": digest})
    except (ValueError, TypeError, RecursionError):
        return of_json(content, draw)


def of_safetensors(content: bytes, draw: random.Random) -> bytes:
    """Change the header, the JSON texts in it too, so that its length fits."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
        if draw.random() < 0.3:
            return of_bytes(content, draw)
        words = header.get("__metadata__") if isinstance(header, dict) else None
        if isinstance(words, dict) and draw.random() < 0.6:
            key = draw.choice(("args", "kwargs"))
            words[key] = json.dumps(_changed(json.loads(words[key]), draw))
        else:
            header = _changed(header, draw)
    except (ValueError, TypeError, LookupError, RecursionError):
        return of_bytes(content, draw)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def of_pickle(content: bytes, draw: random.Random) -> bytes:
    """Change what is packed, and pack it again, or change the archive."""
    if draw.random() < 0.2:
        return of_bytes(content, draw)
    file = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = draw.choice(archive.namelist())
            with archive.open(name) as packed:
                plain = packed.read(1 << 17)
        method = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr(name, of_bytes(plain, draw))
    except Exception:  # whatever a damaged archive leads to
        return of_bytes(content, draw)
    return file.getvalue()


def _changed(plain: Any, draw: random.Random) -> Any:
    """Return what becomes of a document that was read for this, and is changed in its place."""
    for _ in range(draw.choice((1, 1, 2, 4))):
        plain = _another(plain, draw)
    return plain


def _another(plain: Any, draw: random.Random) -> Any:
    """Make one part of a document odd, missing, or one that is elsewhere."""
    places = list(_places(plain))
    if not places:
        return copy.deepcopy(draw.choice(_ODD))
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
    return plain


def _places(plain: Any) -> Any:
    waiting = [plain]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (dict, list)):
            keys = list(one) if isinstance(one, dict) else range(len(one))
            for key in keys:
                yield one, key
                waiting.append(one[key])
