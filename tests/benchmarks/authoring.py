"""Time of what authors wait for, at 2,000 nodes: ``python -m tests.benchmarks.authoring``.

Graphs of four shapes: a chain, one node that takes from all others, a chain of uses of one
definition, and layers of which each node takes from two before it; and a chain in which every
second node is wrong. Printed is the least of three calls (of pictures one), in seconds of the
processor, without the start of the program. A node that takes from 2,000 others is not drawn: its
2,000 wires take the layout minutes, and nobody could follow them.

Aimed at for `check`: below 1 s.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import resonate_graph as rg
from resonate_graph._graph.fixes import fixed
from resonate_graph._graph.layout import layout

NODES = 2000
ROW = "  {:<12}" + "{:>10}" * 6


def chain(nodes: int) -> dict[str, Any]:
    """Return a chain."""
    before = ["$x", *(f"n{index}" for index in range(nodes))]
    return graph({f"n{index}": gain(before[index]) for index in range(nodes)}, before[-1])


def fan(nodes: int) -> dict[str, Any]:
    """Return a graph of one node that takes from all others."""
    names = {f"n{index}": gain("$x") for index in range(nodes - 1)}
    return graph({**names, "sum": {"type": "mix", "inputs": {"tracks": list(names)}}}, "sum")


def layers(nodes: int, width: int = 20) -> dict[str, Any]:
    """Return layers of nodes of which each takes from two before it."""
    made: dict[str, Any] = {}
    for index in range(nodes):
        layer, place = divmod(index, width)
        over = [f"n{(layer - 1) * width + (place + step) % width}" for step in (0, 3)]
        made[f"n{index}"] = {"type": "mix", "inputs": {"tracks": over if layer else ["$x"]}}
    return graph(made, f"n{nodes - 1}")


def uses(nodes: int) -> dict[str, Any]:
    """Return a chain of uses of one definition."""
    document = chain(nodes)
    one = {"x": {"type": "audio"}}
    document["graphs"] = {
        "softer": {"inputs": one, "nodes": {"less": gain("$x")}, "outputs": {"out": "less"}}
    }
    for name, node in document["nodes"].items():
        use = {"type": "graph", "graph": "softer", "inputs": {"x": node["inputs"]["audio"]}}
        document["nodes"][name] = use
    return document


def wrong(nodes: int) -> dict[str, Any]:
    """Return a chain in which every second node is wrong."""
    document = chain(nodes)
    for name in list(document["nodes"])[::2]:
        document["nodes"][name]["params"] = {"gian_db": -1}
    return document


def gain(source: str) -> dict[str, Any]:
    return {"type": "gain", "inputs": {"audio": source}, "params": {"gain_db": -1}}


def graph(nodes: dict[str, Any], last: str) -> dict[str, Any]:
    inputs = {"x": {"type": "audio"}}
    return {
        "format": 1,
        "name": "large",
        "inputs": inputs,
        "nodes": nodes,
        "outputs": {"out": last},
    }


def check(text: str) -> None:
    with suppress(rg.GraphError):
        rg.Graph.from_json(text).check()


def seconds_of(call: Callable[[], object], rounds: int = 3) -> float:
    """Return the processor time of a call, the least of several."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def main(nodes: int) -> None:
    """Print one table."""
    catalog = rg.Catalog.installed()
    print(f"{nodes} nodes, seconds of the processor; schema {seconds_of(rg.schema):.2f}")
    print(ROW.format("", "check", "fmt", "diff", "fix", "svg", "folded"))
    for make in (chain, fan, layers, uses, wrong):
        text = layout(make(nodes))
        cells: list[Any] = [
            seconds_of(partial(check, text)),
            "",
            "",
            seconds_of(partial(fixed, text, "", catalog)),
        ]
        if make is not wrong:
            made = rg.Graph.from_json(text)
            cells[1] = seconds_of(made.document.to_json)
            cells[2] = seconds_of(partial(made.differences, made))
            for depth in (None, 0) if make is not fan else ():
                cells.append(seconds_of(partial(drawn, made, depth), 1))
        shown = [f"{cell:.2f}" if cell else "" for cell in cells]
        print(ROW.format(make.__name__, *shown, *[""] * (6 - len(shown))), flush=True)


def drawn(graph: rg.Graph, depth: int | None) -> str:
    return graph.draw(depth=depth).svg


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else NODES)
