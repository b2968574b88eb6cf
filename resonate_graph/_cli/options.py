"""The arguments and options that several commands have. Settings of runs are in `settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

GraphArgument = Annotated[
    str, typer.Argument(metavar="GRAPH", help="A graph file, or the name of a stock graph.")
]
InputOption = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", metavar="NAME=FILE", help="Bind a file or value to an input."),
]
ParamOption = Annotated[
    list[str] | None,
    typer.Option(
        "--param", "-p", metavar="NAME=VALUE", help="Set a param of the graph, or node.param."
    ),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="OUTPUT", help="Only this output, and what it needs."),
]
NoProvenanceOption = Annotated[
    bool, typer.Option("--no-provenance", help="Do not say in the files how they were made.")
]
NoTagsOption = Annotated[
    bool, typer.Option("--no-tags", help="Carry no tags and no cover art from the inputs.")
]
NodesOption = Annotated[
    list[str] | None,
    typer.Option("--nodes", metavar="MODULE", help="A module or .py file with nodes of your own."),
]
GraphsOption = Annotated[
    Path | None,
    typer.Option(
        "--graphs", metavar="DIR", help="Where graphs lie that GRAPH uses as ./name.json."
    ),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say what is wrong or warned of, and nothing else.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say each step that is reused, and what is read.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else.")
]
