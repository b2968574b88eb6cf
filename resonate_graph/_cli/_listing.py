"""Commands that say what there is: ``nodes graphs devices``."""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from .._catalog import Catalog
from .._devices import Choice, Inventory, choose, place, probe, require_request
from .._errors import CatalogError
from .._loading import stock_graphs
from .._machine import this_machine
from .._node_type import NodeType, accelerated
from ._call import DeviceOption, JsonOption, NodesOption
from ._output import Printer, megabytes


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (nodes, graphs, devices):
        app.command()(command)


def nodes(
    type_id: Annotated[
        str | None, typer.Argument(metavar="[TYPE]", help="Show one node in full.")
    ] = None,
    modules: NodesOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the nodes that can be used, or show one in full."""
    printer = Printer(as_json=as_json)
    catalog = Catalog.installed()
    for module in modules or ():
        catalog = catalog.with_module(module)
    if type_id is not None:
        _show_node(printer, catalog, type_id)
        return
    printer.document(
        {
            "nodes": [_node_document(one) for one in catalog],
            "broken": [{"pack": one.name, "reason": one.reason} for one in catalog.broken],
        }
    )
    printer.table(
        ("node", "inputs", "outputs", ""),
        [
            (
                one.id,
                ", ".join(port.name for port in one.inputs),
                ", ".join(port.name for port in one.outputs),
                _summary(one.doc),
            )
            for one in catalog
        ],
    )
    for pack in catalog.broken:
        printer.line(f"{pack.name} cannot be used: {pack.reason}")


def graphs(as_json: JsonOption = False) -> None:
    """List the stock graphs."""
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


def _show_node(printer: Printer, catalog: Catalog, type_id: str) -> None:
    node_type = catalog.get(type_id)
    if node_type is None:
        near = catalog.near(type_id)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise CatalogError(f"no node type {type_id!r}{hint}")
    printer.document(_node_document(node_type))
    version = f"version {node_type.version}" if node_type.version else "keyed by its source"
    printer.line(f"{node_type.id} ({version}, {node_type.device})")
    printer.line()
    printer.line(node_type.doc)
    printer.line()
    rows = [("input", port.name, str(port), "") for port in node_type.inputs]
    rows += [("output", port.name, str(port), "") for port in node_type.outputs]
    rows += [
        ("param", name, _type_text(spec), json.dumps(spec["default"]) if "default" in spec else "")
        for name, spec in _param_schema(node_type).items()
    ]
    printer.table(("", "name", "type", "default"), rows)


def _node_document(node_type: NodeType) -> dict[str, Any]:
    return {
        "type": node_type.id,
        "version": node_type.version,
        "device": node_type.device,
        "summary": _summary(node_type.doc),
        "inputs": [
            {
                "name": port.name,
                "type": port.type.name,
                "many": port.many,
                "optional": port.optional,
            }
            for port in node_type.inputs
        ],
        "outputs": [{"name": port.name, "type": port.type.name} for port in node_type.outputs],
        "params": node_type.params.model_json_schema(),
    }


def _param_schema(node_type: NodeType) -> dict[str, Any]:
    schema = node_type.params.model_json_schema()
    definitions = schema.get("$defs", {})
    return {
        name: _resolved(spec, definitions) for name, spec in schema.get("properties", {}).items()
    }


def _resolved(spec: Any, definitions: dict[str, Any]) -> Any:
    """Replace references to definitions by what they refer to."""
    if isinstance(spec, dict):
        if "$ref" in spec:
            return _resolved(definitions[spec["$ref"].rpartition("/")[2]], definitions)
        return {key: _resolved(value, definitions) for key, value in spec.items()}
    if isinstance(spec, list):
        return [_resolved(item, definitions) for item in spec]
    return spec


_LIMITS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "multipleOf": "in steps of {}",
    "pattern": "matching {}",
}


def _type_text(spec: dict[str, Any]) -> str:
    """Say a JSON Schema in a few words: ``number, ≥ -120, ≤ 0``."""
    if "anyOf" in spec:
        return " or ".join(_type_text(one) for one in spec["anyOf"])
    if "enum" in spec:
        return " | ".join(map(str, spec["enum"]))
    if spec.get("type") == "array":
        return f"list of ({_type_text(spec['items'])})"
    if spec.get("type") == "object" and "properties" in spec:
        fields = (f"{name}: {_type_text(one)}" for name, one in spec["properties"].items())
        return "{" + "; ".join(fields) + "}"
    limits = [text.format(spec[key]) for key, text in _LIMITS.items() if key in spec]
    return ", ".join([str(spec.get("type", "any")), *limits])


def _summary(doc: str) -> str:
    return inspect.cleandoc(doc).split("\n\n", 1)[0].replace("\n", " ")
