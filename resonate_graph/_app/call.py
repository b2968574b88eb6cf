"""What was chosen on the page, and the same as a graph, as a command and as Python."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import Graph
from .inside import set_inside


@dataclass(frozen=True)
class Chosen:
    """A graph with what is bound to it.

    Attributes:
        graph: the graph.
        name: what the page calls it: the name of a stock graph, or a file.
        stock: whether it is a stock graph.
        file: where a command finds it; empty where that is its name.
        inputs: a file, or a value, for each input that is bound.
        labels: what people call the files, by input.
        brought: the inputs whose files were brought, and lie where only the server finds them.
        params: what is set otherwise than the graph has it; params of nodes as ``node.param``.
        store: the folder of the store; None for the usual place.
        models: the folder of model weights, where one was named.
        nodes: modules with nodes of the caller's own.
    """

    graph: Graph
    name: str
    stock: bool
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    brought: Collection[str] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    store: str | None = None
    models: str | None = None
    nodes: Sequence[str] = ()

    @property
    def missing(self) -> list[str]:
        """The inputs that nothing is bound to."""
        return [name for name in self.graph.document.inputs if name not in self.inputs]

    def as_json(self) -> str:
        """Return the graph with these settings as its own.

        Raises:
            GraphError: a graph in a file that it uses cannot be read.
        """
        return graph_with(self.graph.to_json(), self.params, self.nodes)

    def command(self, grid: Mapping[str, Sequence[Any]] | None = None) -> str:
        """Return the command that does the same, a sweep where there is a grid."""
        words = ["resonate", "sweep" if grid else "run", self.file or self.name]
        for name, value in self._named().items():
            words += ["-i", f"{name}={_spelled(value)}"]
        for name, value in self.params.items():
            words += [] if grid and name in grid else ["-p", f"{name}={_spelled(value)}"]
        for name, values in (grid or {}).items():
            words += ["-p", f"{name}={','.join(map(_spelled, values))}"]
        for option, value in (("--store", self.store), ("--models", self.models)):
            words += [option, value] if value else []
        for module in self.nodes:
            words += ["--nodes", module]
        words += ["-o", "out"]
        return shlex.join(words)

    def python(self, grid: Mapping[str, Sequence[Any]] | None = None) -> str:
        """Return the lines of Python that do the same."""
        own = f", nodes={list(self.nodes)!r}" if self.nodes else ""
        way = "stock" if self.stock else "load"
        told = [f"params={dict(self.params)!r}"] if self.params else []
        told += [f"store={self.store!r}"] if self.store else []
        told += [f"models={self.models!r}"] if self.models else []
        lines = ["import resonate_graph as rg", "",
                 f"graph = rg.{way}({self.file or self.name!r}{own})",
                 f"inputs = {self._named()!r}"]  # fmt: skip
        if grid:
            swept = ", ".join(["inputs", repr(dict(grid)), repr("out"), *told])
            lines.append(f"rows = graph.sweep({swept})")
        else:
            lines.append(f"result = graph.run({', '.join(['inputs', *told])})")
            lines.append('result.save("out")')
        return "\n".join(lines) + "\n"

    def _named(self) -> dict[str, Any]:
        """Return what is bound, with files that were brought called as people call them."""
        return {
            name: self.labels.get(name, value) if name in self.brought else value
            for name, value in self.inputs.items()
        }


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def graph_with(text: str, params: Mapping[str, Any], nodes: Sequence[str] = ()) -> str:
    """Return a graph's text with other settings as its own: defaults of params, params of nodes.

    Args:
        text: the graph as JSON.
        params: graph params by name, params of its nodes as ``node.param``.
        nodes: modules with nodes of the caller's own.
    """
    plain = json.loads(text)
    for name, value in params.items():
        node, _, param = name.rpartition(".")
        if not node:
            plain["params"][name]["default"] = value
        elif node in plain["nodes"]:
            plain["nodes"][node].setdefault("params", {})[param] = value
        else:
            steps = Graph.from_json(text, source=plain["name"], nodes=nodes).check().steps
            set_inside(plain, node, param, steps[node].plain_params.get(param), value)
    return Graph.from_json(json.dumps(plain), source=plain["name"]).to_json()


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Say in a line what differs between the settings of two runs."""
    told = []
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name):
            shown = json.dumps(one[name]) if name in one else "as the graph has it"
            told.append(f"{name} = {shown}")
    return ", ".join(told)
