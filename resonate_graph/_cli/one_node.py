"""What is said of one node in full: what it takes and gives, and an example."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .. import Catalog, NodeType
from .._base.docstrings import sections, summary
from .._graph.layout import layout
from .example import call, example
from .node_tables import facts, module_name, subject, tables
from .pieces import Piece, lines, paragraph, table


def said_of(node_type: NodeType, catalog: Catalog, modules: Sequence[str]) -> Iterator[Piece]:
    """Yield what is said of a node.

    Args:
        node_type: the node.
        catalog: it and all others.
        modules: the modules of the caller's own that have to be named to have it.
    """
    said = sections(node_type.doc)
    yield paragraph(f"{node_type.id}  ({facts(node_type)})")
    yield lines("")
    yield paragraph(said[""])
    for headings, rows in tables(node_type):
        yield lines("")
        yield table(headings, *(tuple(map(_plain, row)) for row in rows))
    graph = example(node_type, catalog)
    name = f"{graph['name']}.json"
    inputs = " ".join(f"-i {one}={_VALUES[spec['type']]}" for one, spec in graph["inputs"].items())
    yield lines("")
    known = "".join(f"--nodes {module} " for module in modules)
    yield paragraph(f"In a graph ({name}; resonate run {name} {known}{inputs} -o out/):")
    yield lines("")
    yield lines(_indented(layout(graph).rstrip()))
    package = module_name(node_type).partition(".")[0]
    yield lines("")
    yield lines(f"In Python (from {package} import {node_type.name}):")
    yield lines("")
    yield lines(_indented(said.get("Example", call(node_type))))


def document(node_type: NodeType, catalog: Catalog) -> dict[str, Any]:
    """Return a node as JSON values."""
    return {
        "type": node_type.id,
        "version": node_type.version,
        "device": node_type.device,
        "subject": subject(node_type),
        "summary": summary(node_type.doc),
        "inputs": [
            {
                "name": port.name,
                "type": port.type.name,
                "many": port.many,
                "optional": port.optional,
            }
            for port in node_type.inputs
        ],
        "outputs": [{"name": port.name, "type": port.type.name} for port in node_type.outputs],
        "params": node_type.params.model_json_schema(),
        "example": example(node_type, catalog),
    }


def _plain(text: str) -> str:
    return text.replace("``", "")


#: What stands on a command line for a value of some type.
_VALUES = {"audio": "FILE", "number": "1.0", "integer": "1", "string": "TEXT", "boolean": "true"}


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
