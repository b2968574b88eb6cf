"""``resonate sweep``: every combination of some params, side by side."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .._experiment.rows import Row, table
from .._experiment.sweep import combinations
from .._sound.decode import Limits
from .call import (
    DeviceOption,
    GraphArgument,
    InputOption,
    JsonOption,
    ModelsOption,
    NodesOption,
    OnlyOption,
    ParamOption,
    SalvageOption,
    StoreOption,
    open_graph,
    read_grid,
    read_inputs,
)
from .output import Printer
from .progress import ProgressDisplay

DEFAULT_FOLDER = Path("out/sweep")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sweep")(sweep)


def sweep(
    graph: GraphArgument,
    inputs: InputOption = None,
    params: ParamOption = None,
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the results.")
    ] = DEFAULT_FOLDER,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", metavar="FILE", help="Compare every result with this file."),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=64, help="Combinations at a time.")
    ] = 1,
    only: OnlyOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
    models: ModelsOption = None,
    nodes: NodesOption = None,
    max_minutes: Annotated[
        float, typer.Option(metavar="MINUTES", help="Refuse longer inputs.")
    ] = Limits.max_minutes,
    salvage: SalvageOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a graph with every combination of params, such as -p gate_db=-60,-50,-40.

    Steps that combinations share run once. One that fails does not stop the others.
    """
    printer = Printer(as_json=as_json)
    opened = open_graph(graph, nodes)
    fixed, grid = read_grid(opened, params)
    total = len(combinations(grid))
    display = ProgressDisplay() if jobs == 1 else None

    def tell(row: Row) -> None:
        settings = ", ".join(f"{name}={value}" for name, value in row.params.items())
        printer.line(f"{row.name} of {total}: {row.status}  {settings}  {row.error}".rstrip())

    with display or contextlib.nullcontext(), printer.alone_on_stdout():
        rows = opened.sweep(
            read_inputs(opened, inputs),
            grid,
            folder,
            params=fixed,
            reference=reference,
            store=store,
            jobs=jobs,
            on_row=tell,
            on_event=display,
            outputs=only or None,
            device=device,
            models=models,
            max_minutes=max_minutes,
            salvage=salvage,
        )
    failed = any(row.status == "failed" for row in rows)
    printer.document(
        {
            "graph": opened.name,
            "status": "failed" if failed else "done",
            "rows": [asdict(row) for row in rows],
            "report": str(folder / "report.html"),
        }
    )
    printer.line()
    printer.table(*table(rows))
    printer.line()
    printer.line(f"to hear and see them side by side: {folder / 'report.html'}")
    if failed:
        raise typer.Exit(1)
