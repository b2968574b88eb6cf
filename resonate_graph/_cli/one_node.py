"""What is said of one node in full: what it takes and gives, and an example."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .. import Catalog, NodeType
from .._base.docstrings import sections, summary
from .._graph.layout import layout
from .example import call, example
from .listing import Piece
from .node_tables import facts, module_name, subject, tables


def said_of(node_type: NodeType, catalog: Catalog, modules: Sequence[str]) -> Iterator[Piece]:
    """Yield what is said of a node.

    Args:
        node_type: the node.
        catalog: it and all others.
        modules: the modules of the caller's own that have to be named to have it.
    """
    said = sections(node_type.doc)
    yield _paragraph(f"{node_type.id}  ({facts(node_type)})")
    yield _lines("")
    yield _paragraph(said[""])
    for headings, rows in tables(node_type):
        yield _lines("")
        yield "table", (headings, *(tuple(map(_plain, row)) for row in rows))
    graph = example(node_type, catalog)
    name = f"{graph['name']}.json"
    inputs = " ".join(f"-i {one}={_VALUES[spec['type']]}" for one, spec in graph["inputs"].items())
    yield _lines("")
    known = "".join(f"--nodes {module} " for module in modules)
    yield _paragraph(f"In a graph ({name}; resonate run {name} {known}{inputs} -o out/):")
    yield _lines("")
    yield _lines(_indented(layout(graph).rstrip()))
    package = module_name(node_type).partition(".")[0]
    yield _lines("")
    yield _lines(f"In Python (from {package} import {node_type.name}):")
    yield _lines("")
    yield _lines(_indented(said.get("Example", call(node_type))))


def _paragraph(text: str) -> Piece:
    return "paragraph", ((text,),)


def _lines(text: str) -> Piece:
    return "lines", ((text,),)


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
