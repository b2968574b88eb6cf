"""Commands that look at a graph and do not compute: ``plan why draw``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typing_extensions import Unpack

from .. import PlannedStep, Settings
from .call import open_graph, read_inputs, read_params
from .options import (
    GraphArgument,
    GraphsOption,
    InputOption,
    JsonOption,
    NodesOption,
    OnlyOption,
    ParamOption,
)
from .output import Printer, megabytes
from .settings import takes_settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (plan, why, draw):
        app.command()(command)


@takes_settings
def plan(
    graph: GraphArgument,
    inputs: InputOption = None,
    params: ParamOption = None,
    only: OnlyOption = None,
    nodes: NodesOption = None,
    graphs: GraphsOption = None,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Say what a run would compute, where and when, and what it would take from the store.

    A node is "open" where that depends on what comes out of an earlier one; it is counted as if
    it ran. Seconds are those of earlier runs in the store, else what the nodes declare.
    """
    printer = Printer(as_json=as_json)
    opened = open_graph(graph, nodes, graphs)
    steps = opened.plan(
        read_inputs(opened, inputs),
        params=read_params(opened, params),
        outputs=only or None,
        **settings,
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
                    "besides": list(step.besides),
                    "key": step.key,
                    "lane": step.lane,
                    "order": step.order,
                    "starts_seconds": _rounded(step.starts_seconds),
                    "seconds": _rounded(step.seconds),
                    "bytes": step.bytes,
                    **({"trouble": step.trouble} if step.trouble else {}),
                }
                for step in steps
            ],
        }
    )
    printer.table(
        ("node", "type", "status", "outputs", "lane", "order", "from", "seconds", "memory"),
        [
            (step.id, step.type, step.status, _several(step.wanted), *_forecast_cells(step))
            for step in steps
        ],
        long=("outputs",),
        spare=("order", "lane", "from", "memory"),
    )
    for step in steps:
        if step.besides:
            kept = ", ".join(step.besides)
            printer.line(f"{step.id} gives {kept} too, in the same work: kept for later")
        if step.trouble:
            printer.warning(f"{step.id} fails, unless it turns out to be stored: {step.trouble}")
    if steps.seconds:
        lanes = [f"{steps.threads} threads", *steps.accelerators]
        printer.line(
            f"about {steps.seconds:.1f} s on {', '.join(lanes)}; "
            f"{megabytes(steps.peak_bytes)} of {megabytes(steps.memory_bytes)} at most"
        )


def _several(ports: Sequence[str]) -> str:
    """Return the ports of a node that has several; of one that has one, nothing is to be said."""
    return "" if tuple(ports) == ("out",) else ", ".join(ports)


def _forecast_cells(step: PlannedStep) -> tuple[str, ...]:
    if step.lane is None or step.seconds is None or step.starts_seconds is None:
        return ("", "", "", "", "")
    return (
        step.lane,
        str(step.order),
        f"{step.starts_seconds:.1f}",
        f"{step.seconds:.1f}",
        megabytes(step.bytes or 0),
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


@takes_settings
def why(
    graph: GraphArgument,
    node: Annotated[
        str | None, typer.Argument(metavar="[NODE]", help="Only this node of the graph.")
    ] = None,
    inputs: InputOption = None,
    params: ParamOption = None,
    only: OnlyOption = None,
    nodes: NodesOption = None,
    graphs: GraphsOption = None,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Say why each node would run: what changed since it was computed last."""
    printer = Printer(as_json=as_json)
    opened = open_graph(graph, nodes, graphs)
    reasons = opened.why(
        read_inputs(opened, inputs),
        params=read_params(opened, params),
        outputs=only or None,
        **settings,
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
        long=("why",),
        spare=("type",),
    )


@takes_settings
def draw(
    graph: GraphArgument,
    path: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="The picture: .svg, .png, .html, .mmd or .dot."
        ),
    ],
    inputs: InputOption = None,
    params: ParamOption = None,
    only: OnlyOption = None,
    depth: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="How many graphs inside each other are open."),
    ] = None,
    nodes: NodesOption = None,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Draw a graph: its steps in layers, their ports and wires, and the params that are set.

    Bound inputs (-i) add what a run would do: which steps would run, for how long and where, and
    which are stored.
    """
    printer = Printer(as_json=as_json)
    opened = open_graph(graph, nodes)
    drawing = opened.draw(
        read_inputs(opened, inputs) or None,
        read_params(opened, params),
        outputs=only or None,
        depth=depth,
        **settings,
    )
    written = drawing.save(path)
    printer.document({"graph": opened.name, "status": "done", "picture": str(written)})
    printer.line(str(written))
