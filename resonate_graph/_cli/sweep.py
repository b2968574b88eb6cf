"""``resonate sweep``: every combination of some params, side by side."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from typing_extensions import Unpack

from .. import Row, Settings
from .._experiment.grid import combinations
from .._experiment.rows import table
from .call import (
    GraphArgument,
    GraphsOption,
    InputOption,
    JsonOption,
    NodesOption,
    OnlyOption,
    ParamOption,
    open_graph,
    read_grid,
    read_inputs,
    read_reference,
)
from .output import Printer
from .progress import ProgressDisplay
from .settings import takes_settings

DEFAULT_FOLDER = Path("out/sweep")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sweep")(sweep)


@takes_settings
def sweep(
    graph: GraphArgument,
    inputs: InputOption = None,
    params: ParamOption = None,
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the results.")
    ] = DEFAULT_FOLDER,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            "--reference",
            metavar="[OUTPUT=]FILE",
            help="Compare an output with this file, or what is its input as a whole.",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option("--jobs", "-j", metavar="N", min=1, max=64, help="Combinations at a time."),
    ] = 1,
    only: OnlyOption = None,
    nodes: NodesOption = None,
    graphs: GraphsOption = None,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Run a graph with every combination of params, such as -p gate_db=-60,-50,-40.

    Every value is checked before the first run. Steps that combinations share run once. One that
    fails does not stop the others.
    """
    printer = Printer(as_json=as_json)
    opened = open_graph(graph, nodes, graphs)
    fixed, grid = read_grid(opened, params)
    total = len(combinations(grid))
    display = ProgressDisplay() if jobs == 1 else None

    def tell(row: Row) -> None:
        values = ", ".join(f"{name}={value}" for name, value in row.params.items())
        printer.line(f"{row.name} of {total}: {row.status}  {values}  {row.error}".rstrip())

    with display or contextlib.nullcontext(), printer.alone_on_stdout():
        rows = opened.sweep(
            read_inputs(opened, inputs),
            grid,
            folder,
            params=fixed,
            outputs=only or None,
            reference=read_reference(opened, reference),
            jobs=jobs,
            on_row=tell,
            on_event=display,
            **settings,
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
