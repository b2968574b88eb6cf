"""Building a graph in Python, with the types of params and wiring checked by mypy and pyright.

`add` gives back a function of the node's own signature; calling it wires the node. What it
returns stands for the node's result and can be wired on; nothing is computed until the graph
runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import RLock
from typing import Any, NamedTuple, NoReturn, TypeVar, cast, overload

import numpy as np
import pydantic_core
from pydantic import BaseModel, TypeAdapter, ValidationError
from typing_extensions import ParamSpec

from .._base.errors import GraphError, ParamError, Problem
from .._node.catalog import Catalog
from .._node.declaration import NodeType
from .._node.decorator import Node
from .._node.ports import PortType, describe
from .._node.values import Value, canonical_json
from .._sound.audio import Audio
from .document import NAMES, Definition, GraphDocument, InputSpec, Name, NodeSpec, OutputName
from .document import ParamSpec as DocumentParam
from .library import USE, Library, complete, definition_of
from .problems import Located

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V", bound=Value)
S = TypeVar("S", str, int, float, bool)
Model = TypeVar("Model", bound=BaseModel)

#: What of a document can be added to.
_PARTS = ("inputs", "params", "graphs", "nodes", "outputs")

#: The types that inputs and params of a graph are declared with.
_OF_PARAMS = (float, int, str, bool)
_OF_INPUTS = (Audio, *_OF_PARAMS)

#: Held for a moment by a thread that adds to a graph, or keeps one: others may add, or run it.
_AT_A_DOCUMENT = RLock()

_name: TypeAdapter[str] = TypeAdapter(Name)
_output_name: TypeAdapter[str] = TypeAdapter(OutputName)


class Wire:
    """Stands for a value that will be there when the graph runs."""

    def __init__(self, builder: Builder, text: str) -> None:
        self.builder = builder
        self.text = text

    def __repr__(self) -> str:
        return f"<wire {self.text}>"

    def _not_yet(self, *_: object) -> NoReturn:
        """Refuse what a value can do, but what stands for it cannot."""
        problem = Problem(
            "not-a-value",
            f"{self.text} is a wire: what it stands for is there when the graph runs. Add a node "
            "that does it, such as mix, gain or trim",
        )
        raise GraphError(self.builder.name, [problem])

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _not_yet
    __neg__ = __getitem__ = __array__ = _not_yet


class Bundle(Mapping[str, Any]):
    """Several wires, by name: as items, and as attributes."""

    def __init__(self, wires: Mapping[str, Any]) -> None:
        self._wires = dict(wires)

    def __getitem__(self, name: str) -> Any:
        return self._wires[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_wires"][name]
        except KeyError:
            known = ", ".join(self.__dict__.get("_wires", {}))
            raise AttributeError(f"there is no {name!r}; there are: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._wires)

    def __len__(self) -> int:
        return len(self._wires)

    def __repr__(self) -> str:
        return f"<bundle of {', '.join(self._wires)}>"


class ParamRef:
    """Stands for a graph param's value."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<param {self.name}>"


class Kept(NamedTuple):
    """A graph as it was at one moment.

    Attributes:
        document: the document, which nobody changes.
        edition: tells it from what the graph was before, and became.
        located: where in its file something stands.
    """

    document: GraphDocument
    edition: int
    located: Located


