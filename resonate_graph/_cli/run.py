"""``resonate run``: run a graph on files."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typing_extensions import Unpack

from .. import Graph, Settings, read_provenance
from .._base.publish import require_writable
from .call import (
    GraphsOption,
    InputOption,
    JsonOption,
    NodesOption,
    OnlyOption,
    ParamOption,
    open_graph,
    read_inputs,
    read_params,
)
from .output import Printer
from .progress import ProgressDisplay
from .settings import takes_settings

DEFAULT_FOLDER = Path("out")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


@takes_settings
def run(
    graph: Annotated[
        str | None,
        typer.Argument(metavar="[GRAPH]", help="A graph file, or the name of a stock graph."),
    ] = None,
    inputs: InputOption = None,
    params: ParamOption = None,
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the files written.")
    ] = DEFAULT_FOLDER,
    only: OnlyOption = None,
    nodes: NodesOption = None,
    graphs: GraphsOption = None,
    from_provenance: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Make this file again, instead of naming a graph."),
    ] = None,
    no_provenance: Annotated[
        bool, typer.Option("--no-provenance", help="Do not say in the files how they were made.")
    ] = False,
    no_tags: Annotated[
        bool, typer.Option("--no-tags", help="Carry no tags and no cover art from the inputs.")
    ] = False,
    removed: Annotated[
        bool,
        typer.Option("--removed", help="Write what was taken out too, as NAME.removed.wav."),
    ] = False,
    report: Annotated[
        bool,
        typer.Option("--report", help="Write report.html too: before and after, what was done."),
    ] = False,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Run a graph: compute what its outputs need and the store does not have."""
    printer = Printer(as_json=as_json)
    require_writable(folder)
    if (graph is None) == (from_provenance is None):
        raise typer.BadParameter("name a graph, or a file with --from-provenance")
    if from_provenance is not None:
        recipe = read_provenance(from_provenance)
        opened = Graph.from_json(recipe.graph, source=str(from_provenance), nodes=nodes or ())
    else:
        recipe = None
        opened = open_graph(str(graph), nodes, graphs)
    bound = {**(recipe.bindings if recipe else {}), **read_inputs(opened, inputs)}
    given = read_params(opened, params)
    changed = {**(recipe.params if recipe else {}), **given}
    for change in recipe.changes(given) if recipe else ():
        printer.remark(f"  changed: {change}")
    with ProgressDisplay() as display, printer.alone_on_stdout():
        result = opened.run(
            bound,
            params=changed,
            outputs=only or (list(recipe.outputs) if recipe else None),
            removed=removed,
            on_event=display,
            **settings,
        )
        told = len(result.report["warnings"])
        result.save(folder, provenance=not no_provenance, tags=not no_tags)
        page = None
        if report:
            command = shlex.join(["resonate", *sys.argv[1:]])
            page = opened.report(result, folder, command=command, **settings)
    for warning in result.report["warnings"][told:]:
        printer.warning(warning["message"])
    differences = list(recipe.differences(result.provenance)) if recipe else []
    printer.document({**result.report, "differences": differences} if recipe else result.report)
    counts = {
        status: sum(one["status"] == status for one in result.report["nodes"])
        for status in ("ran", "cached", "skipped")
    }
    summary = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    printer.line(f"{opened.name}: {summary} in {result.report['seconds']:.1f} s")
    for difference in differences:
        printer.line(f"  differs: {difference}")
    if recipe and not differences:
        printer.line("  the same samples as in the file it was made from")
    for name, output in result.report["outputs"].items():
        printer.line(f"  {name}: {output['path']}")
        if difference := output.get("removed"):
            printer.line(f"  {name}, removed: {difference['path']}{_at_level(difference)}")
    if page is not None:
        printer.line(f"  to hear and see: {page}")
    if removed and not result.removed:
        printer.remark("  nothing to subtract: no output is the sound of an input, of its shape")


def _at_level(difference: Mapping[str, Any]) -> str:
    """Say which gain was taken back before what was taken out was found."""
    gain = difference["gain_db"]
    return f" (the gain of {gain:.1f} dB taken back)" if gain else ""
