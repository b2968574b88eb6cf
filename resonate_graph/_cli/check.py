"""``resonate check`` and ``resonate explain``: what is wrong with a graph, and what that means."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from .. import BoundGraph, Catalog, CatalogError, Graph, GraphError, Limits
from .._base.near_names import instead
from .._base.publish import publish
from .._graph.fixes import fixed
from .call import open_graph, read_inputs, read_params
from .codes import explanations, page
from .diagnostics import FORMATS, failed, passed
from .options import (
    GraphArgument,
    GraphsOption,
    InputOption,
    JsonOption,
    NodesOption,
    OnlyOption,
    ParamOption,
)
from .output import Printer, problem_document
from .settings import MaxMinutesOption, ModelsOption, SalvageOption


class Format(str, Enum):
    """How it is said what is wrong."""

    full = "full"
    concise = "concise"
    json = "json"
    sarif = "sarif"
    github = "github"

    def __str__(self) -> str:
        return self.value


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(check)
    app.command()(explain)


def check(
    graph: GraphArgument,
    inputs: InputOption = None,
    params: ParamOption = None,
    only: OnlyOption = None,
    models: ModelsOption = None,
    nodes: NodesOption = None,
    graphs: GraphsOption = None,
    max_minutes: MaxMinutesOption = Limits.max_minutes,
    salvage: SalvageOption = Limits.salvage,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Mend what takes no guess, write GRAPH, and check it."),
    ] = False,
    form: Annotated[
        Format,
        typer.Option("--format", metavar="FORMAT", help="full, concise, json, sarif or github."),
    ] = Format.full,
    as_json: JsonOption = False,
) -> None:
    """Find everything that is wrong with a graph, without running it.

    Once any input is bound with -i, bindings are checked too: their files are read, and the weights
    of models are compared with all that is known of them. resonate explain CODE says more of what
    is found. --fix renames ports and params that their nodes have renamed, pins older versions of
    nodes to the installed ones, and brings older formats to today's.
    """
    form = Format.json if as_json else form
    is_text = form in (Format.full, Format.concise)
    printer = Printer(as_json=form is Format.json)
    if fix:
        for change in _fix(graph, nodes):
            (printer.line if is_text else printer.remark)(f"{graph}: {change}")
    try:
        opened = open_graph(graph, nodes, graphs)
        bound = opened.check(
            read_inputs(opened, inputs) or None,
            params=read_params(opened, params),
            outputs=only or None,
            models=models,
            limits=Limits(max_minutes=max_minutes, salvage=salvage),
        )
    except GraphError as error:
        if form is Format.json:
            raise
        for line in FORMATS[form.value](failed(graph, error)):
            printer.line(line)
        raise typer.Exit(error.exit_code) from None
    if form is Format.json:
        _document(printer, opened, bound)
        return
    for line in FORMATS[form.value](passed(graph, bound.warnings)):
        printer.line(line)
    if is_text:
        _summary(printer, opened, bound)


def _document(printer: Printer, graph: Graph, bound: BoundGraph) -> None:
    printer.document(
        {
            "graph": graph.name,
            "status": "ok",
            "inputs": {name: bound.inputs[name].type for name in bound.needed_inputs},
            "outputs": list(bound.outputs),
            "problems": [],
            "warnings": [problem_document(one) for one in bound.warnings],
        }
    )


def _summary(printer: Printer, graph: Graph, bound: BoundGraph) -> None:
    printer.line(f"{graph.name}: nothing is wrong")
    for name in bound.needed_inputs:
        printer.line(f"  input {name} ({bound.inputs[name].type})")
    for name in bound.outputs:
        printer.line(f"  output {name}")


def _fix(graph: str, nodes: Sequence[str] | None) -> list[str]:
    """Mend a file as far as that takes no guess, and return what was changed."""
    path = Path(graph)
    if not path.is_file():
        open_graph(graph, nodes)  # which says what there is, if it is no stock graph
        raise typer.BadParameter(f"--fix writes the file, and {graph!r} is a stock graph")
    catalog = Catalog.installed()
    for module in nodes or ():
        catalog = catalog.with_module(module)
    try:
        before = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return []  # the check says why
    after, changes = fixed(before, graph, catalog)
    if changes:
        publish(path, lambda file: file.write(after.encode()))
    return changes


def explain(
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="[CODE]...", help="Codes that check told.")
    ] = None,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print all of them, as a page in Markdown.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what a code of a problem means, with an example of wrong and right; or list them."""
    if as_markdown:
        typer.echo(page(), nl=False)
        return
    known = explanations()
    for code in codes or ():
        if code not in known:
            raise CatalogError(f"no problem has the code {code!r}{instead(code, known)}")
    printer = Printer(as_json=as_json)
    shown = [known[code] for code in codes or known]
    printer.document(
        {
            "codes": [
                {"code": one.code, "text": one.text, "wrong": one.wrong, "right": one.right}
                for one in shown
            ]
        }
    )
    if not codes:
        printer.list([(one.code, one.summary) for one in shown])
        return
    for number, one in enumerate(shown):
        printer.line("\n" * bool(number) + one.code)
        printer.line()
        printer.paragraph(one.text.replace("`", ""), indent="  ")
        for title, lines in (("Wrong:", one.wrong), ("Right:", one.right)):
            printer.line(f"\n  {title}\n")
            for line in lines.splitlines():
                printer.line(f"    {line}")
