"""``resonate report``: the page of a run, from a file that it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typing_extensions import Unpack

from .. import Graph, Result, Settings, read_provenance
from .call import JsonOption, NodesOption
from .output import Printer
from .progress import ProgressDisplay
from .settings import takes_settings

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A file that a run wrote, or its .provenance.json.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


@takes_settings
def report(
    file: File,
    nodes: NodesOption = None,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Write report.html beside a file that a run wrote: before and after, what each step did.

    It is made from the file's provenance and the store. What is not stored any more is computed
    again, from the files that were bound.
    """
    printer = Printer(as_json=as_json)
    recipe = read_provenance(file)
    graph = Graph.from_json(recipe.graph, source=str(file), nodes=nodes or ())
    with ProgressDisplay() as display, printer.alone_on_stdout():
        result = graph.run(
            recipe.bindings,
            params=recipe.params,
            outputs=list(recipe.outputs),
            on_event=display,
            **settings,
        )
        _link(result, file)
        page = graph.report(result, file.parent, **settings)
    differences = list(recipe.differences(result.provenance))
    printer.document({"page": str(page), "differences": differences})
    for difference in differences:
        printer.remark(f"  differs: {difference}")
    printer.line(str(page))


def _link(result: Result, file: Path) -> None:
    """Note where the outputs lie: beside the file, under names that are made like its own."""
    plain = file.name.removesuffix(".provenance.json")
    stems = {name: name.partition(".")[0] for name in result}
    own = next((stem for stem in stems.values() if Path(plain).stem.endswith(stem)), "")
    before = Path(plain).stem.removesuffix(own)
    for name, stem in stems.items():
        beside = [one for one in file.parent.glob(f"{before}{stem}.*") if one.suffix != ".json"]
        if len(beside) == 1:
            result.report["outputs"][name]["path"] = str(beside[0])
