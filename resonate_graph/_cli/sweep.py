"""``resonate sweep``: every combination of some params, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typing_extensions import Unpack

from .. import Event, PictureMade, Row, RunStarted, Settings
from .._experiment.grid import combinations
from .._experiment.tables import Table, tables
from .call import (
    open_graph,
    read_grid,
    read_inputs,
    read_reference,
    require_folder,
    require_one_tone,
)
from .options import (
    GraphArgument,
    GraphsOption,
    InputOption,
    JsonOption,
    NodesOption,
    OnlyOption,
    ParamOption,
    QuietOption,
    VerboseOption,
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
    pictures: Annotated[
        list[str] | None,
        typer.Option(
            "--pictures",
            metavar="OUTPUT",
            help="Show this output in the report, or all; where none is named, those that are the "
            "sound of an input as a whole.",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option("--jobs", "-j", metavar="N", min=1, max=64, help="Combinations at a time."),
    ] = 1,
    only: OnlyOption = None,
    nodes: NodesOption = None,
    graphs: GraphsOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Run a graph with every combination of params, such as -p gate_db=-60,-50,-40.

    Every value is checked before the first run. Steps that combinations share run once. One that
    fails does not stop the others.
    """
    printer = Printer(as_json=as_json, quiet=quiet)
    require_one_tone(quiet=quiet, verbose=verbose)
    require_folder(folder)
    opened = open_graph(graph, nodes, graphs)
    fixed, grid = read_grid(opened, params)
    listener = _Listener(combinations(grid), jobs, quiet=quiet, verbose=verbose)
    with listener.display, printer.alone_on_stdout():
        rows = opened.sweep(
            read_inputs(opened, inputs),
            grid,
            folder,
            params=fixed,
            outputs=only or None,
            reference=read_reference(opened, reference),
            pictures=list(opened.document.outputs) if pictures == ["all"] else pictures or None,
            jobs=jobs,
            on_row=listener.end,
            on_event=listener,
            **settings,
        )
    failed = [row for row in rows if row.status == "failed"]
    printer.document(
        {
            "graph": opened.name,
            "status": "failed" if failed else "done",
            "rows": [asdict(row) for row in rows],
            "report": str(folder / "report.html"),
        }
    )
    found = tables(rows)
    for number, table in enumerate(found):
        if number:
            printer.line()
        _print(printer, table, titled=len(found) > 1)
    printer.line()
    for row in rows:
        if row.status == "done" and row.error:
            printer.line(f"{row.name}: {row.error}")
    printer.line(f"to hear and see them side by side: {folder / 'report.html'}")
    for row in failed:
        printer.trouble(f"{row.name} ({_said(row.params)}): {row.error}")
    if failed:
        raise typer.Exit(1)


def _print(printer: Printer, table: Table, *, titled: bool) -> None:
    cells = [list(row) for row in table.cells]
    for row, column in table.best:
        cells[row][column] += "*"
    if not cells:
        printer.line(f"{table.title or 'all'}: the same in all, {table.same_in_words}")
        return
    if titled and table.title:
        printer.line(table.title)
    printer.table(table.headings, cells)
    if table.same:
        printer.line(f"the same in all: {table.same_in_words}")
    if table.best:
        printer.line("* the best of its column")


def _said(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items())


class _Listener:
    """Shows what happens: a heading for each combination, and below it what becomes of its steps.

    Of several that run at a time, a line is said when one is done.
    """

    def __init__(
        self, combos: Sequence[Mapping[str, Any]], jobs: int, *, quiet: bool, verbose: bool
    ) -> None:
        self.display = ProgressDisplay(quiet=quiet, verbose=verbose, runs=len(combos))
        self._combos = combos
        self._one_by_one = jobs == 1
        self._waiting = list(range(len(combos)))
        self._running = 0

    def __call__(self, event: Event) -> None:
        if not self._one_by_one:
            if not isinstance(event, PictureMade):
                return
        elif isinstance(event, RunStarted):
            self._running = self._waiting.pop(0)
            self.display.tell(f"{self._named(self._running)}")
        self.display.show(self._running, "", event)

    def end(self, row: Row) -> None:
        index = int(row.name) - 1
        if index in self._waiting:  # it never ran, or is one of several at a time
            self._waiting.remove(index)
        if row.status == "failed":
            self.display.tell(f"{self._named(index)}: failed")
        elif not self._one_by_one:
            self.display.tell(f"{self._named(index)}: done in {row.seconds:.1f} s")

    def _named(self, index: int) -> str:
        number = f"{index + 1} of {len(self._combos)}"
        said = _said(self._combos[index])
        return f"{number}  {said}" if said else number
