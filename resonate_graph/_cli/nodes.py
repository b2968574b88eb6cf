"""``resonate nodes``: the nodes there are, by subject, and one of them in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .. import CatalogError
from .listing import Listed, Listing, installed, kept, made
from .loading import loading
from .options import JsonOption, NodesOption
from .output import Printer
from .pieces import Piece

if TYPE_CHECKING:  # the list alone is printed without
    from .. import Catalog


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
    if not (type_id or modules or as_markdown or as_json):
        _list(printer, installed())
        return
    if type_id and not (modules or as_json) and (one := _kept(type_id)):
        _print(printer, one.said)
        return
    from .. import Catalog

    with loading():
        catalog = Catalog.installed()
        for module in modules or ():
            catalog = catalog.with_module(module)
    if as_markdown:
        from .node_page import page

        typer.echo(page(catalog), nl=False)
        return
    if type_id is not None:
        _show(printer, type_id, catalog, modules or ())
    elif as_json:
        _list_documents(printer, catalog)
    else:
        _list(printer, made(catalog))


def _kept(type_id: str) -> Listed | None:
    """Return a node of the list that was kept, if there is one and it has it under this very id."""
    listing = kept()
    return next((one for one in listing.nodes if one.id == type_id), None) if listing else None


def _show(printer: Printer, type_id: str, catalog: Catalog, modules: Sequence[str]) -> None:
    from .one_node import document, said_of

    node_type = catalog.get(type_id)
    if node_type is None:
        near = catalog.near(type_id)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise CatalogError(f"no node type {type_id!r}{catalog.why_missing(type_id) or hint}")
    printer.document(document(node_type, catalog))
    if not printer.as_json:
        _print(printer, said_of(node_type, catalog, modules))


def _print(printer: Printer, said: Iterable[Piece]) -> None:
    """Print what is said of a node for people."""
    for layout, rows in said:
        if layout == "table":
            printer.table(rows[0], rows[1:], long=("", "type"))
        elif layout == "paragraph":
            printer.paragraph(rows[0][0])
        else:
            printer.line(rows[0][0])


def _write_pack(name: str | None, as_json: bool) -> None:
    if name is None:
        raise typer.BadParameter("say what the pack is called: resonate nodes new NAME")
    from .pack import write_pack

    printer = Printer(as_json=as_json)
    written = write_pack(name)
    printer.document({"files": [str(path) for path in written]})
    for path in written:
        printer.line(str(path))
    printer.line(f'next: pip install -e "{name}[test]" && python -m pytest {name}')


def _list_documents(printer: Printer, catalog: Catalog) -> None:
    from .one_node import document

    printer.document(
        {
            "nodes": [document(one, catalog) for one in catalog],
            "broken": [{"pack": one.name, "reason": one.reason} for one in catalog.broken],
        }
    )


def _list(printer: Printer, listing: Listing) -> None:
    subjects: dict[str, list[Listed]] = {}
    for one in listing.nodes:
        subjects.setdefault(one.subject, []).append(one)
    width = max((len(one.id) for one in listing.nodes), default=0)
    for name in sorted(subjects):
        printer.line(name)
        printer.list([(f"  {one.id:<{width}}", one.summary) for one in subjects[name]])
        printer.line()
    for pack in listing.broken:
        printer.line(pack)
    printer.line("resonate nodes TYPE shows one in full, with an example.")
