"""``resonate report``: the page of a run, from a file that it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typing_extensions import Unpack

from .. import Graph, Recipe, Result, Settings, read_provenance
from .again import Again
from .call import InputOption, JsonOption, NodesOption, read_inputs
from .output import Printer
from .progress import ProgressDisplay
from .settings import takes_settings

#: What ends the names of files that say how others were made.
SUFFIX = ".provenance.json"

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A file that a run wrote, or its .provenance.json.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


@takes_settings
def report(
    file: File,
    inputs: InputOption = None,
    nodes: NodesOption = None,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Write report.html beside a file that a run wrote: before and after, what each step did.

    It is made from the file's provenance and the store. What is not stored any more is computed
    again, from the files that were bound; -i says where one lies now. Exit code 1 if other samples
    came out than are in the file.
    """
    printer = Printer(as_json=as_json)
    recipe = read_provenance(file)
    again = Again.of(file, recipe)
    graph = Graph.from_json(recipe.graph, source=str(file), nodes=nodes or ())
    with ProgressDisplay() as display, printer.alone_on_stdout():
        result = graph.run(
            {**recipe.bindings, **read_inputs(graph, inputs)},
            params=recipe.params,
            outputs=list(recipe.outputs),
            on_event=display,
            **settings,
        )
        differences = again.differences(result)
        for difference in differences if not again.is_same(result) else ():
            message = f"this is not what is in {file.name}: {difference}"
            result.report["warnings"].append({"code": "differs", "message": message, "node": None})
        if again.is_same(result):
            _link(result, recipe, file)
        page = graph.report(result, file.parent, **settings)
    printer.document({"page": str(page), "differences": differences})
    for difference in differences:
        printer.remark(f"  differs: {difference}")
    printer.line(str(page))
    raise typer.Exit(0 if again.is_same(result) else 1)


def _link(result: Result, recipe: Recipe, file: Path) -> None:
    """Note where the outputs lie: files beside this one that were made in the same way."""
    for beside in sorted(file.parent.glob(f"*{SUFFIX}")):
        made = beside.with_name(beside.name.removesuffix(SUFFIX))
        if not made.exists() or read_provenance(beside) != recipe:
            continue
        fitting = [
            name
            for name in result
            if f".{made.stem}".endswith(f".{name.partition('.')[0]}") or len(result) == 1
        ]
        for name in sorted(fitting, key=len)[-1:]:
            result.report["outputs"][name]["path"] = str(made)
