"""``resonate devices``: what there is to compute on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args

import typer

from .. import Catalog, NodeType, accelerated, this_machine
from .._machine.devices import Choice, Inventory, choose, place, probe, require_request
from .._machine.torch_audio import torchaudio_state
from .options import JsonOption, NodesOption
from .output import Printer
from .settings import DeviceOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(devices)


def devices(
    modules: NodesOption = None, device: DeviceOption = "auto", as_json: JsonOption = False
) -> None:
    """Show the devices of this machine, what was found out, and what each node would take.

    Only nodes that can use an accelerator are listed, at their defaults, and below them the params
    with which they take another device or for another reason.
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
        ("device", "name", "usable", "facts"),
        [
            (
                device.id,
                device.name,
                "yes" if device.usable else "no",
                "; ".join(filter(None, [device.detail, *map(_fact, device.facts.items())])),
            )
            for device in inventory.devices
        ],
    )
    printer.line(f"auto takes {chosen}")
    memory = f"{machine.memory_bytes / 1e9:.1f} GB of memory"
    printer.line(f"steps share {machine.threads} threads of the CPU and {memory}")
    printer.paragraph(libraries)
    printer.line()
    printer.table(("node", "params", "takes", "why"), list(_rows(choices)))


def _rows(choices: Sequence[tuple[str, dict[str, Any], Choice]]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each node, and one for all params with which it is otherwise alike."""
    for name, cases in itertools.groupby(choices, lambda case: case[0]):
        (_, _, usual), *others = cases
        yield name, "", " or ".join(usual.devices), usual.reason
        different = [(params, choice) for _, params, choice in others if choice != usual]
        for choice in dict.fromkeys(choice for _, choice in different):
            alike = [_written(params) for params, other in different if other == choice]
            yield "", " or ".join(alike), " or ".join(choice.devices), choice.reason


def _written(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in params.items())


def _choice(
    node_type: NodeType, params: Mapping[str, Any], inventory: Inventory, request: str
) -> Choice:
    fields = node_type.params.model_fields
    full = {**{name: field.default for name, field in fields.items()}, **params}
    return place(inventory, request, avoid=node_type.avoid, params=full)


def _cases(node_type: NodeType) -> list[dict[str, Any]]:
    """Return no params, and each combination of params for which it may be otherwise."""
    fields = node_type.params.model_fields
    cases: list[dict[str, Any]] = [{}]
    for exception in node_type.avoid:
        choices = {
            name: [
                *values,
                *(one for one in get_args(fields[name].annotation) if one not in values),
            ]
            for name, values in exception.params.items()
        }
        for values in itertools.product(*choices.values()):
            params = dict(zip(choices, values, strict=True))
            usual = all(fields[name].default == value for name, value in params.items())
            if not usual and params not in cases:
                cases.append(params)
    return cases


_FACTS: dict[str, Callable[[Any], str]] = {
    "memory_bytes": lambda size: f"{size / 1e9:.1f} GB",
    "long_convolutions": lambda able: "" if able else "no outputs beyond 65,536 frames",
    "macos": lambda version: f"macOS {version}",
    "threads": lambda count: "",
    "bf16": lambda how: f"multiplies bf16 with {how}",
}


def _fact(fact: tuple[str, Any]) -> str:
    name, value = fact
    return _FACTS[name](value) if name in _FACTS else f"{name}: {value}"
