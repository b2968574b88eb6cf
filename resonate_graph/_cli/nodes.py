"""``resonate nodes``: the nodes there are, by subject, and one of them in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from .. import Catalog, CatalogError, NodeType
from .._base.docstrings import sections, summary
from .._graph.layout import layout
from .example import call, example
from .loading import loading
from .node_page import page
from .node_tables import facts, module_name, subject, tables
from .options import JsonOption, NodesOption
from .output import Printer
from .pack import write_pack


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(nodes)


def nodes(
    type_id: Annotated[
        str | None,
        typer.Argument(metavar="[TYPE]", help="Show one node in full; new writes a pack."),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="After new: the pack's name.")
    ] = None,
    modules: NodesOption = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print all of them in full, as a page in Markdown.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the nodes that can be used, by subject, or show one in full with an example.

    resonate nodes new NAME writes a pack of nodes of your own: with a node, tests that try what
    every node owes, and an entry point; it installs and passes as it stands.
    """
    if type_id == "new":
        _write_pack(name, as_json)
        return
    if name is not None:
        raise typer.BadParameter(f"one TYPE is shown, and {name!r} is another")
    if as_markdown and (as_json or type_id is not None):
        raise typer.BadParameter("--markdown goes with neither TYPE nor --json")
    printer = Printer(as_json=as_json)
    with loading():
        catalog = Catalog.installed()
        for module in modules or ():
            catalog = catalog.with_module(module)
    if as_markdown:
        typer.echo(page(catalog), nl=False)
        return
    if type_id is None:
        _list(printer, catalog)
        return
    node_type = catalog.get(type_id)
    if node_type is None:
        near = catalog.near(type_id)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise CatalogError(f"no node type {type_id!r}{catalog.why_missing(type_id) or hint}")
    printer.document(_document(node_type, catalog))
    if not as_json:
        _show(printer, node_type, catalog, modules or ())


def _write_pack(name: str | None, as_json: bool) -> None:
    if name is None:
        raise typer.BadParameter("say what the pack is called: resonate nodes new NAME")
    printer = Printer(as_json=as_json)
    written = write_pack(name)
    printer.document({"files": [str(path) for path in written]})
    for path in written:
        printer.line(str(path))
    printer.line(f'next: pip install -e "{name}[test]" && python -m pytest {name}')


def _list(printer: Printer, catalog: Catalog) -> None:
    if printer.as_json:  # to make it takes as long as to find out what nodes there are
        printer.document(
            {
                "nodes": [_document(one, catalog) for one in catalog],
                "broken": [{"pack": one.name, "reason": one.reason} for one in catalog.broken],
            }
        )
        return
    subjects: dict[str, list[NodeType]] = {}
    for one in catalog:
        subjects.setdefault(subject(one), []).append(one)
    width = max(len(one.id) for one in catalog)
    for name in sorted(subjects):
        printer.line(name)
        rows = [(f"  {one.id:<{width}}", summary(one.doc)) for one in subjects[name]]
        printer.list(rows)
        printer.line()
    for pack in catalog.broken:
        printer.line(str(pack))
    printer.line("resonate nodes TYPE shows one in full, with an example.")


# -- one node -------------------------------------------------------------------------------------


def _show(printer: Printer, node_type: NodeType, catalog: Catalog, modules: Sequence[str]) -> None:
    said = sections(node_type.doc)
    printer.paragraph(f"{node_type.id}  ({facts(node_type)})")
    printer.line()
    printer.paragraph(said[""])
    for headings, rows in tables(node_type):
        printer.line()
        printer.table(headings, [tuple(map(_plain, row)) for row in rows], long=("", "type"))
    document = example(node_type, catalog)
    name = f"{document['name']}.json"
    inputs = " ".join(
        f"-i {one}={_VALUES[spec['type']]}" for one, spec in document["inputs"].items()
    )
    printer.line()
    known = "".join(f"--nodes {module} " for module in modules)
    printer.paragraph(f"In a graph ({name}; resonate run {name} {known}{inputs} -o out/):")
    printer.line()
    printer.line(_indented(layout(document).rstrip()))
    package = module_name(node_type).partition(".")[0]
    printer.line()
    printer.line(f"In Python (from {package} import {node_type.name}):")
    printer.line()
    printer.line(_indented(said.get("Example", call(node_type))))


def _plain(text: str) -> str:
    return text.replace("``", "")


#: What stands on a command line for a value of some type.
_VALUES = {"audio": "FILE", "number": "1.0", "integer": "1", "string": "TEXT", "boolean": "true"}


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def _document(node_type: NodeType, catalog: Catalog) -> dict[str, Any]:
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
