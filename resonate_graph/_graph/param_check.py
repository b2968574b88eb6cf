"""Checking params: those of a graph, and those of its nodes, with what the caller sets."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from pydantic import BaseModel, ValidationError

from .._base.errors import ParamError, Problem
from .._base.near_names import instead
from .._node.catalog import Catalog
from .._node.declaration import NodeType
from .._node.params import names_at
from .document import GraphDocument, NodeSpec, ParamSpec
from .positions import join, path_in
from .problems import Problems
from .scopes import Link

_SCALARS: Mapping[str, type | tuple[type, ...]] = {
    "number": (int, float),
    "integer": int,
    "string": str,
    "boolean": bool,
}


class ParamCheck:
    """Checks the params of one graph; what is wrong with them is added to its problems.

    Args:
        document: the graph.
        catalog: the node types there are.
        given: what the caller says: graph params by name, node params as ``node.param``.
        problems: collects what is wrong.
        vague: pointers of what could not be read.
    """

    def __init__(
        self,
        document: GraphDocument,
        catalog: Catalog,
        given: Mapping[str, Any],
        problems: Problems,
        vague: Collection[str] = (),
    ) -> None:
        self._vague = vague
        self._document = document
        self._catalog = catalog
        self._given = given
        self._problems = problems
        self._values: dict[str, Any] = {}
        self._filled: dict[str, str] = {}  # what stands for a graph param, by its pointer

    def check_graph(self) -> None:
        """Check the names of what is given, and the values of the graph's own params."""
        self._check_names()
        for name, spec in self._document.params.items():
            self._check_value(name, spec)

    def of_node(self, name: str, spec: NodeSpec, node_type: NodeType | None) -> BaseModel | None:
        """Return the params of a node, checked; None where something is wrong with them."""
        if node_type is None:
            return None
        if not (spec.params or self._given or self._vague):
            return self._valid(name, node_type, {})
        pointer = join("/nodes", name, "params")
        if pointer in self._vague:
            return None
        prefix = f"{name}."
        overrides = {
            key.removeprefix(prefix): value
            for key, value in self._given.items()
            if key.startswith(prefix)
        }
        written = {key: value for key, value in spec.params.items() if key not in overrides}
        if "$param" in written:
            message = 'a graph param stands for one param of a node: "NAME": {"$param": ...}'
            self._problems.add("bad-param", pointer, message)
            return None
        given, failed = self._fill(written, pointer)
        return None if failed else self._valid(name, node_type, {**given, **overrides})

    def _valid(self, node: str, node_type: NodeType, given: Mapping[str, Any]) -> BaseModel | None:
        try:
            return node_type.check_params(given)
        except ParamError as error:
            self.add_fault(node, error)
        except ValidationError as error:
            self._bad_params(node, node_type, join("/nodes", node, "params"), given, error)
        return None

    def add_fault(self, node: str, error: ParamError) -> None:
        """Add what a node says of a param of its own."""
        path = [error.param] if error.param else []
        pointer = join("/nodes", node, "params", *path)
        self._problems.add("bad-param", pointer, str(error), argument=self._argument(node, path))

    def doubt(self, node: str, message: str, param: str) -> Problem:
        """Return what a node has to say of a param that it accepts."""
        pointer = join("/nodes", node, "params", param)
        if argument := self._argument(node, [param]):
            return Problem("doubtful-param", message, pointer, argument=argument)
        return self._problems.located.problem("doubtful-param", pointer, message)

    def references(self, node: str) -> dict[str, str]:
        """Return the graph params that params of a node are, by param."""
        return {
            name: str(value["$param"])
            for name, value in self._document.nodes[node].params.items()
            if isinstance(value, dict) and "$param" in value and f"{node}.{name}" not in self._given
        }

    def used_by(self, nodes: Collection[str]) -> set[str]:
        """Return the graph params that some nodes refer to."""
        found: set[str] = set()
        for name in nodes:
            spec = self._document.nodes.get(name)
            if spec is not None and spec.params:
                found |= set(references(spec.params))
        waiting = list(found)
        while waiting:  # a param of a graph that this one uses may be one of this one
            declared = self._document.params.get(waiting.pop())
            link = declared.default if declared is not None else None
            if isinstance(link, Link) and link.name not in found:
                found.add(link.name)
                waiting.append(link.name)
        return found

    def warnings(self, nodes: Collection[str]) -> Iterator[Problem]:
        """Yield what stands as a text in some nodes and was most likely meant as a graph param."""
        for name, spec in self._document.nodes.items():
            for param, value in spec.params.items() if name in nodes else ():
                if hint := self._meant(value, name):
                    pointer = join("/nodes", name, "params", param)
                    message = f"{param} is the text {value!r}{hint}"
                    yield self._problems.located.problem("text-param", pointer, message)

    def _meant(self, value: object, node: str) -> str:
        """Return what is to be said of ``"$vox"`` where a graph param was most likely meant."""
        if not isinstance(value, str) or value[:1] != "$" or not value[1:]:
            return ""
        name, way = value[1:], node.rpartition("/")[0]
        if (f"{way}.{name}" if way else name) not in self._document.params:
            return ""
        return f'; a param of the graph is written {{"$param": {json.dumps(name)}}}'

    def _argument(self, node: str, path: Sequence[str | int]) -> str:
        """Return what of the call gave the value of a node's param; empty where the graph does."""
        own = f"{node}.{path[0]}" if path else ""
        if own in self._given:
            return f"params[{own!r}]"
        for length in range(1, len(path) + 1):
            name = self._filled.get(join("/nodes", node, "params", *path[:length]))
            if name in self._given:
                return f"params[{name!r}]"
        return ""

    def _check_names(self) -> None:
        for name in self._given:
            node, dot, _ = name.partition(".")
            if name in self._document.params:
                continue
            if not dot:
                hint = partial(instead, name, chain(self._document.params, self._all_params()))
                message, where = f"no param {name!r}", f"params[{name!r}]"
                self._problems.add("unknown-param", "", message, hint=hint, argument=where)
            elif own := [one for one in self._document.params if one.startswith(f"{node}.")]:
                message, where = f"no param {name!r}", f"params[{name!r}]"
                hint = partial(instead, name, own)
                self._problems.add("unknown-param", "", message, hint=hint, argument=where)
            elif node not in self._document.nodes:
                message = f"no node {node!r} for param {name!r}"
                hint = partial(instead, node, self._document.nodes)
                where = f"params[{name!r}]"
                self._problems.add("unknown-param", "", message, hint=hint, argument=where)

    def _check_value(self, name: str, spec: ParamSpec) -> None:
        """Check a graph param, and remember its value if there is a good one."""
        pointer = join("/params", name)
        if pointer in self._vague:
            return
        for limit in ("minimum", "maximum"):
            if getattr(spec, limit) is not None and spec.type not in ("number", "integer"):
                message = f"a {spec.type} has no {limit}"
                self._problems.add("bad-param", join(pointer, limit), message)
        given = name in self._given
        value = self._given[name] if given else spec.default
        if isinstance(value, Link):
            value = self._values.get(value.name)
        if value is None and not given:
            return
        if (fault := _fault(value, spec)) is None:
            self._values[name] = value
        else:
            where = "" if given or "." in name else "the default "  # else a use said it
            argument = f"params[{name!r}]" if given else ""
            at = join(pointer, "default") if where else pointer
            self._problems.add("bad-param", at, f"{where}{value!r} {fault}", argument=argument)

    def _all_params(self) -> Iterator[str]:
        for node, spec in self._document.nodes.items():
            if node_type := self._catalog.of_any_version(spec.type):
                yield from (f"{node}.{param}" for param in node_type.params.model_fields)

    def _bad_params(
        self, node: str, node_type: NodeType, pointer: str, given: Any, error: ValidationError
    ) -> None:
        entries = [(path_in(given, entry["loc"]), entry) for entry in error.errors()]
        parents = {path[:length] for path, _ in entries for length in range(len(path))}
        unknown = [path for path, entry in entries if entry["type"] == "extra_forbidden"]
        expected: dict[tuple[str | int, ...], list[str]] = {}
        for path, entry in entries:
            place, name = join(pointer, *path), str(entry["loc"][-1])
            if entry["type"] == "extra_forbidden":
                hint = partial(node_type.instead, name, names_at(node_type.params, path))
                message = f"{node_type.id!r} has no param {_dotted(path)!r}"
                argument = self._argument(node, path)
                self._problems.add(
                    "unknown-param", place, message, hint=hint, key=True, argument=argument
                )
            elif entry["type"] == "missing":
                beside = [str(one[-1]) for one in unknown if one[:-1] == path]
                if difflib.get_close_matches(name, beside, n=1):
                    continue  # it was said what that was meant to be
                message = f"{node_type.id!r} needs param {_dotted((*path, name))!r}"
                self._problems.add("missing-param", join(place, name), message)
            elif path not in parents:  # else another alternative has its fault further inside
                expected.setdefault(path, []).append(_lower(entry["msg"]))
        for path, messages in expected.items():
            value: Any = given
            for part in path:
                value = value[part]
            argument = self._argument(node, path)
            own = f"{node}.{_dotted(path)}"
            where = (own if argument != f"params[{own!r}]" else "") if argument else _dotted(path)
            wrong = f"{', or '.join(messages)}, not {value!r}{self._meant(value, node)}"
            message = f"{where}: {wrong}" if where else wrong
            self._problems.add("bad-param", join(pointer, *path), message, argument=argument)

    def _fill(self, value: Any, pointer: str) -> tuple[Any, bool]:
        """Put graph params where ``{"$param": name}`` stands; also say whether one was missing."""
        if isinstance(value, dict) and "$param" in value:
            name = value["$param"]
            if list(value) != ["$param"] or not isinstance(name, str):
                message = 'a reference is {"$param": name} and nothing else'
                self._problems.add("bad-param", pointer, message)
                return None, True
            if not {"/params", join("/params", name)}.isdisjoint(self._vague):
                return None, True
            self._filled[pointer] = name
            if name not in self._document.params:
                way = name.rpartition(".")[0]
                beside = [one for one in self._document.params if one.rpartition(".")[0] == way]
                hint = partial(instead, name, beside)
                self._problems.add("unknown-param", pointer, f"no graph param {name!r}", hint=hint)
            elif name not in self._values and not self._was_given(name):
                message = f"graph param {name!r} has no value"
                message += f": give it with `params={{{name!r}: ...}}`"
                self._problems.add("missing-param", pointer, message)
            return self._values.get(name), name not in self._values
        if isinstance(value, dict):
            items = {key: self._fill(item, join(pointer, key))
                     for key, item in value.items()}  # fmt: skip
            return (
                {key: item for key, (item, _) in items.items()},
                any(failed for _, failed in items.values()),
            )
        if isinstance(value, list):
            parts = [self._fill(item, join(pointer, index))
                     for index, item in enumerate(value)]  # fmt: skip
            return [item for item, _ in parts], any(failed for _, failed in parts)
        return value, False

    def _was_given(self, param: str) -> bool:
        """Whether a graph param has a value; if it is not among the good ones, that was said."""
        default = self._document.params[param].default
        if param not in self._given and isinstance(default, Link):
            return self._was_given(default.name)
        return param in self._given or default is not None


def references(value: Any) -> Iterator[str]:
    """Yield the graph params that a param of a node refers to, however deep inside."""
    if isinstance(value, dict):
        name = value.get("$param")
        if isinstance(name, str):
            yield name
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _fault(value: Any, spec: ParamSpec) -> str | None:
    """Say what is wrong with a graph param's value, or None."""
    kind = _SCALARS[spec.type]
    if not isinstance(value, kind) or (isinstance(value, bool) and spec.type != "boolean"):
        said = ": say true or false" if spec.type == "boolean" else ""
        return f"is no {spec.type}{said}"
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            return "is not finite"
        if spec.minimum is not None and value < spec.minimum:
            return f"is below the minimum {spec.minimum}"
        if spec.maximum is not None and value > spec.maximum:
            return f"is above the maximum {spec.maximum}"
    if spec.enum is not None and value not in spec.enum:
        return f"is none of {', '.join(map(repr, spec.enum))}"
    return None


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(map(str, path))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
