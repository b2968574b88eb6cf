"""The graph file: its models, strict parsing, migrations, and writing it back.

Strict means: unknown keys, duplicate keys, NaN, numbers beyond float64, wrong types, and
documents that are too large or too deep are problems with a place, never guesses.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from .._base.errors import GraphError, Problem
from .._machine.devices import DEVICE_PATTERN
from .._node.values import MAX_INTEGER
from .layout import layout
from .positions import join, path_in
from .problems import Located

FORMAT = 1
MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 32

#: Reads format n as n + 1. Empty as long as there is one format.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_OUTPUT_NAME = rf"{_NAME}(\.[a-z0-9]+)?"
_WIRE = rf"(\${_NAME}|{_NAME}(\.({_NAME}|\*))?(\.{_NAME})?)"
#: How names and wires are spelled.
PATTERNS: Mapping[str, str] = {
    "name": f"^{_NAME}$",
    "output": f"^{_OUTPUT_NAME}$",
    "wire": f"^{_WIRE}$",
    "graph": r"^[^\\\x00-\x1f]+$",
}
Name = Annotated[str, Field(pattern=PATTERNS["name"], max_length=100)]
OutputName = Annotated[str, Field(pattern=PATTERNS["output"], max_length=100)]
Wire = Annotated[str, Field(pattern=PATTERNS["wire"])]
GraphName = Annotated[str, Field(pattern=PATTERNS["graph"], max_length=1000)]
Json = Any
ScalarType = Literal["number", "integer", "string", "boolean"]


def _device(name: str) -> str:
    if not re.fullmatch(DEVICE_PATTERN, name):
        message = "it is mps, cuda, cpu, or a certain card such as cuda:1"
        raise PydanticCustomError("unknown_device", message)
    return name


DeviceName = Annotated[
    str,
    AfterValidator(_device),
    WithJsonSchema({"type": "string", "pattern": DEVICE_PATTERN}),
]


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class InputSpec(_Model):
    """An input of a graph: a file or a value is bound to it when the graph runs."""

    type: Literal["audio", "number", "integer", "string", "boolean"]
    description: str | None = None
    ui: Json = None


class ParamSpec(_Model):
    """A param of a graph: a setting that a caller may change by name."""

    type: ScalarType
    default: Json = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    enum: list[Json] | None = None
    description: str | None = None
    ui: Json = None


class NodeSpec(_Model):
    """A node of a graph: its type, what is wired into it, its params, where it prefers to run.

    A node of the type ``graph`` stands for the nodes of another graph, which it names: once, or
    for each of some wires.
    """

    type: str
    graph: GraphName | None = None
    inputs: dict[Name, Wire | list[Wire]] = Field(default_factory=dict)
    for_each: dict[Name, Wire | dict[Name, Wire]] | None = None
    params: dict[str, Json] = Field(default_factory=dict)  # a default of {} is copied slowly
    device: list[DeviceName] | None = None
    description: str | None = None
    ui: Json = None


class Definition(_Model):
    """A graph without a name of its own, as it is defined inside another."""

    description: str | None = None
    inputs: dict[Name, InputSpec] = {}
    params: dict[Name, ParamSpec] = {}
    graphs: dict[GraphName, Definition] = {}
    nodes: dict[Name, NodeSpec]
    outputs: dict[OutputName, Wire]
    ui: Json = None


class GraphDocument(Definition):
    """A whole graph file."""

    schema_: Json = Field(default=None, alias="$schema")
    format: Literal[1] = 1
    name: Name

    def to_plain(self) -> dict[str, Any]:
        """Return what was set, as plain JSON values."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        first = [key for key in ("$schema", "format", "name") if key in plain]
        return {key: plain[key] for key in (*first, *plain)}

    def to_json(self) -> str:
        """Return the document as a JSON text in the canonical layout.

        Reading it gives an equal document, but for the order of nodes: they stand as sound flows.
        """
        return layout({**self.to_plain(), "format": FORMAT})


class Reading(NamedTuple):
    """What could be read of a graph file's text.

    Attributes:
        document: the document; where something is wrong with its form, as much of it as is right.
        problems: what is wrong with its form.
        vague: the pointers of what was there and could not be read, so that nobody misses it.
    """

    document: GraphDocument
    problems: tuple[Problem, ...] = ()
    vague: frozenset[str] = frozenset()


