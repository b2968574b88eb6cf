"""``resonate run``: run a graph on files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from .._api import Graph
from .._base.publish import require_writable
from .._run.provenance import read
from .._sound.decode import Limits
from .call import (
    DeviceOption,
    InputOption,
    JsonOption,
    ModelsOption,
    NodesOption,
    NoStoreOption,
    OnlyOption,
    ParamOption,
    SalvageOption,
    StoreOption,
    ThreadsOption,
    chosen_store,
    open_graph,
    read_inputs,
    read_params,
)
from .output import Printer
from .progress import ProgressDisplay

DEFAULT_FOLDER = Path("out")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


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
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    store: StoreOption = None,
    no_store: NoStoreOption = False,
    models: ModelsOption = None,
    nodes: NodesOption = None,
    exact: Annotated[
        bool, typer.Option("--reuse-exact", help="Reuse only results of the same device.")
    ] = False,
    warn_minutes: Annotated[
        float, typer.Option(metavar="MINUTES", help="Warn about longer inputs.")
    ] = Limits.warn_minutes,
    max_minutes: Annotated[
        float, typer.Option(metavar="MINUTES", help="Refuse longer inputs.")
    ] = Limits.max_minutes,
    salvage: SalvageOption = False,
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
    as_json: JsonOption = False,
) -> None:
    """Run a graph: compute what its outputs need and the store does not have."""
    printer = Printer(as_json=as_json)
    require_writable(folder)
    if (graph is None) == (from_provenance is None):
        raise typer.BadParameter("name a graph, or a file with --from-provenance")
    if from_provenance is not None:
        recipe = read(from_provenance)
        opened = Graph.from_json(recipe.graph, source=str(from_provenance), nodes=nodes or ())
    else:
        recipe = None
        opened = open_graph(str(graph), nodes)
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
            device=device,
            store=cast(Any, chosen_store(store, no_store)),
            models=models,
            reuse="exact" if exact else "content",
            warn_minutes=warn_minutes,
            max_minutes=max_minutes,
            salvage=salvage,
            threads=threads,
            on_event=display,
        )
        told = len(result.report["warnings"])
        result.save(folder, provenance=not no_provenance, tags=not no_tags)
    for warning in result.report["warnings"][told:]:
        printer.remark(f"  warning: {warning['message']}")
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
