"""Graphs in graphs: a node that uses another graph is spelled out as that graph's nodes.

That is spelling only. Everything after this sees plain nodes, called by the way to them, such as
``repair/vocals/denoise``, so a chain has the same keys however it is written. Each keeps the place
of the definition that it came from, for messages.

A body (a document or a definition) that is used stands in a `_Scope`: what its inputs and params
are there, and what its nodes are called. Scopes are opened from the outside in; then wires are
followed through them, from wherever they start to the plain node where they end.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._base.errors import MAX_PROBLEMS, GraphError, Problem
from .document import MAX_DEPTH, Definition, GraphDocument, NodeSpec, ParamSpec
from .library import Library, NotUsableError
from .positions import join
from .problems import Located, did_you_mean, instead

#: The type of a node that stands for a graph's nodes.
USE = "graph"

#: How many nodes a graph may have when all that it uses is spelled out.
MAX_NODES = 20_000

#: A wire that leads nowhere; why was said where it was followed.
NOWHERE = ""


@dataclass(frozen=True)
class Link:
    """As a graph param's value: that of another one."""

    name: str


@dataclass(frozen=True)
class Place:
    """Where something stands: a document, a pointer in it, and the uses that lead there.

    Attributes:
        located: the document's text.
        pointer: JSON pointer.
        within: the names of the uses, such as ``repair/vocals``; empty in the graph itself.
    """

    located: Located
    pointer: str
    within: str = ""

    def at(self, *parts: str | int) -> Place:
        """Return a place inside this one."""
        return Place(self.located, join(self.pointer, *parts), self.within)


class Spelled(Located):
    """Gives problems of a flat graph their places in the documents that it was spelled from.

    Args:
        located: the text of the graph itself.
    """

    def __init__(self, located: Located) -> None:
        super().__init__(located.source)
        self.own = located
        self.places: dict[str, Place] = {}

    def problem(self, code: str, pointer: str, message: str, *, key: bool = False) -> Problem:
        """Return a problem with its place; with `key`, the place of the key, not of the value."""
        kind, _, rest = pointer[1:].partition("/")
        name, slash, rest = rest.partition("/")
        place = self.places.get(f"/{kind}/{name}")
        if place is None:
            return self.own.problem(code, pointer, message, key=key)
        inside = Place(place.located, f"{place.pointer}{slash}{rest}", place.within)
        return self.problem_at(inside, code, message, key=key)

    def problem_at(self, place: Place, code: str, message: str, *, key: bool = False) -> Problem:
        """Return a problem of a certain place; names in it are told as they stand there."""
        if place.within:
            message = message.replace(f"{place.within}/", "").replace(f"{place.within}.", "")
        found = place.located.problem(code, place.pointer, message, key=key)
        source = "" if place.located.source == self.source else place.located.source
        return replace(found, source=source, within=place.within)


@dataclass(frozen=True)
class Flat:
    """A graph with all that it uses spelled out.

    Attributes:
        document: its plain nodes; their names are ways such as ``repair/vocals/denoise``.
        located: gives problems their places.
        problems: what was wrong with how graphs are used.
        siblings: the names that can be meant beside a node, by the way to them.
        expected: wires that go into a used graph, with the type of the input and its place.
    """

    document: GraphDocument
    located: Located
    problems: list[Problem] = field(default_factory=list)
    siblings: dict[str, list[str]] = field(default_factory=dict)
    expected: list[tuple[str, str, str]] = field(default_factory=list)


def flatten(document: GraphDocument, located: Located, library: Library) -> Flat:
    """Return a graph with all that it uses spelled out; what is wrong with that is in it."""
    if not any(_is_use(spec) for spec in document.nodes.values()):
        return Flat(document, located, siblings={"": list(document.nodes)})
    return _Flattening(document, located, library).flat()


