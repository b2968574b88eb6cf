"""``resonate report``: the page of a run, from a file that it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from typing_extensions import Unpack

from .. import Graph, OverwriteError, Recipe, Result, Settings, read_provenance
from .._experiment.run_page import is_of_another
from .again import Again
from .call import read_inputs
from .options import InputOption, JsonOption, NodesOption
from .output import Printer
from .progress import ProgressDisplay
from .recordings import require_files
from .settings import takes_settings

#: What ends the names of files that say how others were made, and of what was taken out.
SUFFIX, TAKEN_OUT = ".provenance.json", ".removed.wav"

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
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over the page of other files, too.")
    ] = False,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Write report.html beside a file that a run wrote: before and after, what each step did.

    It is made from the file's provenance and the store. What is not stored any more is computed
    again, from the files that were bound; -i says where one lies now. Where the run wrote what was
    taken out, that is heard too. Exit code 1 if other samples came out than are in the file.
    """
    printer = Printer(as_json=as_json)
    recipe = read_provenance(file)
    again = Again.of(file, recipe)
    graph = Graph.from_json(recipe.graph, source=str(file), nodes=nodes or ())
    given = read_inputs(graph, inputs)
    require_files(recipe, given)
    bindings = {**recipe.bindings, **given}
    page = file.parent / "report.html"
    files = [Path(str(bindings[name])) for name in recipe.files]
    if not overwrite and is_of_another(page, graph.name, files):
        raise OverwriteError.of([page])
    taken_out = any(map(_taken_out, _made_alike(recipe, file)))
    with ProgressDisplay() as display, printer.alone_on_stdout():
        result = graph.run(
            bindings,
            params=recipe.params,
            outputs=list(recipe.outputs),
            removed=taken_out,
            on_event=display,
            **settings,
        )
        differences = again.differences(result)
        for difference in differences if not again.is_same(result) else ():
            message = f"this is not what is in {file.name}: {difference}"
            result.report["warnings"].append({"code": "differs", "message": message, "node": None})
        if again.is_same(result):
            _link(result, recipe, file)
        page = graph.report(result, file.parent, overwrite=overwrite, **settings)
    printer.document({"page": str(page), "differences": differences})
    for difference in differences:
        printer.remark(f"  differs: {difference}")
    printer.line(str(page))
    raise typer.Exit(0 if again.is_same(result) else 1)


def _link(result: Result, recipe: Recipe, file: Path) -> None:
    """Note where the outputs lie: files beside this one that were made in the same way."""
    for made in _made_alike(recipe, file):
        fitting = [
            name
            for name in result
            if f".{made.stem}".endswith(f".{name.partition('.')[0]}") or len(result) == 1
        ]
        for name in sorted(fitting, key=len)[-1:]:
            output = result.report["outputs"][name]
            output["path"] = str(made)
            if name in result.removed and _taken_out(made):
                output["removed"]["path"] = str(made.with_suffix(TAKEN_OUT))


def _made_alike(recipe: Recipe, file: Path) -> Iterator[Path]:
    """Yield a file and those beside it that were made in the same way."""
    for beside in sorted(file.parent.glob(f"*{SUFFIX}")):
        made = beside.with_name(beside.name.removesuffix(SUFFIX))
        if made.exists() and read_provenance(beside) == recipe:
            yield made


def _taken_out(made: Path) -> bool:
    """Whether beside a file lies what was taken out."""
    return made.with_suffix(TAKEN_OUT).exists()
