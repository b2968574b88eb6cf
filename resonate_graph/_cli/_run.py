"""``resonate run``: run a graph on files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from .._decode import Limits
from .._devices import Request
from ._call import (
    GraphArgument,
    InputOption,
    JsonOption,
    ModelsOption,
    NodesOption,
    NoStoreOption,
    OnlyOption,
    ParamOption,
    StoreOption,
    chosen_store,
    open_graph,
    read_inputs,
    read_params,
)
from ._output import Printer
from ._progress import ProgressDisplay

DEFAULT_FOLDER = Path("out")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    graph: GraphArgument,
    inputs: InputOption = None,
    params: ParamOption = None,
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the files written.")
    ] = DEFAULT_FOLDER,
    only: OnlyOption = None,
    device: Annotated[
        str, typer.Option("--device", metavar="D", help="auto, mps, cuda or cpu.")
    ] = "auto",
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
    as_json: JsonOption = False,
) -> None:
    """Run a graph: compute what its outputs need and the store does not have."""
    printer = Printer(as_json=as_json)
    opened = open_graph(graph, nodes)
    with ProgressDisplay() as display:
        result = opened.run(
            read_inputs(opened, inputs),
            params=read_params(opened, params),
            outputs=only or None,
            device=cast(Request, device),
            store=cast(Any, chosen_store(store, no_store)),
            models=models,
            reuse="exact" if exact else "content",
            warn_minutes=warn_minutes,
            max_minutes=max_minutes,
            on_event=display,
        )
        result.save(folder)
    printer.document(result.report)
    counts = {
        status: sum(one["status"] == status for one in result.report["nodes"])
        for status in ("ran", "cached", "skipped")
    }
    summary = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    printer.line(f"{opened.name}: {summary} in {result.report['seconds']:.1f} s")
    for name, output in result.report["outputs"].items():
        printer.line(f"  {name}: {output['path']}")