def complete(document: GraphDocument, library: Library, *, stock: bool = True) -> GraphDocument:
    """Return a graph that needs no other file: those that it uses are among its definitions.

    Args:
        document: the graph.
        library: where the others are.
        stock: whether stock graphs are copied too.

    Raises:
        GraphError: one cannot be read, or is no graph.
    """
    if not any(_is_use(spec) for body in _bodies(document) for spec in body.nodes.values()):
        return document
    whole = document.model_copy(deep=True)
    _copy_in(whole, (), library.folder, library, stock, ())
    return whole


def definition_of(document: GraphDocument) -> Definition:
    """Return a document as one that stands inside another."""
    fields = {
        key: getattr(document, key)
        for key in document.model_fields_set
        if key in Definition.model_fields
    }
    return Definition.model_construct(**fields).model_copy(deep=True)


def _copy_in(
    body: Definition,
    known: tuple[Mapping[str, Definition], ...],
    folder: Path | None,
    library: Library,
    stock: bool,
    trail: tuple[str, ...],
) -> None:
    known = (*known, body.graphs)
    own = dict(body.graphs)
    for inner in own.values():
        _copy_in(inner, known, folder, library, stock, trail)
    for spec in body.nodes.values():
        name = spec.graph
        if name is None or any(name in names for names in known) or name in own:
            continue
        if not (stock or name.startswith("./")):
            continue
        if name in trail or len(trail) > MAX_DEPTH:
            raise GraphError(name, [Problem("cycle", f"{name!r} uses itself")])
        try:
            found = library.find(name, folder)
        except NotUsableError as error:
            raise GraphError(name, [Problem("unknown-graph", str(error))]) from None
        own[name] = definition_of(found.document)
        _copy_in(own[name], (), found.folder, library, stock, (*trail, name))
    if own:
        body.graphs = own


def _bodies(body: Definition) -> Iterator[Definition]:
    yield body
    for inner in body.graphs.values():
        yield from _bodies(inner)


@dataclass
class _Use:
    """A node that stands for a graph: once, under the key "", or for each of some keys."""

    spec: NodeSpec
    place: Place
    way: str
    outputs: dict[str, str] = field(default_factory=dict)  # a port's name -> the output's
    keys: list[str] | None = None
    copies: dict[str, _Scope] = field(default_factory=dict)


@dataclass
class _Scope:
    """A body where it is used.

    Attributes:
        body: the document or definition.
        place: where it stands.
        folder: where the files lie that it may name.
        prefix: what its nodes' names begin with, here.
        outer: the scope of the use; None for the graph itself.
        use: the use.
        key: for which of its keys.
        device: where its nodes prefer to run that do not say so themselves.
        known: the definitions that can be used here, the nearest first, with their scopes' places.
        trail: what is being used, from the outside in: a name to show, and what it is.
        wires: what goes into its inputs, as wires of the outer scope; none where that is missing.
        params: what its params are called in the flat graph.
    """

    body: Definition
    place: Place
    folder: Path | None
    prefix: str = ""
    outer: _Scope | None = None
    use: _Use | None = None
    key: str = ""
    device: list[str] | None = None
    known: tuple[tuple[Mapping[str, Definition], Place], ...] = ()
    trail: tuple[tuple[str, int], ...] = ()
    wires: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    uses: dict[str, _Use] = field(default_factory=dict)
    ends: dict[str, str | None] = field(default_factory=dict)  # wires that were followed


