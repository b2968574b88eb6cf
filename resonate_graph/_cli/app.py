"""``resonate app``: the page in the browser."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path
from typing import Annotated

import typer

from .. import CatalogError
from .call import open_graph, read_inputs, read_params
from .options import InputOption, NodesOption, ParamOption
from .settings import ModelsOption, StoreOption

#: What a widget of the page takes, by the type of the input.
_KINDS: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("app")(page)


def page(
    graph: Annotated[
        str | None,
        typer.Argument(metavar="[GRAPH]", help="The graph that is open at first."),
    ] = None,
    inputs: InputOption = None,
    params: ParamOption = None,
    store: StoreOption = None,
    models: ModelsOption = None,
    root: Annotated[
        Path | None,
        typer.Option(
            "--root", metavar="DIR", help="A folder whose recordings and graphs may be chosen."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=1, max=65535, help="Where it listens; else 8501."),
    ] = None,
    nodes: NodesOption = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, and open no browser.")
    ] = False,
) -> None:
    """Restore recordings on a page in the browser: choose, turn, listen, keep.

    It listens on this machine only (127.0.0.1), until it is stopped with Ctrl-C.
    """
    for needed in ("streamlit", "plotly"):
        if importlib.util.find_spec(needed) is None:
            raise CatalogError(
                f"the page needs {needed}, which is not installed: "
                'pip install "resonate-graph[app]"'
            )
    if root is not None and not root.is_dir():
        raise typer.BadParameter(f"--root: {root} is no folder")
    if (inputs or params) and graph is None:
        raise typer.BadParameter("-i and -p are about a graph: name the graph, too")
    bound, settings = {}, {}
    if graph is not None:
        opened = open_graph(graph, nodes)
        bound, settings = read_inputs(opened, inputs), read_params(opened, params)
        opened.check(params=settings)
        for name, value in bound.items():
            spec = opened.document.inputs.get(name)
            if spec is None:
                raise typer.BadParameter(f"-i {name}: the graph has no such input")
            if spec.type == "audio" and not Path(str(value)).is_file():
                raise typer.BadParameter(f"-i {name}: {value}: there is no such file")
            if spec.type in _KINDS and type(value) not in _KINDS[spec.type]:
                raise typer.BadParameter(f"-i {name}: {value!r} is no {spec.type}")
    if port is not None and not _is_free(port):
        raise typer.BadParameter(f"--port: {port} is taken: name another, or leave it out")
    from .._app.server import serve

    serve(
        port=port,
        open_browser=not no_browser,
        root=root,
        store=store,
        models=models,
        nodes=tuple(nodes or ()),
        graph=graph,
        inputs=bound,
        params=settings,
    )


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        # as the server does it, so that a port of a server that has just ended is no other's
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