def read(text: str, located: Located) -> Reading:
    """Read a graph file's text, as far as that can be done.

    Raises:
        GraphError: nothing can be made of it: it is no JSON, no object, too large or too deep, or
            of another format.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        problem = Problem("too-large", f"the document is over {MAX_BYTES >> 20} MiB", "", 1, 1)
        raise GraphError(located.source, [problem])
    value, odd = _load_strictly(text, located)
    plain = migrate(value, located)
    try:
        document = GraphDocument.model_validate_json(json.dumps(plain))
    except ValidationError as error:
        said = {one.pointer for one in odd}
        wrong = [one for one in _explain(error, plain, located) if one.pointer not in said]
        document, vague = _what_is_right(plain)
        return Reading(document, (*odd, *wrong), vague)
    return Reading(document, tuple(odd))


def parse(text: str, source: str) -> GraphDocument:
    """Read a graph file's text.

    Args:
        text: the JSON text.
        source: the file's name, for messages.

    Raises:
        GraphError: with every problem of form, each with its place.
    """
    reading = read(text, Located(source, text))
    if reading.problems:
        raise GraphError(source, reading.problems)
    return reading.document


def migrate(plain: Any, located: Located) -> dict[str, Any]:
    """Bring a document of an older format to today's.

    Raises:
        GraphError: it is no object, says no format, or one that is newer than this library.
    """
    if not isinstance(plain, dict):
        problem = located.problem("wrong-type", "", "a graph is a JSON object")
        raise GraphError(located.source, [problem])
    version = plain.get("format")
    if type(version) is not int or not 1 <= version <= FORMAT:
        newer = type(version) is int and version > FORMAT
        problem = located.problem(
            "unknown-format",
            "/format",
            f"format {version} is newer than this version of resonate-graph reads ({FORMAT}): "
            "install a newer one"
            if newer
            else f'say "format": {FORMAT}',
        )
        raise GraphError(located.source, [problem])
    document: dict[str, Any] = plain
    for step in range(version, FORMAT):
        document = {**MIGRATIONS[step](document), "format": step + 1}
    return document


def _load_strictly(text: str, located: Located) -> tuple[Any, list[Problem]]:
    """Return what a text holds, and what JSON that is read strictly does not hold.

    Raises:
        GraphError: it is no JSON, too deep, or holds texts that are no Unicode.
    """
    doubtful = False  # whether there is a duplicate key, or a word that is no JSON

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubtful
        result = dict(items)
        doubtful |= len(result) != len(items)
        return result

    def constant(word: str) -> None:
        nonlocal doubtful
        doubtful = True

    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_constant=constant, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        message = f"this is no JSON: {error.msg[0].lower()}{error.msg[1:]}"
        problem = Problem("syntax", message, "", error.lineno, error.colno)
        raise GraphError(located.source, [problem]) from None
    except RecursionError:
        problem = Problem("too-deep", f"nested deeper than {MAX_DEPTH} levels", "", 1, 1)
        raise GraphError(located.source, [problem]) from None
    found = _odd_values(value)
    problems = [located.problem(code, pointer, message) for code, pointer, message in found]
    if doubtful and located.positions:
        problems += [
            Problem("not-finite", "JSON has no NaN and no infinity", pointer, at.line, at.column)
            for pointer, at in located.positions.constants
        ]
        problems += [
            Problem("duplicate-key", "this key stands here twice", pointer, at.line, at.column)
            for pointer, at in located.positions.duplicates
        ]
    if any(problem.code in ("too-deep", "bad-text") for problem in problems):
        raise GraphError(located.source, problems)
    return value, problems


def _integer(digits: str) -> int | float:
    """Read an integer; one that no float64 comes near is infinite, which is reported later."""
    return int(digits) if len(digits) < 400 else math.inf


def _odd_values(value: Any) -> list[tuple[str, str, str]]:
    """Return (code, pointer, message) for depths, numbers and texts that are not accepted."""
    found: list[tuple[str, str, str]] = []
    stack: list[tuple[str, Any, int]] = [("", value, 1)]
    while stack:
        pointer, item, depth = stack.pop()
        if isinstance(item, (dict, list)):
            if depth > MAX_DEPTH:
                found.append(("too-deep", pointer, f"nested deeper than {MAX_DEPTH} levels"))
                continue
            children = item.items() if isinstance(item, dict) else enumerate(item)
            stack.extend((join(pointer, name), child, depth + 1) for name, child in children)
            if isinstance(item, dict) and any(map(_has_surrogates, item)):
                found.append(("bad-text", pointer, "a key in here is no valid Unicode"))
        elif isinstance(item, str) and _has_surrogates(item):
            found.append(("bad-text", pointer, "this text is no valid Unicode"))
        elif isinstance(item, float) and not math.isfinite(item):
            found.append(("not-finite", pointer, "this number is beyond what float64 holds"))
        elif type(item) is int and abs(item) > MAX_INTEGER:
            message = f"integers go to ±{MAX_INTEGER}, so that every JSON reader agrees on them"
            found.append(("too-large", pointer, message))
    return found


def _has_surrogates(text: str) -> bool:
    """Whether a text has half a character, which JSON can write and nobody can read."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


#: What a name is made of.
NAMES = "name: letters, digits, _ and -, and no digit or - first"

#: What a text should be that does not match a pattern.
_PATTERNS: Mapping[str, str] = {
    PATTERNS["name"]: NAMES,
    PATTERNS["output"]: "name of an output: letters, digits, _ and -, and no digit or - first; "
    "then perhaps a suffix in small letters, such as song.flac",
    PATTERNS["graph"]: "name of a graph: a definition, a stock graph, or ./file.json",
    PATTERNS["wire"]: "wire: node, node.port, or $input (of a graph that is used "
    "for_each, node.name.port and node.* too), of names that begin with no digit or -",
}

