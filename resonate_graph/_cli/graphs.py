"""``resonate graphs``: the stock graphs there are."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .. import stock_graphs
from .help import Command, Group
from .options import JsonOption
from .output import Printer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(rich_markup_mode=None, cls=Group)
    group.callback(invoke_without_command=True)(graphs)
    group.command(cls=Command)(show)
    app.add_typer(group, name="graphs")


def show(name: Annotated[str, typer.Argument(metavar="NAME", help="A stock graph.")]) -> None:
    """Print a stock graph as the JSON file it is."""
    from .. import stock

    texts = stock_graphs()
    stock(name)  # which says what there is, if there is none of that name
    typer.echo(texts[name].rstrip())


def graphs(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List the stock graphs, or show one of them."""
    if ctx.invoked_subcommand is not None:
        return
    printer = Printer(as_json=as_json)
    texts = {name: json.loads(text) for name, text in stock_graphs().items()}
    printer.document(
        {
            "graphs": [
                {
                    "name": name,
                    "description": text.get("description"),
                    "inputs": text.get("inputs", {}),
                    "params": text.get("params", {}),
                    "outputs": list(text["outputs"]),
                }
                for name, text in texts.items()
            ]
        }
    )
    for name, text in texts.items():
        printer.line(name)
        printer.paragraph(text.get("description", ""), indent="  ")
        for kind in ("inputs", "params"):
            for key, spec in text.get(kind, {}).items():
                default = f" [{json.dumps(spec['default'])}]" if "default" in spec else ""
                flag = "-i" if kind == "inputs" else "-p"
                said = f"{flag} {key}{default}  {spec.get('description', '')}"
                printer.paragraph(said, indent="    ", hang="      ")
