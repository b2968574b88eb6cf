"""Scopes: where a graph's body is used, and what its inputs and params are there.

A body is a document, or a definition inside one. Scopes are opened from the outside in: each node
that uses a graph gets one for the graph, or one for each of the names it is used for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from .._base.errors import MAX_PROBLEMS, GraphError, Problem
from .._base.near_names import instead
from .document import MAX_DEPTH, Definition, NodeSpec, ParamSpec
from .library import USE, Library, NotUsableError, is_use
from .places import Place, Spelled
from .positions import join

#: How many nodes, with inputs, params and outputs of what is used, a graph may have when all that
#: it uses is spelled out.
MAX_SIZE = 50_000


class Link(NamedTuple):
    """As a graph param's value: that of another one."""

    name: str


@dataclass
class Use:
    """A node that stands for a graph: once, under the key "", or for each of some keys."""

    spec: NodeSpec
    place: Place
    way: str
    outputs: dict[str, str] = field(default_factory=dict)  # a port's name -> the output's
    keys: list[str] | None = None
    copies: dict[str, Scope] = field(default_factory=dict)


@dataclass
class Scope:
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
        known: the definitions that can be used here, the nearest first, with the places of the
            bodies that have them.
        trail: what is being used, from the outside in: a name to show, and what it is.
        wires: what goes into its inputs, as wires of the outer scope; none where that is missing.
        params: what its params are called in the flat graph.
    """

    body: Definition
    place: Place
    folder: Path | None
    prefix: str = ""
    outer: Scope | None = None
    use: Use | None = None
    key: str = ""
    device: list[str] | None = None
    known: tuple[tuple[Mapping[str, Definition], Place], ...] = ()
    trail: tuple[tuple[str, int], ...] = ()
    wires: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)
    ends: dict[str, tuple[str, Place] | None] = field(default_factory=dict)  # wires followed


class Scopes:
    """Opens the scopes of a graph, and collects what is wrong with how graphs are used.

    Args:
        located: gets the places of all nodes and params.
        library: where the graphs are that are used and not defined.

    Attributes:
        problems: what is wrong.
        siblings: the names that can be meant beside a node, by the way to them.
        opened: the scopes, by the way to them.
        params: the params of the flat graph.
        unconnected: inputs of used graphs that nothing goes into: the way to the use, the input's
            name and type.
    """

    def __init__(self, located: Spelled, library: Library) -> None:
        self.problems: list[Problem] = []
        self.siblings: dict[str, list[str]] = {}
        self.opened: dict[str, Scope] = {}
        self.unconnected: list[tuple[str, str, str]] = []
        self.params: dict[str, ParamSpec] = {}
        self._located = located
        self._library = library
        self._size = 0
        self._waiting = 0  # for the names of how many uses

    def add(self, place: Place, code: str, message: str, *, key: bool = False) -> None:
        """Add a problem; with `key`, its place is that of the key, not of the value."""
        if len(self.problems) <= MAX_PROBLEMS:
            self.problems.append(self._located.problem_at(place, code, message, key=key))

    def open(self, scope: Scope) -> None:
        """Open a scope, and all inside it.

        Raises:
            GraphError: there is no end to it.
        """
        self.siblings[scope.prefix] = list(scope.body.nodes)
        self.opened[scope.prefix] = scope
        for name, spec in scope.body.nodes.items():
            place = scope.place.at("nodes", name)
            way = scope.prefix + name
            if scope.outer is not None or is_use(spec):
                self._located.places[join("/nodes", way)] = place
            if is_use(spec):
                scope.uses[name] = Use(spec, place, way)
        for use in scope.uses.values():
            self._open_use(scope, use)

    def _open_use(self, scope: Scope, use: Use) -> None:
        spec = use.spec
        if spec.type != USE:
            wrong = "graph" if spec.graph is not None else "for_each"
            message = f'only a node of the type "graph" has a {wrong!r}'
            self.add(use.place.at(wrong), "unknown-key", message, key=True)
            return
        if spec.graph is None:
            message = "'graph' is missing: the name of a definition, a stock graph, or ./file.json"
            self.add(use.place, "missing-key", message)
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
            self.add(use.place.at("graph"), "cycle", message)
            return
        if len(scope.trail) >= MAX_DEPTH:
            message = f"graphs use each other deeper than {MAX_DEPTH} levels"
            self.add(use.place.at("graph"), "too-deep", message)
            return
        self._name_outputs(use, body, place)
        keys = self._keys(scope, use) if spec.for_each is not None else [""]
        self._check_names(use, body)
        self._declare_params(scope, use, body, place, keys)
        for key in keys:
            self._size += sum(map(len, (body.nodes, body.inputs, body.params, body.outputs)))
            if self._size > MAX_SIZE:
                message = f"with all it uses, the graph has over {MAX_SIZE} nodes and ports"
                self.add(use.place.at("graph"), "too-large", message)
                raise GraphError(self._located.source, self.problems)
            way = f"{use.way}/{key}" if key else use.way
            inner = Scope(
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
            self.open(inner)

    def _find(self, scope: Scope, use: Use, name: str) -> Any:
        """Return a graph's body, its place, its folder, and the definitions that it can use."""
        for depth, (definitions, place) in enumerate(scope.known):
            if name in definitions:
                around = scope.known[depth:]
                return definitions[name], place.at("graphs", name), scope.folder, around
        where = use.place.at("graph")
        try:
            found = self._library.find(name, scope.folder)
        except NotUsableError as error:
            own = (one for definitions, _ in scope.known for one in definitions)
            hint = instead(name, [*own, *error.known]) if error.known else ""
            self.add(where, "unknown-graph", f"{error}{hint}")
        except GraphError as error:
            self.problems += [
                replace(
                    problem,
                    source=error.source,
                    within=use.way,
                    uses=self._located.uses(use.way),
                )
                for problem in error.problems
            ]
        else:
            return found.document, Place(found.located, ""), found.folder, ()
        return None

    def _name_outputs(self, use: Use, body: Definition, place: Place) -> None:
        """Name the ports of a use as the outputs, without the suffixes of files."""
        for name in body.outputs:
            port = name.partition(".")[0]
            if port in use.outputs:
                message = f"{use.outputs[port]!r} and {name!r} would be one port, {port!r}"
                self.add(place.at("outputs", name), "ambiguous-port", message, key=True)
            use.outputs.setdefault(port, name)

    def _keys(self, scope: Scope, use: Use) -> list[str]:
        """Return the names that a graph is used for; each of its bundles has the same."""
        if use.keys is not None:
            return use.keys
        use.keys = []  # what a circle of uses finds
        if self._waiting == MAX_DEPTH:
            message = f"over {MAX_DEPTH} uses have their names from one another"
            self.add(use.place.at("for_each"), "too-deep", message)
            return use.keys
        self._waiting += 1
        found = {
            name: list(bundle) if isinstance(bundle, dict) else self._keys_of(scope, use, name)
            for name, bundle in (use.spec.for_each or {}).items()
        }
        self._waiting -= 1
        first = next(iter(found), "")
        for name, keys in found.items():
            if set(keys) != set(found[first]):
                message = f"all inputs here have the same names, but {first!r} has "
                message += f"{', '.join(found[first])}, and {name!r} has {', '.join(keys)}"
                self.add(use.place.at("for_each", name), "bad-for-each", message, key=True)
        use.keys = found.get(first, [])
        if not use.keys:
            message = 'say for what: "for_each": {"input": {"name": "wire", ...}}'
            self.add(use.place.at("for_each"), "bad-for-each", message)
        return use.keys

    def _keys_of(self, scope: Scope, use: Use, name: str) -> list[str]:
        assert use.spec.for_each is not None
        wire = str(use.spec.for_each[name])
        node, _, rest = wire.partition(".")
        other = scope.uses.get(node)
        if other is not None and other.spec.for_each is not None and rest[:1] == "*":
            return self._keys(scope, other)
        message = f"{wire} is no bundle of wires: say {{name: wire, ...}}, or node.* of another use"
        self.add(use.place.at("for_each", name), "bad-for-each", message)
        return []

    def _check_names(self, use: Use, body: Definition) -> None:
        """Check what is wired into a use, and the names of its params."""
        bundles = use.spec.for_each or {}
        for kind, names in (("inputs", use.spec.inputs), ("for_each", bundles)):
            for name in names:
                place = use.place.at(kind, name)
                if name not in body.inputs:
                    message = f"{use.spec.graph!r} has no input {name!r}"
                    message += instead(name, body.inputs)
                    self.add(place, "unknown-port", message, key=True)
                elif isinstance(names[name], list):
                    message = f"input {name!r} takes one wire, not a list"
                    self.add(place, "not-a-list", message)
                elif kind == "for_each" and name in use.spec.inputs:
                    message = f"input {name!r} is wired twice: in 'inputs', and here"
                    self.add(place, "duplicate-key", message, key=True)
        for name, spec in body.inputs.items():
            if name not in use.spec.inputs and name not in bundles:
                self.unconnected.append((use.way, name, spec.type))
        for name in use.spec.params:
            if name not in body.params:
                message = f"{use.spec.graph!r} has no param {name!r}{instead(name, body.params)}"
                self.add(use.place.at("params", name), "unknown-param", message, key=True)

    @staticmethod
    def _given(use: Use, body: Definition, key: str) -> dict[str, str]:
        """Return what is wired into each input of a used graph, for one key."""
        wires: dict[str, str] = {}
        for name in body.inputs:
            bundle = (use.spec.for_each or {}).get(name)
            given: Any = use.spec.inputs.get(name)
            if isinstance(bundle, str):
                given = bundle.replace("*", key, 1)
            elif bundle is not None:
                given = bundle.get(key)
            if isinstance(given, str):
                wires[name] = given
        return wires

    def _declare_params(
        self, scope: Scope, use: Use, body: Definition, place: Place, keys: list[str]
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
            self._located.places[join("/params", own)] = (
                where if plain else place.at("params", name)
            )
            for key in (one for one in each or () if one not in keys):
                message = f"{use.way!r} is not used for {key!r}{instead(key, keys)}"
                self.add(where.at(key), "unknown-key", message, key=True)
            for key in keys:
                if key:
                    one = f"{use.way}/{key}.{name}"
                    if each is not None and key in each:
                        value, at = self._value(scope, each[key], where.at(key)), where.at(key)
                    else:
                        value, at = Link(own), where if plain else use.place
                    self._declare(one, spec, value)
                    self._located.places[join("/params", one)] = at

    def _declare(self, name: str, spec: ParamSpec, value: Any) -> None:
        self.params[name] = ParamSpec.model_construct(**{**dict(spec), "default": value})

    def _value(self, scope: Scope, given: Any, place: Place) -> Any:
        """Return a use's param, with links to the params of the scope it stands in."""
        if not (isinstance(given, dict) and "$param" in given):
            return given
        name = given["$param"]
        if len(given) > 1 or not isinstance(name, str):
            message = 'a reference is {"$param": name} and nothing else'
            self.add(place, "bad-param", message)
        elif name not in scope.body.params:
            message = f"no graph param {name!r}{instead(name, scope.body.params)}"
            self.add(place, "unknown-param", message)
        else:
            return Link(scope.params[name])
        return None


def _is_by_key(value: Any) -> bool:
    """Whether a use's param gives a value for each of some names."""
    return isinstance(value, dict) and "$param" not in value
