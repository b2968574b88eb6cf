"""What was chosen on the page, and the same as a graph, as a command and as Python."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import Graph


@dataclass(frozen=True)
class Chosen:
    """A graph with what is bound to it.

    Attributes:
        graph: the graph.
        name: what a command calls it: the name of a stock graph, or a file.
        stock: whether it is a stock graph.
        inputs: a file, or a value, for each input that is bound.
        labels: what people call the files, by input.
        brought: the inputs whose files were brought, and lie where only the server finds them.
        params: what is set otherwise than the graph has it; params of nodes as ``node.param``.
    """

    graph: Graph
    name: str
    stock: bool
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    brought: Collection[str] = ()
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The inputs that nothing is bound to."""
        return [name for name in self.graph.document.inputs if name not in self.inputs]

    def as_json(self) -> str:
        """Return the graph with these settings as its own.

        Raises:
            GraphError: a graph in a file that it uses cannot be read.
        """
        return graph_with(self.graph.to_json(), self.params)

    def command(self) -> str:
        """Return the command that does the same."""
        words = ["resonate", "run", self.name]
        for name, value in self._named().items():
            words += ["-i", f"{name}={value}"]
        for name, value in self.params.items():
            words += ["-p", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
        return shlex.join(words)

    def python(self) -> str:
        """Return the lines of Python that do the same."""
        opened = f"rg.stock({self.name!r})" if self.stock else f"rg.load({self.name!r})"
        params = f", params={dict(self.params)!r}" if self.params else ""
        return (
            "import resonate_graph as rg\n\n"
            f"graph = {opened}\n"
            f"result = graph.run({self._named()!r}{params})\n"
            'result.save("out")\n'
        )

    def _named(self) -> dict[str, Any]:
        """Return what is bound, with files that were brought called as people call them."""
        return {
            name: self.labels.get(name, value) if name in self.brought else value
            for name, value in self.inputs.items()
        }


def graph_with(text: str, params: Mapping[str, Any]) -> str:
    """Return a graph's text with other settings as its own: defaults of params, params of nodes.

    Args:
        text: the graph as JSON.
        params: graph params by name, params of its own nodes as ``node.param``.
    """
    plain = json.loads(text)
    for name, value in params.items():
        node, _, param = name.rpartition(".")
        if not node:
            plain["params"][name]["default"] = value
        else:
            plain["nodes"][node].setdefault("params", {})[param] = value
    return Graph.from_json(json.dumps(plain), source=plain["name"]).to_json()


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Say in a line what differs between the settings of two runs."""
    told = []
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name):
            shown = json.dumps(one[name]) if name in one else "as the graph has it"
            told.append(f"{name} = {shown}")
    return ", ".join(told)