class Builder:
    """Collects the inputs, params, nodes and outputs of a graph document."""

    def __init__(self, name: str, *, description: str | None = None) -> None:
        self._document = GraphDocument(name=_named(name, name, _name), nodes={}, outputs={})
        if description is not None:
            self._document.description = description
        self._catalog = Catalog.installed()
        self._library = Library()
        self._edition = 0  # raised whenever anything changes that a check may have looked at
        self._is_held = True  # by somebody who counts on it to stay as it is
        self._text: str | None = None
        self._source = name

    @property
    def name(self) -> str:
        """The graph's name."""
        return self._document.name

    @property
    def document(self) -> GraphDocument:
        """A copy of the graph as it would be written to a file."""
        return self._kept().document.model_copy(deep=True)

    def input(self, name: str, type: type[V], *, description: str | None = None) -> V:
        """Declare an input; a file or a value is bound to it when the graph runs.

        Args:
            name: the input's name.
            type: `Audio`, float, int, str or bool.
            description: what it is, for people.

        Returns:
            What stands for the input's value in the calls that wire nodes.

        Raises:
            GraphError: the name is taken or no valid name, or the type is none of these.
        """
        fields: dict[str, Any] = {"type": self._type_name(f"input {name!r}", type, _OF_INPUTS)}
        if description is not None:
            fields["description"] = description
        spec = _specified(self.name, InputSpec, fields, f"input {name!r}")
        name = self._new_name("an input", name, self._document.inputs, _name)
        self._put("inputs", name, spec)
        return cast(V, Wire(self, f"${name}"))

    def param(
        self,
        name: str,
        type: type[S],
        *,
        default: S | None = None,
        minimum: float | None = None,
        maximum: float | None = None,
        description: str | None = None,
    ) -> S:
        """Declare a param that a caller may change by name.

        Returns:
            What stands for the param's value in the calls that wire nodes.

        Raises:
            GraphError: the name is taken or no valid name, or the type is no scalar.
        """
        given = {
            "default": default,
            "minimum": minimum,
            "maximum": maximum,
            "description": description,
        }
        fields: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        fields["type"] = self._type_name(f"param {name!r}", type, _OF_PARAMS)
        spec = _specified(self.name, DocumentParam, fields, f"param {name!r}")
        name = self._new_name("a param", name, self._document.params, _name)
        self._put("params", name, spec)
        return cast(S, ParamRef(name))

    @overload
    def add(
        self, node: Callable[P, R], name: str | None = None, *, device: Sequence[str] = ()
    ) -> Callable[P, R]: ...

    @overload
    def add(
        self, node: Builder, name: str | None = None, *, device: Sequence[str] = ()
    ) -> Callable[..., Any]: ...

    def add(
        self, node: Callable[P, R] | Builder, name: str | None = None, *, device: Sequence[str] = ()
    ) -> Callable[..., Any]:
        """Add a node, or a whole graph; call what comes back to wire its inputs and set its params.

        What a graph gives back is its output, or with several outputs an object that has each of
        them by its name. Where an input of a graph is given wires by name instead of one, it is
        used for each of them, and gives back each by its name.

        Args:
            node: a function decorated with `@node`, or a graph.
            name: its name in the graph; the function's or graph's name, numbered, where none is
                given.
            device: the kinds of device, or cards such as ``cuda:1``, it should run on, best first.

        Raises:
            GraphError: the name is taken or no valid name, or what is wired is no wire.
            ParamError: it is no node, or is called with what it does not take.

        Example:
            >>> from resonate_graph import Audio, Graph
            >>> from resonate_nodes import gain
            >>> graph = Graph("quieter")
            >>> graph.output("quiet", graph.add(gain)(graph.input("mix", Audio), gain_db=-6))
            >>> graph.document.nodes["gain"].params
            {'gain_db': -6}

            >>> louder = Graph("louder")
            >>> wire = louder.add(graph, "first")(louder.input("mix", Audio))
            >>> louder.output("loud", louder.add(gain)(wire, gain_db=12))
            >>> list(louder.check().steps)
            ['first/gain', 'gain']
        """
        if isinstance(node, Builder):
            return self._add_graph(node, name, device)
        if not isinstance(node, Node):
            raise ParamError(f"{node!r} is no node: decorate the function with @node()")
        node_type = self._known_type(node)

        def wire(*args: Any, **kwargs: Any) -> Any:
            with _AT_A_DOCUMENT:  # no other thread takes the name
                own_name = name or self._free_name(node_type.name)
                self._add(own_name, node_type, args, kwargs, device)
            return self._result(own_name, node_type)

        return wire

    def output(self, name: str, value: Value) -> None:
        """Declare an output; its name is the file's name, and a suffix picks the format.

        Raises:
            GraphError: the name is taken or no valid name, or the value is no node's output.
        """
        name = self._new_name("an output", name, self._document.outputs, _output_name)
        wire = self._wire(value, name)
        self._put("outputs", name, wire)

    def _put(self, what: str, name: str, value: object) -> None:
        """Add to the ``nodes``, or to another part of the document.

        Line numbers of a text that it came from are void then.
        """
        with _AT_A_DOCUMENT:
            self._text = None
            self._edition += 1
            if self._is_held:
                parts = {name: dict(getattr(self._document, name)) for name in _PARTS}
                set_before = self._document.model_fields_set
                self._document = self._document.model_copy()
                for part, content in parts.items():
                    if part in set_before:
                        setattr(self._document, part, content)
                self._is_held = False
            if what not in self._document.model_fields_set:
                setattr(self._document, what, {})
            getattr(self._document, what)[name] = value

    def _kept(self) -> Kept:
        """Return the graph as it is now, which stays so: what is added goes into a copy."""
        with _AT_A_DOCUMENT:
            self._is_held = True
            return Kept(self._document, self._edition, Located(self._source, self._text))

    def _known_type(self, node: Node[..., Any]) -> NodeType:
        found = self._catalog.find(node)
        if found is None:
            self._know(self._catalog.with_nodes([node], node.type.function.__module__))
            found = node.type
        return found

    def _know(self, catalog: Catalog) -> None:
        """Take node types from another catalog."""
        with _AT_A_DOCUMENT:
            self._catalog = catalog
            self._edition += 1

    def _free_name(self, base: str) -> str:
        number = 2
        name = base
        while name in self._document.nodes:
            name, number = f"{base}_{number}", number + 1
        return name

    def _add(
        self,
        name: str,
        node_type: NodeType,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        device: Sequence[str],
    ) -> None:
        name = self._new_name("a node", name, self._document.nodes, _name)
        ports = [port.name for port in node_type.inputs]
        if len(args) > len(ports):
            raise ParamError(f"{node_type.id} takes {len(ports)} inputs, {len(args)} were given")
        wired = dict(zip(ports, args, strict=False))
        wired.update({key: kwargs.pop(key) for key in ports if key in kwargs})
        fields: dict[str, Any] = {"type": node_type.id}
        inputs = {
            port: self._wires(value, f"{name}.{port}")
            for port, value in wired.items()
            if value is not None
        }
        if inputs:
            fields["inputs"] = inputs
        if kwargs:
            fields["params"] = {key: _param(key, value) for key, value in kwargs.items()}
        if device:
            fields["device"] = list(device)
        spec = _specified(self.name, NodeSpec, fields, f"node {name!r}")
        self._put("nodes", name, spec)

    def _add_graph(
        self, graph: Builder, name: str | None, device: Sequence[str]
    ) -> Callable[..., Any]:
        definition = definition_of(complete(graph.document, graph._library))
        self._know(self._catalog.joined(graph._catalog))

        def wire(*args: Any, **kwargs: Any) -> Any:
            with _AT_A_DOCUMENT:  # no other thread takes the name
                return put(*args, **kwargs)

        def put(*args: Any, **kwargs: Any) -> Any:
            own_name = self._new_name(
                "a node", name or self._free_name(graph.name), self._document.nodes, _name
            )
            ports = list(definition.inputs)
            if len(args) > len(ports):
                raise ParamError(f"{graph.name} takes {len(ports)} inputs, {len(args)} were given")
            wired = {**dict(zip(ports, args, strict=False)), **kwargs}
            fields: dict[str, Any] = {"type": USE}
            for port in ports:
                given = wired.pop(port, None)
                if isinstance(given, Mapping):
                    wires = {key: self._wire(item, own_name) for key, item in given.items()}
                    fields.setdefault("for_each", {})[port] = wires
                elif given is not None:
                    fields.setdefault("inputs", {})[port] = self._wire(given, f"{own_name}.{port}")
            if wired:
                fields["params"] = {key: _param(key, value) for key, value in wired.items()}
            if device:
                fields["device"] = list(device)
            fields["graph"] = self._defined(graph.name, definition)
            spec = _specified(self.name, NodeSpec, fields, f"node {own_name!r}")
            self._put("nodes", own_name, spec)
            ways = [f".{output.partition('.')[0]}" for output in definition.outputs]
            ways = [""] if len(ways) == 1 else ways
            keys = list(next(iter(fields.get("for_each", {}).values()), {}))
            if not keys:
                return self._wires_of(own_name, ways)
            return Bundle({key: self._wires_of(f"{own_name}.{key}", ways) for key in keys})

        return wire

    def _wires_of(self, start: str, ways: Sequence[str]) -> Wire | Bundle:
        """Return one wire, or several by their names."""
        if list(ways) == [""]:
            return Wire(self, start)
        return Bundle({way[1:]: Wire(self, start + way) for way in ways})

    def _defined(self, name: str, definition: Definition) -> str:
        """Return the name under which a graph is among this one's definitions."""
        number, own = 2, name
        graphs = self._document.graphs
        while own in graphs and graphs[own] != definition:
            own, number = f"{name}_{number}", number + 1
        if own not in graphs:
            self._put("graphs", own, definition)
        return own

    def _type_name(self, what: str, given: Any, types: Sequence[type]) -> str:
        """Return what a type is called in a document.

        Raises:
            GraphError: it is none that can be given here.
        """
        if given not in types:
            *most, last = [one.__name__ for one in types]
            shown = given.__name__ if isinstance(given, type) else repr(given)
            text = f"{what}: its type is {', '.join(most)} or {last}, not {shown}"
            raise GraphError(self.name, [Problem("wrong-type", text)])
        return PortType(given).name

    def _new_name(
        self, what: str, name: str, taken: Mapping[str, object], pattern: TypeAdapter[str]
    ) -> str:
        """Return a name that stands for nothing yet.

        Raises:
            GraphError: it is no valid name, or taken.
        """
        if name in taken:
            code = f"duplicate-{what.rsplit(maxsplit=1)[-1]}"
            problem = Problem(code, f"there is {what} {name!r} already")
            raise GraphError(self.name, [problem])
        return _named(self.name, name, pattern)

    def _wires(self, value: Any, where: str) -> str | list[str]:
        if isinstance(value, (list, tuple)):
            return [self._wire(item, where) for item in value]
        return self._wire(value, where)

    def _wire(self, value: Any, where: str) -> str:
        if not isinstance(value, Wire):
            kind = "several outputs: name one" if isinstance(value, tuple) else describe(value)
            problem = Problem("not-a-wire", f"{where} takes a node's output, not {kind}")
            raise GraphError(self.name, [problem])
        if value.builder is not self:
            problem = Problem("not-a-wire", f"{where}: {value.text} belongs to another graph")
            raise GraphError(self.name, [problem])
        return value.text

    def _result(self, name: str, node_type: NodeType) -> Any:
        if node_type.output_class is None:
            return Wire(self, name)
        wires = {port.name: Wire(self, f"{name}.{port.name}") for port in node_type.outputs}
        return node_type.output_class(**wires)


def _named(graph: str, name: str, pattern: TypeAdapter[str]) -> str:
    try:
        return pattern.validate_python(name, strict=True)
    except ValidationError:
        problem = Problem("bad-name", f"{name!r} is no valid {NAMES}")
        raise GraphError(graph, [problem]) from None


def _specified(graph: str, kind: type[Model], fields: Mapping[str, Any], what: str) -> Model:
    try:
        return kind(**fields)
    except ValidationError as error:
        problems = [Problem("wrong-type", f"{what}: {entry['msg']}") for entry in error.errors()]
        raise GraphError(graph, problems) from None


def _param(name: str, value: Any) -> Any:
    try:
        plain = _plain(value)
        canonical_json(plain)
    except ValueError as error:
        if isinstance(error, ParamError):
            raise
        raise ParamError(f"{name}: JSON cannot hold {value!r}", param=name) from None
    return plain


def _plain(value: Any) -> Any:
    """Return a param as plain JSON values, with references to graph params."""
    if isinstance(value, ParamRef):
        return {"$param": value.name}
    if isinstance(value, (Wire, Audio)):
        raise ParamError(f"{value!r} is given as a param; audio goes into input ports")
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in value.model_fields_set}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return pydantic_core.to_jsonable_python(value)
