"""A node that is tried: what goes into it, and what comes out, called or in a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Literal

import numpy as np

from .. import Audio, Graph, Node, NodeType, ResonateError, Result, RunError, Store
from .sounds import SOUNDS

#: A node's outputs by port, or the error it gave instead.
Outcome = dict[str, Any] | ResonateError

#: Values for inputs that take no sound.
_SCALARS: Mapping[type, Any] = {float: 0.5, int: 1, str: "text", bool: True}


@dataclass(frozen=True)
class Subject:
    """A node that is tried, and what has to be known to call it.

    Attributes:
        node: the node.
        params: values of the params that have no default.
        makers: for inputs that are no sound: nodes that make a `Report` or a `File` of one.
        reshapes: whether it is meant to change the rate, the length or the channels.
        takes_mono: whether its inputs have one channel.
    """

    node: Node[..., Any]
    params: Mapping[str, Any] = field(default_factory=dict)
    makers: Mapping[type, Node[..., Any]] = field(default_factory=dict)
    reshapes: bool = False
    takes_mono: bool = False
    _known: dict[str, Outcome] = field(default_factory=dict)

    @property
    def node_type(self) -> NodeType:
        """The node's type."""
        return self.node.type

    def given(self, sound: Audio) -> Audio:
        """Return a sound as the node takes it."""
        return sound.with_samples(sound.samples[:1]) if self.takes_mono else sound

    def inputs(
        self,
        sound: Any,
        *,
        other: Any = None,
        optional: bool = False,
        make: Callable[[Node[..., Any], Any], Any] = lambda node, sound: node(sound),
    ) -> dict[str, Any]:
        """Return what goes into the node's ports.

        Args:
            sound: what goes into the first place that takes sound.
            other: what goes into the others; None for the same.
            optional: whether ports are filled that may stay empty.
            make: what makes of a sound what other ports take, given one of the makers.
        """
        inputs: dict[str, Any] = {}
        sounds = chain([sound], repeat(sound if other is None else other))
        for port in self.node_type.inputs:
            if optional or not port.optional:
                kind = port.type.python
                values: Iterator[Any]
                if kind is Audio:
                    values = sounds
                elif kind in _SCALARS:
                    values = repeat(_SCALARS[kind])
                else:
                    values = repeat(make(self._maker(kind), sound))
                inputs[port.name] = [next(values), next(values)] if port.many else next(values)
        return inputs

    def _maker(self, kind: type) -> Node[..., Any]:
        for made, node in self.makers.items():
            if issubclass(made, kind) or made is kind:
                return node
        raise AssertionError(
            f"{self.node_type.id} takes {kind.__name__}: give `makers` a node for it"
        )

    def required(self) -> dict[str, Any]:
        """Return the params that the node cannot do without."""
        fields = self.node_type.params.model_fields
        names = [name for name, one in fields.items() if one.is_required()]
        unknown = [name for name in names if name not in self.params]
        assert not unknown, f"give `params` values of {', '.join(unknown)} for {self.node_type.id}"
        return {name: self.params[name] for name in names}

    def called(
        self,
        sound: Audio,
        *,
        other: Audio | None = None,
        optional: bool = False,
        params: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Call the node as the function it is, at its defaults but for some params."""
        try:
            inputs = self.inputs(sound, other=other, optional=optional)
            result = self.node(**inputs, **{**self.required(), **(params or {})})
        except ResonateError as error:
            return error
        values = result if self.node_type.output_class else [result]
        ports = zip(self.node_type.outputs, values, strict=True)
        return {port.name: value for port, value in ports if isinstance(value, port.type.python)}

    def run(self, sound: Audio, ports: Iterable[str], store: Store | Literal[False]) -> Result:
        """Run a graph of the one node."""
        graph = Graph("one_node")
        wire = graph.input("audio", Audio)
        add: Callable[..., Any] = graph.add(self.node, "it")
        inputs = self.inputs(wire, make=lambda node, sound: graph.add(node)(sound))
        result = add(**inputs, **self.required())
        for port in ports:
            graph.output(port, getattr(result, port) if self.node_type.output_class else result)
        return graph.run({"audio": sound}, store=store)

    def in_a_graph(self, sound: Audio, ports: list[str], store: Store | Literal[False]) -> Outcome:
        """Return what a graph of the one node gives, or the error its failure was caused by."""
        try:
            return dict(self.run(sound, ports, store))
        except RunError as error:
            if isinstance(error.__cause__, ResonateError):
                return error.__cause__
            raise

    def expected(self, name: str) -> Outcome:
        """Return what the node makes of one of `SOUNDS`, which it leaves as it was."""
        if name not in self._known:
            sound = self.given(SOUNDS[name]())
            before = sound.samples.copy()
            self._known[name] = self.called(sound)
            np.testing.assert_array_equal(sound.samples, before)
        return self._known[name]
