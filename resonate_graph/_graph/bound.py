"""The bound graph: a document whose names, types and params were all found to be right.

Made by `check` only. Steps are in topological order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from pydantic import BaseModel

from .._base.dag import Dag
from .._base.errors import Problem
from .._node.declaration import NodeType
from .._node.values import File, canonical_json
from .._sound.audio import Audio
from .document import InputSpec


class InputRef(NamedTuple):
    """A graph input, written ``$name``."""

    name: str

    def __str__(self) -> str:
        return f"${self.name}"


class PortRef(NamedTuple):
    """An output port of a node, written ``node`` or ``node.port``."""

    node: str
    port: str

    def __str__(self) -> str:
        return self.node if self.port == "out" else f"{self.node}.{self.port}"


Source: TypeAlias = "InputRef | PortRef"


@dataclass(frozen=True)
class Step:
    """A node of a graph, checked.

    Attributes:
        id: its name in the graph.
        type: its node type.
        inputs: what is wired into each port, in order; empty for an optional port left open.
        params: its params, validated, with defaults.
        device: the kinds of device, or cards, that the graph prefers, best first; empty for no
            preference.
        references: the graph params that its params take their values from, by param.
    """

    id: str
    type: NodeType
    inputs: Mapping[str, tuple[Source, ...]]
    params: BaseModel
    device: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def plain_params(self) -> Mapping[str, Any]:
        """The params as plain JSON values."""
        return self.type.plain_params(self.params)

    @cached_property
    def canonical_params(self) -> bytes:
        """The params as canonical JSON."""
        return canonical_json(self.plain_params)

    @cached_property
    def params_text(self) -> str:
        """The params as text, to tell steps that are alike from others."""
        return params_text(self.plain_params)

    @cached_property
    def main_wires(self) -> tuple[Source, ...]:
        """What is wired into its first port that takes a sound or a file."""
        sounds = [port for port in self.type.inputs if port.type.python in (Audio, File)]
        return self.inputs[sounds[0].name] if sounds else ()

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Everything that is wired into this step."""
        return tuple(chain.from_iterable(self.inputs.values()))

    @cached_property
    def results(self) -> Mapping[str, PortRef]:
        """What others wire to, by its output ports."""
        return {port.name: PortRef(self.id, port.name) for port in self.type.outputs}


@dataclass(frozen=True)
class BoundGraph:
    """A checked graph: what runs.

    Attributes:
        name: the graph's name.
        steps: the steps by id, in topological order.
        inputs: the graph's inputs.
        outputs: what each requested output is wired to.
        warnings: what is no fault of the graph or the call, but most likely not meant.
    """

    name: str
    steps: Mapping[str, Step]
    inputs: Mapping[str, InputSpec]
    outputs: Mapping[str, Source]
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def dag(self) -> Dag[str]:
        """The steps and their dependencies."""
        return dependencies({step.id: list(step.sources) for step in self.steps.values()})

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The steps that the outputs depend on, in topological order."""
        needed = {source.node for source in self.outputs.values() if isinstance(source, PortRef)}
        for step in reversed(tuple(self.steps.values())):
            if step.id in needed:
                needed.update(one.node for one in step.sources if isinstance(one, PortRef))
        return tuple(step for step in self.steps if step in needed)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each step in topological order."""
        return {name: place for place, name in enumerate(self.steps)}

    @cached_property
    def prepared(self) -> tuple[str, ...]:
        """The needed steps whose nodes have a `prepare` hook, in topological order."""
        return tuple(name for name in self.needed if self.steps[name].type.prepare is not None)

    @cached_property
    def placed(self) -> tuple[str, ...]:
        """The needed steps that may run on an accelerator, in topological order."""
        return tuple(name for name in self.needed if self.steps[name].type.device != "cpu")

    @cached_property
    def choosy(self) -> tuple[str, ...]:
        """The needed steps whose nodes have an `able` hook, in topological order."""
        return tuple(name for name in self.needed if self.steps[name].type.able is not None)

    @cached_property
    def wanted_ports(self) -> Mapping[str, frozenset[str]]:
        """For each needed step, the output ports that another needed step or an output uses."""
        wanted: dict[str, set[str]] = {step: set() for step in self.needed}
        for source in self._used_sources():
            if isinstance(source, PortRef):
                wanted[source.node].add(source.port)
        return {step: frozenset(ports) for step, ports in wanted.items()}

    @cached_property
    def needed_inputs(self) -> tuple[str, ...]:
        """The graph inputs that the outputs depend on."""
        used = {source.name for source in self._used_sources() if isinstance(source, InputRef)}
        return tuple(name for name in self.inputs if name in used)

    @cached_property
    def producers(self) -> Mapping[str, tuple[PortRef, ...]]:
        """For each needed step, the outputs of others that it reads."""
        return {
            name: tuple(one for one in self.steps[name].sources if isinstance(one, PortRef))
            for name in self.needed
        }

    @cached_property
    def readers(self) -> Mapping[Source, tuple[str, ...]]:
        """The needed steps that read something, by what they read."""
        readers: dict[Source, list[str]] = {}
        for name in self.needed:
            for source in self.steps[name].sources:
                readers.setdefault(source, []).append(name)
        return {source: tuple(names) for source, names in readers.items()}

    @cached_property
    def read_counts(self) -> Mapping[Source, int]:
        """How often something is read by needed steps, by what they read."""
        return {source: len(names) for source, names in self.readers.items()}

    @cached_property
    def awaited(self) -> Mapping[str, int]:
        """For each needed step, how many others it reads."""
        return {
            name: len({source.node for source in sources})
            for name, sources in self.producers.items()
        }

    @cached_property
    def consumers(self) -> Mapping[str, tuple[str, ...]]:
        """For each needed step, those that read any of its outputs, each once."""
        consumers: dict[str, dict[str, None]] = {name: {} for name in self.needed}
        for name, sources in self.producers.items():
            for source in sources:
                consumers[source.node][name] = None
        return {name: tuple(others) for name, others in consumers.items()}

    def main_inputs(self, output: str) -> tuple[str, ...]:
        """Return the graph inputs whose sound an output mainly is.

        They are found along the first sound or file that goes into each step, and all of them
        where that port takes many: so a noise profile or a reference is none of them.
        """
        ways: dict[Source, None] = {self.outputs[output]: None}
        behind = [self.outputs[output]]
        while behind:
            way = behind.pop()
            if isinstance(way, PortRef):
                wires = self.steps[way.node].main_wires
                behind += [wire for wire in wires if wire not in ways]
                ways.update(dict.fromkeys(wires))
        return tuple(way.name for way in ways if isinstance(way, InputRef))

    def _used_sources(self) -> Iterator[Source]:
        yield from self.outputs.values()
        for step in self.needed:
            yield from self.steps[step].sources


def params_text(params: Mapping[str, Any]) -> str:
    """Return plain params as text that is the same where they are."""
    return json.dumps(params, sort_keys=True)


def dependencies(wires: Mapping[str, Iterable[Source]]) -> Dag[str]:
    """Return the DAG of step ids from what is wired into each step."""
    edges = (
        (source.node, step)
        for step, sources in wires.items()
        for source in sources
        if isinstance(source, PortRef) and source.node in wires
    )
    return Dag(wires, edges)
