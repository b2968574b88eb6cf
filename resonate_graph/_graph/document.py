"""The graph file: its models, strict parsing, migrations, and writing it back.

Strict means: unknown keys, duplicate keys, NaN, numbers beyond float64, wrong types, and
documents that are too large or too deep are problems with a place, never guesses.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from .._base.errors import GraphError, Problem
from .._machine.devices import DEVICE_PATTERN
from .._node.values import MAX_INTEGER
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
Name = Annotated[str, Field(pattern=f"^{_NAME}$", max_length=100)]
OutputName = Annotated[str, Field(pattern=f"^{_OUTPUT_NAME}$", max_length=100)]
Wire = Annotated[str, Field(pattern=f"^{_WIRE}$")]
GraphName = Annotated[str, Field(pattern=r"^[^\\\x00-\x1f]+$", max_length=1000)]
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
    inputs: dict[Name, Wire | list[Wire]] = {}
    for_each: dict[Name, Wire | dict[Name, Wire]] | None = None
    params: dict[str, Json] = {}
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
        """Return what was set, as plain JSON values, in the order in which it is written."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        first = [key for key in ("$schema", "format", "name") if key in plain]
        return {key: plain[key] for key in (*first, *plain)}

    def to_json(self) -> str:
        """Return the document as a JSON text; reading it gives an equal document."""
        plain = self.to_plain()
        head = {"$schema": plain["$schema"]} if "$schema" in plain else {}
        ordered = {**head, "format": FORMAT, **plain}
        return json.dumps(ordered, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def parse(text: str, source: str) -> GraphDocument:
    """Read a graph file's text.

    Args:
        text: the JSON text.
        source: the file's name, for messages.

    Raises:
        GraphError: with every problem of form, each with its place.
    """
    located = Located(source, text)
    if len(text.encode(errors="replace")) > MAX_BYTES:
        problem = Problem("too-large", f"the document is over {MAX_BYTES >> 20} MiB", "", 1, 1)
        raise GraphError(source, [problem])
    plain = migrate(_load_strictly(text, located), located)
    try:
        return GraphDocument.model_validate_json(json.dumps(plain))
    except ValidationError as error:
        raise GraphError(source, _explain(error, plain, located)) from None


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
        problem = located.problem(
            "unknown-format",
            "/format",
            f"this library reads format 1 to {FORMAT}" if FORMAT > 1 else 'say "format": 1',
        )
        raise GraphError(located.source, [problem])
    document: dict[str, Any] = plain
    for step in range(version, FORMAT):
        document = {**MIGRATIONS[step](document), "format": step + 1}
    return document


def _load_strictly(text: str, located: Located) -> Any:
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
    if problems:
        raise GraphError(located.source, problems)
    return value


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


#: What a text should be that does not match a pattern.
_PATTERNS: Mapping[str, str] = {
    f"^{_NAME}$": "name: letters, digits, _ and -, and no digit or - first",
    f"^{_OUTPUT_NAME}$": "name of an output: letters, digits, _ and -, then perhaps a suffix in "
    "small letters, such as song.flac",
    f"^{_WIRE}$": "wire: node, node.port, or $input (of a graph that is used "
    "for_each, node.name.port and node.* too)",
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
