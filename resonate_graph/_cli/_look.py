"""Commands that look and do not compute: ``check plan why graphs devices``."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, cast

import typer

from .._api import stock_graphs
from .._catalog import Catalog
from .._decode import Limits
from .._devices import Choice, Inventory, Request, choose, place, probe
from .._forecast import PlannedStep
from .._machine import this_machine
from .._node import NodeType, accelerated
from ._call import (
    DeviceOption,
    GraphArgument,
    InputOption,
    JsonOption,
    ModelsOption,
    NodesOption,
    NoStoreOption,
    OnlyOption,
    ParamOption,
    StoreOption,
    ThreadsOption,
    chosen_store,
    open_graph,
    read_inputs,
    read_params,
)
from ._output import Printer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (check, plan, why, graphs, devices):
        app.command()(command)


def check(
    graph: GraphArgument,
    inputs: InputOption = None,
    params: ParamOption = None,
    only: OnlyOption = None,
    models: ModelsOption = None,
    nodes: NodesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find everything that is wrong with a graph, without running it.

    Bindings are checked too once any input is bound with -i.
    """
    printer = Printer(as_json=as_json)
    opened = open_graph(graph, nodes)
    bindings = read_inputs(opened, inputs)
    bound = opened.check(
        list(bindings) or None,
        params=read_params(opened, params),
        outputs=only or None,
        models=models,
    )
    needed = {name: bound.inputs[name].type for name in bound.needed_inputs}
    printer.document(
        {
            "graph": opened.name,
            "status": "ok",
            "inputs": needed,
            "outputs": list(bound.outputs),
            "problems": [],
        }
    )
    printer.line(f"{opened.name}: nothing is wrong")
    for name, kind in needed.items():
        printer.line(f"  input {name} ({kind})")
    for name in bound.outputs:
        printer.line(f"  output {name}")


def plan(
    graph: GraphArgument,
    inputs: InputOption = None,
    params: ParamOption = None,
    only: OnlyOption = None,
    store: StoreOption = None,
    no_store: NoStoreOption = False,
    models: ModelsOption = None,
    nodes: NodesOption = None,
    max_minutes: Annotated[float, typer.Option(metavar="MINUTES")] = Limits.max_minutes,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a run would compute, where and when, and what it would take from the store.

    A node is "open" where that depends on what comes out of an earlier one; it is counted as if
    it ran. Seconds are those of earlier runs in the store, else what the nodes declare.
    """
    printer = Printer(as_json=as_json)
    opened = open_graph(graph, nodes)
    steps = opened.plan(
        read_inputs(opened, inputs),
        params=read_params(opened, params),
        outputs=only or None,
        store=cast(Any, chosen_store(store, no_store)),
        models=models,
        max_minutes=max_minutes,
        device=cast(Request, device),
        threads=threads,
    )
    printer.document(
        {
            "graph": opened.name,
            "lanes": {"cpu": steps.threads, **dict.fromkeys(steps.accelerators, 1)},
            "memory_bytes": steps.memory_bytes,
            "seconds": round(steps.seconds, 3),
            "peak_bytes": steps.peak_bytes,
            "nodes": [
                {
                    "id": step.id,
                    "type": step.type,
                    "status": step.status,
                    "wanted": list(step.wanted),
                    "key": step.key,
                    "lane": step.lane,
                    "order": step.order,
                    "starts_seconds": _rounded(step.starts_seconds),
                    "seconds": _rounded(step.seconds),
                    "bytes": step.bytes,
                }
                for step in steps
            ],
        }
    )
    printer.table(
        ("node", "type", "status", "outputs needed", "lane", "order", "from", "seconds", "memory"),
        [
            (step.id, step.type, step.status, ", ".join(step.wanted), *_forecast_cells(step))
            for step in steps
        ],
    )
    if steps.seconds:
        lanes = [f"{steps.threads} threads", *steps.accelerators]
        printer.line(
            f"about {steps.seconds:.1f} s on {', '.join(lanes)}; "
            f"{_megabytes(steps.peak_bytes)} of {_megabytes(steps.memory_bytes)} at most"
        )


def _forecast_cells(step: PlannedStep) -> tuple[str, ...]:
    if step.lane is None or step.seconds is None or step.starts_seconds is None:
        return ("", "", "", "", "")
    return (
        step.lane,
        str(step.order),
        f"{step.starts_seconds:.1f}",
        f"{step.seconds:.1f}",
        _megabytes(step.bytes or 0),
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def why(
    graph: GraphArgument,
    node: Annotated[
        str | None, typer.Argument(metavar="[NODE]", help="Only this node of the graph.")
    ] = None,
    inputs: InputOption = None,
    params: ParamOption = None,
    only: OnlyOption = None,
    store: StoreOption = None,
    models: ModelsOption = None,
    nodes: NodesOption = None,
    max_minutes: Annotated[float, typer.Option(metavar="MINUTES")] = Limits.max_minutes,
    as_json: JsonOption = False,
) -> None:
    """Say why each node would run: what changed since it was computed last."""
    printer = Printer(as_json=as_json)
    opened = open_graph(graph, nodes)
    reasons = opened.why(
        read_inputs(opened, inputs),
        params=read_params(opened, params),
        outputs=only or None,
        store=store,
        models=models,
        max_minutes=max_minutes,
    )
    if node is not None:
        reasons = [one for one in reasons if one.id == node]
        if not reasons:
            raise typer.BadParameter(f"the graph {opened.name!r} has no node {node!r}")
    printer.document(
        {
            "graph": opened.name,
            "nodes": [
                {"id": one.id, "type": one.type, "status": one.status, "reasons": one.reasons}
                for one in reasons
            ],
        }
    )
    printer.table(
        ("node", "type", "status", "why"),
        [(one.id, one.type, one.status, "; ".join(one.reasons)) for one in reasons],
    )


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
    chosen = choose(inventory, "auto")
    choices = [
        (one.id, params, _choice(one, params, inventory, cast(Request, device)))
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
        f"steps share {machine.threads} threads of the CPU and {_megabytes(machine.memory_bytes)}"
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
    node_type: NodeType, params: Mapping[str, Any], inventory: Inventory, request: Request
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
