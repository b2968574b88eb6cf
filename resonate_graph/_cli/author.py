"""Commands for those who write graphs: ``schema fmt diff new migrate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import Catalog, Graph, schema
from .._base.publish import publish
from .._graph.layout import layout
from .._graph.migration import migrated
from .call import open_graph, read_graph
from .options import GraphArgument, GraphsOption, JsonOption, NodesOption
from .output import Printer

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Graph files.")]
Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; exit code 1 if a file would change.")
]

#: What ``new`` writes: it runs as it stands.
_FIRST: dict[str, Any] = {
    "description": "Takes clicks and hiss out of a recording, and brings it to loudness.",
    "inputs": {"recording": {"type": "audio", "description": "What is to be restored."}},
    "params": {
        "denoise": {
            "type": "number",
            "default": 0.5,
            "minimum": 0,
            "maximum": 1,
            "description": "How much of the hiss is taken out.",
        }
    },
    "nodes": {
        "declick": {"type": "declick", "inputs": {"audio": "$recording"}},
        "denoise": {
            "type": "denoise",
            "inputs": {"audio": "declick"},
            "params": {"strength": {"$param": "denoise"}},
        },
        "master": {
            "type": "normalize_loudness",
            "inputs": {"audio": "denoise"},
            "params": {"target_lufs": -16},
        },
    },
    "outputs": {"restored.flac": "master"},
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("schema")(write_schema)
    for command in (fmt, diff, new, migrate):
        app.command()(command)


def write_schema(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it here.")
    ] = None,
    modules: NodesOption = None,
) -> None:
    """Print the JSON Schema of graph files, for editors, with every node there is.

    Say "$schema": "./graph.schema.json" in a graph, and an editor that knows JSON Schema
    completes node types, ports and params, and shows what each is.
    """
    text = json.dumps(schema(nodes=modules or ()), indent=1, ensure_ascii=False) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        _write(out, text)
        Printer(as_json=False).line(str(out))


def fmt(files: Files, check: Check = False) -> None:
    """Bring graph files to the canonical layout: nodes in the order in which sound flows.

    What they say stays as it is. A file with mistakes of form is left as it is.
    """
    printer = Printer(as_json=False)
    changed = 0
    for path in files:
        after = read_graph(path).document.to_json()
        before = path.read_text(encoding="utf-8")
        if after != before:
            changed += 1
            printer.line(f"{path}: {'would be laid out anew' if check else 'laid out anew'}")
            if not check:
                _write(path, after)
    if changed and check:
        raise typer.Exit(1)


def diff(
    first: GraphArgument,
    second: Annotated[str, typer.Argument(metavar="GRAPH", help="The graph to compare with.")],
    nodes: NodesOption = None,
    graphs: GraphsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what differs between two graphs in meaning: nodes, params, wires, outputs.

    Layout, descriptions and names of graphs are no difference, nor is a default that is written
    out. Graphs that they use are spelled out first. Exit code 1 if anything differs.
    """
    printer = Printer(as_json=as_json)
    before, after = (open_graph(one, nodes, graphs) for one in (first, second))
    found = before.differences(after)
    printer.document({"differences": [one.to_json() for one in found]})
    for one in found:
        printer.line(str(one))
    if not found:
        printer.line("these graphs mean the same")
    raise typer.Exit(1 if found else 0)


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the graph.")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="GRAPH", help="A graph file or stock graph to begin with."),
    ] = None,
) -> None:
    """Write NAME.json: a small graph that runs as it stands, or a copy of another."""
    body = _FIRST if source is None else open_graph(source, None).document.to_plain()
    own = Path(name).stem if name.endswith(".json") else Path(name).name
    path = Path(name) if name.endswith(".json") else Path(f"{name}.json")
    graph = Graph(own)  # which says what is wrong with the name
    if path.exists():
        raise typer.BadParameter(f"{path} is there already: choose another name")
    text = layout({**body, "format": 1, "name": graph.name})
    _write(path, text)
    printer = Printer(as_json=False)
    inputs = " ".join(f"-i {one}=FILE" for one in body.get("inputs", {}))
    printer.line(f"{path}: resonate run {path} {inputs} -o out/")


def migrate(files: Files, check: Check = False) -> None:
    """Bring graph files of older formats, and the node versions they pin, to today's.

    A type that is pinned to an older version of its node (gate@1) is pinned to the installed one;
    what that node gives may be otherwise then, so listen.
    """
    printer = Printer(as_json=False)
    catalog = Catalog.installed()
    changed = False
    for path in files:
        read_graph(path)  # which says what is wrong with the file
        text, done = migrated(path.read_text(encoding="utf-8-sig"), str(path), catalog)
        for one in done or ["nothing to migrate"]:
            printer.line(f"{path}: {one}")
        if done and not check:
            _write(path, text)
        changed |= bool(done)
    if changed and check:
        raise typer.Exit(1)


def _write(path: Path, text: str) -> None:
    publish(path, lambda file: file.write(text.encode()))