class _Flattening:
    def __init__(self, document: GraphDocument, located: Located, library: Library) -> None:
        self.document = document
        self.located = Spelled(located)
        self.library = library
        self.problems: list[Problem] = []
        self.siblings: dict[str, list[str]] = {}
        self.expected: list[tuple[str, str, str]] = []
        self.params: dict[str, ParamSpec] = dict(document.params)
        self.nodes = 0

    def flat(self) -> Flat:
        body = self.document
        place = Place(self.located.own, "")
        top = _Scope(
            body,
            place,
            self.library.folder,
            known=((body.graphs, place),),
            trail=((body.name, id(body)),),
            params={name: name for name in body.params},
        )
        self._open(top)
        nodes = dict(self._nodes(top))
        self._expect(top)
        outputs = {
            name: self._one(top, wire, place.at("outputs", name))
            for name, wire in body.outputs.items()
        }
        flat = GraphDocument.model_construct(
            **{**dict(body), "nodes": nodes, "outputs": outputs, "params": self.params}
        )
        return Flat(flat, self.located, self.problems, self.siblings, self.expected)

    def _add(self, place: Place, code: str, message: str, *, key: bool = False) -> None:
        if len(self.problems) <= MAX_PROBLEMS:
            self.problems.append(self.located.problem_at(place, code, message, key=key))

    # -- opening: from the outside in ----------------------------------------------------------

    def _open(self, scope: _Scope) -> None:
        self.siblings[scope.prefix] = list(scope.body.nodes)
        for name, spec in scope.body.nodes.items():
            place = scope.place.at("nodes", name)
            way = scope.prefix + name
            if scope.outer is not None or _is_use(spec):
                self.located.places[join("/nodes", way)] = place
            if _is_use(spec):
                scope.uses[name] = _Use(spec, place, way)
        for use in scope.uses.values():
            self._open_use(scope, use)

    def _open_use(self, scope: _Scope, use: _Use) -> None:
        spec = use.spec
        if spec.type != USE:
            wrong = "graph" if spec.graph is not None else "for_each"
            message = f'only a node of the type "graph" has a {wrong!r}'
            self._add(use.place.at(wrong), "unknown-key", message, key=True)
            return
        if spec.graph is None:
            message = "'graph' is missing: the name of a definition, a stock graph, or ./file.json"
            self._add(use.place, "missing-key", message)
            return
        found = self._find(scope, use, spec.graph)
        if found is None:
            return
        body, place, folder, known = found
        identity = (spec.graph, id(body))
        if identity[1] in (one for _, one in scope.trail):
            names = [name for name, _ in scope.trail]
            start = [one for _, one in scope.trail].index(identity[1])
            circle = " -> ".join([*names[start:], spec.graph])
            message = f"these graphs use each other in a circle: {circle}"
            self._add(use.place.at("graph"), "cycle", message)
            return
        if len(scope.trail) >= MAX_DEPTH:
            message = f"graphs use each other deeper than {MAX_DEPTH} levels"
            self._add(use.place.at("graph"), "too-deep", message)
            return
        self._name_outputs(use, body, place)
        keys = self._keys(scope, use) if spec.for_each is not None else [""]
        self._check_names(use, body)
        self._declare_params(scope, use, body, place, keys)
        for key in keys:
            self.nodes += len(body.nodes)
            if self.nodes > MAX_NODES:
                message = f"with all that it uses, the graph has over {MAX_NODES} nodes"
                self._add(use.place.at("graph"), "too-large", message)
                return
            way = f"{use.way}/{key}" if key else use.way
            inner = _Scope(
                body,
                Place(place.located, place.pointer, way),
                folder,
                prefix=f"{way}/",
                outer=scope,
                use=use,
                key=key,
                device=spec.device or scope.device,
                known=((body.graphs, place), *known),
                trail=(*scope.trail, identity),
                wires=self._given(use, body, key),
                params={name: f"{way}.{name}" for name in body.params},
            )
            use.copies[key] = inner
            self._open(inner)

    def _find(self, scope: _Scope, use: _Use, name: str) -> Any:
        """Return a graph's body, its place, its folder, and the definitions that it can use."""
        for depth, (definitions, place) in enumerate(scope.known):
            if name in definitions:
                around = scope.known[depth:]
                return definitions[name], place.at("graphs", name), scope.folder, around
        where = use.place.at("graph")
        try:
            found = self.library.find(name, scope.folder)
        except NotUsableError as error:
            own = (one for definitions, _ in scope.known for one in definitions)
            near = difflib.get_close_matches(name, own, n=2)
            self._add(where, "unknown-graph", f"{error}{did_you_mean(near)}")
        except GraphError as error:
            self.problems += [
                replace(problem, source=error.source, within=use.way) for problem in error.problems
            ]
        else:
            return found.document, Place(found.located, ""), found.folder, ()
        return None

    def _name_outputs(self, use: _Use, body: Definition, place: Place) -> None:
        """Name the ports of a use as the outputs, without the suffixes that pick a file's format."""
        for name in body.outputs:
            port = name.partition(".")[0]
            if port in use.outputs:
                message = f"{use.outputs[port]!r} and {name!r} would be one port, {port!r}"
                self._add(place.at("outputs", name), "ambiguous-port", message, key=True)
            use.outputs.setdefault(port, name)

    def _keys(self, scope: _Scope, use: _Use) -> list[str]:
        """Return the names that a graph is used for; each of its bundles has the same."""
        if use.keys is not None:
            return use.keys
        use.keys = []  # what a circle of uses finds
        found = {
            name: list(bundle) if isinstance(bundle, dict) else self._keys_of(scope, use, name)
            for name, bundle in (use.spec.for_each or {}).items()
        }
        first = next(iter(found), "")
        for name, keys in found.items():
            if set(keys) != set(found[first]):
                message = f"all inputs here have the same names, but {first!r} has "
                message += f"{', '.join(found[first])}, and {name!r} has {', '.join(keys)}"
                self._add(use.place.at("for_each", name), "bad-for-each", message, key=True)
        use.keys = found.get(first, [])
        if not use.keys:
            message = 'say for what: "for_each": {"input": {"name": "wire", ...}}'
            self._add(use.place.at("for_each"), "bad-for-each", message)
        return use.keys

    def _keys_of(self, scope: _Scope, use: _Use, name: str) -> list[str]:
        assert use.spec.for_each is not None
        wire = str(use.spec.for_each[name])
        node, _, rest = wire.partition(".")
        other = scope.uses.get(node)
        if other is not None and other.spec.for_each is not None and rest[:1] == "*":
            return self._keys(scope, other)
        message = f"{wire} is no bundle of wires: say {{name: wire, ...}}, or node.* of another use"
        self._add(use.place.at("for_each", name), "bad-for-each", message)
        return []

    def _check_names(self, use: _Use, body: Definition) -> None:
        """Check what is wired into a use, and the names of its params."""
        bundles = use.spec.for_each or {}
        for kind, names in (("inputs", use.spec.inputs), ("for_each", bundles)):
            for name in names:
                place = use.place.at(kind, name)
                if name not in body.inputs:
                    message = f"{use.spec.graph!r} has no input {name!r}"
                    message += instead(name, body.inputs)
                    self._add(place, "unknown-port", message, key=True)
                elif isinstance(names[name], list):
                    message = f"input {name!r} takes one wire, not a list"
                    self._add(place, "not-a-list", message)
                elif kind == "for_each" and name in use.spec.inputs:
                    message = f"input {name!r} is wired twice: in 'inputs', and here"
                    self._add(place, "duplicate-key", message, key=True)
        for name, spec in body.inputs.items():
            if name not in use.spec.inputs and name not in bundles:
                message = f"input {name!r} ({spec.type}) of {use.way!r} is not connected"
                self._add(use.place, "missing-input", message)
        for name in use.spec.params:
            if name not in body.params:
                message = f"{use.spec.graph!r} has no param {name!r}{instead(name, body.params)}"
                self._add(use.place.at("params", name), "unknown-param", message, key=True)

    @staticmethod
    def _given(use: _Use, body: Definition, key: str) -> dict[str, str]:
        """Return what is wired into each input of a used graph, for one key."""
        wires: dict[str, str] = {}
        for name in body.inputs:
            given: Any = (use.spec.for_each or {}).get(name, use.spec.inputs.get(name))
            if isinstance(given, dict):
                given = given.get(key)
            if isinstance(given, str):
                wires[name] = given.replace("*", key, 1)
        return wires

    # -- params ----------------------------------------------------------------------------------

    def _declare_params(
        self, scope: _Scope, use: _Use, body: Definition, place: Place, keys: list[str]
    ) -> None:
        """Give each param of a use a name in the flat graph, and one for each key."""
        for name, spec in body.params.items():
            given = use.spec.params.get(name)
            where = use.place.at("params", name)
            each: Mapping[str, Any] | None = None
            if use.spec.for_each is not None and _is_by_key(given):
                each = given
            own = f"{use.way}.{name}"
            plain = name in use.spec.params and each is None
            self._declare(own, spec, self._value(scope, given, where) if plain else spec.default)
            self.located.places[join("/params", own)] = where if plain else place.at("params", name)
            for key in set(each or ()) - set(keys):
                message = f"{use.way!r} is not used for {key!r}{instead(key, keys)}"
                self._add(where.at(key), "unknown-key", message, key=True)
            for key in keys:
                if key:
                    one = f"{use.way}/{key}.{name}"
                    if each is not None and key in each:
                        value, at = self._value(scope, each[key], where.at(key)), where.at(key)
                    else:
                        value, at = Link(own), where if plain else use.place
                    self._declare(one, spec, value)
                    self.located.places[join("/params", one)] = at

    def _declare(self, name: str, spec: ParamSpec, value: Any) -> None:
        self.params[name] = ParamSpec.model_construct(**{**dict(spec), "default": value})

    def _value(self, scope: _Scope, given: Any, place: Place) -> Any:
        """Return a use's param as the flat graph has it, with links to params of the outer graph."""
        if not (isinstance(given, dict) and "$param" in given):
            return given
        name = given["$param"]
        if len(given) > 1 or not isinstance(name, str):
            message = 'a reference is {"$param": name} and nothing else'
            self._add(place, "bad-param", message)
        elif name not in scope.body.params:
            message = f"no graph param {name!r}{instead(name, scope.body.params)}"
            self._add(place, "unknown-param", message)
        else:
            return Link(scope.params[name])
        return None

    def _renamed(self, scope: _Scope, value: Any) -> Any:
        """Return a node's param with references to the params of the flat graph."""
        if isinstance(value, dict):
            if isinstance(name := value.get("$param"), str) and len(value) == 1:
                return {"$param": f"{scope.prefix[:-1]}.{name}"}
            return {key: self._renamed(scope, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._renamed(scope, item) for item in value]
        return value

    # -- following wires ---------------------------------------------------------------------------

    def _nodes(self, scope: _Scope) -> Iterator[tuple[str, NodeSpec]]:
        """Yield the plain nodes of a scope and of all inside it, in the order they are written."""
        for name, spec in scope.body.nodes.items():
            if (use := scope.uses.get(name)) is not None:
                for copy in use.copies.values():
                    yield from self._nodes(copy)
            else:
                yield scope.prefix + name, self._plain(scope, spec, scope.place.at("nodes", name))

    def _plain(self, scope: _Scope, spec: NodeSpec, place: Place) -> NodeSpec:
        inputs: dict[str, str | list[str]] = {}
        for port, given in spec.inputs.items():
            where = place.at("inputs", port)
            if isinstance(given, list):
                inputs[port] = [
                    end
                    for index, wire in enumerate(given)
                    for end in self._follow(scope, wire, where.at(index))
                ]
            else:
                ends = self._follow(scope, given, where)
                inputs[port] = ends if ".*" in given else ends[0]
        params = self._renamed(scope, spec.params) if scope.outer else spec.params
        device = spec.device or scope.device
        return spec.model_copy(update={"inputs": inputs, "params": params, "device": device})

    def _expect(self, scope: _Scope) -> None:
        """Note which type each wire must have that goes into a used graph."""
        for use in scope.uses.values():
            for key, copy in use.copies.items():
                for name in copy.wires:
                    each = name in (use.spec.for_each or {})
                    parts = ("for_each", name, key) if each else ("inputs", name)
                    pointer = join("/nodes", use.way, *parts)
                    end = self._input(copy, name, copy.place)
                    self.expected.append((end, copy.body.inputs[name].type, pointer))
                self._expect(copy)

    def _one(self, scope: _Scope, wire: str, place: Place) -> str:
        ends = self._follow(scope, wire, place)
        if ".*" in wire:
            self._add(place, "not-a-list", f"{wire} is many wires, and one is taken here")
            return NOWHERE
        return ends[0]

    def _follow(self, scope: _Scope, wire: str, place: Place) -> list[str]:
        """Return the plain nodes' ports, or inputs of the graph itself, that a wire comes from."""
        if wire.startswith("$"):
            return [self._input(scope, wire[1:], place)]
        node, *ways = wire.split(".")
        use = scope.uses.get(node)
        if use is None:
            if len(ways) > 1 or ways == ["*"]:
                message = f"{node!r} is no graph that is used for_each: say node or node.port"
                self._add(place, "unknown-port", message)
                return [NOWHERE]
            return [scope.prefix + wire]  # whether that is there is for the check to say
        if not use.copies:
            return [NOWHERE]
        keys = [""]
        if use.spec.for_each is not None:
            key, *ways = ways or [""]
            keys = list(use.copies) if key == "*" else [key]
            if not key or key not in (*use.copies, "*"):
                known = [f"{node}.{one}" for one in use.copies]
                message = (
                    f"{node!r} has no {key!r}{instead(key, use.copies)}"
                    if key
                    else f"{node!r} is several: say {', '.join(known)}, or {node}.* for all"
                )
                self._add(place, "unknown-port" if key else "ambiguous-port", message)
                return [NOWHERE]
        output = self._output(use, node, ways, place)
        if output is None:
            return [NOWHERE]
        return [self._end(use.copies[key], output, place) for key in keys]

    def _output(self, use: _Use, node: str, ways: list[str], place: Place) -> str | None:
        """Return the output that is meant of a used graph."""
        if not ways and len(use.outputs) == 1:
            return next(iter(use.outputs.values()))
        if not ways:
            each = "" if use.spec.for_each is None else ".NAME"
            choices = ", ".join(f"{node}{each}.{port}" for port in use.outputs)
            message = f"{node!r} has several outputs: say {choices}"
            self._add(
                place, "ambiguous-port", message if use.outputs else f"{node!r} has no outputs"
            )
            return None
        port = ".".join(ways)
        if port not in use.outputs:
            message = f"{node!r} has no output {port!r}{instead(port, use.outputs)}"
            self._add(place, "unknown-port", message)
        return use.outputs.get(port)

    def _input(self, scope: _Scope, name: str, place: Place) -> str:
        """Return where an input of a scope comes from."""
        if scope.outer is None or scope.use is None:
            return f"${name}"
        if name not in scope.body.inputs:
            message = f"no input {name!r}{instead(name, scope.body.inputs)}"
            self._add(place, "unknown-input", message)
            return NOWHERE
        if name not in scope.wires:
            return NOWHERE
        each = name in (scope.use.spec.for_each or {})
        parts = ("for_each", name, scope.key) if each else ("inputs", name)
        wire, where = scope.wires[name], scope.use.place.at(*parts)
        return self._remember(scope, f"${name}", scope.outer, wire, where)

    def _end(self, copy: _Scope, output: str, place: Place) -> str:
        """Return where an output of a used graph comes from."""
        wire, where = copy.body.outputs[output], copy.place.at("outputs", output)
        return self._remember(copy, output, copy, wire, where)

    def _remember(self, scope: _Scope, name: str, start: _Scope, wire: str, place: Place) -> str:
        """Follow a wire once; one that leads to itself leads nowhere."""
        if name not in scope.ends:
            scope.ends[name] = None
            scope.ends[name] = self._one(start, wire, place)
        end = scope.ends[name]
        if end is None:
            self._add(place, "cycle", f"{wire} leads through used graphs back to itself")
            return NOWHERE
        return end


def _is_use(spec: NodeSpec) -> bool:
    return spec.type == USE or spec.graph is not None or spec.for_each is not None


def _is_by_key(value: Any) -> bool:
    """Whether a use's param gives a value for each of some names."""
    return isinstance(value, dict) and "$param" not in value
