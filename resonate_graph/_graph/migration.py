"""Bringing graph files of before to today's: their format, and the versions they pin nodes to."""

from __future__ import annotations

import json
import re
from typing import Any

from .._node.catalog import Catalog
from .document import FORMAT, Definition, parse
from .layout import layout
from .library import bodies

_PIN = re.compile(r"(.+)@([0-9]+)")


def migrated(text: str, source: str, catalog: Catalog) -> tuple[str, list[str]]:
    """Return a graph file's text as it would be written today, and what had to be changed.

    Where nothing had to be, the text is what it was. A type that is pinned to an older version of
    its node is pinned to the installed one; what that node gives may be otherwise then.

    Args:
        text: the JSON text.
        source: the file's name, for messages.
        catalog: the nodes that are installed.

    Raises:
        GraphError: it is no graph file, or one of a newer format.
    """
    document = parse(text, source)
    before = json.loads(text)["format"]
    done = [] if before == FORMAT else [f"format {before} -> {FORMAT}"]
    for body in bodies(document):
        done += _pinned_anew(body, catalog)
    return (layout({**document.to_plain(), "format": FORMAT}) if done else text), done


def _pinned_anew(body: Definition, catalog: Catalog) -> list[str]:
    done = []
    for name, spec in body.nodes.items():
        pin = _PIN.fullmatch(spec.type)
        known: Any = catalog.types.get(pin[1]) if pin else None
        if pin and known and known.version is not None and int(pin[2]) < known.version:
            newer = f"{known.id}@{known.version}"
            done.append(f"node {name}: {spec.type} -> {newer}")
            spec.type = newer
    return done
