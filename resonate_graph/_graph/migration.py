"""Bringing graph files of before to today's: their format, and the versions they pin nodes to."""

from __future__ import annotations

import json
import re

from .._node.catalog import Catalog
from .._node.declaration import NodeType
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


def newer_pin(name: str, node_type: NodeType) -> str | None:
    """Return a type that is pinned to an older version as it is pinned to the installed one.

    Args:
        name: the type as a graph has it, such as ``gate@1``.
        node_type: the installed node.

    Returns:
        Such as ``gate@2``; None where it is pinned to no older version.
    """
    pin = _PIN.fullmatch(name)
    if pin is None or node_type.version is None or int(pin[2]) >= node_type.version:
        return None
    return f"{node_type.id}@{node_type.version}"


def _pinned_anew(body: Definition, catalog: Catalog) -> list[str]:
    done = []
    for name, spec in body.nodes.items():
        known = catalog.types.get(spec.type.partition("@")[0])
        newer = newer_pin(spec.type, known) if known else None
        if newer is not None:
            done.append(f"node {name}: {spec.type} -> {newer}")
            spec.type = newer
    return done