_CODES: Mapping[str, str] = {
    "extra_forbidden": "unknown-key",
    "missing": "missing-key",
    "string_pattern_mismatch": "bad-name",
}


def _explain(error: ValidationError, document: Any, located: Located) -> list[Problem]:
    """Translate pydantic's errors: one per place, the deepest where there were alternatives."""
    entries = [(path_in(document, entry["loc"]), entry) for entry in error.errors()]
    parents = {path[:length] for path, _ in entries for length in range(len(path))}
    problems: dict[tuple[str, bool, Any], Problem] = {}
    for path, entry in entries:
        code = _CODES.get(entry["type"], "wrong-type")
        is_key = code == "unknown-key" or "[key]" in entry["loc"]
        message = entry["msg"]
        name = entry["loc"][-1] if entry["loc"] else ""
        if code == "unknown-key":
            known = ", ".join(_known_keys(path[:-1]))
            message = f"unknown key {name!r}" + (f"; here stand: {known}" if known else "")
        elif code == "missing-key":
            message = f"{name!r} is missing"
        elif path in parents and not is_key:
            continue  # one alternative does not fit at all, another has its fault further inside
        elif code == "bad-name":
            message = f"{entry['input']!r} is no valid {_PATTERNS[entry['ctx']['pattern']]}"
        pointer = join("", *path)
        place = (pointer, is_key, name if code == "missing-key" else None)
        problems.setdefault(place, located.problem(code, pointer, message, key=is_key))
    return list(problems.values())


def _what_is_right(plain: Mapping[str, Any]) -> tuple[GraphDocument, frozenset[str]]:
    """Return as much of a document as is right, and the pointers of what is not.

    Names are kept as they are written, whatever they are made of, so that wires find them.
    """
    vague: set[str] = set()

    def right(kind: Any, value: Any, stand_in: Any, *path: str | int) -> Any:
        try:
            return _adapter(kind).validate_json(json.dumps(value))
        except ValidationError:
            vague.add(join("", *path))
            return stand_in

    def entries(key: str) -> dict[str, Any]:
        found = plain.get(key, None if key in ("nodes", "outputs") else {})
        if isinstance(found, dict):
            return found
        vague.add(join("", key))
        return {}

    def wires(given: Any, *path: str | int) -> Any:
        if isinstance(given, list):
            return [right(Wire, wire, "", *path, index) for index, wire in enumerate(given)]
        return right(Wire, given, "", *path)

    def node(name: str, spec: Any) -> NodeSpec:
        given = spec if isinstance(spec, dict) else {"inputs": None, "params": None}
        ports = right(dict[str, Any], given.get("inputs", {}), {}, "nodes", name, "inputs")
        kind = right(str, given.get("type"), "", "nodes", name, "type")
        graph = right(GraphName | None, given.get("graph"), None, "nodes", name, "graph")
        if not {join("/nodes", name, "graph"), join("/graphs", graph or "")}.isdisjoint(vague):
            vague.add(join("/nodes", name, "type"))
            kind, graph = "", None
        fields = NodeSpec.model_fields["for_each"].annotation
        bundles = right(fields, given.get("for_each"), None, "nodes", name, "for_each")
        return NodeSpec.model_construct(
            type=kind,
            graph=graph,
            for_each=bundles,
            inputs={port: wires(wire, "nodes", name, "inputs", port)
                    for port, wire in ports.items()},
            params=right(dict[str, Any], given.get("params", {}), {}, "nodes", name, "params"),
            device=right(list[DeviceName], given.get("device", []), [], "nodes", name, "device"),
        )  # fmt: skip

    empty = Definition(nodes={}, outputs={})
    document = GraphDocument.model_construct(
        name=right(Name, plain.get("name"), "graph", "name"),
        graphs={
            name: right(Definition, body, empty, "graphs", name)
            for name, body in entries("graphs").items()
        },
        inputs={
            name: right(InputSpec, spec, InputSpec(type="audio"), "inputs", name)
            for name, spec in entries("inputs").items()
        },
        params={
            name: right(ParamSpec, spec, ParamSpec(type="string"), "params", name)
            for name, spec in entries("params").items()
        },
        nodes={name: node(name, spec) for name, spec in entries("nodes").items()},
        outputs={
            name: right(Wire, wire, "", "outputs", name)
            for name, wire in entries("outputs").items()
        },
    )
    return document, frozenset(vague)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    kinds: dict[tuple[str, int], type[BaseModel]] = {
        ("inputs", 2): InputSpec,
        ("params", 2): ParamSpec,
        ("nodes", 2): NodeSpec,
    }
    whole: type[BaseModel] = GraphDocument
    while path[:1] == ("graphs",) and len(path) > 1:
        path, whole = path[2:], Definition
    kind = whole if not path else kinds.get((str(path[0]), len(path)))
    return [field.alias or name for name, field in kind.model_fields.items()] if kind else []
