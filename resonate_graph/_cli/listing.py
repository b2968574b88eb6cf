"""Commands that say what there is: ``graphs devices``."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from .. import Catalog, NodeType, accelerated, stock, stock_graphs, this_machine
from .._machine.devices import Choice, Inventory, choose, place, probe, require_request
from .._machine.torch_audio import torchaudio_state
from .call import JsonOption, NodesOption
from .output import Printer, megabytes
from .settings import DeviceOption


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(devices)
    group = typer.Typer(rich_markup_mode=None)
    group.callback(invoke_without_command=True)(graphs)
    group.command()(show)
    app.add_typer(group, name="graphs")


def show(name: Annotated[str, typer.Argument(metavar="NAME", help="A stock graph.")]) -> None:
    """Print a stock graph as the JSON file it is."""
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
        printer.line(f"  {text.get('description', '')}")
        for kind in ("inputs", "params"):
            for key, spec in text.get(kind, {}).items():
                default = f" [{json.dumps(spec['default'])}]" if "default" in spec else ""
                flag = "-i" if kind == "inputs" else "-p"
                printer.line(f"    {flag} {key}{default}  {spec.get('description', '')}")


def devices(
    modules: NodesOption = None, device: DeviceOption = "auto", as_json: JsonOption = False
) -> None:
    """Show the devices of this machine, what was found out, and what each node would take.

    Only nodes that can use an accelerator are listed, and of their params those that decide.
    """
    printer = Printer(as_json=as_json)
    catalog = Catalog.installed()
    for module in modules or ():
        catalog = catalog.with_module(module)
    inventory, machine = probe(), this_machine()
    request, chosen = require_request(device), choose(inventory, "auto")
    choices = [
        (one.id, params, _choice(one, params, inventory, request))
        for one in catalog
        if one.device == accelerated
        for params in _cases(one)
    ]
    printer.document(
        {
            "devices": inventory.to_json(),
            "auto": chosen,
            "threads": machine.threads,
            "memory_bytes": machine.memory_bytes,
            "torchaudio": (libraries := torchaudio_state()),
            "nodes": [
                {
                    "type": name,
                    "params": params,
                    "devices": list(choice.devices),
                    "reason": choice.reason,
                }
                for name, params, choice in choices
            ],
        }
    )
    printer.table(
        ("device", "name", "usable", "", "auto"),
        [
            (
                device.id,
                device.name,
                "yes" if device.usable else "no",
                "; ".join(filter(None, [device.detail, *map(_fact, device.facts.items())])),
                "*" if device.id == chosen else "",
            )
            for device in inventory.devices
        ],
    )
    printer.line(
        f"steps share {machine.threads} threads of the CPU and {megabytes(machine.memory_bytes)}"
    )
    printer.line(libraries)
    printer.table(
        ("node", "params", "takes", "why"),
        [
            (
                name,
                ", ".join(f"{key}={value}" for key, value in params.items()),
                " or ".join(choice.devices),
                choice.reason,
            )
            for name, params, choice in choices
        ],
    )


def _choice(
    node_type: NodeType, params: Mapping[str, Any], inventory: Inventory, request: str
) -> Choice:
    fields = node_type.params.model_fields
    full = {**{name: field.default for name, field in fields.items()}, **params}
    return place(inventory, request, avoid=node_type.avoid, params=full)


def _cases(node_type: NodeType) -> list[dict[str, Any]]:
    """Return no params, and each combination of params for which it may be otherwise."""
    cases: list[dict[str, Any]] = [{}]
    for exception in node_type.avoid:
        for values in itertools.product(*exception.params.values()):
            params = dict(zip(exception.params, values, strict=True))
            if params not in cases:
                cases.append(params)
    return cases


_FACTS: dict[str, Callable[[Any], str]] = {
    "memory_bytes": lambda size: f"{size / 1e9:.1f} GB",
    "long_convolutions": lambda able: "" if able else "no outputs beyond 65,536 frames",
    "macos": lambda version: f"macOS {version}",
    "threads": lambda count: "",
}


def _fact(fact: tuple[str, Any]) -> str:
    name, value = fact
    return _FACTS[name](value) if name in _FACTS else f"{name}: {value}"
